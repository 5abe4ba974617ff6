/* SPDX-License-Identifier: MIT
 *
 * Parsing of schemas: vectors, references, strictness, defaults, limits.
 */
#include <stdlib.h>

#include "avro_text.h"

static dk_status
parse(const char *json, const dk_avro_schema_options *o, dk_error *err)
{
    dk_avro_schema *s = NULL;
    dk_status st = dk_avro_schema_new(dk_test_alloc(), avro_slice(json), o, &s, err);

    dk_avro_schema_unref(s);
    return st;
}

DK_TEST(schema_vectors)
{
    avro_vectors vs = avro_vectors_read("schemas");
    size_t i;

    for (i = 0; i < vs.n; i++) {
        const avro_vector *v = &vs.v[i];
        char want[160], *line;
        dk_error err;

        printf("%s\n", v->name);
        if (v->schema_error == NULL)
            continue;
        CHECK_STATUS_ERR(parse(v->avsc, NULL, &err), DK_ESCHEMA, &err);
        snprintf(want, sizeof want, "%s", strstr(v->schema_error, "text: ") + 6);
        want[strcspn(want, "\n")] = '\0';
        CHECK_CONTAINS(err.text, want);
        line = strstr(v->schema_error, "path: ");
        if (line != NULL) {
            snprintf(want, sizeof want, "%s", line + 6);
            want[strcspn(want, "\n")] = '\0';
            CHECK_STR(err.path, want);
        } else {
            CHECK_STR(err.path, "");
        }
    }
    avro_vectors_free(&vs);
}

DK_TEST(schema_says_where_json_ends)
{
    dk_error err;

    CHECK_STATUS(parse("{\"type\": \"int\",}", NULL, &err), DK_ESCHEMA);
    CHECK_EQ(err.pos, 16);
    CHECK_STATUS(dk_avro_schema_new(NULL, (dk_slice){NULL, 0}, NULL, NULL, &err), DK_EINVAL);
}

static void
strict(const char *json, const char *path, const char *text)
{
    dk_avro_schema_options o = {.size = sizeof o, .strict = true};
    dk_error err;

    CHECK_OK_ERR(parse(json, NULL, &err), &err);
    CHECK_STATUS_ERR(parse(json, &o, &err), DK_ESCHEMA, &err);
    CHECK_STR(err.path, path);
    CHECK_CONTAINS(err.text, text);
}

DK_TEST(schema_strict)
{
    strict("{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"a-b.c\",\"fields\":[]}", "", "namespace");
    strict("{\"type\":\"record\",\"name\":\"1r\",\"fields\":[]}", "", "not an Avro name");
    strict("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a b\",\"type\":\"int\"}]}", "",
           "not an Avro name");
    strict("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"a-b\"]}", "", "not an Avro name");
    strict("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"],\"default\":\"B\"}", "", "not one of its symbols");
    strict("[\"int\",\"int\"]", "", "the union has int twice");
    strict("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\",\"default\":\"x\"}]}",
           "a", "an integer of that size is wanted for int");
    strict("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"int\"],\"default\":"
           "\"x\"}]}",
           "a", "a value of one of the types");
    strict("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"bytes\",\"default\":"
           "\"\xe2\x82\xac\"}]}",
           "a", "U+00FF");
    strict("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":"
           "\"f\",\"size\":2},"
           "\"default\":\"x\"}]}",
           "a", "as many characters as the size");
    strict("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"r\",\"default\":{}}]}", "a",
           "less deep");
    strict("{\"type\":\"record\",\"name\":\"r\"}", "", "needs \"fields\"");
}

