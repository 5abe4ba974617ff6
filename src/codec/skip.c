/* SPDX-License-Identifier: MIT
 *
 * Passing over values without making anything of them.
 */
#include "codec/internal.h"

static bool
skip_blocks(const dk_avro_code *c, dk_avro_reader *r, const dk_avro_op *op)
{
    const dk_avro_op *item = &c->ops[op->a];
    dk_slice key;
    int64_t v, size;

    for (;;) {
        const uint8_t *at = r->p;
        dk_avro_block block = {0};

        if (!dk_avro_read_long(r, &v))
            return false;
        if (v == 0)
            return true;
        if (v < 0) { /* a block that says how many bytes it takes */
            if (!dk_avro_read_long(r, &size))
                return false;
            if (size < 0 || size > r->end - r->p)
                return dk_avro_reader_fail(r, at, "block of %lld bytes, but %zu are left", (long long)size,
                                           (size_t)(r->end - r->p));
            r->p += size;
            continue;
        }
        r->p = at;
        if (!dk_avro_read_block(r, op, &block))
            return false;
        if (op->code == DK_OP_ARRAY && op->n == 0 && item->code == DK_OP_NIL)
            continue;
        for (; block.count > 0; block.count--)
            if ((op->code == DK_OP_MAP && !dk_avro_read_bytes(r, &key)) || !dk_avro_skip_value(c, r, item))
                return false;
    }
}

static bool
skip_nested(const dk_avro_code *c, dk_avro_reader *r, const dk_avro_op *op)
{
    bool ok = true;
    uint32_t i;

    if (!dk_avro_enter(r))
        return false;
    if (op->code != DK_OP_RECORD)
        ok = skip_blocks(c, r, op);
    else
        for (i = 0; i < op->n && ok; i++)
            ok = dk_avro_skip_value(c, r, &c->ops[op->a + i]);
    dk_avro_leave(r);
    return ok;
}

bool
dk_avro_skip_value(const dk_avro_code *c, dk_avro_reader *r, const dk_avro_op *op)
{
    dk_slice bytes;
    int64_t v;

    for (;;) {
        switch ((dk_avro_wire)dk_avro_wire_of[op->code]) {
        case DK_WIRE_NONE:
            return true;
        case DK_WIRE_BYTE:
            return dk_avro_read_raw(r, 1, &bytes);
        case DK_WIRE_NUMBER:
            return dk_avro_read_long(r, &v);
        case DK_WIRE_FOUR:
            return dk_avro_read_raw(r, 4, &bytes);
        case DK_WIRE_EIGHT:
            return dk_avro_read_raw(r, 8, &bytes);
        case DK_WIRE_SIZED:
            return dk_avro_read_bytes(r, &bytes);
        case DK_WIRE_RAW:
            return dk_avro_read_raw(r, op->n, &bytes);
        case DK_WIRE_CHOICE:
            if (!dk_avro_read_branch(c, r, op, &op))
                return false;
            continue;
        case DK_WIRE_INNER:
            op = &c->ops[op->a];
            continue;
        case DK_WIRE_BLOCKS:
        case DK_WIRE_STEPS:
            return skip_nested(c, r, op);
        case DK_WIRE_FAIL:
            return dk_avro_reader_fail(r, r->p, "%s", c->texts[op->ref]);
        }
    }
}

dk_status
dk_avro_skip(const dk_avro_program *p, dk_slice bytes, const dk_avro_limits *limits, size_t *used, dk_error *err)
{
    const dk_avro_code *c;
    dk_avro_reader r;

    dk__error_clear(err);
    if (p == NULL || used == NULL || (limits != NULL && limits->size != sizeof *limits))
        return dk__error_set(err, DK_EINVAL, "no program given");
    c = dk_avro_program_code(p);
    dk_avro_reader_init(&r, bytes, limits, err);
    if (!dk_avro_skip_value(c, &r, &c->ops[c->root]))
        return DK_EAVRO;
    *used = (size_t)(r.p - r.start);
    return DK_OK;
}
