/* SPDX-License-Identifier: MIT
 *
 * The steps of a record: the writer's fields in their order, then what the reader has beyond them.
 *
 * Records are compiled from a work list, each pair of (writer's record, reader's record) once, so recursion in
 * schemas ends and depth costs no stack.
 */
#include <stdio.h>

#include "codec/compile.h"

static const char *
describe(dk__compiler *c, const dk__type *t)
{
    char buf[200];
    size_t n;
    uint32_t i;

    if (t->kind == DK__ARRAY || t->kind == DK__MAP) {
        snprintf(buf, sizeof buf, "%s of %.100s", t->name, t->u.item->name);
    } else if (t->kind == DK__UNION) {
        n = (size_t)snprintf(buf, sizeof buf, "union of");
        for (i = 0; i < t->n && n < sizeof buf - 80; i++)
            n += (size_t)snprintf(buf + n, sizeof buf - n, "%s %.60s", i == 0 ? "" : ",", t->u.branches[i]->name);
    } else {
        return t->name;
    }
    return dk__arena_str(c->arena, buf, strlen(buf));
}

/* What is written for a field without a value: its default, else null where its type has null. */
static dk_slice
absent_value(dk__compiler *c, const dk__field *f)
{
    dk_buf b;
    dk_slice out = {NULL, 0};
    uint32_t i;

    if (f->dflt.p != NULL || f->has_default)
        return f->dflt;
    if (f->type->kind == DK__NULL)
        return dk__arena_bytes(c->arena, NULL, 0);
    if (f->type->kind != DK__UNION)
        return out;
    for (i = 0; i < f->type->n && f->type->u.branches[i]->kind != DK__NULL; i++)
        ;
    if (i == f->type->n)
        return out;
    dk_buf_init(&b, c->a);
    dk_buf_put_long(&b, i);
    if (b.st == DK_OK)
        out = dk__arena_bytes(c->arena, b.p, b.n);
    c->bad = c->bad || out.p == NULL;
    dk_buf_fini(&b);
    return out;
}

static void
describe_fields(dk__compiler *c, dk_avro_record *rec, const dk__type *t)
{
    dk_avro_field *fields = dk__compiler_alloc(c, t->n, sizeof *fields);
    uint32_t *step_of = dk__compiler_alloc(c, t->n, sizeof *step_of), i;

    if (c->bad)
        return;
    for (i = 0; i < t->n; i++) {
        const dk__field *f = &t->u.fields[i];

        fields[i] =
            (dk_avro_field){.name = f->name, .size = (uint32_t)strlen(f->name), .has_default = f->has_default};
        fields[i].absent = absent_value(c, f);
        fields[i].type = describe(c, f->type);
        step_of[i] = i;
        c->bad = c->bad || fields[i].type == NULL;
    }
    rec->fields = fields;
    rec->nfields = t->n;
    rec->step_of = step_of;
}

/* The field of r that takes the writer's field f: by name, else by alias. taken marks those that have one. */
static uint32_t
find_field(const dk__names *by_name, const dk__type *r, const char *name, const bool *taken)
{
    const dk__field *f = dk__names_get(by_name, name);
    uint32_t i = f == NULL ? DK_AVRO_NONE : (uint32_t)(f - r->u.fields);

    return i != DK_AVRO_NONE && taken[i] ? DK_AVRO_NONE : i;
}

static bool
name_fields(dk__compiler *c, const dk__type *r, dk__names *by_name)
{
    uint32_t i, k;

    for (i = 0; i < r->n; i++)
        if (dk__names_put(by_name, r->u.fields[i].name, &r->u.fields[i]) == DK_ENOMEM)
            return false;
    for (i = 0; i < r->n; i++)
        for (k = 0; k < r->u.fields[i].naliases; k++)
            if (dk__names_put(by_name, r->u.fields[i].aliases[k], &r->u.fields[i]) == DK_ENOMEM)
                return false;
    return true;
}