DK_TEST(schema_references)
{
    dk_avro_named names[] = {
        {avro_slice("shop.Customer"),
         avro_slice("{\"type\":\"record\",\"name\":\"Customer\",\"namespace\":\"shop\",\"fields\":["
                    "{\"name\":\"address\",\"type\":\"shop.Address\"}]}")},
        {avro_slice("shop.Address"), avro_slice("{\"type\":\"record\",\"name\":\"shop.Address\",\"fields\":["
                                                "{\"name\":\"city\",\"type\":\"string\"}]}")},
        {avro_slice("shop.Unused"), avro_slice("not JSON at all")},
        {avro_slice("shop.Broken"), avro_slice("{\"type\":\"record\"}")},
        {avro_slice("shop.Other"), avro_slice("{\"type\":\"enum\",\"name\":\"misnamed\",\"symbols\":[]}")},
        {avro_slice("shop.Loop"), avro_slice("{\"type\":\"record\",\"name\":\"shop.Loop\",\"fields\":["
                                             "{\"name\":\"l\",\"type\":[\"null\",\"shop.Loop\"]}]}")},
    };
    dk_avro_schema_options o = {.size = sizeof o, .names = names, .nnames = sizeof names / sizeof *names};
    dk_avro_schema *s = NULL;
    dk_error err;
    dk_buf b;

    CHECK_OK_ERR(
        dk_avro_schema_new(
            dk_test_alloc(),
            avro_slice("{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"fields\":["
                       "{\"name\":\"buyer\",\"type\":\"Customer\"},{\"name\":\"ship\",\"type\":\"Address\"}]}"),
            &o, &s, &err),
        &err);
    CHECK_STR(dk_avro_schema_name(s), "shop.Order");
    dk_buf_init(&b, dk_test_alloc());
    CHECK_OK_ERR(dk_avro_schema_canonical(s, &b, &err), &err);
    dk_buf_put_byte(&b, '\0');
    CHECK_CONTAINS((char *)b.p, "{\"name\":\"shop.Address\",\"type\":\"record\"");
    CHECK_CONTAINS((char *)b.p, "{\"name\":\"ship\",\"type\":\"shop.Address\"}");
    dk_buf_fini(&b);
    dk_avro_schema_unref(s);
    CHECK_STATUS(parse("\"shop.Unused\"", &o, &err), DK_ESCHEMA);
    CHECK_CONTAINS(err.text, "not JSON");
    CHECK_STATUS(parse("\"shop.Broken\"", &o, &err), DK_ESCHEMA);
    CHECK_OK_ERR(parse("\"shop.Loop\"", &o, &err), &err);
    /* A name that none of them has may be that of a type inside one: all are read, the broken ones too. */
    CHECK_STATUS(parse("\"shop.Other\"", &o, &err), DK_ESCHEMA);
    CHECK_CONTAINS(err.text, "not JSON");
    names[2] = names[3] = names[5];
    CHECK_STATUS(parse("\"shop.Other\"", &o, &err), DK_ESCHEMA);
    CHECK_CONTAINS(err.text, "defined twice");
    o.nnames = 2;
    CHECK_STATUS(parse("\"shop.Other\"", &o, &err), DK_ESCHEMA);
    CHECK_CONTAINS(err.text, "unknown type");
    o.size = 0;
    CHECK_STATUS(parse("\"int\"", &o, &err), DK_EINVAL);
}

DK_TEST(schema_references_to_types_inside_others)
{
    dk_avro_named names[] = {
        {avro_slice("x.Other"), avro_slice("{\"type\":\"enum\",\"name\":\"x.Other\",\"symbols\":[\"A\"]}")},
        {avro_slice("a.Common"),
         avro_slice("{\"type\":\"record\",\"name\":\"a.Common\",\"fields\":[{\"name\":\"adr\","
                    "\"type\":{\"type\":\"record\",\"name\":\"Address\",\"fields\":[]}}]}")},
    };
    dk_avro_schema_options o = {.size = sizeof o, .names = names, .nnames = 2};
    dk_error err;

    CHECK_OK_ERR(parse("\"a.Address\"", &o, &err), &err);
    CHECK_OK_ERR(
        parse("{\"type\":\"record\",\"name\":\"a.Order\",\"fields\":[{\"name\":\"ship\",\"type\":\"Address\"},"
              "{\"name\":\"common\",\"type\":\"a.Common\"}]}",
              &o, &err),
        &err);
    CHECK_STATUS(parse("\"Address\"", &o, &err), DK_ESCHEMA); /* without its namespace it is another */
}

