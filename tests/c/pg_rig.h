/* SPDX-License-Identifier: MIT
 *
 * What the tests of the writers of columns share.
 */
#ifndef DK_TEST_PG_RIG_H
#define DK_TEST_PG_RIG_H

#include "avro_text.h"
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

#endif
