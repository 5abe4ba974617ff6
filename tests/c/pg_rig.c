/* SPDX-License-Identifier: MIT
 *
 * See pg_rig.h.
 */
#include "pg_rig.h"

void
pg_writer_init(pg_writer *w)
{
    dk_buf_init(&w->out, dk_test_alloc());
    memset(&w->err, 0, sizeof w->err);
    w->row = (dk__pg_row){.out = &w->out, .err = &w->err, .placeholder = avro_slice("N/A")};
}

dk_pg_column
pg_column(dk_pg_kind kind)
{
    return (dk_pg_column){.size = sizeof(dk_pg_column), .name = "f", .kind = kind};
}

const dk__pg_meaning pg_plain = {DK__PG_PLAIN, 0};

void
pg_check_written(pg_writer *w, dk_status st, const char *hex)
{
    dk_buf want;

    CHECK_OK_ERR(st, &w->err);
    CHECK_OK(w->out.st);
    dk_buf_init(&want, NULL);
    avro_unhex(hex, &want);
    CHECK_MEM(w->out.p, w->out.n, want.p, want.n);
    dk_buf_fini(&want);
    dk_buf_fini(&w->out);
}

void
pg_check_refused(pg_writer *w, dk_status st, const char *text)
{
    CHECK_STATUS(st, DK_ECOLUMN);
    CHECK(w->row.odd == NULL);
    CHECK_STR(w->err.path, "f");
    CHECK_CONTAINS(w->err.text, text);
    CHECK_EQ(w->err.code, DK_ECOLUMN);
    dk_buf_fini(&w->out);
}

void
pg_check_odd(pg_writer *w, dk_status st)
{
    CHECK_STATUS(st, DK_ECOLUMN);
    CHECK(w->row.odd != NULL);
    CHECK_STR(w->err.path, "f");
    dk_buf_fini(&w->out);
}

void
pg_text_is(dk_pg_column c, const char *text, const char *hex)
{
    pg_writer w;

    pg_writer_init(&w);
    pg_check_written(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice(text)), hex);
}

void
pg_text_refused(dk_pg_column c, const char *text, const char *why)
{
    pg_writer w;

    pg_writer_init(&w);
    pg_check_refused(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice(text)), why);
}

void
pg_number_refused(dk_pg_kind kind, uint8_t meaning, int64_t v, const char *why)
{
    dk_pg_column c = pg_column(kind);
    pg_writer w;

    pg_writer_init(&w);
    pg_check_refused(&w, dk__pg_put_int(&w.row, &c, (dk__pg_meaning){meaning, 0}, v), why);
}

void
pg_bench_fini(pg_bench *b)
{
    dk_copy_block_free(b->block);
    dk_copy_reader_free(b->key);
    dk_copy_reader_free(b->value);
    dk_copy_plan_unref(b->plan);
    *b = (pg_bench){NULL};
}