/* Attributes that mean nothing to Avro may be numbers of any size, and so may the default of a double. */
DK_TEST(schema_numbers_of_more_than_64_bits)
{
    static const char wide[] =
        "{\"type\":\"record\",\"name\":\"r\",\"max\":18446744073709551615,\"min\":-9223372036854775809,"
        "\"text\":\"\\\"18446744073709551615\",\"fields\":[{\"name\":\"d\",\"type\":\"double\",\"default\":"
        "18446744073709551616},{\"name\":\"l\",\"type\":\"long\",\"default\":9223372036854775807}]}";
    dk_avro_schema_options o = {.size = sizeof o, .strict = true};
    dk_avro_program *p = avro_program(wide, NULL);
    const dk_avro_field *fields = dk_avro_program_code(p)->records[0].fields;
    dk_error err;

    CHECK_OK_ERR(parse(wide, &o, &err), &err);
    CHECK_MEM(fields[0].absent.p, fields[0].absent.n, "\0\0\0\0\0\0\xf0\x43", 8);
    CHECK_MEM(fields[1].absent.p, fields[1].absent.n, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
    CHECK_STATUS(parse("[18446744073709551615", NULL, &err), DK_ESCHEMA);
    CHECK_CONTAINS(err.text, "not JSON");
    CHECK_STATUS_ERR(parse("{\"type\":\"fixed\",\"name\":\"f\",\"size\":18446744073709551616}", NULL, &err),
                     DK_ESCHEMA, &err);
    dk_avro_program_unref(p);
}

/* A few hundred kilobytes of defaults inside defaults would be gigabytes of bytes. */
DK_TEST(schema_defaults_take_bounded_memory)
{
    size_t cap = 1u << 20, n = 0;
    char *json = malloc(cap);
    dk_avro_schema_options o = {.size = sizeof o, .strict = true};
    dk_error err;
    int i;

    n += (size_t)snprintf(json + n, cap - n,
                          "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":"
                          "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"i\","
                          "\"fields\":[{\"name\":\"s\",\"type\":\"string\",\"default\":\"");
    memset(json + n, 'x', 100000);
    n += 100000;
    n += (size_t)snprintf(json + n, cap - n, "\"}]}},\"default\":[{}");
    for (i = 0; i < 20000; i++)
        n += (size_t)snprintf(json + n, cap - n, ",{}");
    snprintf(json + n, cap - n, "]}]}");
    CHECK_OK_ERR(parse(json, NULL, &err), &err);
    CHECK_STATUS_ERR(parse(json, &o, &err), DK_ESCHEMA, &err);
    CHECK_CONTAINS(err.text, "smaller");
    free(json);
}

DK_TEST(schema_depth_is_bounded)
{
    char *json = calloc(1, 100000);
    dk_error err;
    int i, n = 0;

    for (i = 0; i < 190; i++)
        n += sprintf(json + n, "{\"type\":\"array\",\"items\":");
    n += sprintf(json + n, "\"int\"");
    memset(json + n, '}', 190);
    CHECK_OK_ERR(parse(json, NULL, &err), &err);
    n = 0;
    for (i = 0; i < 1000; i++)
        n += sprintf(json + n, "{\"type\":\"array\",\"items\":");
    n += sprintf(json + n, "\"int\"");
    memset(json + n, '}', 1000);
    CHECK_STATUS(parse(json, NULL, &err), DK_ESCHEMA);
    CHECK_CONTAINS(err.text, "levels deep");
    free(json);
}

/* Defaults of records that hold themselves, many times over: an answer, and soon. */
DK_TEST(schema_defaults_are_bounded)
{
    dk_avro_schema_options o = {.size = sizeof o, .strict = true};
    dk_error err;

    CHECK_STATUS(parse("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"r\",\"int\"],"
                       "\"default\":{}},"
                       "{\"name\":\"b\",\"type\":[\"r\",\"int\"],\"default\":{}},{\"name\":\"c\",\"type\":[\"r\","
                       "\"int\"],\"default\":{}}]}",
                       &o, &err),
                 DK_ESCHEMA);
}

static const char everything[] =
    "{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"a.b\",\"aliases\":[\"x\",\"c.y\"],\"fields\":["
    "{\"name\":\"a\",\"type\":[\"null\",\"r\"],\"default\":null},"
    "{\"name\":\"b\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"string\"}},\"default\":{"
    "\"k\":[\"v\"]}},"
    "{\"name\":\"c\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"],\"default\":\"A\"},"
    "\"default\":\"B\"},"
    "{\"name\":\"d\",\"type\":{\"type\":\"fixed\",\"name\":\"f\",\"size\":2},\"default\":\"\\u0000\\u00ff\","
    "\"aliases\":[\"dd\"]},"
    "{\"name\":\"g\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2},"
    "\"default\":\"\\u0001\"},"
    "{\"name\":\"h\",\"type\":\"boolean\",\"default\":true},{\"name\":\"i\",\"type\":\"double\",\"default\":1}]}";

DK_TEST_FAULT(schema_everything)
{
    dk_avro_schema *s = NULL, *again;
    dk_error err;

    if (NOMEM_ERR(dk_avro_schema_new(dk_test_alloc(), avro_slice(everything), NULL, &s, &err), &err))
        return;
    CHECK_STR(dk_avro_schema_name(s), "a.b.r");
    again = dk_avro_schema_ref(s);
    dk_avro_schema_unref(s);
    CHECK_STR(dk_avro_schema_name(again), "a.b.r");
    dk_avro_schema_unref(again);
    dk_avro_schema_unref(NULL);
}
