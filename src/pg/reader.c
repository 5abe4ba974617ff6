/* SPDX-License-Identifier: MIT
 *
 * What all readers have in common.
 */
#include <stdarg.h>
#include <stdio.h>

#include "pg/reader.h"

void
dk__copy_reader_init(dk_copy_reader *r, const dk__copy_reader_type *type, dk_copy_plan *plan, dk_copy_side side)
{
    *r = (dk_copy_reader){.type = type, .plan = dk_copy_plan_ref(plan), .side = side};
    r->first = side == DK_COPY_VALUE && !plan->key_in_value ? plan->nkey : 0;
    r->end = side == DK_COPY_VALUE ? plan->ncolumns : plan->nkey;
}

void
dk__copy_reader_set_odd(dk_copy_reader *r, const char *fmt, ...)
{
    va_list ap;

    if (r->odd[0] != '\0')
        return;
    va_start(ap, fmt);
    vsnprintf(r->odd, sizeof r->odd, fmt, ap);
    va_end(ap);
}

uint32_t
dk__copy_column_of(const dk_copy_reader *r, const char *name, size_t n)
{
    uint32_t i;

    for (i = r->first; i < r->end; i++)
        if (strlen(r->plan->columns[i].name) == n && memcmp(r->plan->columns[i].name, name, n) == 0)
            return i;
    return r->plan->ncolumns;
}

void
dk_copy_reader_free(dk_copy_reader *r)
{
    dk_copy_plan *plan;

    if (r == NULL)
        return;
    plan = r->plan;
    r->type->free(r);
    dk__free(plan->a, r);
    dk_copy_plan_unref(plan);
}

const char *
dk_copy_reader_odd(const dk_copy_reader *r)
{
    return r->odd[0] == '\0' ? NULL : r->odd;
}
