/* SPDX-License-Identifier: MIT
 *
 * Plans, readers of Avro and blocks: what becomes of messages, and that nothing is left of what fails.
 */
#include <stdlib.h>

#include "pg_rig.h"

#define KEY "{\"type\":\"record\",\"name\":\"K\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"
#define ROW                                                                                                          \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"},"                            \
    "{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"string\"]}},"                             \
    "{\"name\":\"doc\",\"type\":{\"type\":\"map\",\"values\":\"double\"}},"                                          \
    "{\"name\":\"price\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"        \
    "\"scale\":2}]}]}"

static dk_status
make_reader(pg_bench *b, dk_copy_side side, const char *schema, dk_copy_reader **out, dk_error *err)
{
    dk_avro_program *p = avro_program(schema, NULL); /* of libc's memory, or the test's: it must not fail */
    dk_status st = dk_copy_reader_avro(b->plan, side, p, out, err);

    dk_avro_program_unref(p);
    return st;
}

static dk_status
bench_init(pg_bench *b, bool key_in_value, dk_error *err)
{
    const dk_pg_column columns[] = {
        {.size = sizeof *columns, .name = "id", .kind = DK_PG_INT4},
        {.size = sizeof *columns, .name = "price", .kind = DK_PG_NUMERIC, .nullable = true},
        {.size = sizeof *columns, .name = "tags", .kind = DK_PG_VARCHAR, .array = true, .length = 3},
        {.size = sizeof *columns, .name = "doc", .kind = DK_PG_JSONB},
    };
    dk_copy_plan_options options = {sizeof options, columns, 4, 1, key_in_value, NULL, NULL, false, false};
    dk_status st;

    *b = (pg_bench){NULL};
    st = dk_copy_plan_new(dk_test_alloc(), &options, &b->plan, err);
    if (st == DK_OK)
        st = dk_copy_block_new(dk_test_alloc(), b->plan, &b->block, err);
    return st;
}

static dk_copy_verdict
add(pg_bench *b, const char *key, const char *value, dk_status want)
{
    dk_copy_message m = {b->key, b->value, {NULL, 0}, {NULL, 0}};
    dk_copy_verdict verdict = DK_COPY_FAILED;
    dk_buf k, v;
    dk_error err;
    dk_status st;

    dk_buf_init(&k, NULL);
    dk_buf_init(&v, NULL);
    if (key != NULL) {
        avro_unhex(key, &k);
        m.key = (dk_slice){k.p, k.n};
    }
    if (value != NULL) {
        avro_unhex(value, &v);
        m.value = (dk_slice){v.p, v.n};
    }
    st = dk_copy_block_add(b->block, &m, &verdict, &err);
    CHECK_STATUS_ERR(st, want, &err);
    if (st == DK_OK && verdict != DK_COPY_ROW && verdict != DK_COPY_DELETED)
        CHECK(err.text[0] != '\0');
    dk_buf_fini(&k);
    dk_buf_fini(&v);
    return verdict;
}

static void
check_streams(pg_bench *b, const char *rows, const char *deleted)
{
    static const char header[] = "5047434f50590aff0d0a00 00000000 00000000";
    dk_copy_streams s;
    dk_error err;
    dk_buf want;

    CHECK_OK_ERR(dk_copy_block_finish(b->block, &s, &err), &err);
    dk_buf_init(&want, NULL);
    avro_unhex(header, &want);
    avro_unhex(rows, &want);
    avro_unhex("ffff", &want);
    CHECK_MEM(s.rows.p, s.rows.n, want.p, want.n);
    want.n = 0;
    avro_unhex(header, &want);
    avro_unhex(deleted, &want);
    avro_unhex("ffff", &want);
    CHECK_MEM(s.deleted.p, s.deleted.n, want.p, want.n);
    dk_buf_fini(&want);
}

