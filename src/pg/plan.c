/* SPDX-License-Identifier: MIT
 *
 * Plans: the columns, checked and copied.
 */
#include "pg/reader.h"

#define PLACEHOLDER "__debezium_unavailable_value"
#define DELETED "__deleted"

static const char *const kind_texts[] = {
#define XX(name, text, sql, oid) text,
    DK_PG_KIND_MAP(XX)
#undef XX
};

dk_pg_kind
dk_pg_kind_of(const char *text)
{
    int k = 0;

    while (k < DK_PG_KIND_COUNT && strcmp(kind_texts[k], text) != 0)
        k++;
    return (dk_pg_kind)k;
}

static dk_status
check_column(const dk_pg_column *c, dk_error *err)
{
    if (c->size != sizeof *c || c->name == NULL || (unsigned)c->kind >= DK_PG_KIND_COUNT)
        return dk__error_set(err, DK_EINVAL, "a column without a name, of no known kind or of another version");
    if (c->array > DK__PG_DIMENSIONS_MAX)
        return dk__error_set(err, DK_EINVAL, "column %.100s: an array has at most %d dimensions", c->name,
                             DK__PG_DIMENSIONS_MAX);
    if (c->precision > 1000 || c->scale < -1000 || c->scale > 1000)
        return dk__error_set(err, DK_EINVAL, "column %.100s: no numeric(%u,%d)", c->name, c->precision, c->scale);
    if ((unsigned)c->form > DK_PG_FORM_HSTORE || (unsigned)c->unit > DK_PG_UNIT_NANOS)
        return dk__error_set(err, DK_EINVAL, "column %.100s: unknown form or unit", c->name);
    return DK_OK;
}

static dk_status
check(const dk_copy_plan_options *o, dk_error *err)
{
    size_t i, k;
    dk_status st;

    if (o == NULL || o->size != sizeof *o || o->columns == NULL)
        return dk__error_set(err, DK_EINVAL, "no columns given");
    if (o->ncolumns == 0 || o->ncolumns > DK__PG_COLUMNS_MAX || o->nkey == 0 || o->nkey > o->ncolumns)
        return dk__error_set(err, DK_EINVAL, "%zu columns, %zu of them the key: PostgreSQL takes 1 to %d",
                             o->ncolumns, o->nkey, DK__PG_COLUMNS_MAX);
    for (i = 0; i < o->ncolumns; i++) {
        st = check_column(&o->columns[i], err);
        if (st != DK_OK)
            return st;
        for (k = 0; k < i; k++)
            if (strcmp(o->columns[i].name, o->columns[k].name) == 0)
                return dk__error_set(err, DK_EINVAL, "the column %.100s is there twice", o->columns[i].name);
    }
    return DK_OK;
}

dk_status
dk_copy_plan_new(const dk_alloc *a, const dk_copy_plan_options *options, dk_copy_plan **out, dk_error *err)
{
    dk_copy_plan *p;
    dk_status st;
    size_t i;

    dk__error_clear(err);
    st = check(options, err);
    if (st != DK_OK || out == NULL)
        return st != DK_OK ? st : dk__error_set(err, DK_EINVAL, "no place for the plan given");
    a = dk__alloc_or_libc(a);
    p = dk__calloc(a, 1, sizeof *p);
    if (p == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while making a plan");
    p->a = a;
    atomic_init(&p->refs, 1);
    p->nkey = (uint32_t)options->nkey;
    p->key_in_value = options->key_in_value;
    p->odd_tombstones = options->odd_tombstones;
    p->versioned = options->versioned;
    p->placeholder = dk__strdup(a, options->placeholder != NULL ? options->placeholder : PLACEHOLDER);
    p->deleted = dk__strdup(a, options->deleted != NULL ? options->deleted : DELETED);
    p->columns = dk__calloc(a, options->ncolumns, sizeof *p->columns);
    for (i = 0; p->columns != NULL && i < options->ncolumns; i++) {
        p->columns[i] = options->columns[i];
        p->columns[i].name = dk__strdup(a, options->columns[i].name);
        p->ncolumns++;
        if (p->columns[i].name == NULL)
            break;
    }
    if (p->placeholder == NULL || p->deleted == NULL || p->ncolumns < options->ncolumns ||
        p->columns[p->ncolumns - 1].name == NULL) {
        dk_copy_plan_unref(p);
        return dk__error_set(err, DK_ENOMEM, "out of memory while making a plan");
    }
    *out = p;
    return DK_OK;
}

dk_copy_plan *
dk_copy_plan_ref(dk_copy_plan *p)
{
    if (p != NULL)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void
dk_copy_plan_unref(dk_copy_plan *p)
{
    uint32_t i;

    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (i = 0; i < p->ncolumns; i++)
        dk__free(p->a, p->columns[i].name);
    dk__free(p->a, p->columns);
    dk__free(p->a, p->placeholder);
    dk__free(p->a, p->deleted);
    dk__free(p->a, p);
}
