/* SPDX-License-Identifier: MIT
 *
 * The tree of a writer's schema, or of a writer's and a reader's together, becomes a flat program.
 *
 * Records are compiled from a work list, each pair of (writer's record, reader's record) once, so recursion in
 * schemas ends and depth costs no stack. What can never be read is compiled to FAIL; whether that matters is decided
 * at the end.
 */
#include <stdarg.h>
#include <stdio.h>

#include "codec/internal.h"

#define OPS_MAX (1u << 22)

/* A record that was asked for; its steps are made later. */
typedef struct work {
    const dk__type *w, *r; /* r NULL: as the writer has it */
} work;

typedef struct compiler {
    const dk_alloc *a;
    dk_avro_program *p;
    dk_avro_op *ops;
    const char **names;
    uint32_t nops, cap_ops;
    dk_avro_record *records;
    work *work;
    uint32_t nrecords, cap_records;
    uint32_t *memo; /* hash table: (w, r) -> index in work + 1 */
    uint32_t cap_memo;
    dk_avro_enum *enums;
    uint32_t nenums, cap_enums;
    dk_slice *consts;
    uint32_t nconsts, cap_consts;
    const char **texts;
    uint32_t ntexts, cap_texts;
    bool bad; /* out of memory, or too large */
    bool too_large;
} compiler;

struct dk_avro_program {
    const dk_alloc *a;
    atomic_uint refs;
    dk__arena arena;
    dk_avro_schema *writer, *reader;
    dk_avro_code code;
};

static void compile(compiler *c, uint32_t dst, const dk__type *w, const dk__type *r);

/* ---- growing tables: all return false when the compiler has given up ---- */

static bool
grow(compiler *c, void *table, uint32_t n, uint32_t *cap, size_t size)
{
    void **t = table;
    uint32_t want = *cap == 0 ? 16 : *cap * 2;
    void *p;

    if (n < *cap)
        return true;
    p = dk__realloc(c->a, *t, want, size);
    if (p == NULL) {
        c->bad = true;
        return false;
    }
    *t = p;
    *cap = want;
    return true;
}

/* n ops in a row; DK_AVRO_NONE when there is no room. */
static uint32_t
reserve_ops(compiler *c, uint32_t n)
{
    uint32_t at = c->nops, cap = c->cap_ops;

    if (n > OPS_MAX || at + n > OPS_MAX) {
        c->bad = c->too_large = true;
        return DK_AVRO_NONE;
    }
    if (at + n > cap) {
        dk_avro_op *ops;
        const char **names;

        while (cap < at + n)
            cap = cap == 0 ? 64 : cap * 2;
        ops = dk__realloc(c->a, c->ops, cap, sizeof *ops);
        if (ops != NULL)
            c->ops = ops;
        names = dk__realloc(c->a, c->names, cap, sizeof *names);
        if (names != NULL)
            c->names = names;
        if (ops == NULL || names == NULL) {
            c->bad = true;
            return DK_AVRO_NONE;
        }
        c->cap_ops = cap;
    }
    memset(c->ops + at, 0, n * sizeof *c->ops);
    memset(c->names + at, 0, n * sizeof *c->names);
    c->nops += n;
    return at;
}

static void *
alloc(compiler *c, size_t count, size_t size)
{
    void *p = dk__arena_calloc(&c->p->arena, count, size);

    if (p == NULL)
        c->bad = true;
    return p;
}

static uint32_t
add_const(compiler *c, dk_slice bytes)
{
    if (!grow(c, &c->consts, c->nconsts, &c->cap_consts, sizeof *c->consts))
        return 0;
    c->consts[c->nconsts] = bytes;
    return c->nconsts++;
}

static void put_fail(compiler *c, uint32_t dst, const char *fmt, ...) DK_PRINTF(3, 4);

static void
put_fail(compiler *c, uint32_t dst, const char *fmt, ...)
{
    char buf[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    if (!grow(c, &c->texts, c->ntexts, &c->cap_texts, sizeof *c->texts))
        return;
    c->texts[c->ntexts] = dk__arena_str(&c->p->arena, buf, strlen(buf));
    if (c->texts[c->ntexts] == NULL)
        c->bad = true;
    c->ops[dst].code = DK_OP_FAIL;
    c->ops[dst].ref = c->ntexts++;
}

/* ---- matching ---- */

static const char *
short_name(const char *full)
{
    const char *dot = strrchr(full, '.');

    return dot == NULL ? full : dot + 1;
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
static bool
matches(const dk__type *w, const dk__type *r)
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
        return matches(w->u.item, r->u.item);
    default:
        return true;
    }
}

