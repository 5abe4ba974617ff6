/* SPDX-License-Identifier: MIT
 *
 * Encoding: the vectors the other way round, and what is refused.
 */
#include <stdlib.h>

#include "avro_text.h"

static void
check_vector(const avro_vector *v)
{
    dk_avro_program *p = avro_program(v->avsc, NULL);
    dk_buf want, got;
    dk_error err;

    dk_buf_init(&want, NULL);
    dk_buf_init(&got, NULL);
    avro_unhex(v->hex, &want);
    CHECK_OK_ERR(avro_from_json(p, v->json, &got, &err), &err);
    CHECK_MEM(got.p, got.n, want.p, want.n);
    dk_buf_fini(&want);
    dk_buf_fini(&got);
    dk_avro_program_unref(p);
}

static void
run_vectors(const char *file)
{
    avro_vectors vs = avro_vectors_read(file);
    size_t i;

    for (i = 0; i < vs.n; i++) {
        printf("%s\n", vs.v[i].name);
        if (vs.v[i].json != NULL && vs.v[i].reader == NULL && !vs.v[i].one_way)
            check_vector(&vs.v[i]);
    }
    avro_vectors_free(&vs);
}

DK_TEST(encode_vectors)
{
    run_vectors("primitives");
    run_vectors("complex");
    run_vectors("logical");
    run_vectors("hostile");
    run_vectors("debezium");
}

static void
refused(const char *schema, const char *json, dk_status st, const char *path, const char *text)
{
    dk_avro_program *p = avro_program(schema, NULL);
    dk_error err;
    dk_buf b;

    dk_buf_init(&b, NULL);
    dk_buf_puts(&b, "mark");
    CHECK_STATUS_ERR(avro_from_json(p, json, &b, &err), st, &err);
    CHECK_STR(err.path, path);
    CHECK_CONTAINS(err.text, text);
    CHECK_MEM(b.p, b.n, "mark", 4);
    dk_buf_fini(&b);
    dk_avro_program_unref(p);
}

#define REC(type) "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"f\",\"type\":" type "}]}"

DK_TEST(encode_refuses)
{
    refused(REC("\"int\""), "{\"f\":2147483648}", DK_EAVRO, "f", "does not fit into an int");
    refused(REC("\"int\""), "{}", DK_EAVRO, "f", "the value is missing");
    refused(REC("\"int\""), "{\"f\":\"x\"}", DK_EAVRO, "f", "another kind");
    refused(REC("{\"type\":\"array\",\"items\":{\"type\":\"fixed\",\"name\":\"x\",\"size\":2}}"),
            "{\"f\":[\"ab\",\"abc\"]}", DK_EAVRO, "f[1]", "not of the size of the fixed type");
    refused(REC("{\"type\":\"map\",\"values\":{\"type\":\"enum\",\"name\":\"x\",\"symbols\":[\"A\"]}}"),
            "{\"f\":{\"k\":\"B\"}}", DK_EAVRO, "f[\"k\"]", "no symbol of the enum");
    refused("[\"null\",\"int\"]", "\"x\"", DK_EAVRO, "", "no such branch");
}

/* What is written can be read: neither deeper, nor with more items that take no bytes. */
DK_TEST(encode_obeys_the_limits_of_decoding)
{
    dk_avro_program *p = avro_program("{\"type\":\"array\",\"items\":\"null\"}", NULL);
    char *json = malloc(8 * (size_t)DK_AVRO_EMPTY);
    dk_error err;
    dk_buf b, text;
    size_t n = 1, i;

    dk_buf_init(&b, NULL);
    dk_buf_init(&text, NULL);
    json[0] = '[';
    for (i = 0; i < DK_AVRO_EMPTY; i++)
        n += (size_t)sprintf(json + n, "%snull", i == 0 ? "" : ",");
    strcpy(json + n, "]");
    CHECK_OK_ERR(avro_from_json(p, json, &b, &err), &err);
    CHECK_OK_ERR(avro_to_json(p, (dk_slice){b.p, b.n}, NULL, &text, &err), &err);
    strcpy(json + n, ",null]");
    CHECK_STATUS_ERR(avro_from_json(p, json, &b, &err), DK_EAVRO, &err);
    CHECK_CONTAINS(err.text, "too many items that take no bytes");
    dk_buf_fini(&b);
    dk_buf_fini(&text);
    free(json);
    dk_avro_program_unref(p);
}

DK_TEST(encode_writes_defaults_and_nulls_for_what_is_absent)
{
    dk_avro_program *p = avro_program("{\"type\":\"record\",\"name\":\"r\",\"fields\":["
                                      "{\"name\":\"a\",\"type\":\"int\",\"default\":-3},"
                                      "{\"name\":\"b\",\"type\":[\"int\",\"null\"]},"
                                      "{\"name\":\"c\",\"type\":\"bytes\",\"default\":\"\\u00ff\\u0000\"},"
                                      "{\"name\":\"d\",\"type\":\"float\",\"default\":\"NaN\"}]}",
                                      NULL);
    dk_error err;
    dk_buf b;

    dk_buf_init(&b, NULL);
    CHECK_OK_ERR(avro_from_json(p, "{}", &b, &err), &err);
    CHECK_MEM(b.p, b.n, "\x05\x02\x04\xff\x00\x00\x00\xc0\x7f", 9);
    dk_buf_fini(&b);
    dk_avro_program_unref(p);
}

DK_TEST(encode_needs_a_plain_program)
{
    dk_avro_program *p =
        avro_program("{\"type\":\"array\",\"items\":\"int\"}", "{\"type\":\"array\",\"items\":\"double\"}");
    dk_error err;
    dk_buf b;

    dk_buf_init(&b, NULL);
    CHECK_STATUS_ERR(avro_from_json(p, "[1, 2]", &b, &err), DK_EAVRO, &err);
    CHECK_CONTAINS(err.text, "cannot encode");
    dk_buf_fini(&b);
    dk_avro_program_unref(p);
}

DK_TEST_FAULT(encode_without_memory)
{
    dk_avro_program *p = NULL;
    dk_avro_schema *s = NULL;
    dk_error err;
    dk_buf b;

    dk_buf_init(&b, dk_test_alloc());
    if (NOMEM(dk_avro_schema_new(dk_test_alloc(), avro_slice("{\"type\":\"array\",\"items\":\"long\"}"), NULL, &s,
                                 &err)) ||
        NOMEM(dk_avro_program_new(dk_test_alloc(), s, NULL, &p, &err)))
        goto out;
    if (NOMEM(avro_from_json(p, "[1,2,3]", &b, &err)))
        goto out;
    CHECK_MEM(b.p, b.n, "\x06\x02\x04\x06\x00", 5);
out:
    dk_buf_fini(&b);
    dk_avro_program_unref(p);
    dk_avro_schema_unref(s);
}

DK_TEST(buf_grows_and_stays_broken)
{
    dk_buf b;
    int i;

    dk_buf_init(&b, dk_test_alloc());
    for (i = 0; i < 1000; i++)
        dk_buf_put_byte(&b, (uint8_t)i);
    CHECK_EQ(b.n, 1000);
    CHECK_EQ(b.p[999], 999 & 0xFF);
    CHECK(!dk_buf_grow(&b, SIZE_MAX / 2));
    CHECK_STATUS(b.st, DK_ENOMEM);
    dk_buf_puts(&b, "more");
    CHECK_EQ(b.n, 1000);
    dk_buf_fini(&b);
    CHECK_STATUS(b.st, DK_OK);
}