/* id 1, no tags, no doc, a null price; and so on. */
#define VALUE_1 "02 00 00 00"
#define VALUE_2 "04 04 02 02 61 00 00  02 02 78 000000000000f83f 00  02 02 64"
#define ROW_1 "0004 00000004 00000001 ffffffff 0000000c 000000000000000000000413 00000003 01 7b7d"
#define ROW_2                                                                                                        \
    "0004 00000004 00000002 0000000a 0001 0000 0000 0002 0001"                                                       \
    "0000001d 00000001 00000001 00000413 00000002 00000001 00000001 61 ffffffff"                                     \
    "0000000a 01 7b2278223a312e357d"

DK_TEST(pg_block_rows_of_keys)
{
    pg_bench b;
    dk_error err;
    int in_value;

    for (in_value = 0; in_value < 2; in_value++) {
        CHECK_OK_ERR(bench_init(&b, in_value, &err), &err);
        CHECK_OK_ERR(make_reader(&b, DK_COPY_KEY, KEY, &b.key, &err), &err);
        CHECK_OK_ERR(make_reader(&b, DK_COPY_VALUE, ROW, &b.value, &err), &err);
        CHECK(dk_copy_reader_odd(b.key) == NULL);
        CHECK(dk_copy_reader_odd(b.value) == NULL);
        check_streams(&b, "", "");
        CHECK_EQ(add(&b, "02", VALUE_1, DK_OK), DK_COPY_ROW);
        CHECK_EQ(add(&b, "04", VALUE_2, DK_OK), DK_COPY_ROW);
        check_streams(&b, ROW_1 ROW_2, "");
        CHECK_EQ(add(&b, "02", VALUE_1, DK_OK), DK_COPY_ROW);
        check_streams(&b, ROW_2 ROW_1, "");
        CHECK_EQ(add(&b, "04", NULL, DK_OK), DK_COPY_DELETED);
        CHECK_EQ(add(&b, "04", NULL, DK_OK), DK_COPY_DELETED);
        check_streams(&b, ROW_1, "0001 00000004 00000002");
        CHECK_EQ(add(&b, "04", VALUE_2, DK_OK), DK_COPY_ROW);
        check_streams(&b, ROW_1 ROW_2, "0001 00000004 00000002");
        CHECK_EQ(add(&b, "02", VALUE_1, DK_OK), DK_COPY_ROW);
        check_streams(&b, ROW_2 ROW_1, "0001 00000004 00000002");
        dk_copy_block_clear(b.block);
        check_streams(&b, "", "");
        CHECK_EQ(add(&b, "04", VALUE_2, DK_OK), DK_COPY_ROW);
        check_streams(&b, ROW_2, "");
        pg_bench_fini(&b);
    }
}

DK_TEST(pg_block_failures_leave_nothing)
{
    static const char *const bad[] = {
        "02",                                    /* ends early */
        "02 00 00 00 00",                        /* and late */
        "02 02 02 08 61616161 00 00 00",         /* a tag that is too long */
        "02 02 02 02 ff 00 00 00",               /* one that is no UTF-8 */
        "02 00 02 02 78 000000000000f87f 00 00", /* NaN in a document */
        "02 00 02 02 00 000000000000f83f 00 00", /* a NUL in it */
    };
    pg_bench b;
    dk_error err;
    size_t i;

    CHECK_OK_ERR(bench_init(&b, false, &err), &err);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_KEY, KEY, &b.key, &err), &err);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_VALUE, ROW, &b.value, &err), &err);
    CHECK_EQ(add(&b, "02", VALUE_1, DK_OK), DK_COPY_ROW);
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ(add(&b, "02", bad[i], DK_OK), DK_COPY_FAILED);
    CHECK_EQ(add(&b, "80", VALUE_1, DK_OK), DK_COPY_FAILED);
    CHECK_EQ(add(&b, NULL, VALUE_1, DK_OK), DK_COPY_STRAY);
    CHECK_EQ(add(&b, NULL, NULL, DK_OK), DK_COPY_STRAY);
    check_streams(&b, ROW_1, "");
    dk_copy_reader_free(b.value);
    b.value = NULL;
    (void)add(&b, "02", VALUE_1, DK_EINVAL);
    check_streams(&b, ROW_1, "");
    pg_bench_fini(&b);
}