/* ---- values ---- */

static uint32_t
memo_slot(const compiler *c, const work *list, const dk__type *w, const dk__type *r)
{
    uint64_t h =
        ((uint64_t)(uintptr_t)w >> 4) * 0x9E3779B97F4A7C15u ^ ((uint64_t)(uintptr_t)r >> 4) * 0xC2B2AE3D27D4EB4Fu;
    uint32_t i = (uint32_t)(h >> 32) & (c->cap_memo - 1);

    while (c->memo[i] != 0 && (list[c->memo[i] - 1].w != w || list[c->memo[i] - 1].r != r))
        i = (i + 1) & (c->cap_memo - 1);
    return i;
}

/* The record that reads w as r, put on the work list the first time. */
static uint32_t
find_record(compiler *c, const dk__type *w, const dk__type *r)
{
    uint32_t cap_work = c->cap_records, slot;

    if (c->nrecords >= c->cap_memo / 2) {
        uint32_t cap = c->cap_memo == 0 ? 32 : c->cap_memo * 2, i;
        uint32_t *memo = dk__calloc(c->a, cap, sizeof *memo);

        if (memo == NULL) {
            c->bad = true;
            return 0;
        }
        dk__free(c->a, c->memo);
        c->memo = memo;
        c->cap_memo = cap;
        for (i = 0; i < c->nrecords; i++)
            c->memo[memo_slot(c, c->work, c->work[i].w, c->work[i].r)] = i + 1;
    }
    slot = memo_slot(c, c->work, w, r);
    if (c->memo[slot] != 0)
        return c->memo[slot] - 1;
    if (!grow(c, &c->work, c->nrecords, &cap_work, sizeof *c->work) ||
        !grow(c, &c->records, c->nrecords, &c->cap_records, sizeof *c->records))
        return 0;
    c->work[c->nrecords] = (work){w, r};
    c->records[c->nrecords] = (dk_avro_record){.name = (r != NULL ? r : w)->name};
    c->memo[slot] = ++c->nrecords;
    return c->nrecords - 1;
}

static void
compile_enum(compiler *c, uint32_t dst, const dk__type *w, const dk__type *r)
{
    const dk__type *t = r != NULL ? r : w;
    uint32_t *map = NULL, dflt = DK_AVRO_NONE, i, k;
    bool same = true;
    dk__names known;

    if (!grow(c, &c->enums, c->nenums, &c->cap_enums, sizeof *c->enums))
        return;
    dk__names_init(&known, c->a);
    for (i = 0; i < t->n; i++) {
        if (dk__names_put(&known, t->u.symbols[i], &t->u.symbols[i]) == DK_ENOMEM)
            c->bad = true;
        if (t->default_symbol == t->u.symbols[i])
            dflt = i;
    }
    if (r != NULL && !c->bad && (map = alloc(c, w->n, sizeof *map)) != NULL) {
        for (i = 0; i < w->n; i++) {
            const char *const *s = dk__names_get(&known, w->u.symbols[i]);

            k = s == NULL ? dflt : (uint32_t)(s - t->u.symbols);
            map[i] = k;
            same = same && k == i;
        }
    }
    dk__names_fini(&known);
    c->enums[c->nenums] = (dk_avro_enum){t->name, t->u.symbols, t->n, same ? NULL : map, w->u.symbols, w->n};
    c->ops[dst].code = DK_OP_ENUM;
    c->ops[dst].ref = c->nenums++;
}

/* The branch of the reader's union that takes the writer's type: one of the same kind, else the first that it can be
 * promoted to; r->n if there is none. The specification says the first that matches, promotions included; then bytes
 * would be read as a string where both are branches, even with the very schema that they were written with. */
