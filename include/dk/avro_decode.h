/* SPDX-License-Identifier: MIT
 *
 * The walk over a value's bytes, for a sink that makes something of the parts. The binding's sink makes Python
 * objects, that of the tests JSON, that of the fuzzers a tree; the walk is this one for all of them. So what is
 * fuzzed is what ships, and no callback stands between a byte and what is made of it.
 *
 * This is a template: a source file that includes it has defined these types before,
 *
 *   dk_sink_run     a struct that begins with `const dk_avro_code *c; dk_avro_reader r;`
 *   dk_sink_value   what is made of a value: a pointer or a bool. NULL or false: it failed, and r.err says
 *                   why, unless the sink knows better
 *   dk_sink_frame   what is kept while a record, array or map is being made
 *
 * and these static functions, whose names begin with dk_sink_. Slices are borrowed from the bytes; `at` is where a
 * value begins, for errors about it.
 *
 *   value null(run *)
 *   value bool(run *, bool)
 *   value long(run *, op, int64_t, at)           int, long
 *   value double(run *, op, double)              float, double
 *   value bytes(run *, op, dk_slice)             bytes, fixed
 *   value text(run *, op, dk_slice, at)          string; it is the sink that checks that it is UTF-8
 *   value enum(run *, op, uint32_t)              index of the reader's symbol
 *   bool branch(run *, uint32_t)                 of a union: the value of this branch follows
 *
 *   bool record_begin(run *, op, frame *)        at most op->n values follow
 *   bool record_field(run *, op, step)           the value of field step->slot follows
 *   bool record_put(run *, frame *, step, value)
 *   value record_end(run *, op, frame *)
 *
 *   bool items_begin(run *, op, frame *)         of an array or map
 *   bool items_more(run *, frame *, uint64_t)    so many follow: announced, not sure to be there
 *   bool array_put(run *, frame *, value)
 *   value array_end(run *, frame *)
 *   bool map_key(run *, frame *, dk_slice, at)   UTF-8 as above; the value of the key follows
 *   bool map_put(run *, frame *, value)
 *   value map_end(run *, frame *)
 *
 *   void drop(run *, frame *)                    instead of the end, when something in it failed
 *   void discard(run *, value)                   a whole value, behind which bytes are left over
 *
 * The puts take the value, also when they return false. Fields come in the order in which the writer wrote them,
 * those with defaults behind them. The header then defines
 *
 *   static value dk_avro_decode(run *, op)       one value at r
 *   static value dk_avro_decode_whole(run *)     the root's value, with which the bytes end
 *
 * Bytes are never trusted: lengths are checked against what is left, depth and the number of items without bytes are
 * bounded by r. The walk itself allocates nothing. Threads: any; the program may be in use by others.
 */
#ifndef DK_AVRO_DECODE_H
#define DK_AVRO_DECODE_H

#include "dk/avro_ops.h"

static dk_sink_value dk_avro_decode(dk_sink_run *d, const dk_avro_op *op);
static dk_sink_value dk_avro_decode_record(dk_sink_run *d, const dk_avro_op *op);
static dk_sink_value dk_avro_decode_nested(dk_sink_run *d, const dk_avro_op *op);

/* What is nearly always a record goes there at once: the root, an item. */
static inline dk_sink_value
dk_avro_decode_item(dk_sink_run *d, const dk_avro_op *op)
{
    return op->code == DK_OP_RECORD ? dk_avro_decode_nested(d, op) : dk_avro_decode(d, op);
}

static dk_sink_value
dk_avro_decode_array(dk_sink_run *d, const dk_avro_op *op)
{
    const dk_avro_op *item = &d->c->ops[op->a];
    dk_avro_block block = {0};
    dk_sink_frame frame;
    uint64_t i = 0;

    if (!dk_sink_items_begin(d, op, &frame))
        return 0;
    while (dk_avro_next_block(&d->r, op, &block)) {
        if (block.count == 0)
            return dk_sink_array_end(d, &frame);
        if (!dk_sink_items_more(d, &frame, block.count))
            break;
        for (; block.count > 0; block.count--, i++) {
            dk_sink_value v = dk_avro_decode_item(d, item);

            if (!v || !dk_sink_array_put(d, &frame, v)) {
                dk_avro_path_index(d->r.err, i);
                goto fail;
            }
        }
    }
fail:
    dk_sink_drop(d, &frame);
    return 0;
}

static dk_sink_value
dk_avro_decode_map(dk_sink_run *d, const dk_avro_op *op)
{
    const dk_avro_op *item = &d->c->ops[op->a];
    dk_avro_block block = {0};
    dk_sink_frame frame;
    dk_slice key;

    if (!dk_sink_items_begin(d, op, &frame))
        return 0;
    while (dk_avro_next_block(&d->r, op, &block)) {
        if (block.count == 0)
            return dk_sink_map_end(d, &frame);
        if (!dk_sink_items_more(d, &frame, block.count))
            break;
        for (; block.count > 0; block.count--) {
            const uint8_t *at = d->r.p;
            dk_sink_value v;

            if (!dk_avro_read_bytes(&d->r, &key) || !dk_sink_map_key(d, &frame, key, at))
                goto fail;
            v = dk_avro_decode_item(d, item);
            if (!v || !dk_sink_map_put(d, &frame, v)) {
                dk_avro_path_key(d->r.err, key);
                goto fail;
            }
        }
    }
fail:
    dk_sink_drop(d, &frame);
    return 0;
}

