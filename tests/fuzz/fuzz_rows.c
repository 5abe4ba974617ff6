/* SPDX-License-Identifier: MIT
 *
 * Rows of COPY: a schema, after a 0xFE a byte for the column of each of its fields, and after another the bytes of a
 * value. Whatever becomes of it, the streams are whole, their fields are what the server would take, and the arrays
 * have the same.
 */
#include "dk/pgcopy.h"
#include "fuzz.h"

#define COLUMNS 64

static uint32_t
read4(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static void
check_text(const dk_pg_column *c, dk_slice s)
{
    size_t n = 0, i;

    MUST(dk_avro_utf8_valid(s.p, s.n));
    MUST(s.n == 0 || memchr(s.p, 0, s.n) == NULL);
    for (i = 0; i < s.n; i++)
        n += (s.p[i] & 0xC0) != 0x80;
    MUST(c->length == 0 || n <= c->length);
    MUST(c->length == 0 || c->kind != DK_PG_CHAR || n == c->length);
}

static void
check_numeric(const dk_pg_column *c, dk_slice s)
{
    uint32_t n, i;

    MUST(s.n >= 8);
    n = read4(s.p) >> 16;
    MUST(s.n == 8 + 2 * (size_t)n);
    for (i = 0; i < n; i++)
        MUST((s.p[8 + 2 * i] << 8 | s.p[9 + 2 * i]) < 10000);
    MUST((read4(s.p + 4) & 0xFFFF) <= 16383);
    MUST(n == 0 || (s.p[8] | s.p[9]) != 0);
    MUST(n == 0 || (s.p[s.n - 2] | s.p[s.n - 1]) != 0);
}

static void check_value(const dk_pg_column *c, dk_slice s);

/* Its bounds are values of this size; 0: numbers. */
static void
check_range(dk_slice s, size_t size)
{
    const dk_pg_column number = {.kind = DK_PG_NUMERIC};
    size_t at = 1, left;

    MUST(s.n > 0 && (s.p[0] & ~0x1F) == 0 && (s.p[0] & 0x0A) != 0x0A && (s.p[0] & 0x14) != 0x14);
    MUST(s.p[0] == 1 || (s.p[0] & 1) == 0);
    left = s.p[0] == 1 ? 0 : ((s.p[0] & 0x08) == 0) + ((s.p[0] & 0x10) == 0);
    for (; left > 0; left--) {
        size_t n;

        MUST(at + 4 <= s.n);
        n = read4(s.p + at);
        at += 4;
        MUST(n <= s.n - at && (size == 0 || n == size));
        if (size == 0)
            check_value(&number, (dk_slice){s.p + at, n});
        at += n;
    }
    MUST(at == s.n);
}

static void
check_value(const dk_pg_column *c, dk_slice s)
{
    static const uint8_t sizes[DK_PG_KIND_COUNT] = {
        [DK_PG_BOOL] = 1,      [DK_PG_INT2] = 2,        [DK_PG_INT4] = 4,      [DK_PG_INT8] = 8,
        [DK_PG_FLOAT4] = 4,    [DK_PG_FLOAT8] = 8,      [DK_PG_DATE] = 4,      [DK_PG_TIME] = 8,
        [DK_PG_TIMESTAMP] = 8, [DK_PG_TIMESTAMPTZ] = 8, [DK_PG_INTERVAL] = 16, [DK_PG_UUID] = 16,
    };

    MUST(sizes[c->kind] == 0 || s.n == sizes[c->kind]);
    if (c->kind == DK_PG_TEXT || c->kind == DK_PG_VARCHAR || c->kind == DK_PG_CHAR)
        check_text(c, s);
    else if (c->kind == DK_PG_NUMERIC)
        check_numeric(c, s);
    else if (c->kind == DK_PG_JSON)
        MUST(dk_avro_utf8_valid(s.p, s.n) && s.n > 0);
    else if (c->kind == DK_PG_JSONB)
        MUST(s.n > 1 && s.p[0] == 1 && dk_avro_utf8_valid(s.p, s.n) && memchr(s.p, 0, s.n) == NULL);
    else if (c->kind == DK_PG_INET || c->kind == DK_PG_CIDR)
        MUST(s.n == (s.p[0] == 2 ? 8 : 20) && s.p[3] == s.n - 4);
    else if (c->kind >= DK_PG_INT4RANGE)
        check_range(s, c->kind == DK_PG_NUMRANGE                                  ? 0
                       : c->kind == DK_PG_INT4RANGE || c->kind == DK_PG_DATERANGE ? 4
                                                                                  : 8);
}

static void
check_list(const dk_pg_column *c, dk_slice s)
{
    size_t at = 12;
    uint64_t n = 1;
    uint32_t i;

    MUST(s.n >= 12 && read4(s.p + 4) <= 1);
    if (read4(s.p) == 0) {
        MUST(s.n == 12);
        return;
    }
    MUST(read4(s.p) == (c->array > 0 ? c->array : 1u)); /* of rows, it is one */
    for (i = 0; i < read4(s.p); i++, at += 8) {
        MUST(at + 8 <= s.n && read4(s.p + at) > 0 && read4(s.p + at + 4) == 1);
        n *= read4(s.p + at);
    }
    for (; n > 0; n--) {
        uint32_t size;

        MUST(at + 4 <= s.n);
        size = read4(s.p + at);
        at += 4;
        if (size == UINT32_MAX) {
            MUST(read4(s.p + 4) == 1);
            continue;
        }
        MUST(size <= s.n - at);
        check_value(c, (dk_slice){s.p + at, size});
        at += size;
    }
    MUST(at == s.n);
}

/* One row's fields from p on; where they end. */
static const uint8_t *
check_row(const dk_pg_column *columns, size_t n, const uint8_t *p, const uint8_t *end)
{
    size_t i;

    MUST(end - p >= 2 && (size_t)(p[0] << 8 | p[1]) == n);
    p += 2;
    for (i = 0; i < n; i++) {
        uint32_t size;

        MUST(end - p >= 4);
        size = read4(p);
        p += 4;
        if (size == UINT32_MAX) {
            MUST(columns[i].nullable);
            continue;
        }
        MUST(size <= (size_t)(end - p));
        (columns[i].array ? check_list : check_value)(&columns[i], (dk_slice){p, size});
        p += size;
    }
    return p;
}

static void
check_stream(const dk_pg_column *columns, size_t n, dk_slice s, size_t rows)
{
    const uint8_t *p = s.p + 19, *end = s.p + s.n - 2;

    MUST(s.n >= 21 && memcmp(s.p, "PGCOPY\n\377\r\n", 11) == 0 && end[0] == 0xFF && end[1] == 0xFF);
    while (rows-- > 0)
        p = check_row(columns, n, p, end);
    MUST(p == end);
}

/* Arrays of at most one row: its fields, one in each. */
static void
check_arrays(const dk_pg_column *columns, size_t n, dk_copy_block *block, dk_copy_part part, dk_slice s, size_t rows)
{
    const uint8_t *p = s.p + 21;
    dk_copy_arrays found;
    dk_error err;
    size_t i;

    for (i = 0; i < n && !columns[i].array; i++)
        continue;
    if (i < n) {
        MUST(dk_copy_block_arrays(block, part, &found, &err) == DK_EINVAL);
        return;
    }
    MUST(dk_copy_block_arrays(block, part, &found, &err) == DK_OK);
    MUST(found.n == n);
    for (i = 0; i < n; i++) {
        dk_slice a = found.list[i];

        check_list(&columns[i], a);
        MUST(read4(a.p) == rows);
        if (rows == 0)
            continue;
        MUST(read4(a.p + 12) == 1 && memcmp(p, a.p + 20, a.n - 20) == 0);
        p += a.n - 20;
    }
    MUST(rows == 0 || p == s.p + s.n - 2);
}

/* The columns of a record's first fields, as the bytes say. */
static size_t
make_columns(const dk_avro_code *c, dk_slice choice, dk_pg_column *columns)
{
    const dk_avro_op *root = &c->ops[c->root];
    const dk_avro_record *rec = &c->records[root->ref];
    size_t n = 0, i;

    if (root->code != DK_OP_RECORD)
        return 0;
    for (i = 0; i < choice.n && n < COLUMNS && n < rec->nfields; i++) {
        uint8_t b = choice.p[i];

        if ((b & 0x1F) >= DK_PG_KIND_COUNT) /* this field is no column */
            continue;
        columns[n] = (dk_pg_column){.size = sizeof *columns, .name = rec->fields[n].name, .nullable = n > 0};
        columns[n].kind = (dk_pg_kind)(b & 0x1F);
        columns[n].array = (b & 0x20) == 0 ? 0 : 1 + n % 2;
        columns[n].length = (b & 0x40) != 0 && columns[n].kind >= DK_PG_TEXT ? 3 : 0;
        columns[n].precision = (b & 0x40) != 0 && columns[n].kind == DK_PG_NUMERIC ? 7 : 0;
        columns[n].scale = (b & 0x40) != 0 ? 3 : 0;
        columns[n].form = (b & 0x80) != 0 ? DK_PG_FORM_HEX : DK_PG_FORM_NONE;
        columns[n].unit = (b & 0x80) != 0 ? DK_PG_UNIT_NANOS : DK_PG_UNIT_NONE;
        n++;
    }
    return n;
}

static void
run(dk_copy_plan *plan, dk_avro_program *program, const dk_pg_column *columns, size_t n, dk_slice value)
{
    dk_copy_reader *reader = NULL;
    dk_copy_block *block = NULL;
    dk_copy_message m = {NULL, NULL, {NULL, 0}, value};
    dk_copy_verdict verdict, again;
    dk_copy_streams s;
    dk_error err;

    MUST(dk_copy_reader_avro(plan, DK_COPY_VALUE, program, &reader, &err) == DK_OK);
    MUST(dk_copy_block_new(NULL, plan, &block, &err) == DK_OK);
    m.value_reader = reader;
    MUST(dk_copy_block_add(block, &m, &verdict, &err) == DK_OK);
    if (verdict != DK_COPY_ROW && verdict != DK_COPY_DELETED)
        fuzz_check_error(&err, SIZE_MAX);
    MUST(dk_copy_block_add(block, &m, &again, &err) == DK_OK);
    MUST(again == verdict);
    MUST(dk_copy_block_finish(block, &s, &err) == DK_OK);
    MUST(s.nrows == (verdict == DK_COPY_ROW) && s.ndeleted == (verdict == DK_COPY_DELETED));
    check_stream(columns, n, s.rows, s.nrows);
    check_stream(columns, 1, s.deleted, s.ndeleted);
    check_arrays(columns, n, block, DK_COPY_ROWS, s.rows, s.nrows);
    check_arrays(columns, 1, block, DK_COPY_KEYS, s.deleted, s.ndeleted);
    dk_copy_block_free(block);
    dk_copy_reader_free(reader);
}

int
fuzz_rows(const uint8_t *data, size_t n)
{
    dk_slice rest = {data, n}, json = fuzz_part(&rest), choice = fuzz_part(&rest);
    dk_pg_column columns[COLUMNS];
    dk_copy_plan_options options = {sizeof options, columns, 0, 1, true, NULL, NULL, false, false};
    dk_avro_schema *s = NULL;
    dk_avro_program *p = NULL;
    dk_copy_plan *plan = NULL;
    uint8_t *copy;
    dk_error err;

    if (json.n == 0 || dk_avro_schema_new(NULL, json, NULL, &s, &err) != DK_OK)
        return 0;
    copy = fuzz_copy(rest);
    if (dk_avro_program_new(NULL, s, NULL, &p, &err) == DK_OK) {
        options.ncolumns = make_columns(dk_avro_program_code(p), choice, columns);
        if (options.ncolumns > 0) {
            MUST(dk_copy_plan_new(NULL, &options, &plan, &err) == DK_OK);
            run(plan, p, columns, options.ncolumns, (dk_slice){copy, rest.n});
        }
    }
    free(copy);
    dk_copy_plan_unref(plan);
    dk_avro_program_unref(p);
    dk_avro_schema_unref(s);
    return 0;
}