static uint32_t
pick_branch(const dk__type *w, const dk__type *r)
{
    uint32_t k;

    for (k = 0; k < r->n; k++)
        if (r->u.branches[k]->kind == w->kind && matches(w, r->u.branches[k]))
            return k;
    for (k = 0; k < r->n && !matches(w, r->u.branches[k]); k++)
        ;
    return k;
}

static void
compile_union(compiler *c, uint32_t dst, const dk__type *w, const dk__type *r)
{
    uint32_t first = reserve_ops(c, w->n), i, k;
    bool option = w->n == 2 && (w->u.branches[0]->kind == DK__NULL || w->u.branches[1]->kind == DK__NULL);

    if (first == DK_AVRO_NONE)
        return;
    for (i = 0; i < w->n && !c->bad; i++) {
        const dk__type *b = w->u.branches[i];

        if (r == NULL || r->kind != DK__UNION) {
            compile(c, first + i, b, r);
            k = i;
        } else {
            k = pick_branch(b, r);
            if (k == r->n)
                put_fail(c, first + i, "the writer's %.60s is none of the reader's union", b->name);
            else
                compile(c, first + i, b, r->u.branches[k]);
        }
        if (c->bad)
            return;
        c->ops[first + i].slot = k;
        c->names[first + i] = b->name;
    }
    for (i = 0; i < w->n; i++)
        option = option && (c->ops[first + i].code == DK_OP_NIL) == (w->u.branches[i]->kind == DK__NULL);
    option = option && c->ops[first].code != c->ops[first + 1].code;
    c->ops[dst] = (dk_avro_op){.code = option ? DK_OP_OPTION : DK_OP_UNION, .a = first, .n = w->n};
    if (option)
        c->ops[dst].ref = c->ops[first].code == DK_OP_NIL ? 0 : 1;
}

/* A reader's union whose writer has none. */
static void
compile_into_union(compiler *c, uint32_t dst, const dk__type *w, const dk__type *r)
{
    uint32_t k = pick_branch(w, r), inner;

    if (k == r->n) {
        put_fail(c, dst, "the writer's %.60s is none of the reader's union", w->name);
        return;
    }
    inner = reserve_ops(c, 1);
    if (inner == DK_AVRO_NONE)
        return;
    compile(c, inner, w, r->u.branches[k]);
    if (!c->bad)
        c->ops[dst] = (dk_avro_op){.code = DK_OP_BRANCH, .a = inner, .ref = k};
}

static dk_avro_opcode
opcode_of(const dk__type *w, const dk__type *r)
{
    static const uint8_t plain[] = {
        [DK__NULL] = DK_OP_NIL,    [DK__BOOLEAN] = DK_OP_BOOL,  [DK__INT] = DK_OP_INT,
        [DK__LONG] = DK_OP_LONG,   [DK__FLOAT] = DK_OP_FLOAT,   [DK__DOUBLE] = DK_OP_DOUBLE,
        [DK__BYTES] = DK_OP_BYTES, [DK__STRING] = DK_OP_STRING,
    };

    if (r == NULL || r->kind == w->kind || w->logical != DK_LOGICAL_NONE)
        return plain[w->kind];
    switch (w->kind) {
    case DK__STRING:
        return DK_OP_STRING_TO_BYTES;
    case DK__BYTES:
        return DK_OP_BYTES_TO_STRING;
    case DK__FLOAT:
        return DK_OP_FLOAT_TO_DOUBLE;
    default:
        return r->kind == DK__LONG ? DK_OP_LONG : DK_OP_LONG_TO_DOUBLE;
    }
}

