/* SPDX-License-Identifier: MIT
 *
 * Default values of fields: JSON as the specification writes it becomes Avro bytes, once, while the schema is parsed.
 */
#include <math.h>
#include <stdio.h>

#include "codec/parse.h"

typedef struct coder {
    unsigned *steps;
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
    if (depth == 0 || *c->steps == 0)
        return refuse(c, t, "a value that is less deep or smaller");
    --*c->steps;
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

static bool
encode_default(const dk__type *t, const json_t *j, unsigned depth, unsigned *steps, dk_buf *out, char *why,
               size_t why_size)
{
    coder c = {steps, out, why, why_size};

    why[0] = '\0';
    return put(&c, t, j, depth) && out->st == DK_OK;
}

dk_status
dk__encode_defaults(dk__parser *p)
{
    unsigned steps = 1000000;
    size_t i;
    dk_buf buf;
    char why[160];
    dk_status st = DK_OK;

    dk_buf_init(&buf, p->s->a);
    for (i = 0; i < p->nfields && st == DK_OK; i++) {
        dk__field *f = p->fields[i];

        buf.n = 0;
        if (encode_default(f->type, f->json_default, DK_AVRO_DEPTH, &steps, &buf, why, sizeof why)) {
            f->dflt = dk__arena_bytes(&p->s->arena, buf.p, buf.n);
            if (f->dflt.p == NULL || buf.st != DK_OK)
                st = dk__parse_nomem(p);
        } else if (buf.st != DK_OK) {
            st = dk__parse_nomem(p);
        } else if (p->options->strict) {
            st = dk__error_set(p->err, DK_ESCHEMA, "the default does not fit: %s", why);
            dk_avro_path_field(p->err, f->name);
        } else {
            f->bad_default = dk__arena_str(&p->s->arena, why, strlen(why));
            if (f->bad_default == NULL)
                st = dk__parse_nomem(p);
        }
    }
    for (i = 0; i < p->nfields; i++)
        p->fields[i]->json_default = NULL;
    dk_buf_fini(&buf);
    return st;
}
