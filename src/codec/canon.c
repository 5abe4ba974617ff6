/* SPDX-License-Identifier: MIT
 *
 * Texts made of schemas and programs: the parsing canonical form, its CRC-64-AVRO fingerprint, and a listing of a
 * program.
 */
#include <inttypes.h>
#include <stdio.h>

#include "codec/internal.h"

/* ---- parsing canonical form ---- */

static void
put_json_string(dk_buf *b, const char *s)
{
    char esc[8];

    dk_buf_put_byte(b, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') {
            dk_buf_put_byte(b, '\\');
            dk_buf_put_byte(b, (uint8_t)*s);
        } else if ((uint8_t)*s < 0x20) {
            snprintf(esc, sizeof esc, "\\u%04x", (unsigned)(uint8_t)*s);
            dk_buf_puts(b, esc);
        } else {
            dk_buf_put_byte(b, (uint8_t)*s);
        }
    }
    dk_buf_put_byte(b, '"');
}

static void put_type(dk_buf *b, const dk__type *t, bool *defined);

static void
put_named(dk_buf *b, const dk__type *t, bool *defined)
{
    uint32_t i;

    if (defined[t->id]) {
        put_json_string(b, t->name);
        return;
    }
    defined[t->id] = true;
    dk_buf_puts(b, "{\"name\":");
    put_json_string(b, t->name);
    dk_buf_puts(b, ",\"type\":");
    put_json_string(b, dk__kind_name(t->kind));
    if (t->kind == DK__RECORD) {
        dk_buf_puts(b, ",\"fields\":[");
        for (i = 0; i < t->n; i++) {
            dk_buf_puts(b, i == 0 ? "{\"name\":" : ",{\"name\":");
            put_json_string(b, t->u.fields[i].name);
            dk_buf_puts(b, ",\"type\":");
            put_type(b, t->u.fields[i].type, defined);
            dk_buf_put_byte(b, '}');
        }
        dk_buf_put_byte(b, ']');
    } else if (t->kind == DK__ENUM) {
        dk_buf_puts(b, ",\"symbols\":[");
        for (i = 0; i < t->n; i++) {
            if (i > 0)
                dk_buf_put_byte(b, ',');
            put_json_string(b, t->u.symbols[i]);
        }
        dk_buf_put_byte(b, ']');
    } else {
        char size[32];

        snprintf(size, sizeof size, ",\"size\":%" PRIu32, t->size);
        dk_buf_puts(b, size);
    }
    dk_buf_put_byte(b, '}');
}

/* The recursion is as deep as the parser was, which bounds it: a named type is written out where it was first met,
 * and referred schemas were parsed one inside the other. */
static void
put_type(dk_buf *b, const dk__type *t, bool *defined)
{
    uint32_t i;

    switch (t->kind) {
    case DK__RECORD:
    case DK__ENUM:
    case DK__FIXED:
        put_named(b, t, defined);
        return;
    case DK__ARRAY:
    case DK__MAP:
        dk_buf_puts(b, t->kind == DK__ARRAY ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"map\",\"values\":");
        put_type(b, t->u.item, defined);
        dk_buf_put_byte(b, '}');
        return;
    case DK__UNION:
        dk_buf_put_byte(b, '[');
        for (i = 0; i < t->n; i++) {
            if (i > 0)
                dk_buf_put_byte(b, ',');
            put_type(b, t->u.branches[i], defined);
        }
        dk_buf_put_byte(b, ']');
        return;
    default:
        put_json_string(b, t->name);
    }
}

dk_status
dk_avro_schema_canonical(const dk_avro_schema *s, dk_buf *out, dk_error *err)
{
    bool *defined;
    size_t mark;

    dk__error_clear(err);
    if (s == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no schema given");
    mark = out->n;
    defined = dk__calloc(s->a, (size_t)s->nnamed + 1, sizeof *defined);
    if (defined != NULL)
        put_type(out, s->root, defined);
    dk__free(s->a, defined);
    if (defined != NULL && out->st == DK_OK)
        return DK_OK;
    out->n = mark;
    return dk__error_set(err, DK_ENOMEM, "out of memory while writing a schema");
}

/* ---- fingerprint ---- */

#define CRC_EMPTY 0xc15d213aa4d7a795u

uint64_t
dk_avro_fingerprint64(dk_slice bytes)
{
    uint64_t fp = CRC_EMPTY;
    size_t i;
    int k;

    for (i = 0; i < bytes.n; i++) {
        uint64_t entry = (fp ^ bytes.p[i]) & 0xFF;

        for (k = 0; k < 8; k++)
            entry = (entry >> 1) ^ (CRC_EMPTY & -(entry & 1));
        fp = (fp >> 8) ^ entry;
    }
    return fp;
}

dk_status
dk_avro_schema_fingerprint(const dk_avro_schema *s, uint64_t *out, dk_error *err)
{
    dk_buf b;
    dk_status st;

    dk__error_clear(err);
    if (s == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no schema given");
    dk_buf_init(&b, s->a);
    st = dk_avro_schema_canonical(s, &b, err);
    if (st == DK_OK)
        *out = dk_avro_fingerprint64((dk_slice){b.p, b.n});
    dk_buf_fini(&b);
    return st;
}

/* ---- listing ---- */

static const char *const op_texts[] = {
#define XX(name, text, operands) text,
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
