/* SPDX-License-Identifier: MIT
 *
 * The mirror of decode.c: a program walks over what a source answers and writes bytes.
 */
#include "codec/internal.h"

typedef struct run {
    const dk_avro_code *c;
    const dk_avro_source *s;
    void *ctx;
    dk_buf *out;
    uint32_t depth;
    dk_error *err;
    dk_status st; /* why encode() returned false */
} run;

static bool encode(run *e, const dk_avro_op *op, const void *v);

static bool
refuse(run *e, dk_status st, const char *text, const char *name)
{
    e->st = dk__error_set(e->err, st, "%s%s", text, name);
    return false;
}

/* Whether a callback was content. */
static bool
asked(run *e, int rc)
{
    return rc == 0 || refuse(e, DK_ECALLBACK, "a callback asked to stop", "");
}

static bool
encode_slice(run *e, const dk_avro_op *op, const void *v)
{
    const dk_avro_enum *en;
    dk_slice s = {NULL, 0};
    uint32_t i;

    if (!asked(e, e->s->get_slice(e->ctx, op, v, &s)))
        return false;
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_FIXED:
        if (s.n != op->n)
            return refuse(e, DK_EAVRO, "the value has not the size of the fixed type ", e->c->names[op - e->c->ops]);
        break;
    case DK_OP_ENUM:
        en = &e->c->enums[op->ref];
        for (i = 0; i < en->nsymbols; i++)
            if (strlen(en->symbols[i]) == s.n && memcmp(en->symbols[i], s.p, s.n) == 0)
                break;
        if (i == en->nsymbols)
            return refuse(e, DK_EAVRO, "the value is no symbol of enum ", en->name);
        dk_buf_put_long(e->out, i);
        return true;
    case DK_OP_STRING:
        if (!dk_avro_utf8_valid(s.p, s.n))
            return refuse(e, DK_EAVRO, "the string is not valid UTF-8", "");
        dk_buf_put_long(e->out, (int64_t)s.n);
        break;
    default:
        dk_buf_put_long(e->out, (int64_t)s.n);
    }
    dk_buf_put(e->out, s.p, s.n);
    return true;
}

static bool
encode_record(run *e, const dk_avro_op *op, const void *v)
{
    const dk_avro_record *rec = &e->c->records[op->ref];
    uint32_t i;

    for (i = 0; i < op->n; i++) {
        const void *item = NULL;
        bool ok = asked(e, e->s->get_field(e->ctx, rec, i, v, &item));

        if (ok && item == NULL) {
            if (rec->fields[i].absent.p == NULL)
                ok = refuse(e, DK_EAVRO, "a value is missing, and the schema has no default for it", "");
            else
                dk_buf_put(e->out, rec->fields[i].absent.p, rec->fields[i].absent.n);
        } else if (ok) {
            ok = encode(e, &e->c->ops[op->a + i], item);
        }
        if (!ok) {
            dk_avro_path_field(e->err, rec->fields[i].name);
            return false;
        }
    }
    return true;
}

static bool
encode_items(run *e, const dk_avro_op *op, const void *v)
{
    const dk_avro_op *value = &e->c->ops[op->a];
    size_t n = 0, i;

    if (!asked(e, e->s->get_count(e->ctx, op, v, &n)))
        return false;
    if (n > 0)
        dk_buf_put_long(e->out, (int64_t)n);
    for (i = 0; i < n; i++) {
        const void *item = NULL;
        dk_slice key = {NULL, 0};
        bool ok;

        if (op->code == DK_OP_ARRAY) {
            ok = asked(e, e->s->get_item(e->ctx, v, i, &item)) && encode(e, value, item);
        } else {
            ok = asked(e, e->s->get_entry(e->ctx, v, i, &key, &item));
            if (ok && !dk_avro_utf8_valid(key.p, key.n))
                ok = refuse(e, DK_EAVRO, "the key is not valid UTF-8", "");
            if (ok) {
                dk_buf_put_long(e->out, (int64_t)key.n);
                dk_buf_put(e->out, key.p, key.n);
                ok = encode(e, value, item);
            }
        }
        if (!ok) {
            if (op->code == DK_OP_ARRAY)
                dk_avro_path_index(e->err, i);
            else
                dk_avro_path_key(e->err, key);
            return false;
        }
    }
    dk_buf_put_byte(e->out, 0);
    return true;
}

static bool
encode_nested(run *e, const dk_avro_op *op, const void *v)
{
    bool ok;

    if (e->depth == 0)
        return refuse(e, DK_EAVRO, "nested too deeply", "");
    e->depth--;
    ok = op->code == DK_OP_RECORD ? encode_record(e, op, v) : encode_items(e, op, v);
    e->depth++;
    return ok;
}

static bool
encode_union(run *e, const dk_avro_op *op, const void *v)
{
    uint32_t branch = 0;

    if (!asked(e, e->s->get_branch(e->ctx, e->c, op, v, &branch)))
        return false;
    if (branch >= op->n)
        return refuse(e, DK_EAVRO, "the union has no such branch", "");
    dk_buf_put_long(e->out, branch);
    return encode(e, &e->c->ops[op->a + branch], v);
}

static bool
encode(run *e, const dk_avro_op *op, const void *v)
{
    int64_t l = 0;
    double f = 0;
    bool b = false;

    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return true;
    case DK_OP_BOOL:
        if (!asked(e, e->s->get_bool(e->ctx, v, &b)))
            return false;
        dk_buf_put_byte(e->out, b);
        return true;
    case DK_OP_INT:
    case DK_OP_LONG:
        if (!asked(e, e->s->get_long(e->ctx, op, v, &l)))
            return false;
        if (op->code == DK_OP_INT && (l < INT32_MIN || l > INT32_MAX))
            return refuse(e, DK_EAVRO, "the number does not fit into an int", "");
        dk_buf_put_long(e->out, l);
        return true;
    case DK_OP_FLOAT:
    case DK_OP_DOUBLE:
        if (!asked(e, e->s->get_double(e->ctx, op, v, &f)))
            return false;
        if (op->code == DK_OP_FLOAT)
            dk_buf_put_float(e->out, (float)f);
        else
            dk_buf_put_double(e->out, f);
        return true;
    case DK_OP_BYTES:
    case DK_OP_STRING:
    case DK_OP_FIXED:
    case DK_OP_ENUM:
        return encode_slice(e, op, v);
    case DK_OP_UNION:
    case DK_OP_OPTION:
        return encode_union(e, op, v);
    case DK_OP_RECORD:
    case DK_OP_ARRAY:
    case DK_OP_MAP:
        return encode_nested(e, op, v);
    default:
        return refuse(e, DK_EINVAL, "the program has a reader's schema: it cannot encode", "");
    }
}

dk_status
dk_avro_encode(const dk_avro_program *p, const dk_avro_source *s, void *ctx, const void *root, dk_buf *out,
               dk_error *err)
{
    run e = {.s = s, .ctx = ctx, .out = out, .depth = DK_AVRO_DEPTH, .err = err};
    size_t mark;

    dk__error_clear(err);
    if (p == NULL || s == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no program, source or buffer");
    e.c = dk_avro_program_code(p);
    if (e.c->resolved)
        return dk__error_set(err, DK_EINVAL, "the program has a reader's schema: it cannot encode");
    mark = out->n;
    if (encode(&e, &e.c->ops[e.c->root], root) && out->st == DK_OK)
        return DK_OK;
    out->n = mark;
    return out->st == DK_OK ? e.st : dk__error_set(err, DK_ENOMEM, "out of memory while encoding");
}
