/* SPDX-License-Identifier: MIT
 *
 * The visitor runner: bytes and a program become calls. Allocates nothing; depth is bounded by the reader's budget.
 */
#include "codec/internal.h"

typedef struct run {
    const dk_avro_code *c;
    const dk_avro_visitor *v;
    void *ctx;
    dk_avro_reader r;
    bool stopped; /* a callback said so */
} run;

static bool decode(run *d, const dk_avro_op *op);

#define CALL(d, name, ...) ((d)->v->name == NULL || (d)->v->name(__VA_ARGS__) == 0 || stop(d))

static bool
stop(run *d)
{
    if (!d->stopped) {
        (void)dk__error_set(d->r.err, DK_ECALLBACK, "a callback asked to stop");
        if (d->r.err != NULL)
            d->r.err->pos = (size_t)(d->r.p - d->r.start);
    }
    d->stopped = true;
    return false;
}

static bool
decode_string(run *d, const dk_avro_op *op)
{
    const uint8_t *at = d->r.p;
    dk_slice s;

    if (!dk_avro_read_bytes(&d->r, &s))
        return false;
    if (op->code != DK_OP_STRING_TO_BYTES && !dk_avro_utf8_valid(s.p, s.n))
        return dk_avro_reader_fail(&d->r, at, "the string is not valid UTF-8");
    return op->code == DK_OP_STRING_TO_BYTES ? CALL(d, on_bytes, d->ctx, op, s) : CALL(d, on_string, d->ctx, op, s);
}

/* A value that the writer did not write is read from its constant; positions stay those of the input. */
static bool
decode_default(run *d, const dk_avro_op *op)
{
    dk_avro_reader input = d->r;
    bool ok;

    d->r.start = d->r.p = d->c->consts[op->ref].p;
    d->r.end = d->r.p + d->c->consts[op->ref].n;
    ok = decode(d, &d->c->ops[op->a]);
    input.empty = d->r.empty;
    d->r = input;
    if (!ok && d->r.err != NULL)
        d->r.err->pos = (size_t)(d->r.p - d->r.start);
    return ok;
}

static bool
decode_record(run *d, const dk_avro_op *op)
{
    const dk_avro_record *rec = &d->c->records[op->ref];
    uint32_t i;

    if (!CALL(d, on_record_begin, d->ctx, rec))
        return false;
    for (i = 0; i < op->n; i++) {
        const dk_avro_op *step = &d->c->ops[op->a + i];
        bool ok;

        if (step->code == DK_OP_SKIP)
            ok = dk_avro_skip_value(d->c, &d->r, step);
        else
            ok = CALL(d, on_field, d->ctx, rec, step->slot) && decode(d, step);
        if (!ok) {
            if (step->slot != DK_AVRO_NONE)
                dk_avro_path_field(d->r.err, rec->fields[step->slot].name);
            return false;
        }
    }
    return CALL(d, on_end, d->ctx);
}

static bool
decode_array(run *d, const dk_avro_op *op)
{
    const dk_avro_op *item = &d->c->ops[op->a];
    dk_avro_block block = {0};
    uint64_t i = 0;

    if (!CALL(d, on_array_begin, d->ctx))
        return false;
    for (;;) {
        if (!dk_avro_read_block(&d->r, op, &block))
            return false;
        if (block.count == 0)
            return CALL(d, on_end, d->ctx);
        for (; block.count > 0; block.count--, i++) {
            if (!decode(d, item)) {
                dk_avro_path_index(d->r.err, i);
                return false;
            }
        }
    }
}

static bool
decode_map(run *d, const dk_avro_op *op)
{
    const dk_avro_op *value = &d->c->ops[op->a];
    dk_avro_block block = {0};
    dk_slice key;

    if (!CALL(d, on_map_begin, d->ctx))
        return false;
    for (;;) {
        if (!dk_avro_read_block(&d->r, op, &block))
            return false;
        if (block.count == 0)
            return CALL(d, on_end, d->ctx);
        for (; block.count > 0; block.count--) {
            const uint8_t *at = d->r.p;

            if (!dk_avro_read_bytes(&d->r, &key))
                return false;
            if (!dk_avro_utf8_valid(key.p, key.n))
                return dk_avro_reader_fail(&d->r, at, "the key is not valid UTF-8");
            if (!CALL(d, on_key, d->ctx, key) || !decode(d, value)) {
                dk_avro_path_key(d->r.err, key);
                return false;
            }
        }
    }
}

