/* SPDX-License-Identifier: MIT
 *
 * One Avro value into one column.
 */
#include "pg/avro.h"
#include "pg/hstore.h"

/* What was read, or could not be. */
static inline dk_status
broken(dk__avro_run *run, const dk_pg_column *c)
{
    dk_avro_path_field(run->r.err, c->name);
    return DK_EAVRO;
}

static dk_status
write_list(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op)
{
    const dk_avro_op *item = &run->reader->code->ops[op->a];
    dk_avro_block block = {0};
    dk__pg_list list;
    dk_status st = dk__pg_list_begin(run->row, c, &list);

    while (st == DK_OK) {
        if (!dk_avro_next_block(&run->r, op, &block))
            return broken(run, c);
        if (block.count == 0)
            return dk__pg_list_end(run->row, &list);
        for (; block.count > 0 && st == DK_OK; block.count--) {
            const dk_avro_op *branch = item;
            const uint8_t *at = run->r.p;

            if ((item->code == DK_OP_OPTION || item->code == DK_OP_UNION) &&
                !dk_avro_read_branch(run->reader->code, &run->r, item, &branch))
                return broken(run, c);
            run->r.p = at;
            st = dk__pg_list_item(run->row, &list, branch->code == DK_OP_NIL);
            if (st == DK_OK)
                st = dk__avro_value(run, &list.item, item);
        }
    }
    return st;
}

/* The text of a map's value: false if it is something else, or cannot be read. out->p is NULL for a null. */
static bool
read_text(dk__avro_run *run, const dk_avro_op *op, dk_slice *out)
{
    static const uint8_t empty[1];

    *out = (dk_slice){NULL, 0};
    while (op->code == DK_OP_OPTION || op->code == DK_OP_UNION)
        if (!dk_avro_read_branch(run->reader->code, &run->r, op, &op))
            return false;
    if (op->code == DK_OP_NIL)
        return true;
    if (op->code != DK_OP_STRING || !dk_avro_read_bytes(&run->r, out))
        return false;
    if (out->n == 0)
        out->p = empty;
    return true;
}

static dk_status
write_hstore(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op)
{
    const dk_avro_op *item = &run->reader->code->ops[op->a];
    dk_avro_block block = {0};
    dk_slice key, value;
    dk__pg_pairs pairs;
    dk_status st = DK_OK;

    dk__pg_pairs_begin(run->row, &pairs);
    while (st == DK_OK) {
        if (!dk_avro_next_block(&run->r, op, &block))
            return broken(run, c);
        if (block.count == 0)
            break;
        for (; block.count > 0 && st == DK_OK; block.count--) {
            if (!dk_avro_read_bytes(&run->r, &key))
                return broken(run, c);
            if (!read_text(run, item, &value))
                return dk__pg_odd(run->row, c, "a map whose values are no texts");
            st = dk__pg_pairs_add(run->row, c, &pairs, key, value);
        }
    }
    dk__pg_pairs_end(run->row, &pairs);
    return st;
}

/* Debezium's decimal that brings its scale along. */
static dk_status
write_scaled(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op)
{
    const dk_avro_code *code = run->reader->code;
    const dk_avro_op *step = &code->ops[op->a], *end = step + op->n;
    dk_slice value = {NULL, 0};
    int64_t scale = 0;

    for (; step < end; step++) {
        const char *name = step->slot == DK_AVRO_NONE ? "" : code->records[op->ref].fields[step->slot].name;
        bool ok;

        if (step->code == DK_OP_INT && strcmp(name, "scale") == 0)
            ok = dk_avro_read_long(&run->r, &scale);
        else if (step->code == DK_OP_BYTES && strcmp(name, "value") == 0)
            ok = dk_avro_read_bytes(&run->r, &value);
        else
            ok = dk_avro_skip_value(code, &run->r, step);
        if (!ok)
            return broken(run, c);
    }
    if (value.p == NULL || scale < -100000 || scale > 100000)
        return dk__pg_odd(run->row, c, "a decimal of a form that is not Debezium's");
    return dk__pg_put_bytes(run->row, c, (dk__pg_meaning){DK__PG_DECIMAL, (int32_t)scale}, value);
}

