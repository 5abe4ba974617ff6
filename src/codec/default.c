/* SPDX-License-Identifier: MIT
 *
 * Default values of fields: JSON as the specification writes it becomes Avro bytes, once, while the schema is parsed.
 */
#include <math.h>
#include <stdio.h>

#include "codec/parse.h"

/* Both are of one schema, so that it cannot cost for ever, nor take all memory. */
#define STEPS_MAX 1000000
#define BYTES_MAX (16u << 20)

typedef struct coder {
    unsigned steps; /* that are left */
    size_t bytes;   /* that are left for this default */
    dk_buf *out;
    char *why;
    size_t why_size;
} coder;

static bool put(coder *c, const dk__type *t, const json_t *j, unsigned depth);

static bool
refuse(coder *c, const dk__type *t, const char *what)
{
    snprintf(c->why, c->why_size, "%s is wanted for %.60s", what, t->name);
    return false;
}

static bool
put_integer(coder *c, const dk__type *t, const json_t *j)
{
    json_int_t v = json_integer_value(j);

    if (!json_is_integer(j) || (t->kind == DK__INT && (v < INT32_MIN || v > INT32_MAX)))
        return refuse(c, t, "an integer of that size");
    dk_buf_put_long(c->out, v);
    return true;
}

/* A number, or as other implementations write them, "NaN", "Infinity", "-Infinity". */
static bool
put_real(coder *c, const dk__type *t, const json_t *j)
{
    const char *s = json_string_value(j);
    double v = json_number_value(j);
    float f;

    if (s != NULL && strcmp(s, "NaN") == 0)
        v = (double)NAN;
    else if (s != NULL && (strcmp(s, "Infinity") == 0 || strcmp(s, "INF") == 0))
        v = (double)INFINITY;
    else if (s != NULL && (strcmp(s, "-Infinity") == 0 || strcmp(s, "-INF") == 0))
        v = -(double)INFINITY;
    else if (!json_is_number(j))
        return refuse(c, t, "a number");
    f = (float)v;
    if (t->kind == DK__FLOAT)
        dk_buf_put_float(c->out, f);
    else
        dk_buf_put_double(c->out, v);
    return true;
}

/* Bytes are written as a string of the characters U+0000 to U+00FF. */
static bool
put_bytes(coder *c, const dk__type *t, const json_t *j)
{
    const uint8_t *s = (const uint8_t *)json_string_value(j);
    size_t n = json_string_length(j), i, len = 0;

    if (s == NULL)
        return refuse(c, t, "a string of the characters U+0000 to U+00FF");
    for (i = 0; i < n; i++) {
        if (s[i] >= 0xC4)
            return refuse(c, t, "a string of the characters U+0000 to U+00FF");
        if (s[i] < 0x80 || s[i] >= 0xC0)
            len++;
    }
    if (t->kind == DK__FIXED && len != t->size)
        return refuse(c, t, "a string of as many characters as the size");
    if (t->kind == DK__BYTES)
        dk_buf_put_long(c->out, (int64_t)len);
    for (i = 0; i < n; i++) {
        if (s[i] < 0x80) {
            dk_buf_put_byte(c->out, s[i]);
        } else {
            dk_buf_put_byte(c->out, (uint8_t)((s[i] & 3) << 6 | (s[i + 1] & 0x3F)));
            i++;
        }
    }
    return true;
}

static bool
put_string(coder *c, const dk__type *t, const json_t *j)
{
    if (!json_is_string(j))
        return refuse(c, t, "a string");
    dk_buf_put_long(c->out, (int64_t)json_string_length(j));
    dk_buf_put(c->out, json_string_value(j), json_string_length(j));
    return true;
}

static bool
put_enum(coder *c, const dk__type *t, const json_t *j)
{
    const char *s = json_string_value(j);
    uint32_t i;

    for (i = 0; s != NULL && i < t->n; i++) {
        if (strcmp(s, t->u.symbols[i]) == 0) {
            dk_buf_put_long(c->out, i);
            return true;
        }
    }
    return refuse(c, t, "one of the symbols");
}

static bool
put_array(coder *c, const dk__type *t, const json_t *j, unsigned depth)
{
    size_t i, n = json_array_size(j);

    if (!json_is_array(j))
        return refuse(c, t, "a list");
    if (n > 0)
        dk_buf_put_long(c->out, (int64_t)n);
    for (i = 0; i < n; i++)
        if (!put(c, t->u.item, json_array_get(j, i), depth))
            return false;
    dk_buf_put_byte(c->out, 0);
    return true;
}

