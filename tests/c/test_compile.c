/* SPDX-License-Identifier: MIT
 *
 * The compiled program: its listing, measures and tables.
 */
#include <stdlib.h>

#include "avro_text.h"

static char *
dump(const dk_avro_program *p)
{
    dk_error err;
    dk_buf b;
    char *s;

    dk_buf_init(&b, NULL);
    CHECK_OK_ERR(dk_avro_program_dump(p, &b, &err), &err);
    dk_buf_put_byte(&b, '\0');
    s = strdup((char *)b.p);
    dk_buf_fini(&b);
    return s;
}

DK_TEST(compile_lists_what_it_made)
{
    dk_avro_program *p = avro_program(
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
        "{\"name\":\"b\",\"type\":[\"null\",\"string\"]},{\"name\":\"c\",\"type\":\"double\"}]}",
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"d\",\"type\":\"long\",\"default\":1},"
        "{\"name\":\"c\",\"type\":\"double\"},{\"name\":\"a\",\"type\":\"float\"}]}");
    char *s = dump(p);

    CHECK_STR(s, "   0  record r 4 at 1\n"
                 "   1  long->double\n"
                 "   2  skip 5\n"
                 "   3  double\n"
                 "   4  default constant 0 read by 8\n"
                 "   5  option 2 at 6\n"
                 "   6  null\n"
                 "   7  string\n"
                 "   8  long\n"
                 "record 0 r: steps 1 to 5\n"
                 "   1  a\n"
                 "   2  -\n"
                 "   3  c\n"
                 "   4  d\n");
    free(s);
    CHECK(dk_avro_program_code(p)->resolved);
    CHECK_EQ(dk_avro_program_code(p)->records[0].step_of[0], 3);
    CHECK_EQ(dk_avro_program_code(p)->records[0].step_of[1], 2);
    CHECK_EQ(dk_avro_program_code(p)->records[0].step_of[2], 0);
    dk_avro_program_unref(p);
}

DK_TEST(compile_measures_items)
{
    dk_avro_program *p = avro_program(
        "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":"
        "\"double\"},"
        "{\"name\":\"b\",\"type\":{\"type\":\"fixed\",\"name\":\"f\",\"size\":5}},{\"name\":\"n\",\"type\":\"null\"},"
        "{\"name\":\"k\",\"type\":{\"type\":\"map\",\"values\":\"r\"}}]}}",
        NULL);
    const dk_avro_code *c = dk_avro_program_code(p);
    uint32_t i;

    CHECK_EQ(c->ops[0].code, DK_OP_ARRAY);
    CHECK_EQ(c->ops[0].n, 8 + 5 + 0 + 1);
    for (i = 0; i < c->nops; i++)
        if (c->ops[i].code == DK_OP_MAP)
            CHECK_EQ(c->ops[i].n, 1 + 8 + 5 + 0 + 1);
    dk_avro_program_unref(p);
}

/* Symbols would take gigabytes if each field of an enum had its own. */
DK_TEST(compile_makes_an_enum_once)
{
    static const char w[] =
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"enum\",\"name\":\"e\","
        "\"symbols\":[\"A\",\"B\"]}},{\"name\":\"b\",\"type\":\"e\"},{\"name\":\"c\",\"type\":[\"null\",\"e\"]}]}";
    static const char r[] =
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"enum\",\"name\":\"e\","
        "\"symbols\":[\"B\",\"A\"]}},{\"name\":\"b\",\"type\":\"e\"},{\"name\":\"d\",\"type\":\"e\",\"default\":"
        "\"A\"}]}";
    dk_avro_program *p = avro_program(w, NULL), *q = avro_program(w, r);

    CHECK_EQ(dk_avro_program_code(p)->nenums, 1);
    CHECK_EQ(dk_avro_program_code(q)->nenums, 3); /* written and read, read only, skipped */
    dk_avro_program_unref(p);
    dk_avro_program_unref(q);
}

DK_TEST(compile_describes_logical_types)
{
    dk_avro_program *p = avro_program("[{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2},"
                                      "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"},"
                                      "{\"type\":\"string\",\"logicalType\":\"decimal\",\"precision\":9}]",
                                      NULL);
    char *s = dump(p);

    CHECK_CONTAINS(s, "bytes (decimal 9,2)");
    CHECK_CONTAINS(s, "long (timestamp-micros)");
    CHECK_CONTAINS(s, "string\n");
    free(s);
    dk_avro_program_unref(p);
}

