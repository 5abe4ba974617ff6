/* SPDX-License-Identifier: MIT
 *
 * What the files share that make and run readers: a plan, and a reader as the block knows it.
 */
#ifndef DK_PG_READER_H
#define DK_PG_READER_H

#include <stdatomic.h>

#include "pg/value.h"

#define DK__PG_COLUMNS_MAX 1600 /* PostgreSQL's */

struct dk_copy_plan {
    const dk_alloc *a;
    atomic_uint refs;
    dk_pg_column *columns;
    uint32_t ncolumns;
    uint32_t nkey;
    bool key_in_value;
    char *placeholder;
    char *deleted;
    bool odd_tombstones, versioned;
};

/* What a reader has found in the bytes of a message. */
typedef enum dk__copy_found {
    DK__COPY_ROW,  /* all its columns are written */
    DK__COPY_GONE, /* the row is deleted; the key's columns are written if they are this reader's */
    DK__COPY_NULL  /* nothing is there, nothing is written */
} dk__copy_found;

/* How a reader of some kind works: the struct of that kind begins with the dk_copy_reader. */
typedef struct dk__copy_reader_type {
    /* Appends the fields of the reader's columns, in their order; row->key_end is then where those of the key end, if
     * they are this reader's. DK_ECOLUMN, DK_EAVRO, DK_EJSON: row->err says why, or row->odd is set. */
    dk_status (*read)(const dk_copy_reader *r, dk_slice bytes, dk__pg_row *row, dk__copy_found *found);
    void (*free)(dk_copy_reader *r); /* all but what is in dk_copy_reader, and the memory of r itself */
} dk__copy_reader_type;

struct dk_copy_reader {
    const dk__copy_reader_type *type;
    dk_copy_plan *plan;
    dk_copy_side side;
    uint32_t first, end; /* its columns, of the plan's */
    char odd[160];       /* why all values are odd; "": they are not */
};

/* reader.c - fills in what all readers have, with a reference to the plan; and gives it back. */
void dk__copy_reader_init(dk_copy_reader *r, const dk__copy_reader_type *type, dk_copy_plan *plan, dk_copy_side side);
/* The text of r->odd, the first time. */
void dk__copy_reader_set_odd(dk_copy_reader *r, const char *fmt, ...) DK_PRINTF(2, 3);
/* The number of the reader's column that a field of this name goes into: plan->ncolumns if there is none. */
uint32_t dk__copy_column_of(const dk_copy_reader *r, const char *name, size_t n);

/* meaning.c - what a schema's name for a semantic type says (connect.name of Avro, name of Connect's JSON); PLAIN for
 * one that is not known. scale is that of its parameters. */
dk__pg_meaning dk__pg_meaning_of(const char *name, int32_t scale);

#endif
