/* SPDX-License-Identifier: MIT
 *
 * The mirror of avro_decode.h: the walk over a schema that asks a source for the parts of a value and writes them.
 * The binding's source takes Python objects apart, that of the tests JSON, that of the fuzzers a tree.
 *
 * This is a template: a source file that includes it has defined these types before,
 *
 *   dk_source_run      a struct with `const dk_avro_code *c; dk_buf *out; dk_error *err; uint32_t depth, empty`;
 *                      depth: levels of records, arrays and maps that are still allowed; empty: items without bytes
 *   dk_source_given    what names a value: a pointer
 *   dk_source_cursor   what is kept while a record, array or map is being read
 *
 * and these static functions, whose names begin with dk_source_. A bool that is false says that the value does not
 * fit: then err tells why, unless the source knows better.
 *
 *   bool refuse(run *, const char *text)                       puts this text into err; false
 *
 *   bool null(run *, given)                                    checks that it is none: nothing is written
 *   bool bool(run *, given)
 *   bool long(run *, op, given)                                int, long: dk_avro_put_integer()
 *   bool double(run *, op, given)                              float, double: dk_avro_put_real()
 *   bool bytes(run *, op, given)                               bytes, fixed: dk_avro_put_raw()
 *   bool text(run *, op, given)                                string: a length and valid UTF-8
 *   bool enum(run *, op, given)                                the number of the symbol
 *   bool branch(run *, op, given *, uint32_t *)                of a union; the value may become a part of it
 *
 *   bool record_begin(run *, op, given, cursor *)
 *   int record_next(run *, op, uint32_t i, cursor *, given *)  the value of field i: 1, 0 if there is none, -1 failed
 *
 *   bool array_begin(run *, op, given, cursor *, size_t *)     so many items
 *   bool array_next(run *, size_t i, cursor *, given *)
 *   bool array_end(run *, cursor *)
 *   bool map_begin(run *, op, given, cursor *, size_t *)
 *   bool map_next(run *, size_t i, cursor *, given *)          writes the key, as text() does, and gives its value
 *   bool map_end(run *, cursor *)
 *   void map_path(run *, cursor *)                             puts that key in front of err->path
 *
 *   void release(run *, given)                                 what a `next` gave
 *   void drop(run *, cursor *)                                 instead of the end of an array or map
 *
 * The header then defines
 *
 *   static bool dk_avro_encode(run *, op, given)
 *
 * What was written before a failure is the caller's to cut off, who also looks at out->st. Threads: any; out is the
 * caller's.
 */
#ifndef DK_AVRO_ENCODE_H
#define DK_AVRO_ENCODE_H

#include "dk/avro_ops.h"

static bool dk_avro_encode(dk_source_run *e, const dk_avro_op *op, dk_source_given v);

static bool
dk_avro_encode_record(dk_source_run *e, const dk_avro_op *op, dk_source_given v)
{
    const dk_avro_field *field = e->c->records[op->ref].fields;
    const dk_avro_op *step = &e->c->ops[op->a];
    dk_source_cursor cursor;
    uint32_t i;

    if (!dk_source_record_begin(e, op, v, &cursor))
        return false;
    for (i = 0; i < op->n; i++, field++, step++) {
        dk_source_given item = 0;
        int found = dk_source_record_next(e, op, i, &cursor, &item);
        bool ok = found >= 0;

        if (found > 0) {
            ok = dk_avro_encode(e, step, item);
            dk_source_release(e, item);
        } else if (found == 0 && field->absent.p != NULL) {
            dk_buf_put(e->out, field->absent.p, field->absent.n);
        } else if (found == 0) {
            ok = dk_source_refuse(e, "the value is missing, and the schema has no default for it");
        }
        if (!ok) {
            dk_avro_path_field(e->err, field->name);
            return false;
        }
    }
    return true;
}

