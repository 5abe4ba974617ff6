/* SPDX-License-Identifier: MIT
 *
 * Trees become text: see avro_tree.h.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "avro_tree.h"

static void
put_quoted(dk_buf *out, dk_slice s, bool latin1)
{
    char esc[8];
    size_t i;

    dk_buf_put_byte(out, '"');
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') {
            dk_buf_put_byte(out, '\\');
            dk_buf_put_byte(out, s.p[i]);
        } else if (s.p[i] < 0x20 || (latin1 && s.p[i] >= 0x80)) {
            snprintf(esc, sizeof esc, "\\u%04x", (unsigned)s.p[i]);
            dk_buf_puts(out, esc);
        } else {
            dk_buf_put_byte(out, s.p[i]);
        }
    }
    dk_buf_put_byte(out, '"');
}

static dk_slice
text_of(const char *s)
{
    return (dk_slice){(const uint8_t *)s, strlen(s)};
}

static void
put_items(const avro_tree *t, dk_buf *out)
{
    size_t i;

    dk_buf_put_byte(out, t->kind == AVRO_ARRAY ? '[' : '{');
    for (i = 0; i < t->u.of.n; i++) {
        const avro_item *it = &t->u.of.items[i];

        if (i > 0)
            dk_buf_puts(out, ", ");
        if (t->kind != AVRO_ARRAY) {
            put_quoted(out, t->kind == AVRO_MAP ? it->key : text_of(t->u.of.type->fields[it->slot].name), false);
            dk_buf_puts(out, ": ");
        }
        avro_tree_json(it->value, out);
    }
    dk_buf_put_byte(out, t->kind == AVRO_ARRAY ? ']' : '}');
}

void
avro_tree_json(const avro_tree *t, dk_buf *out)
{
    char s[40];

    switch (t->kind) {
    case AVRO_NULL:
        dk_buf_puts(out, "null");
        break;
    case AVRO_BOOL:
        dk_buf_puts(out, t->u.truth ? "true" : "false");
        break;
    case AVRO_LONG:
        snprintf(s, sizeof s, "%" PRId64, t->u.number);
        dk_buf_puts(out, s);
        break;
    case AVRO_DOUBLE:
        snprintf(s, sizeof s,
                 isfinite(t->u.real) && t->u.real == floor(t->u.real) && fabs(t->u.real) < 1e15 ? "%.1f" : "%.17g",
                 t->u.real);
        dk_buf_puts(out, s);
        break;
    case AVRO_BYTES:
    case AVRO_TEXT:
        put_quoted(out, t->u.bytes, t->kind == AVRO_BYTES);
        break;
    case AVRO_ENUM:
        put_quoted(out, text_of(t->u.e.type->symbols[t->u.e.symbol]), false);
        break;
    case AVRO_RECORD:
    case AVRO_ARRAY:
    case AVRO_MAP:
        put_items(t, out);
        break;
    }
}

void
avro_tree_check(const dk_avro_program *p, const avro_tree *t, avro_memory *m)
{
    dk_buf first, second, json, again;
    avro_tree *other;
    dk_error err;

    dk_buf_init(&first, NULL);
    dk_buf_init(&second, NULL);
    dk_buf_init(&json, NULL);
    dk_buf_init(&again, NULL);
    if (avro_tree_encode(p, t, &first, &err) != DK_OK) {
        MUST(strstr(err.text, "fit into an int") != NULL);
        goto out;
    }
    other = avro_tree_decode(p, (dk_slice){first.p != NULL ? first.p : (const uint8_t *)"", first.n}, NULL, m, &err);
    MUST(other != NULL);
    avro_tree_json(t, &json);
    avro_tree_json(other, &again);
    MUST(json.n == again.n && memcmp(json.p, again.p, json.n) == 0);
    MUST(avro_tree_encode(p, other, &second, &err) == DK_OK);
    MUST(first.n == second.n && (first.n == 0 || memcmp(first.p, second.p, first.n) == 0));
out:
    dk_buf_fini(&first);
    dk_buf_fini(&second);
    dk_buf_fini(&json);
    dk_buf_fini(&again);
}