DK_TEST(pg_block_many_keys)
{
    uint64_t seed = dk_test_seed();
    int last[300] = {0}, deleted[300] = {0}, rows = 0, keys = 0, i;
    dk_copy_streams s;
    pg_bench b;
    dk_error err;
    char key[16], value[40];

    CHECK_OK_ERR(bench_init(&b, false, &err), &err);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_KEY, KEY, &b.key, &err), &err);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_VALUE, ROW, &b.value, &err), &err);
    for (i = 1; i <= 3000; i++) {
        uint32_t id = dk_test_below(&seed, 300);
        bool drop = dk_test_below(&seed, 5) == 0;

        snprintf(key, sizeof key, "%02x%02x", (id * 2 & 0x7F) | 0x80, id * 2 >> 7);
        snprintf(value, sizeof value, "%s 00 00 00", key);
        CHECK_EQ(add(&b, key, drop ? NULL : value, DK_OK), drop ? DK_COPY_DELETED : DK_COPY_ROW);
        last[id] = drop ? 0 : i;
        deleted[id] = deleted[id] || drop;
        if (dk_test_below(&seed, 100) == 0)
            CHECK_OK_ERR(dk_copy_block_finish(b.block, &s, &err), &err);
    }
    for (i = 0; i < 300; i++) {
        rows += last[i] > 0;
        keys += deleted[i];
    }
    CHECK_OK_ERR(dk_copy_block_finish(b.block, &s, &err), &err);
    CHECK_EQ(s.nrows, rows);
    CHECK_EQ(s.ndeleted, keys);
    CHECK_EQ(s.rows.n, 21 + (size_t)rows * (2 + 8 + 4 + 16 + 7));
    CHECK_EQ(s.deleted.n, 21 + (size_t)keys * (2 + 8));
    pg_bench_fini(&b);
}

DK_TEST(pg_reader_odd)
{
    pg_bench b;
    dk_error err;

    CHECK_OK_ERR(bench_init(&b, false, &err), &err);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_KEY, KEY, &b.key, &err), &err);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_VALUE, KEY, &b.value, &err), &err);
    CHECK_STR(dk_copy_reader_odd(b.value), "the schema K has no field price");
    CHECK_EQ(add(&b, "02", "02", DK_OK), DK_COPY_ODD);
    dk_copy_reader_free(b.value);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_VALUE, "\"string\"", &b.value, &err), &err);
    CHECK_STR(dk_copy_reader_odd(b.value), "the schema is no record");
    dk_copy_reader_free(b.value);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_VALUE, ROW, &b.value, &err), &err);
    CHECK_EQ(add(&b, "02", VALUE_1, DK_OK), DK_COPY_ODD); /* one of its key was */
    CHECK_EQ(add(&b, "04", VALUE_2, DK_OK), DK_COPY_ROW);
    check_streams(&b, ROW_2, "");
    pg_bench_fini(&b);
}