/* Fills ops[dst], but for slot and name, with what reads a value of w as r (NULL: as it is). */
static void
compile(compiler *c, uint32_t dst, const dk__type *w, const dk__type *r)
{
    dk_avro_op *op;
    uint32_t inner;

    c->names[dst] = (r != NULL && r->kind != DK__UNION ? r : w)->name;
    if (w->kind == DK__UNION) {
        compile_union(c, dst, w, r);
        return;
    }
    if (r != NULL && r->kind == DK__UNION) {
        compile_into_union(c, dst, w, r);
        return;
    }
    if (r != NULL && !matches(w, r)) {
        put_fail(c, dst, "%.80s cannot be read as %.80s", w->name, r->name);
        return;
    }
    op = &c->ops[dst];
    op->logical = (uint8_t)w->logical;
    op->precision = w->precision;
    op->scale = (uint16_t)w->scale;
    switch (w->kind) {
    case DK__RECORD:
        inner = find_record(c, w, r);
        c->ops[dst].code = DK_OP_RECORD;
        c->ops[dst].ref = inner;
        break;
    case DK__ENUM:
        compile_enum(c, dst, w, r);
        break;
    case DK__FIXED:
        op->code = DK_OP_FIXED;
        op->n = w->size;
        break;
    case DK__ARRAY:
    case DK__MAP:
        op->code = w->kind == DK__ARRAY ? DK_OP_ARRAY : DK_OP_MAP;
        inner = reserve_ops(c, 1);
        if (inner == DK_AVRO_NONE)
            return;
        c->ops[dst].a = inner;
        compile(c, inner, w->u.item, r == NULL ? NULL : r->u.item);
        break;
    default:
        op->code = (uint8_t)opcode_of(w, r);
    }
}

/* ---- records ---- */

static const char *
describe(compiler *c, const dk__type *t)
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
    return dk__arena_str(&c->p->arena, buf, strlen(buf));
}

/* What is written for a field without a value: its default, else null where its type has null. */
static dk_slice
absent_value(compiler *c, const dk__field *f)
{
    dk_buf b;
    dk_slice out = {NULL, 0};
    uint32_t i;

    if (f->dflt.p != NULL || f->has_default)
        return f->dflt;
    if (f->type->kind == DK__NULL)
        return dk__arena_bytes(&c->p->arena, NULL, 0);
    if (f->type->kind != DK__UNION)
        return out;
    for (i = 0; i < f->type->n && f->type->u.branches[i]->kind != DK__NULL; i++)
        ;
    if (i == f->type->n)
        return out;
    dk_buf_init(&b, c->a);
    dk_buf_put_long(&b, i);
    if (b.st == DK_OK)
        out = dk__arena_bytes(&c->p->arena, b.p, b.n);
    c->bad = c->bad || out.p == NULL;
    dk_buf_fini(&b);
    return out;
}