/* Decimals that the specification does not allow are plain bytes. */
DK_TEST(compile_ignores_bad_decimals)
{
    static const char *const bad[] = {
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\"}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":0}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":3}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,\"scale\":-1}",
        "{\"type\":\"fixed\",\"name\":\"f\",\"size\":2,\"logicalType\":\"decimal\",\"precision\":5}",
        "{\"type\":\"fixed\",\"name\":\"f\",\"size\":0,\"logicalType\":\"decimal\",\"precision\":1}",
        "{\"type\":\"fixed\",\"name\":\"f\",\"size\":11,\"logicalType\":\"duration\"}",
    };
    size_t i;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        dk_avro_program *p = avro_program(bad[i], NULL);

        CHECK_EQ(dk_avro_program_code(p)->ops[0].logical, DK_LOGICAL_NONE);
        dk_avro_program_unref(p);
    }
}

/* A schema against itself that was parsed again reads the same; against the very same object nothing is resolved. */
DK_TEST(compile_one_schema)
{
    dk_avro_schema *s = avro_schema("[\"null\",\"int\"]");
    dk_avro_program *p = NULL;
    dk_error err;

    CHECK_OK_ERR(dk_avro_program_new(dk_test_alloc(), s, s, &p, &err), &err);
    CHECK(!dk_avro_program_code(p)->resolved);
    dk_avro_schema_unref(s);
    CHECK_EQ(dk_avro_program_code(p)->nops, 3); /* the program keeps the schema */
    dk_avro_program_unref(dk_avro_program_ref(p));
    dk_avro_program_unref(p);
    CHECK_STATUS(dk_avro_program_new(NULL, NULL, NULL, &p, &err), DK_EINVAL);
}

DK_TEST_FAULT(compile_without_memory)
{
    static const char w[] =
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"r\"]},"
        "{\"name\":\"b\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}},"
        "{\"name\":\"c\",\"type\":{\"type\":\"array\",\"items\":\"int\"}}]}";
    static const char r[] =
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"z\",\"type\":\"string\",\"default\":\"zz\"},"
        "{\"name\":\"b\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"B\",\"A\"]},\"aliases\":[\"q\"]},"
        "{\"name\":\"c\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"double\"}]},{\"name\":\"y\",\"type\":"
        "\"int\","
        "\"default\":1}]}";
    dk_avro_schema *ws = NULL, *rs = NULL;
    dk_avro_program *p = NULL, *q = NULL;
    dk_error err;

    if (NOMEM(dk_avro_schema_new(dk_test_alloc(), avro_slice(w), NULL, &ws, &err)) ||
        NOMEM(dk_avro_schema_new(dk_test_alloc(), avro_slice(r), NULL, &rs, &err)))
        goto out;
    if (NOMEM(dk_avro_program_new(dk_test_alloc(), ws, rs, &p, &err)) ||
        NOMEM(dk_avro_program_new(dk_test_alloc(), ws, NULL, &q, &err)))
        goto out;
    CHECK_EQ(dk_avro_program_code(q)->nrecords, 1);
out:
    dk_avro_program_unref(p);
    dk_avro_program_unref(q);
    dk_avro_schema_unref(ws);
    dk_avro_schema_unref(rs);
}

/* Thousands of records and fields compile in a moment. */
DK_TEST(compile_large_schemas)
{
    size_t cap = 4u << 20, n = 0;
    char *json = malloc(cap);
    dk_avro_program *p;
    int i;

    n += (size_t)snprintf(json + n, cap - n, "{\"type\":\"record\",\"name\":\"top\",\"fields\":[");
    for (i = 0; i < 5000; i++)
        n += (size_t)snprintf(json + n, cap - n,
                              "%s{\"name\":\"f%d\",\"type\":{\"type\":\"record\",\"name\":\"r%d\",\"fields\":["
                              "{\"name\":\"x\",\"type\":[\"null\",\"r%d\"]}]}}",
                              i == 0 ? "" : ",", i, i, i == 0 ? 0 : i - 1);
    snprintf(json + n, cap - n, "]}");
    p = avro_program(json, json);
    CHECK_EQ(dk_avro_program_code(p)->nrecords, 5001);
    dk_avro_program_unref(p);
    free(json);
}
