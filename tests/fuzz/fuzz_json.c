/* SPDX-License-Identifier: MIT
 *
 * Rows from JSON: a byte for options and one for each column, after a 0xFE a message, after another a second one.
 * What the reader has learned from the first makes no difference to the second: not what becomes of it, not a byte of
 * its row, not a word of the error.
 */
#include "dk/pgcopy.h"
#include "fuzz.h"
#include "pg/json_scan.h"

#define COLUMNS 8

static const char *const names[COLUMNS] = {"id",           "a",     "b",      "op",
                                           "na\xC3\xAFve", "price", "schema", "long_name_of_a_field"};

typedef struct outcome {
    dk_copy_verdict verdict;
    dk_error err;
    char text[sizeof((dk_error *)NULL)->text];
    dk_copy_streams streams;
    dk_copy_block *block;
    dk_copy_reader *readers[2];
} outcome;

static void
add(outcome *o, dk_slice value)
{
    dk_copy_message m = {o->readers[DK_COPY_KEY], o->readers[DK_COPY_VALUE], {(const uint8_t *)"7", 1}, value};

    MUST(dk_copy_block_add(o->block, &m, &o->verdict, &o->err) == DK_OK);
    if (o->verdict != DK_COPY_ROW && o->verdict != DK_COPY_DELETED)
        fuzz_check_error(&o->err, value.n);
    memcpy(o->text, o->err.text, sizeof o->text);
    MUST(dk_copy_block_finish(o->block, &o->streams, &o->err) == DK_OK);
}

static void
begin(outcome *o, dk_copy_plan *plan, const dk_copy_json_options *options)
{
    dk_error err;

    MUST(dk_copy_block_new(NULL, plan, &o->block, &err) == DK_OK);
    MUST(dk_copy_reader_json(plan, DK_COPY_KEY, options, &o->readers[DK_COPY_KEY], &err) == DK_OK);
    MUST(dk_copy_reader_json(plan, DK_COPY_VALUE, options, &o->readers[DK_COPY_VALUE], &err) == DK_OK);
}

static void
end(outcome *o)
{
    dk_copy_block_free(o->block);
    dk_copy_reader_free(o->readers[DK_COPY_KEY]);
    dk_copy_reader_free(o->readers[DK_COPY_VALUE]);
}

static void
check_same(const outcome *a, const outcome *b)
{
    MUST(a->verdict == b->verdict);
    MUST(strcmp(a->text, b->text) == 0);
    MUST(a->streams.nrows == b->streams.nrows && a->streams.ndeleted == b->streams.ndeleted);
    MUST(a->streams.rows.n == b->streams.rows.n);
    MUST(memcmp(a->streams.rows.p, b->streams.rows.p, a->streams.rows.n) == 0);
    MUST(a->streams.deleted.n == b->streams.deleted.n);
    MUST(memcmp(a->streams.deleted.p, b->streams.deleted.p, a->streams.deleted.n) == 0);
}

static void
run(dk_copy_plan *plan, const dk_copy_json_options *options, dk_slice first, dk_slice second)
{
    outcome learned = {0}, fresh = {0}, again;

    begin(&learned, plan, options);
    begin(&fresh, plan, options);
    add(&learned, first);
    dk_copy_block_clear(learned.block);
    add(&learned, second);
    add(&fresh, second);
    check_same(&learned, &fresh);
    /* and once more, as it is expected now */
    again = fresh;
    dk_copy_block_clear(again.block);
    add(&again, second);
    check_same(&again, &learned);
    end(&learned);
    end(&fresh);
}

/* What is no JSON for the tokenizer is none for a column, and the other way round. */
static void
check_document(dk_slice text)
{
    dk_error err, strict;
    dk_status st = dk__json_check(text, false, &err);

    MUST(st == DK_OK || st == DK_EJSON);
    if (st != DK_OK)
        fuzz_check_error(&err, text.n);
    MUST(dk__json_check(text, true, &strict) != DK_OK || st == DK_OK);
}

int
fuzz_json(const uint8_t *data, size_t n)
{
    static const char *const ignored[] = {"b"}, *const refused[] = {"long_name_of_a_field"};
    dk_slice rest = {data, n}, choice = fuzz_part(&rest), first = fuzz_part(&rest);
    dk_copy_json_options json = {.size = sizeof json, .ignored = ignored, .refused = refused};
    uint8_t *one = fuzz_copy(first), *two = fuzz_copy(rest);
    dk_copy_plan_options options = {.size = sizeof options};
    dk_pg_column columns[COLUMNS];
    dk_copy_plan *plan = NULL;
    dk_error err;
    size_t i;

    for (i = 1; i < choice.n && i <= COLUMNS; i++) {
        uint8_t b = choice.p[i];

        columns[i - 1] = (dk_pg_column){.size = sizeof *columns, .name = names[i - 1], .nullable = i > 1};
        columns[i - 1].kind = (dk_pg_kind)((b & 0x1F) % DK_PG_KIND_COUNT);
        columns[i - 1].array = (b & 0x20) == 0 ? 0 : 1 + i % 2;
        columns[i - 1].form = (dk_pg_form)((b >> 6) % 4 == 3 ? DK_PG_FORM_HSTORE : b >> 6);
    }
    if (i > 1) {
        options = (dk_copy_plan_options){.size = sizeof options, .columns = columns, .ncolumns = i - 1, .nkey = 1};
        options.key_in_value = (choice.p[0] & 1) != 0;
        json.ignore_others = (choice.p[0] & 2) != 0;
        json.connect = (dk_copy_connect)((choice.p[0] >> 2 & 3) % 3);
        json.nignored = (choice.p[0] & 16) != 0;
        json.nrefused = (choice.p[0] & 32) != 0;
        MUST(dk_copy_plan_new(NULL, &options, &plan, &err) == DK_OK);
        run(plan, &json, (dk_slice){one, first.n}, (dk_slice){two, rest.n});
        dk_copy_plan_unref(plan);
    }
    check_document((dk_slice){two, rest.n});
    free(one);
    free(two);
    return 0;
}
