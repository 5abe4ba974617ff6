/* SPDX-License-Identifier: MIT
 *
 * What tests of src/pg share: writers of columns, and blocks with what fills them.
 */
#ifndef DK_TEST_PG_RIG_H
#define DK_TEST_PG_RIG_H

#include "avro_text.h"
#include "dk/pgcopy.h"
#include "dk_test.h"
#include "pg/kinds.h"

typedef struct pg_writer {
    dk_buf out;
    dk_error err;
    dk__pg_row row;
} pg_writer;

extern const dk__pg_meaning pg_plain;

/* A row whose placeholder is "N/A"; the checks free it. */
void pg_writer_init(pg_writer *w);
/* A column f of this kind, not nullable. */
dk_pg_column pg_column(dk_pg_kind kind);
/* st is DK_OK, and these bytes were written. */
void pg_check_written(pg_writer *w, dk_status st, const char *hex);
/* st is DK_ECOLUMN, and this is said. */
void pg_check_refused(pg_writer *w, dk_status st, const char *text);
void pg_check_odd(pg_writer *w, dk_status st);

void pg_text_is(dk_pg_column c, const char *text, const char *hex);
void pg_text_refused(dk_pg_column c, const char *text, const char *why);
void pg_number_refused(dk_pg_kind kind, uint8_t meaning, int64_t v, const char *why);

/* A block with what fills it; what is NULL is not there. */
typedef struct pg_bench {
    dk_copy_plan *plan;
    dk_copy_reader *key, *value;
    dk_copy_block *block;
} pg_bench;

/* Frees what is there. The bench is empty then. */
void pg_bench_fini(pg_bench *b);

#endif
