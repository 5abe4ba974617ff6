/* SPDX-License-Identifier: MIT
 *
 * The parsing canonical form of a schema.
 */
#include <inttypes.h>
#include <stdio.h>

#include "codec/internal.h"

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