static bool
put_map(coder *c, const dk__type *t, const json_t *j, unsigned depth)
{
    void *it;

    if (!json_is_object(j))
        return refuse(c, t, "an object");
    if (json_object_size(j) > 0)
        dk_buf_put_long(c->out, (int64_t)json_object_size(j));
    for (it = json_object_iter((json_t *)(uintptr_t)j); it != NULL;
         it = json_object_iter_next((json_t *)(uintptr_t)j, it)) {
        const char *key = json_object_iter_key(it);

        dk_buf_put_long(c->out, (int64_t)strlen(key));
        dk_buf_puts(c->out, key);
        if (!put(c, t->u.item, json_object_iter_value(it), depth))
            return false;
    }
    dk_buf_put_byte(c->out, 0);
    return true;
}

static bool
put_record(coder *c, const dk__type *t, const json_t *j, unsigned depth)
{
    uint32_t i;

    if (!json_is_object(j))
        return refuse(c, t, "an object");
    for (i = 0; i < t->n; i++) {
        const dk__field *f = &t->u.fields[i];
        const json_t *v = json_object_get(j, f->name);

        if (v == NULL)
            v = f->json_default;
        if (v == NULL) {
            snprintf(c->why, c->why_size, "a value for field %.60s of %.60s is missing", f->name, t->name);
            return false;
        }
        if (!put(c, f->type, v, depth))
            return false;
    }
    return true;
}

/* The default of a union is of the first branch that it fits. */
static bool
put_union(coder *c, const dk__type *t, const json_t *j, unsigned depth)
{
    size_t mark = c->out->n;
    uint32_t i;

    for (i = 0; i < t->n; i++) {
        dk_buf_put_long(c->out, i);
        if (put(c, t->u.branches[i], j, depth))
            return true;
        c->out->n = mark;
    }
    return refuse(c, t, "a value of one of the types");
}

static bool
put(coder *c, const dk__type *t, const json_t *j, unsigned depth)
{
    if (depth == 0 || c->steps == 0 || c->out->n > c->bytes)
        return refuse(c, t, "a value that is less deep or smaller");
    c->steps--;
    switch (t->kind) {
    case DK__NULL:
        return json_is_null(j) || refuse(c, t, "null");
    case DK__BOOLEAN:
        if (!json_is_boolean(j))
            return refuse(c, t, "true or false");
        dk_buf_put_byte(c->out, json_is_true(j));
        return true;
    case DK__INT:
    case DK__LONG:
        return put_integer(c, t, j);
    case DK__FLOAT:
    case DK__DOUBLE:
        return put_real(c, t, j);
    case DK__BYTES:
    case DK__FIXED:
        return put_bytes(c, t, j);
    case DK__STRING:
        return put_string(c, t, j);
    case DK__RECORD:
        return put_record(c, t, j, depth - 1);
    case DK__ENUM:
        return put_enum(c, t, j);
    case DK__ARRAY:
        return put_array(c, t, j, depth - 1);
    case DK__MAP:
        return put_map(c, t, j, depth - 1);
    case DK__UNION:
        return put_union(c, t, j, depth - 1);
    }
    return false;
}

/* The default of one field. One that does not fit is an error only of strict schemas. */
static dk_status
encode_default(dk__parser *p, coder *c, dk__field *f)
{
    c->out->n = 0;
    c->why[0] = '\0';
    if (put(c, f->type, f->json_default, DK_AVRO_DEPTH) && c->out->n <= c->bytes) {
        f->dflt = dk__arena_bytes(&p->s->arena, c->out->p, c->out->n);
        c->bytes -= c->out->n;
        return f->dflt.p == NULL || c->out->st != DK_OK ? dk__parse_nomem(p) : DK_OK;
    }
    if (c->out->st != DK_OK)
        return dk__parse_nomem(p);
    if (c->why[0] == '\0')
        (void)refuse(c, f->type, "a smaller value");
    if (p->options->strict) {
        (void)dk__error_set(p->err, DK_ESCHEMA, "the default does not fit: %s", c->why);
        dk_avro_path_field(p->err, f->name);
        return DK_ESCHEMA;
    }
    f->bad_default = dk__arena_str(&p->s->arena, c->why, strlen(c->why));
    return f->bad_default == NULL ? dk__parse_nomem(p) : DK_OK;
}

dk_status
dk__encode_defaults(dk__parser *p)
{
    char why[160];
    dk_buf buf;
    coder c = {STEPS_MAX, BYTES_MAX, &buf, why, sizeof why};
    dk_status st = DK_OK;
    size_t i;

    dk_buf_init(&buf, p->s->a);
    for (i = 0; i < p->nfields && st == DK_OK; i++)
        st = encode_default(p, &c, p->fields[i]);
    for (i = 0; i < p->nfields; i++)
        p->fields[i]->json_default = NULL;
    dk_buf_fini(&buf);
    return st;
}
