/* SPDX-License-Identifier: MIT
 *
 * Which of a reader's types takes a writer's: names, promotions, branches of unions.
 */
#include "codec/compile.h"

static const char *
short_name(const char *full)
{
    const char *dot = strrchr(full, '.');

    return dot == NULL ? full : dot + 1;
}

/* Whether a reader's named type is the writer's by its full name, or by an alias. */
static bool
full_names_match(const dk__type *w, const dk__type *r)
{
    uint32_t i;

    if (strcmp(w->name, r->name) == 0)
        return true;
    for (i = 0; i < r->naliases; i++)
        if (strcmp(r->aliases[i], w->name) == 0)
            return true;
    return false;
}

/* Whether a reader's named type means the writer's: same name without namespace, or an alias. */
static bool
names_match(const dk__type *w, const dk__type *r)
{
    uint32_t i;

    if (strcmp(short_name(w->name), short_name(r->name)) == 0)
        return true;
    for (i = 0; i < r->naliases; i++)
        if (strcmp(r->aliases[i], w->name) == 0 || strcmp(short_name(r->aliases[i]), short_name(w->name)) == 0)
            return true;
    return false;
}

static bool
promotes(dk__kind w, dk__kind r)
{
    switch (w) {
    case DK__INT:
        return r == DK__LONG || r == DK__FLOAT || r == DK__DOUBLE;
    case DK__LONG:
        return r == DK__FLOAT || r == DK__DOUBLE;
    case DK__FLOAT:
        return r == DK__DOUBLE;
    case DK__STRING:
        return r == DK__BYTES;
    case DK__BYTES:
        return r == DK__STRING;
    default:
        return false;
    }
}

/* Whether some value of w can be read as r, seen from outside: fields of records are looked at when they are
 * compiled. */
bool
dk__types_match(const dk__type *w, const dk__type *r)
{
    if (w->kind == DK__UNION || r->kind == DK__UNION)
        return true;
    if (w->kind != r->kind)
        return promotes(w->kind, r->kind);
    switch (w->kind) {
    case DK__RECORD:
    case DK__ENUM:
        return names_match(w, r);
    case DK__FIXED:
        return w->size == r->size && names_match(w, r);
    case DK__ARRAY:
    case DK__MAP:
        return dk__types_match(w->u.item, r->u.item);
    default:
        return true;
    }
}

static bool
is_named(const dk__type *t)
{
    return t->kind == DK__RECORD || t->kind == DK__ENUM || t->kind == DK__FIXED;
}

/* The branch of the reader's union that takes the writer's type: the one of its full name, else the first of the same
 * kind that matches, else the first that it can be promoted to; r->n if there is none. The specification says the
 * first that matches, by short names and promotions too; then a v2.Order would be read as a v1.Order, and bytes as a
 * string, where both are branches, even with the very schema that they were written with. */
uint32_t
dk__pick_branch(const dk__type *w, const dk__type *r)
{
    uint32_t k;

    for (k = 0; k < r->n && is_named(w); k++)
        if (r->u.branches[k]->kind == w->kind && dk__types_match(w, r->u.branches[k]) &&
            full_names_match(w, r->u.branches[k]))
            return k;
    for (k = 0; k < r->n; k++)
        if (r->u.branches[k]->kind == w->kind && dk__types_match(w, r->u.branches[k]))
            return k;
    for (k = 0; k < r->n && !dk__types_match(w, r->u.branches[k]); k++)
        ;
    return k;
}
