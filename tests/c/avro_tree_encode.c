/* SPDX-License-Identifier: MIT
 *
 * Trees become bytes: see avro_tree.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "avro_tree.h"

typedef struct dk_source_run {
    const dk_avro_code *c;
    dk_buf *out;
    dk_error *err;
    uint32_t depth, empty;
    long held; /* items that were given and not released */
    int open;
} dk_source_run;

typedef const avro_tree *dk_source_given;

typedef struct dk_source_cursor {
    const avro_tree *tree;
    size_t i;
} dk_source_cursor;

static bool
dk_source_refuse(dk_source_run *e, const char *text)
{
    *e->err = (dk_error){.code = DK_EAVRO};
    snprintf(e->err->text, sizeof e->err->text, "%s", text);
    return false;
}

static bool
dk_source_null(dk_source_run *e, const avro_tree *t)
{
    MUST(t->kind == AVRO_NULL);
    return true;
}

static bool
dk_source_bool(dk_source_run *e, const avro_tree *t)
{
    MUST(t->kind == AVRO_BOOL);
    dk_buf_put_byte(e->out, t->u.truth);
    return true;
}

/* An int that was read may be one that cannot be written: its bytes were those of a long. */
static bool
dk_source_long(dk_source_run *e, const dk_avro_op *op, const avro_tree *t)
{
    MUST(t->kind == AVRO_LONG);
    return dk_avro_put_integer(e->out, op, t->u.number) || dk_source_refuse(e, "the number does not fit into an int");
}

static bool
dk_source_double(dk_source_run *e, const dk_avro_op *op, const avro_tree *t)
{
    MUST(t->kind == AVRO_DOUBLE);
    dk_avro_put_real(e->out, op, t->u.real);
    return true;
}

static bool
dk_source_bytes(dk_source_run *e, const dk_avro_op *op, const avro_tree *t)
{
    MUST(t->kind == AVRO_BYTES && dk_avro_put_raw(e->out, op, t->u.bytes.p, t->u.bytes.n));
    return true;
}

static bool
dk_source_text(dk_source_run *e, const dk_avro_op *op, const avro_tree *t)
{
    MUST(t->kind == AVRO_TEXT && dk_avro_put_raw(e->out, op, t->u.bytes.p, t->u.bytes.n));
    return true;
}

static bool
dk_source_enum(dk_source_run *e, const dk_avro_op *op, const avro_tree *t)
{
    MUST(t->kind == AVRO_ENUM && t->u.e.symbol < e->c->enums[op->ref].nsymbols);
    dk_buf_put_long(e->out, t->u.e.symbol);
    return true;
}

static bool
dk_source_branch(dk_source_run *e, const dk_avro_op *op, const avro_tree **t, uint32_t *branch)
{
    *branch = (*t)->branch;
    return true;
}

static bool
dk_source_record_begin(dk_source_run *e, const dk_avro_op *op, const avro_tree *t, dk_source_cursor *cursor)
{
    MUST(t->kind == AVRO_RECORD);
    *cursor = (dk_source_cursor){.tree = t};
    return true;
}

static int
dk_source_record_next(dk_source_run *e, const dk_avro_op *op, uint32_t i, dk_source_cursor *cursor,
                      const avro_tree **item)
{
    const avro_item *it = &cursor->tree->u.of.items[cursor->i];

    MUST(cursor->i++ < cursor->tree->u.of.n && it->slot == i);
    *item = it->value;
    e->held++;
    return 1;
}

static bool
dk_source_array_begin(dk_source_run *e, const dk_avro_op *op, const avro_tree *t, dk_source_cursor *cursor, size_t *n)
{
    MUST(t->kind == (op->code == DK_OP_MAP ? AVRO_MAP : AVRO_ARRAY));
    *cursor = (dk_source_cursor){.tree = t};
    *n = t->u.of.n;
    e->open++;
    return true;
}

static bool
dk_source_array_next(dk_source_run *e, size_t i, dk_source_cursor *cursor, const avro_tree **item)
{
    MUST(i == cursor->i++ && i < cursor->tree->u.of.n);
    *item = cursor->tree->u.of.items[i].value;
    e->held++;
    return true;
}

static bool
dk_source_array_end(dk_source_run *e, dk_source_cursor *cursor)
{
    MUST(cursor->i == cursor->tree->u.of.n);
    e->open--;
    return true;
}

static bool
dk_source_map_begin(dk_source_run *e, const dk_avro_op *op, const avro_tree *t, dk_source_cursor *cursor, size_t *n)
{
    return dk_source_array_begin(e, op, t, cursor, n);
}

static bool
dk_source_map_next(dk_source_run *e, size_t i, dk_source_cursor *cursor, const avro_tree **item)
{
    dk_slice key = cursor->tree->u.of.items[i].key;

    dk_buf_put_long(e->out, (int64_t)key.n);
    dk_buf_put(e->out, key.p, key.n);
    return dk_source_array_next(e, i, cursor, item);
}

static bool
dk_source_map_end(dk_source_run *e, dk_source_cursor *cursor)
{
    return dk_source_array_end(e, cursor);
}

static void
dk_source_map_path(dk_source_run *e, dk_source_cursor *cursor)
{
    dk_avro_path_key(e->err, cursor->tree->u.of.items[cursor->i - 1].key);
}

static void
dk_source_release(dk_source_run *e, const avro_tree *t)
{
    e->held--;
}

static void
dk_source_drop(dk_source_run *e, dk_source_cursor *cursor)
{
    e->open--;
}

#include "dk/avro_encode.h"

dk_status
avro_tree_encode(const dk_avro_program *p, const avro_tree *t, dk_buf *out, dk_error *err)
{
    dk_source_run e = {dk_avro_program_code(p), out, err, DK_AVRO_DEPTH, DK_AVRO_EMPTY, 0, 0};
    size_t mark = out->n;
    bool ok = dk_avro_encode(&e, &e.c->ops[e.c->root], t);

    MUST(e.held == 0 && e.open == 0 && e.depth == DK_AVRO_DEPTH);
    if (ok && out->st == DK_OK)
        return DK_OK;
    out->n = mark;
    return ok ? out->st : DK_EAVRO;
}
