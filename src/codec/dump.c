/* SPDX-License-Identifier: MIT
 *
 * A listing of a program, for people.
 */
#include <inttypes.h>
#include <stdio.h>

#include "codec/internal.h"

static const char *const op_texts[] = {
#define XX(name, text, wire, operands) text,
    DK_AVRO_OP_MAP(XX)
#undef XX
};

static const char *const logical_texts[] = {
#define XX(name, text) text,
    DK_AVRO_LOGICAL_MAP(XX)
#undef XX
};

static void
dump_operands(const dk_avro_code *c, const dk_avro_op *op, dk_buf *out)
{
    char s[128] = "";

    switch ((dk_avro_opcode)op->code) {
    case DK_OP_FIXED:
        snprintf(s, sizeof s, " size %" PRIu32, op->n);
        break;
    case DK_OP_ARRAY:
    case DK_OP_MAP:
        snprintf(s, sizeof s, " of %" PRIu32 ", each at least %" PRIu32 " bytes", op->a, op->n);
        break;
    case DK_OP_UNION:
    case DK_OP_OPTION:
    case DK_OP_RECORD:
        snprintf(s, sizeof s, " %" PRIu32 " at %" PRIu32, op->n, op->a);
        break;
    case DK_OP_BRANCH:
        snprintf(s, sizeof s, " %" PRIu32 ", value %" PRIu32, op->ref, op->a);
        break;
    case DK_OP_SKIP:
        snprintf(s, sizeof s, " %" PRIu32, op->a);
        break;
    case DK_OP_DEFAULT:
        snprintf(s, sizeof s, " constant %" PRIu32 " read by %" PRIu32, op->ref, op->a);
        break;
    case DK_OP_FAIL:
        snprintf(s, sizeof s, " %.100s", c->texts[op->ref]);
        break;
    default:
        break;
    }
    dk_buf_puts(out, s);
}

dk_status
dk_avro_program_dump(const dk_avro_program *p, dk_buf *out, dk_error *err)
{
    const dk_avro_code *c;
    uint32_t i;
    char s[160];

    dk__error_clear(err);
    if (p == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no program given");
    c = dk_avro_program_code(p);
    for (i = 0; i < c->nops; i++) {
        const dk_avro_op *op = &c->ops[i];

        snprintf(s, sizeof s, "%4" PRIu32 "  %s", i, op_texts[op->code]);
        dk_buf_puts(out, s);
        if (op->code == DK_OP_RECORD || op->code == DK_OP_ENUM || op->code == DK_OP_FIXED) {
            dk_buf_put_byte(out, ' ');
            dk_buf_puts(out, c->names[i]);
        }
        dump_operands(c, op, out);
        if (op->logical != DK_LOGICAL_NONE) {
            snprintf(s, sizeof s, op->logical == DK_LOGICAL_DECIMAL ? " (%s %" PRIu32 ",%u)" : " (%s)",
                     logical_texts[op->logical], op->precision, op->scale);
            dk_buf_puts(out, s);
        }
        dk_buf_put_byte(out, '\n');
    }
    for (i = 0; i < c->nrecords; i++) {
        const dk_avro_record *r = &c->records[i];
        uint32_t k;

        snprintf(s, sizeof s, "record %" PRIu32 " %.80s: steps %" PRIu32 " to %" PRIu32 "\n", i, r->name, r->first,
                 r->first + r->nsteps);
        dk_buf_puts(out, s);
        for (k = 0; k < r->nsteps; k++) {
            uint32_t slot = c->ops[r->first + k].slot;

            snprintf(s, sizeof s, "%4" PRIu32 "  %.80s\n", r->first + k,
                     slot == DK_AVRO_NONE ? "-" : r->fields[slot].name);
            dk_buf_puts(out, s);
        }
    }
    return out->st == DK_OK ? DK_OK : dk__error_set(err, DK_ENOMEM, "out of memory while listing a program");
}
