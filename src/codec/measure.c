/* SPDX-License-Identifier: MIT
 *
 * How few bytes a value can take, which bounds how many items a block can claim to have.
 */
#include "codec/compile.h"

static uint32_t
least_size(const dk__compiler *c, const dk_avro_op *op, const uint32_t *sizes)
{
    switch ((dk_avro_wire)dk_avro_wire_of[op->code]) {
    case DK_WIRE_NONE:
    case DK_WIRE_FAIL:
        return 0;
    case DK_WIRE_BYTE:
    case DK_WIRE_NUMBER:
    case DK_WIRE_SIZED:
    case DK_WIRE_BLOCKS:
    case DK_WIRE_CHOICE:
        return 1;
    case DK_WIRE_FOUR:
        return 4;
    case DK_WIRE_EIGHT:
        return 8;
    case DK_WIRE_RAW:
        return op->n;
    case DK_WIRE_STEPS:
        return sizes[op->ref];
    case DK_WIRE_INNER:
        return least_size(c, &c->ops[op->a], sizes);
    }
    return 0;
}

/* How few bytes an item can take bounds how many there can be: from below, in a few rounds, as records may be
 * recursive. */
bool
dk__measure(dk__compiler *c)
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