static dk_status
write_nested(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op)
{
    uint8_t meaning = run->reader->meanings[op - run->reader->code->ops].code;
    dk_status st;

    if (!dk_avro_enter(&run->r))
        return broken(run, c);
    if (op->code == DK_OP_ARRAY && c->array)
        st = write_list(run, c, op);
    else if (op->code == DK_OP_MAP && dk__pg_is_hstore(c))
        st = write_hstore(run, c, op);
    else if (op->code == DK_OP_RECORD && meaning == DK__PG_DECIMAL)
        st = write_scaled(run, c, op);
    else if (meaning != DK__PG_PLAIN)
        st = dk__pg_odd(run->row, c, "a record of a type that nobody has a rule for");
    else
        st = dk__avro_document(run, c, op);
    dk_avro_leave(&run->r);
    return st;
}

/* A value that the writer did not write is read from its constant. */
static dk_status
write_default(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op)
{
    const dk_avro_code *code = run->reader->code;
    dk_avro_reader input = run->r;
    dk_status st;

    run->r.start = run->r.p = code->consts[op->ref].p;
    run->r.end = run->r.p + code->consts[op->ref].n;
    st = dk__avro_value(run, c, &code->ops[op->a]);
    input.empty = run->r.empty;
    run->r = input;
    return st;
}

static dk_status
write_symbol(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op)
{
    const dk_avro_enum *e = &run->reader->code->enums[op->ref];
    uint32_t i;

    if (!dk_avro_read_enum(&run->r, e, &i))
        return broken(run, c);
    return dk__pg_put_text(run->row, c, (dk__pg_meaning){DK__PG_PLAIN, 0},
                           (dk_slice){(const uint8_t *)e->symbols[i], strlen(e->symbols[i])});
}

static dk_status
write_number(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op, dk__pg_meaning m)
{
    double f = 0;
    int64_t v;
    bool ok;

    switch ((dk_avro_opcode)op->code) {
    case DK_OP_INT:
    case DK_OP_LONG:
        return dk_avro_read_long(&run->r, &v) ? dk__pg_put_int(run->row, c, m, v) : broken(run, c);
    case DK_OP_LONG_TO_DOUBLE:
        ok = dk_avro_read_long(&run->r, &v);
        f = ok ? (double)v : 0;
        break;
    case DK_OP_DOUBLE:
        ok = dk_avro_read_double(&run->r, &f);
        break;
    default:
        ok = dk_avro_read_float(&run->r, &f);
    }
    return ok ? dk__pg_put_double(run->row, c, f) : broken(run, c);
}

dk_status
dk__avro_value(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op)
{
    const dk_avro_code *code = run->reader->code;
    dk__pg_meaning m = {DK__PG_PLAIN, 0};
    dk_slice s = {NULL, 0};
    bool b = false;

again:
    m = run->reader->meanings[op - code->ops];
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return dk__pg_put_null(run->row, c);
    case DK_OP_BOOL:
        return dk_avro_read_bool(&run->r, &b) ? dk__pg_put_bool(run->row, c, b) : broken(run, c);
    case DK_OP_INT:
    case DK_OP_LONG:
    case DK_OP_LONG_TO_DOUBLE:
    case DK_OP_FLOAT:
    case DK_OP_FLOAT_TO_DOUBLE:
    case DK_OP_DOUBLE:
        return write_number(run, c, op, m);
    case DK_OP_BYTES:
    case DK_OP_STRING_TO_BYTES:
        return dk_avro_read_bytes(&run->r, &s) ? dk__pg_put_bytes(run->row, c, m, s) : broken(run, c);
    case DK_OP_STRING:
    case DK_OP_BYTES_TO_STRING:
        return dk_avro_read_bytes(&run->r, &s) ? dk__pg_put_text(run->row, c, m, s) : broken(run, c);
    case DK_OP_FIXED:
        return dk_avro_read_raw(&run->r, op->n, &s) ? dk__pg_put_bytes(run->row, c, m, s) : broken(run, c);
    case DK_OP_ENUM:
        return write_symbol(run, c, op);
    case DK_OP_UNION:
    case DK_OP_OPTION:
        if (!dk_avro_read_branch(code, &run->r, op, &op))
            return broken(run, c);
        goto again;
    case DK_OP_BRANCH:
        op = &code->ops[op->a];
        goto again;
    case DK_OP_ARRAY:
    case DK_OP_MAP:
    case DK_OP_RECORD:
        return write_nested(run, c, op);
    case DK_OP_DEFAULT:
        return write_default(run, c, op);
    case DK_OP_FAIL:
        dk_avro_reader_fail(&run->r, run->r.p, "%s", code->texts[op->ref]);
        return broken(run, c);
    case DK_OP_SKIP:
    case DK_OP_COUNT:
        break;
    }
    dk_avro_reader_fail(&run->r, run->r.p, "unknown operation %d", op->code);
    return broken(run, c);
}