static void
describe_fields(compiler *c, dk_avro_record *rec, const dk__type *t)
{
    dk_avro_field *fields = alloc(c, t->n, sizeof *fields);
    uint32_t *step_of = alloc(c, t->n, sizeof *step_of), i;

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
name_fields(compiler *c, const dk__type *r, dk__names *by_name)
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
compile_missing(compiler *c, uint32_t dst, uint32_t slot, const dk__type *r)
{
    const dk__field *f = &r->u.fields[slot];
    uint32_t inner, value;

    if (f->dflt.p == NULL) {
        put_fail(c, dst, "the writer's %.60s has no field %.60s, and the reader's %s", r->name, f->name,
                 f->has_default ? "default for it does not fit its type" : "has no default for it");
    } else {
        inner = reserve_ops(c, 1);
        value = add_const(c, f->dflt);
        if (c->bad)
            return;
        compile(c, inner, f->type, NULL);
        c->ops[dst] = (dk_avro_op){.code = DK_OP_DEFAULT, .a = inner, .ref = value};
    }
    c->ops[dst].slot = slot;
    c->names[dst] = f->type->name;
}

static void
compile_step(compiler *c, uint32_t dst, const dk__type *w, const dk__type *r, uint32_t slot)
{
    uint32_t inner;

    if (slot != DK_AVRO_NONE) {
        compile(c, dst, w, r);
    } else {
        inner = reserve_ops(c, 1);
        if (inner == DK_AVRO_NONE)
            return;
        compile(c, inner, w, NULL);
        if (!c->bad)
            c->ops[dst] = (dk_avro_op){.code = DK_OP_SKIP, .a = inner};
    }
    if (!c->bad)
        c->ops[dst].slot = slot;
}

static void
compile_resolved(compiler *c, uint32_t index, const dk__type *w, const dk__type *r)
{
    uint32_t *step_of = alloc(c, r->n, sizeof *step_of);
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
    first = reserve_ops(c, n);
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

static void
compile_record(compiler *c, uint32_t index)
{
    const dk__type *w = c->work[index].w, *r = c->work[index].r;
    uint32_t first, i;

    describe_fields(c, &c->records[index], r != NULL ? r : w);
    if (c->bad)
        return;
    if (r != NULL) {
        compile_resolved(c, index, w, r);
        return;
    }
    first = reserve_ops(c, w->n);
    if (first == DK_AVRO_NONE)
        return;
    for (i = 0; i < w->n && !c->bad; i++)
        compile_step(c, first + i, w->u.fields[i].type, NULL, i);
    c->records[index].first = first;
    c->records[index].nsteps = w->n;
}

/* ---- finishing ---- */

static uint32_t
least_size(const compiler *c, const dk_avro_op *op, const uint32_t *sizes)
{
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
    case DK_OP_DEFAULT:
    case DK_OP_FAIL:
        return 0;
    case DK_OP_FLOAT:
    case DK_OP_FLOAT_TO_DOUBLE:
        return 4;
    case DK_OP_DOUBLE:
        return 8;
    case DK_OP_FIXED:
        return op->n;
    case DK_OP_RECORD:
        return sizes[op->ref];
    case DK_OP_BRANCH:
    case DK_OP_SKIP:
        return least_size(c, &c->ops[op->a], sizes);
    default:
        return 1;
    }
}

/* How few bytes an item can take bounds how many there can be: from below, in a few rounds, as records may be
 * recursive. */
static bool
measure(compiler *c)
{
    uint32_t *sizes = dk__calloc(c->a, (size_t)c->nrecords + 1, sizeof *sizes), i, k;
    int round;

    if (sizes == NULL)
        return false;
    for (round = 0; round < 8; round++) {
        for (i = 0; i < c->nrecords; i++) {
            uint64_t sum = 0;

            for (k = 0; k < c->records[i].nsteps; k++)
                sum += least_size(c, &c->ops[c->records[i].first + k], sizes);
            sizes[i] = sum > 1u << 20 ? 1u << 20 : (uint32_t)sum;
        }
    }
    for (i = 0; i < c->nops; i++) {
        dk_avro_op *op = &c->ops[i];

        if (op->code == DK_OP_ARRAY)
            op->n = least_size(c, &c->ops[op->a], sizes);
        else if (op->code == DK_OP_MAP)
            op->n = 1 + least_size(c, &c->ops[op->a], sizes);
    }
    dk__free(c->a, sizes);
    return true;
}

/* Whether every value runs into a FAIL: looks through everything but unions, so deep that no real schema goes
 * further. seen has a flag for each record. */
static const char *
find_failure(const compiler *c, const dk_avro_op *op, bool *seen, dk_error *path, unsigned depth)
{
    const char *text = NULL;
    uint32_t i;

    if (depth == 0)
        return NULL;
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_FAIL:
        return c->texts[op->ref];
    case DK_OP_ARRAY:
    case DK_OP_MAP:
        text = find_failure(c, &c->ops[op->a], seen, path, depth - 1);
        if (text != NULL)
            dk_avro_path_field(path, op->code == DK_OP_ARRAY ? "[]" : "{}");
        return text;
    case DK_OP_BRANCH:
        return find_failure(c, &c->ops[op->a], seen, path, depth - 1);
    case DK_OP_UNION:
        for (i = 0; i < op->n; i++)
            if (c->ops[op->a + i].code != DK_OP_FAIL)
                return NULL;
        return op->n == 0 ? NULL : c->texts[c->ops[op->a].ref];
    case DK_OP_RECORD:
        if (seen[op->ref])
            return NULL;
        seen[op->ref] = true;
        for (i = 0; i < op->n && text == NULL; i++)
            text = find_failure(c, &c->ops[op->a + i], seen, path, depth - 1);
        if (text != NULL && c->ops[op->a + i - 1].slot != DK_AVRO_NONE)
            dk_avro_path_field(path, c->records[op->ref].fields[c->ops[op->a + i - 1].slot].name);
        return text;
    default:
        return NULL;
    }
}

