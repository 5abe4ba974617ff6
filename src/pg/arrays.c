/* SPDX-License-Identifier: MIT
 *
 * Rows of COPY by columns.
 *
 * A field of a row and an item of an array have the same form, a length and bytes. The rows are walked once to know
 * how large each array becomes, and once to put the fields there.
 */
#include "pg/arrays.h"

#include "pg/kinds.h"

#define LARGEST ((size_t)1 << 30) /* bytes that PostgreSQL takes as one value */

static uint32_t
load4(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

void
dk__pg_arrays_init(dk__pg_arrays *t, const dk_alloc *a)
{
    *t = (dk__pg_arrays){.a = a};
    dk_buf_init(&t->bytes, a);
}

void
dk__pg_arrays_fini(dk__pg_arrays *t)
{
    dk_buf_fini(&t->bytes);
    dk__free(t->a, t->list);
    dk__free(t->a, t->filled);
}

static dk_status
make_room(dk__pg_arrays *t, const dk_copy_plan *plan)
{
    if (t->list == NULL)
        t->list = dk__calloc(t->a, plan->ncolumns, sizeof *t->list);
    if (t->filled == NULL)
        t->filled = dk__calloc(t->a, plan->ncolumns, sizeof *t->filled);
    return t->list != NULL && t->filled != NULL ? DK_OK : DK_ENOMEM;
}

/* Of the items. A text may have another type than text in the end: it is the statement that says so. */
static dk_pg_kind
kind_of(const dk_pg_column *c)
{
    return c->kind == DK_PG_VARCHAR ? DK_PG_TEXT : c->kind;
}

/* Walks the rows. put: the fields go where they belong, else what they need is added up. How many rows there are. */
static uint32_t
walk(dk__pg_array *arrays, size_t n, dk_slice rows, bool put)
{
    const uint8_t *p = rows.p, *end = rows.p + rows.n;
    uint32_t nrows = 0;

    for (; p < end; nrows++) {
        p += 2; /* the number of fields */
        for (size_t i = 0; i < n; i++) {
            uint32_t length = load4(p);
            size_t size = length == UINT32_MAX ? 4 : 4 + (size_t)length;

            if (put) {
                memcpy(arrays[i].to, p, size);
                arrays[i].to += size;
            } else {
                arrays[i].n += size;
                arrays[i].nulls = arrays[i].nulls || length == UINT32_MAX;
            }
            p += size;
        }
    }
    return nrows;
}

dk_status
dk__pg_arrays_make(dk__pg_arrays *t, const dk_copy_plan *plan, size_t n, dk_slice rows, dk_error *err)
{
    uint32_t nrows;
    size_t i, head;

    for (i = 0; i < n; i++)
        if (plan->columns[i].array)
            return dk__error_set(err, DK_EINVAL, "the column %.100s is an array", plan->columns[i].name);
    if (make_room(t, plan) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "out of memory while making arrays");
    memset(t->filled, 0, n * sizeof *t->filled);
    nrows = walk(t->filled, n, rows, false);
    head = dk__pg_list_head_size(nrows);
    for (i = 0; i < n; i++)
        if (t->filled[i].n > LARGEST - head)
            return dk__error_set(err, DK_EINVAL, "the column %.100s is too large", plan->columns[i].name);
    t->bytes.n = 0;
    if (!dk_buf_reserve(&t->bytes, rows.n + n * head)) {
        t->bytes.st = DK_OK;
        return dk__error_set(err, DK_ENOMEM, "out of memory while making arrays");
    }
    for (i = 0; i < n; i++) {
        uint8_t *p = t->bytes.p + t->bytes.n;

        t->list[i] = (dk_slice){p, head + t->filled[i].n};
        dk__pg_list_head(p, kind_of(&plan->columns[i]), nrows, t->filled[i].nulls);
        t->filled[i].to = p + head;
        t->bytes.n += t->list[i].n;
    }
    (void)walk(t->filled, n, rows, true);
    return DK_OK;
}
