/* SPDX-License-Identifier: MIT
 *
 * A writer's type, or a writer's and a reader's together, becomes ops. What can never be read is compiled to FAIL;
 * whether that matters is decided at the end (readable.c).
 */
#include "codec/compile.h"

/* For each of the writer's symbols the reader's, else the reader's default; NULL when they are the same. */
static const uint32_t *
map_symbols(dk__compiler *c, const dk__type *w, const dk__type *r)
{
    uint32_t *map = dk__compiler_alloc(c, w->n, sizeof *map), dflt = DK_AVRO_NONE, i;
    bool same = true;
    dk__names known;

    dk__names_init(&known, c->a);
    for (i = 0; i < r->n; i++) {
        if (dk__names_put(&known, r->u.symbols[i], &r->u.symbols[i]) == DK_ENOMEM)
            c->bad = true;
        if (r->default_symbol == r->u.symbols[i])
            dflt = i;
    }
    for (i = 0; i < w->n && !c->bad; i++) {
        const char *const *s = dk__names_get(&known, w->u.symbols[i]);

        map[i] = s == NULL ? dflt : (uint32_t)(s - r->u.symbols);
        same = same && map[i] == i;
    }
    dk__names_fini(&known);
    return same ? NULL : map;
}

static void
compile_enum(dk__compiler *c, uint32_t dst, const dk__type *w, const dk__type *r)
{
    const dk__type *t = r != NULL ? r : w;
    bool made;
    uint32_t i = dk__find_enum(c, w, r, &made);

    if (c->bad)
        return;
    if (made)
        c->enums[i] =
            (dk_avro_enum){t->name, t->u.symbols, t->n, r == NULL ? NULL : map_symbols(c, w, r), w->u.symbols, w->n};
    c->ops[dst].code = DK_OP_ENUM;
    c->ops[dst].ref = i;
}

static void
compile_union(dk__compiler *c, uint32_t dst, const dk__type *w, const dk__type *r)
{
    uint32_t first = dk__reserve_ops(c, w->n), i, k;
    bool option = w->n == 2 && (w->u.branches[0]->kind == DK__NULL || w->u.branches[1]->kind == DK__NULL);

    if (first == DK_AVRO_NONE)
        return;
    for (i = 0; i < w->n && !c->bad; i++) {
        const dk__type *b = w->u.branches[i];

        if (r == NULL || r->kind != DK__UNION) {
            dk__compile_type(c, first + i, b, r);
            k = i;
        } else {
            k = dk__pick_branch(b, r);
            if (k == r->n)
                dk__put_fail(c, first + i, "the writer's %.60s is none of the reader's union", b->name);
            else
                dk__compile_type(c, first + i, b, r->u.branches[k]);
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
compile_into_union(dk__compiler *c, uint32_t dst, const dk__type *w, const dk__type *r)
{
    uint32_t k = dk__pick_branch(w, r), inner;

    if (k == r->n) {
        dk__put_fail(c, dst, "the writer's %.60s is none of the reader's union", w->name);
        return;
    }
    inner = dk__reserve_ops(c, 1);
    if (inner == DK_AVRO_NONE)
        return;
    dk__compile_type(c, inner, w, r->u.branches[k]);
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
void
dk__compile_type(dk__compiler *c, uint32_t dst, const dk__type *w, const dk__type *r)
{
    dk_avro_op *op;
    uint32_t inner;

    c->names[dst] = (r != NULL && r->kind != DK__UNION ? r : w)->name;
    c->connect[dst] = (dk_avro_connect){w->connect, w->connect_scale};
    if (w->kind == DK__UNION) {
        compile_union(c, dst, w, r);
        return;
    }
    if (r != NULL && r->kind == DK__UNION) {
        compile_into_union(c, dst, w, r);
        return;
    }
    if (r != NULL && !dk__types_match(w, r)) {
        dk__put_fail(c, dst, "%.80s cannot be read as %.80s", w->name, r->name);
        return;
    }
    op = &c->ops[dst];
    op->logical = (uint8_t)w->logical;
    op->precision = w->precision;
    op->scale = (uint16_t)w->scale;
    switch (w->kind) {
    case DK__RECORD:
        inner = dk__find_record(c, w, r);
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
        inner = dk__reserve_ops(c, 1);
        if (inner == DK_AVRO_NONE)
            return;
        c->ops[dst].a = inner;
        dk__compile_type(c, inner, w->u.item, r == NULL ? NULL : r->u.item);
        break;
    default:
        op->code = (uint8_t)opcode_of(w, r);
    }
}