static dk_status
check_failures(compiler *c, dk_error *err)
{
    bool *seen = dk__calloc(c->a, (size_t)c->nrecords + 1, sizeof *seen);
    dk_error path;
    const char *text;

    if (seen == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while compiling a schema");
    dk__error_clear(&path);
    text = find_failure(c, &c->ops[0], seen, &path, 1000);
    dk__free(c->a, seen);
    if (text == NULL)
        return DK_OK;
    (void)dk__error_set(err, DK_ESCHEMA, "the schemas do not go together: %s", text);
    if (err != NULL)
        memcpy(err->path, path.path, sizeof err->path);
    return DK_ESCHEMA;
}

/* Moves a table into the program's arena. */
static const void *
keep(compiler *c, const void *table, uint32_t n, size_t size)
{
    void *p = alloc(c, n, size);

    if (p != NULL && n > 0)
        memcpy(p, table, n * size);
    return p;
}

static void
finish(compiler *c)
{
    dk_avro_code *code = &c->p->code;
    uint32_t i;

    for (i = 0; i < c->nops; i++) {
        if (c->ops[i].code == DK_OP_RECORD) {
            c->ops[i].a = c->records[c->ops[i].ref].first;
            c->ops[i].n = c->records[c->ops[i].ref].nsteps;
        }
    }
    if (!measure(c)) {
        c->bad = true;
        return;
    }
    code->nops = c->nops;
    code->ops = keep(c, c->ops, c->nops, sizeof *c->ops);
    code->names = keep(c, c->names, c->nops, sizeof *c->names);
    code->nrecords = c->nrecords;
    code->records = keep(c, c->records, c->nrecords, sizeof *c->records);
    code->nenums = c->nenums;
    code->enums = keep(c, c->enums, c->nenums, sizeof *c->enums);
    code->nconsts = c->nconsts;
    code->consts = keep(c, c->consts, c->nconsts, sizeof *c->consts);
    code->ntexts = c->ntexts;
    code->texts = keep(c, c->texts, c->ntexts, sizeof *c->texts);
}

static dk_status
run(compiler *c, const dk_avro_schema *writer, const dk_avro_schema *reader, dk_error *err)
{
    uint32_t i;
    dk_status st = DK_OK;

    if (reserve_ops(c, 1) != DK_AVRO_NONE)
        compile(c, 0, writer->root, reader == NULL ? NULL : reader->root);
    for (i = 0; i < c->nrecords && !c->bad; i++)
        compile_record(c, i);
    if (!c->bad)
        finish(c);
    if (c->too_large)
        st = dk__error_set(err, DK_ESCHEMA, "the schema is too large: more than %u operations", OPS_MAX);
    else if (c->bad)
        st = dk__error_set(err, DK_ENOMEM, "out of memory while compiling a schema");
    else if (reader != NULL)
        st = check_failures(c, err);
    return st;
}

dk_status
dk_avro_program_new(const dk_alloc *a, dk_avro_schema *writer, dk_avro_schema *reader, dk_avro_program **out,
                    dk_error *err)
{
    compiler c = {.a = dk__alloc_or_libc(a)};
    dk_avro_program *p;
    dk_status st;

    dk__error_clear(err);
    if (writer == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no schema given");
    if (reader == writer)
        reader = NULL;
    p = dk__malloc(c.a, sizeof *p);
    if (p == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while compiling a schema");
    *p = (dk_avro_program){.a = c.a, .writer = dk_avro_schema_ref(writer), .reader = dk_avro_schema_ref(reader)};
    atomic_init(&p->refs, 1);
    dk__arena_init(&p->arena, c.a);
    p->code.resolved = reader != NULL;
    c.p = p;

    st = run(&c, writer, reader, err);

    dk__free(c.a, c.ops);
    dk__free(c.a, c.names);
    dk__free(c.a, c.records);
    dk__free(c.a, c.work);
    dk__free(c.a, c.memo);
    dk__free(c.a, c.enums);
    dk__free(c.a, c.consts);
    dk__free(c.a, c.texts);
    if (st != DK_OK)
        dk_avro_program_unref(p);
    else
        *out = p;
    return st;
}

dk_avro_program *
dk_avro_program_ref(dk_avro_program *p)
{
    if (p != NULL)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void
dk_avro_program_unref(dk_avro_program *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    dk_avro_schema_unref(p->writer);
    dk_avro_schema_unref(p->reader);
    dk__arena_fini(&p->arena);
    dk__free(p->a, p);
}

const dk_avro_code *
dk_avro_program_code(const dk_avro_program *p)
{
    return &p->code;
}
