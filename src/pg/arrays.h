/* SPDX-License-Identifier: MIT
 *
 * Rows of COPY by columns: arrays of one dimension in PostgreSQL's binary form.
 */
#ifndef DK_PG_ARRAYS_H
#define DK_PG_ARRAYS_H

#include "pg/reader.h"

/* One that is filled. */
typedef struct dk__pg_array {
    size_t n; /* bytes, in the end */
    uint8_t *to;
    bool nulls;
} dk__pg_array;

typedef struct dk__pg_arrays {
    const dk_alloc *a;
    dk_buf bytes; /* one array behind the other */
    dk_slice *list;
    dk__pg_array *filled; /* as many */
} dk__pg_arrays;

void dk__pg_arrays_init(dk__pg_arrays *t, const dk_alloc *a);
void dk__pg_arrays_fini(dk__pg_arrays *t);

/* dk__pg_arrays_make - the first n columns of the plan, which is the same in each call, from rows that have no
 * others; nothing is in front of the rows or behind them. t->list has n slices then, until the next call. Errors:
 * DK_EINVAL: a column is an array itself, or would be a larger one than PostgreSQL takes; DK_ENOMEM.
 */
DK_MUST_CHECK dk_status dk__pg_arrays_make(dk__pg_arrays *t, const dk_copy_plan *plan, size_t n, dk_slice rows,
                                           dk_error *err);

#endif