static dk_sink_value
dk_avro_decode_nested(dk_sink_run *d, const dk_avro_op *op)
{
    dk_sink_value v;

    if (!dk_avro_enter(&d->r))
        return 0;
    v = op->code == DK_OP_RECORD  ? dk_avro_decode_record(d, op)
        : op->code == DK_OP_ARRAY ? dk_avro_decode_array(d, op)
                                  : dk_avro_decode_map(d, op);
    dk_avro_leave(&d->r);
    return v;
}

/* A value that the writer did not write is read from its constant; positions stay those of the input. */
static dk_sink_value
dk_avro_decode_default(dk_sink_run *d, const dk_avro_op *op)
{
    dk_avro_reader input = d->r;
    dk_sink_value v;

    d->r.start = d->r.p = d->c->consts[op->ref].p;
    d->r.end = d->r.p + d->c->consts[op->ref].n;
    v = dk_avro_decode(d, &d->c->ops[op->a]);
    input.empty = d->r.empty;
    d->r = input;
    if (!v && d->r.err != NULL)
        d->r.err->pos = (size_t)(d->r.p - d->r.start);
    return v;
}

/* Inline in the loop over a record's fields, where nearly all values are read. */
static inline __attribute__((always_inline)) dk_sink_value
dk_avro_decode_here(dk_sink_run *d, const dk_avro_op *op)
{
    const uint8_t *at;
    dk_slice s = {NULL, 0};
    int64_t l;
    double f = 0;
    uint32_t u;
    bool b = false;

again:
    at = d->r.p;
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return dk_sink_null(d);
    case DK_OP_BOOL:
        return dk_avro_read_bool(&d->r, &b) ? dk_sink_bool(d, b) : 0;
    case DK_OP_INT:
    case DK_OP_LONG:
        return dk_avro_read_long(&d->r, &l) ? dk_sink_long(d, op, l, at) : 0;
    case DK_OP_LONG_TO_DOUBLE:
        return dk_avro_read_long(&d->r, &l) ? dk_sink_double(d, op, (double)l) : 0;
    case DK_OP_FLOAT:
    case DK_OP_FLOAT_TO_DOUBLE:
        return dk_avro_read_float(&d->r, &f) ? dk_sink_double(d, op, f) : 0;
    case DK_OP_DOUBLE:
        return dk_avro_read_double(&d->r, &f) ? dk_sink_double(d, op, f) : 0;
    case DK_OP_BYTES:
    case DK_OP_STRING_TO_BYTES:
        return dk_avro_read_bytes(&d->r, &s) ? dk_sink_bytes(d, op, s) : 0;
    case DK_OP_STRING:
    case DK_OP_BYTES_TO_STRING:
        return dk_avro_read_bytes(&d->r, &s) ? dk_sink_text(d, op, s, at) : 0;
    case DK_OP_FIXED:
        return dk_avro_read_raw(&d->r, op->n, &s) ? dk_sink_bytes(d, op, s) : 0;
    case DK_OP_ENUM:
        return dk_avro_read_enum(&d->r, &d->c->enums[op->ref], &u) ? dk_sink_enum(d, op, u) : 0;
    case DK_OP_UNION:
    case DK_OP_OPTION:
        if (!dk_avro_read_branch(d->c, &d->r, op, &op) || !dk_sink_branch(d, op->slot))
            return 0;
        goto again;
    case DK_OP_BRANCH:
        if (!dk_sink_branch(d, op->ref))
            return 0;
        op = &d->c->ops[op->a];
        goto again;
    case DK_OP_ARRAY:
    case DK_OP_MAP:
    case DK_OP_RECORD:
        return dk_avro_decode_nested(d, op);
    case DK_OP_DEFAULT:
        return dk_avro_decode_default(d, op);
    case DK_OP_FAIL:
        dk_avro_reader_fail(&d->r, d->r.p, "%s", d->c->texts[op->ref]);
        return 0;
    case DK_OP_SKIP: /* only a step of a record, see there */
    case DK_OP_COUNT:
        break;
    }
    dk_avro_reader_fail(&d->r, d->r.p, "unknown operation %d", op->code);
    return 0;
}

static dk_sink_value
dk_avro_decode(dk_sink_run *d, const dk_avro_op *op)
{
    return dk_avro_decode_here(d, op);
}

static dk_sink_value
dk_avro_decode_record(dk_sink_run *d, const dk_avro_op *op)
{
    const dk_avro_op *step = &d->c->ops[op->a], *end = step + op->n;
    dk_sink_frame frame;

    if (!dk_sink_record_begin(d, op, &frame))
        return 0;
    for (; step < end; step++) {
        dk_sink_value v;

        if (step->code == DK_OP_SKIP) {
            if (!dk_avro_skip_value(d->c, &d->r, step))
                goto fail;
            continue;
        }
        if (!dk_sink_record_field(d, op, step))
            goto fail;
        v = dk_avro_decode_here(d, step);
        if (!v || !dk_sink_record_put(d, &frame, step, v))
            goto fail;
    }
    return dk_sink_record_end(d, op, &frame);
fail:
    dk_sink_drop(d, &frame);
    if (step->slot != DK_AVRO_NONE)
        dk_avro_path_field(d->r.err, d->c->records[op->ref].fields[step->slot].name);
    return 0;
}

static inline dk_sink_value
dk_avro_decode_whole(dk_sink_run *d)
{
    dk_sink_value v = dk_avro_decode_item(d, &d->c->ops[d->c->root]);

    if (!v || d->r.p == d->r.end)
        return v;
    dk_avro_reader_fail(&d->r, d->r.p, "%zu bytes are left over after the value", (size_t)(d->r.end - d->r.p));
    dk_sink_discard(d, v);
    return 0;
}

#endif