static bool
decode_nested(run *d, const dk_avro_op *op)
{
    bool ok;

    if (!dk_avro_enter(&d->r))
        return false;
    ok = op->code == DK_OP_RECORD  ? decode_record(d, op)
         : op->code == DK_OP_ARRAY ? decode_array(d, op)
                                   : decode_map(d, op);
    dk_avro_leave(&d->r);
    return ok;
}

static bool
decode(run *d, const dk_avro_op *op)
{
    const dk_avro_op *branch = op;
    dk_slice s;
    int64_t l = 0;
    double f = 0;
    uint32_t u = 0;
    bool b = false;

    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return CALL(d, on_null, d->ctx);
    case DK_OP_BOOL:
        return dk_avro_read_bool(&d->r, &b) && CALL(d, on_bool, d->ctx, b);
    case DK_OP_INT:
    case DK_OP_LONG:
        return dk_avro_read_long(&d->r, &l) && CALL(d, on_long, d->ctx, op, l);
    case DK_OP_LONG_TO_DOUBLE:
        return dk_avro_read_long(&d->r, &l) && CALL(d, on_double, d->ctx, op, (double)l);
    case DK_OP_FLOAT:
    case DK_OP_FLOAT_TO_DOUBLE:
        return dk_avro_read_float(&d->r, &f) && CALL(d, on_double, d->ctx, op, f);
    case DK_OP_DOUBLE:
        return dk_avro_read_double(&d->r, &f) && CALL(d, on_double, d->ctx, op, f);
    case DK_OP_BYTES:
        return dk_avro_read_bytes(&d->r, &s) && CALL(d, on_bytes, d->ctx, op, s);
    case DK_OP_STRING:
    case DK_OP_STRING_TO_BYTES:
    case DK_OP_BYTES_TO_STRING:
        return decode_string(d, op);
    case DK_OP_FIXED:
        return dk_avro_read_raw(&d->r, op->n, &s) && CALL(d, on_fixed, d->ctx, op, s);
    case DK_OP_ENUM:
        return dk_avro_read_enum(&d->r, &d->c->enums[op->ref], &u) &&
               CALL(d, on_enum, d->ctx, &d->c->enums[op->ref], u);
    case DK_OP_UNION:
    case DK_OP_OPTION:
        return dk_avro_read_branch(d->c, &d->r, op, &branch) && CALL(d, on_union, d->ctx, op, branch->slot) &&
               decode(d, branch);
    case DK_OP_BRANCH:
        return CALL(d, on_union, d->ctx, op, op->ref) && decode(d, &d->c->ops[op->a]);
    case DK_OP_ARRAY:
    case DK_OP_MAP:
    case DK_OP_RECORD:
        return decode_nested(d, op);
    case DK_OP_SKIP:
        return dk_avro_skip_value(d->c, &d->r, op);
    case DK_OP_DEFAULT:
        return decode_default(d, op);
    case DK_OP_FAIL:
        return dk_avro_reader_fail(&d->r, d->r.p, "%s", d->c->texts[op->ref]);
    case DK_OP_COUNT:
        break;
    }
    return dk_avro_reader_fail(&d->r, d->r.p, "unknown operation %d", op->code);
}

dk_status
dk_avro_decode(const dk_avro_program *p, dk_slice bytes, const dk_avro_visitor *v, void *ctx,
               const dk_avro_limits *limits, dk_error *err)
{
    run d = {.v = v, .ctx = ctx};

    dk__error_clear(err);
    if (p == NULL || v == NULL || (limits != NULL && limits->size != sizeof *limits))
        return dk__error_set(err, DK_EINVAL, "no program, or no visitor");
    d.c = dk_avro_program_code(p);
    dk_avro_reader_init(&d.r, bytes, limits, err);
    if (!decode(&d, &d.c->ops[d.c->root]))
        return d.stopped ? DK_ECALLBACK : DK_EAVRO;
    if (d.r.p != d.r.end) {
        (void)dk_avro_reader_fail(&d.r, d.r.p, "%zu bytes are left over after the value", (size_t)(d.r.end - d.r.p));
        return DK_EAVRO;
    }
    return DK_OK;
}