DK_TEST(pg_plan_refuses)
{
    dk_pg_column columns[] = {
        {.size = sizeof *columns, .name = "a", .kind = DK_PG_INT4},
        {.size = sizeof *columns, .name = "b", .kind = DK_PG_INT4},
    };
    dk_copy_plan_options options = {sizeof options, columns, 2, 1, false, NULL, NULL, false, false};
    dk_copy_plan *p = NULL;
    dk_error err;

    CHECK_STATUS(dk_copy_plan_new(NULL, NULL, &p, &err), DK_EINVAL);
    CHECK_STATUS(dk_copy_plan_new(NULL, &options, NULL, &err), DK_EINVAL);
    options.nkey = 0;
    CHECK_STATUS(dk_copy_plan_new(NULL, &options, &p, &err), DK_EINVAL);
    options.nkey = 3;
    CHECK_STATUS(dk_copy_plan_new(NULL, &options, &p, &err), DK_EINVAL);
    options.nkey = 1;
    columns[1].name = "a";
    CHECK_STATUS(dk_copy_plan_new(NULL, &options, &p, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "the column a is there twice");
    columns[1].name = "b";
    columns[1].kind = DK_PG_KIND_COUNT;
    CHECK_STATUS(dk_copy_plan_new(NULL, &options, &p, &err), DK_EINVAL);
    columns[1].kind = DK_PG_NUMERIC;
    columns[1].scale = 1001;
    CHECK_STATUS(dk_copy_plan_new(NULL, &options, &p, &err), DK_EINVAL);
    CHECK_EQ(dk_pg_kind_of("varchar"), DK_PG_VARCHAR);
    CHECK_EQ(dk_pg_kind_of("VARCHAR"), DK_PG_KIND_COUNT);
    CHECK(p == NULL);
}

DK_TEST_FAULT(pg_block_without_memory)
{
    static const struct {
        const char *key, *value;
    } messages[] = {{"02", VALUE_1}, {"04", VALUE_2}, {"02", NULL}, {"06", "06 00 00 00"}, {"04", VALUE_2}};
    dk_avro_schema *key = NULL, *row = NULL;
    dk_avro_program *key_program = NULL, *row_program = NULL;
    dk_copy_streams s;
    pg_bench b = {NULL};
    dk_error err;
    size_t i;

    if (NOMEM(dk_avro_schema_new(dk_test_alloc(), avro_slice(KEY), NULL, &key, &err)) ||
        NOMEM(dk_avro_schema_new(dk_test_alloc(), avro_slice(ROW), NULL, &row, &err)) ||
        NOMEM(dk_avro_program_new(dk_test_alloc(), key, NULL, &key_program, &err)) ||
        NOMEM(dk_avro_program_new(dk_test_alloc(), row, NULL, &row_program, &err)) ||
        NOMEM(bench_init(&b, false, &err)) ||
        NOMEM(dk_copy_reader_avro(b.plan, DK_COPY_KEY, key_program, &b.key, &err)) ||
        NOMEM(dk_copy_reader_avro(b.plan, DK_COPY_VALUE, row_program, &b.value, &err)))
        goto out;
    for (i = 0; i < sizeof messages / sizeof *messages; i++) {
        dk_copy_message m = {b.key, b.value, {NULL, 0}, {NULL, 0}};
        dk_copy_verdict verdict;
        dk_buf k, v;
        dk_status st;

        dk_buf_init(&k, NULL);
        dk_buf_init(&v, NULL);
        avro_unhex(messages[i].key, &k);
        m.key = (dk_slice){k.p, k.n};
        if (messages[i].value != NULL) {
            avro_unhex(messages[i].value, &v);
            m.value = (dk_slice){v.p, v.n};
        }
        st = dk_copy_block_add(b.block, &m, &verdict, &err);
        dk_buf_fini(&k);
        dk_buf_fini(&v);
        if (NOMEM(st))
            goto out;
        CHECK_EQ(verdict, m.value.p == NULL ? DK_COPY_DELETED : DK_COPY_ROW);
    }
    if (NOMEM(dk_copy_block_finish(b.block, &s, &err)))
        goto out;
    CHECK_EQ(s.nrows, 2);
    CHECK_EQ(s.ndeleted, 1);
out:
    pg_bench_fini(&b);
    dk_avro_program_unref(key_program);
    dk_avro_program_unref(row_program);
    dk_avro_schema_unref(key);
    dk_avro_schema_unref(row);
}

/* One failed allocation, and then all goes on: the block is as it was. */
DK_TEST(pg_block_goes_on_after_a_failure)
{
    pg_bench b;
    dk_error err;
    int i;

    CHECK_OK_ERR(bench_init(&b, false, &err), &err);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_KEY, KEY, &b.key, &err), &err);
    CHECK_OK_ERR(make_reader(&b, DK_COPY_VALUE, ROW, &b.value, &err), &err);
    for (i = 0; i < 6; i++) {
        dk_test_alloc_fail(1, false);
        if (i == 0)
            (void)add(&b, "02", VALUE_1, DK_ENOMEM);
        dk_test_alloc_fail(0, false);
        CHECK_EQ(add(&b, i % 2 == 0 ? "02" : "04", i % 2 == 0 ? VALUE_1 : VALUE_2, DK_OK), DK_COPY_ROW);
    }
    check_streams(&b, ROW_1 ROW_2, "");
    pg_bench_fini(&b);
}
