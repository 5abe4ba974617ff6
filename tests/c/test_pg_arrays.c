/* SPDX-License-Identifier: MIT
 *
 * A block by columns: the arrays have what its streams have.
 */
#include <stdio.h>

#include "pg_rig.h"

/* Columns a and b are the key; c is an array if asked for. */
static dk_status
bench_init(pg_bench *b, bool array, dk_error *err)
{
    const dk_pg_column columns[] = {
        {.size = sizeof *columns, .name = "a", .kind = DK_PG_INT4},
        {.size = sizeof *columns, .name = "b", .kind = DK_PG_VARCHAR, .length = 9},
        {.size = sizeof *columns, .name = "c", .kind = DK_PG_TEXT, .nullable = true, .array = array},
        {.size = sizeof *columns, .name = "d", .kind = DK_PG_INT2, .nullable = true},
    };
    dk_copy_plan_options options = {sizeof options, columns, 4, 2, true, NULL, NULL, false, false};
    dk_status st;

    *b = (pg_bench){NULL};
    st = dk_copy_plan_new(dk_test_alloc(), &options, &b->plan, err);
    if (st == DK_OK)
        st = dk_copy_reader_json(b->plan, DK_COPY_KEY, NULL, &b->key, err);
    if (st == DK_OK)
        st = dk_copy_reader_json(b->plan, DK_COPY_VALUE, NULL, &b->value, err);
    if (st == DK_OK)
        st = dk_copy_block_new(dk_test_alloc(), b->plan, &b->block, err);
    return st;
}

static dk_status
add(pg_bench *b, const char *key, const char *value)
{
    dk_copy_message m = {b->key, b->value, avro_slice(key), {NULL, 0}};
    dk_copy_verdict verdict;
    dk_error err;
    dk_status st;

    if (value != NULL)
        m.value = avro_slice(value);
    st = dk_copy_block_add(b->block, &m, &verdict, &err);
    if (st == DK_OK)
        CHECK_EQ(verdict, value == NULL ? DK_COPY_DELETED : DK_COPY_ROW);
    return st;
}

static void
check_arrays(pg_bench *b, dk_copy_part part, const char *const *want, size_t n)
{
    dk_copy_arrays found;
    dk_error err;
    dk_buf bytes;

    CHECK_OK_ERR(dk_copy_block_arrays(b->block, part, &found, &err), &err);
    CHECK_EQ(found.n, n);
    dk_buf_init(&bytes, NULL);
    for (size_t i = 0; i < n; i++) {
        bytes.n = 0;
        avro_unhex(want[i], &bytes);
        CHECK_MEM(found.list[i].p, found.list[i].n, bytes.p, bytes.n);
    }
    dk_buf_fini(&bytes);
}

#define FULL "00000001 00000000 "
#define NULLS "00000001 00000001 "

DK_TEST(pg_arrays_of_rows_and_keys)
{
    static const char *const nothing[] = {"00000000 00000000 00000017", "00000000 00000000 00000019",
                                          "00000000 00000000 00000019", "00000000 00000000 00000015"};
    static const char *const rows[] = {
        FULL "00000017 00000002 00000001 00000004 00000002 00000004 00000001",
        FULL "00000019 00000002 00000001 00000001 79 00000001 78",
        FULL "00000019 00000002 00000001 00000002 6869 00000000",
        NULLS "00000015 00000002 00000001 ffffffff 00000002 0007",
    };
    static const char *const keys[] = {FULL "00000017 00000001 00000001 00000004 00000009",
                                       FULL "00000019 00000001 00000001 00000001 7a"};
    dk_copy_streams before, after;
    dk_error err;
    pg_bench b;

    CHECK_OK_ERR(bench_init(&b, false, &err), &err);
    check_arrays(&b, DK_COPY_ROWS, nothing, 4);
    check_arrays(&b, DK_COPY_KEYS, nothing, 2);
    CHECK_OK(add(&b, "{}", "{\"a\":1,\"b\":\"x\",\"c\":\"gone, for it is replaced\",\"d\":null}"));
    CHECK_OK(add(&b, "{}", "{\"a\":2,\"b\":\"y\",\"c\":\"hi\",\"d\":null}"));
    CHECK_OK(add(&b, "{\"a\":9,\"b\":\"z\"}", NULL));
    CHECK_OK(add(&b, "{}", "{\"a\":1,\"b\":\"x\",\"c\":\"\",\"d\":7}"));
    check_arrays(&b, DK_COPY_ROWS, rows, 4); /* though the streams were not asked for */
    CHECK_OK_ERR(dk_copy_block_finish(b.block, &before, &err), &err);
    check_arrays(&b, DK_COPY_KEYS, keys, 2);
    check_arrays(&b, DK_COPY_ROWS, rows, 4);
    CHECK_OK_ERR(dk_copy_block_finish(b.block, &after, &err), &err);
    CHECK_EQ(after.nrows, 2);
    CHECK_MEM(after.rows.p, after.rows.n, before.rows.p, before.rows.n);
    dk_copy_block_clear(b.block);
    check_arrays(&b, DK_COPY_ROWS, nothing, 4);
    pg_bench_fini(&b);
}

DK_TEST(pg_arrays_of_arrays_are_refused)
{
    dk_copy_arrays found;
    dk_error err;
    pg_bench b;

    CHECK_OK_ERR(bench_init(&b, true, &err), &err);
    CHECK_STATUS(dk_copy_block_arrays(b.block, DK_COPY_ROWS, &found, &err), DK_EINVAL);
    CHECK_STR(err.text, "the column c is an array");
    CHECK_OK_ERR(dk_copy_block_arrays(b.block, DK_COPY_KEYS, &found, &err), &err); /* it is no part of the key */
    pg_bench_fini(&b);
}

DK_TEST_FAULT(pg_arrays_without_memory)
{
    dk_copy_arrays found;
    dk_error err;
    char value[64];
    pg_bench b;
    int i;

    if (NOMEM(bench_init(&b, false, &err)))
        goto out;
    for (i = 0; i < 50; i++) {
        snprintf(value, sizeof value, "{\"a\":%d,\"b\":\"x\",\"c\":null,\"d\":null}", i);
        if (NOMEM(add(&b, "{}", value)))
            goto out;
    }
    if (NOMEM(dk_copy_block_arrays(b.block, DK_COPY_KEYS, &found, &err)) ||
        NOMEM(dk_copy_block_arrays(b.block, DK_COPY_ROWS, &found, &err)))
        goto out;
    CHECK_EQ(found.n, 4);
    CHECK_EQ(found.list[3].n, 20 + 50 * 4);
out:
    pg_bench_fini(&b);
}

/* One failed allocation, and then all goes on: the rows are still there. */
DK_TEST(pg_arrays_after_a_failure)
{
    dk_copy_arrays found;
    dk_error err;
    pg_bench b;

    CHECK_OK_ERR(bench_init(&b, false, &err), &err);
    CHECK_OK(add(&b, "{}", "{\"a\":1,\"b\":\"x\",\"c\":null,\"d\":null}"));
    for (int i = 1; i <= 3; i++) {
        dk_test_alloc_fail(1, false);
        CHECK_STATUS(dk_copy_block_arrays(b.block, DK_COPY_ROWS, &found, &err), DK_ENOMEM);
        dk_test_alloc_fail(0, false);
    }
    CHECK_OK_ERR(dk_copy_block_arrays(b.block, DK_COPY_ROWS, &found, &err), &err);
    CHECK_EQ(found.list[0].n, 28);
    pg_bench_fini(&b);
}