static bool
dk_avro_encode_array(dk_source_run *e, const dk_avro_op *op, dk_source_given v)
{
    dk_source_cursor cursor;
    size_t n = 0, i;

    if (!dk_source_array_begin(e, op, v, &cursor, &n))
        return false;
    if (op->n == 0 && n > e->empty) {
        (void)dk_source_refuse(e, "too many items that take no bytes");
        goto fail;
    }
    if (op->n == 0)
        e->empty -= (uint32_t)n;
    if (n > 0)
        dk_buf_put_long(e->out, (int64_t)n);
    for (i = 0; i < n; i++) {
        dk_source_given item = 0;
        bool ok;

        if (!dk_source_array_next(e, i, &cursor, &item))
            goto fail;
        ok = dk_avro_encode(e, &e->c->ops[op->a], item);
        dk_source_release(e, item);
        if (!ok) {
            dk_avro_path_index(e->err, i);
            goto fail;
        }
    }
    dk_buf_put_byte(e->out, 0);
    return dk_source_array_end(e, &cursor);
fail:
    dk_source_drop(e, &cursor);
    return false;
}

static bool
dk_avro_encode_map(dk_source_run *e, const dk_avro_op *op, dk_source_given v)
{
    dk_source_cursor cursor;
    size_t n = 0, i;

    if (!dk_source_map_begin(e, op, v, &cursor, &n))
        return false;
    if (n > 0)
        dk_buf_put_long(e->out, (int64_t)n);
    for (i = 0; i < n; i++) {
        dk_source_given item = 0;
        bool ok;

        if (!dk_source_map_next(e, i, &cursor, &item))
            goto fail;
        ok = dk_avro_encode(e, &e->c->ops[op->a], item);
        if (!ok)
            dk_source_map_path(e, &cursor);
        dk_source_release(e, item);
        if (!ok)
            goto fail;
    }
    dk_buf_put_byte(e->out, 0);
    return dk_source_map_end(e, &cursor);
fail:
    dk_source_drop(e, &cursor);
    return false;
}

static bool
dk_avro_encode_nested(dk_source_run *e, const dk_avro_op *op, dk_source_given v)
{
    bool ok;

    if (e->depth == 0)
        return dk_source_refuse(e, "nested too deeply");
    e->depth--;
    ok = op->code == DK_OP_RECORD  ? dk_avro_encode_record(e, op, v)
         : op->code == DK_OP_ARRAY ? dk_avro_encode_array(e, op, v)
                                   : dk_avro_encode_map(e, op, v);
    e->depth++;
    return ok;
}

static bool
dk_avro_encode(dk_source_run *e, const dk_avro_op *op, dk_source_given v)
{
    uint32_t branch;

again:
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return dk_source_null(e, v);
    case DK_OP_BOOL:
        return dk_source_bool(e, v);
    case DK_OP_INT:
    case DK_OP_LONG:
        return dk_source_long(e, op, v);
    case DK_OP_FLOAT:
    case DK_OP_DOUBLE:
        return dk_source_double(e, op, v);
    case DK_OP_BYTES:
    case DK_OP_FIXED:
        return dk_source_bytes(e, op, v);
    case DK_OP_STRING:
        return dk_source_text(e, op, v);
    case DK_OP_ENUM:
        return dk_source_enum(e, op, v);
    case DK_OP_UNION:
    case DK_OP_OPTION:
        if (!dk_source_branch(e, op, &v, &branch))
            return false;
        if (branch >= op->n)
            return dk_source_refuse(e, "the union has no such branch");
        if (branch < 64)
            dk_buf_put_byte(e->out, (uint8_t)(branch << 1));
        else
            dk_buf_put_long(e->out, branch);
        op = &e->c->ops[op->a + branch];
        goto again;
    case DK_OP_RECORD:
    case DK_OP_ARRAY:
    case DK_OP_MAP:
        return dk_avro_encode_nested(e, op, v);
#define XX(name, text, wire, operands) case DK_OP_##name:
        DK_AVRO_READER_OP_MAP(XX)
#undef XX
    case DK_OP_COUNT:
        break;
    }
    return dk_source_refuse(e, "a schema made for a reader cannot encode");
}

#endif