/* A field that the writer does not write. */
static void
compile_missing(dk__compiler *c, uint32_t dst, uint32_t slot, const dk__type *r)
{
    const dk__field *f = &r->u.fields[slot];
    uint32_t inner, value;

    if (f->dflt.p == NULL) {
        dk__put_fail(c, dst, "the writer's %.60s has no field %.60s, and the reader's %s", r->name, f->name,
                     f->has_default ? "default for it does not fit its type" : "has no default for it");
    } else {
        inner = dk__reserve_ops(c, 1);
        value = dk__add_const(c, f->dflt);
        if (c->bad)
            return;
        dk__compile_type(c, inner, f->type, NULL);
        c->ops[dst] = (dk_avro_op){.code = DK_OP_DEFAULT, .a = inner, .ref = value};
    }
    c->ops[dst].slot = slot;
    c->names[dst] = f->type->name;
}

static void
compile_step(dk__compiler *c, uint32_t dst, const dk__type *w, const dk__type *r, uint32_t slot)
{
    uint32_t inner;

    if (slot != DK_AVRO_NONE) {
        dk__compile_type(c, dst, w, r);
    } else {
        inner = dk__reserve_ops(c, 1);
        if (inner == DK_AVRO_NONE)
            return;
        dk__compile_type(c, inner, w, NULL);
        if (!c->bad)
            c->ops[dst] = (dk_avro_op){.code = DK_OP_SKIP, .a = inner};
    }
    if (!c->bad)
        c->ops[dst].slot = slot;
}

static void
compile_resolved(dk__compiler *c, uint32_t index, const dk__type *w, const dk__type *r)
{
    uint32_t *step_of = dk__compiler_alloc(c, r->n, sizeof *step_of);
    uint32_t *slots = dk__calloc(c->a, (size_t)w->n + 1, sizeof *slots);
    bool *taken = dk__calloc(c->a, (size_t)r->n + 1, sizeof *taken);
    uint32_t i, n = w->n, first;
    dk__names by_name;

    dk__names_init(&by_name, c->a);
    if (step_of == NULL || slots == NULL || taken == NULL || !name_fields(c, r, &by_name)) {
        c->bad = true;
        goto out;
    }
    for (i = 0; i < w->n; i++) {
        slots[i] = find_field(&by_name, r, w->u.fields[i].name, taken);
        if (slots[i] != DK_AVRO_NONE) {
            taken[slots[i]] = true;
            step_of[slots[i]] = i;
        }
    }
    for (i = 0; i < r->n; i++)
        if (!taken[i])
            step_of[i] = n++;
    first = dk__reserve_ops(c, n);
    if (first == DK_AVRO_NONE)
        goto out;
    for (i = 0; i < w->n && !c->bad; i++)
        compile_step(c, first + i, w->u.fields[i].type, slots[i] == DK_AVRO_NONE ? NULL : r->u.fields[slots[i]].type,
                     slots[i]);
    for (i = 0; i < r->n && !c->bad; i++)
        if (!taken[i])
            compile_missing(c, first + step_of[i], i, r);
    c->records[index].step_of = step_of;
    c->records[index].first = first;
    c->records[index].nsteps = n;
out:
    dk__names_fini(&by_name);
    dk__free(c->a, slots);
    dk__free(c->a, taken);
}

void
dk__compile_record(dk__compiler *c, uint32_t index)
{
    const dk__type *w = c->record_pairs.pairs[index].w, *r = c->record_pairs.pairs[index].r;
    uint32_t first, i;

    describe_fields(c, &c->records[index], r != NULL ? r : w);
    if (c->bad)
        return;
    if (r != NULL) {
        compile_resolved(c, index, w, r);
        return;
    }
    first = dk__reserve_ops(c, w->n);
    if (first == DK_AVRO_NONE)
        return;
    for (i = 0; i < w->n && !c->bad; i++)
        compile_step(c, first + i, w->u.fields[i].type, NULL, i);
    c->records[index].first = first;
    c->records[index].nsteps = w->n;
}
