/* SPDX-License-Identifier: MIT
 *
 * The JSON that schemas are written in.
 */
#include "codec/parse.h"

#include <math.h>
#include <stdlib.h>

dk_status
dk__parse_nomem(dk__parser *p)
{
    return dk__error_set(p->err, DK_ENOMEM, "out of memory while parsing a schema");
}

void *
dk__parse_alloc(dk__parser *p, size_t count, size_t size)
{
    return dk__arena_calloc(&p->s->arena, count, size);
}

static json_t *
load(dk_slice json, json_error_t *e)
{
    return json_loadb((const char *)json.p, json.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, e);
}

/* The end of the number that begins at s; *wide: an integer that 64 bits do not hold. */
static size_t
number_end(dk_slice s, size_t i, bool *wide)
{
    bool negative = s.p[i] == '-';
    size_t first = i + negative, n;

    for (n = first; n < s.n && s.p[n] >= '0' && s.p[n] <= '9'; n++)
        ;
    *wide = n - first > 19 || (n - first == 19 &&
                               memcmp(s.p + first, negative ? "9223372036854775808" : "9223372036854775807", 19) > 0);
    if (n < s.n && (s.p[n] == '.' || s.p[n] == 'e' || s.p[n] == 'E'))
        *wide = false;
    while (n < s.n && s.p[n] != '\0' && strchr("0123456789.eE+-", s.p[n]) != NULL)
        n++;
    return n > i ? n : i + 1;
}

/* Appends the number in a form that is read: as a real number if it is wide, as null if that is infinite too. */
static void
put_number(dk_buf *b, dk_slice s, bool wide)
{
    size_t start = b->n;

    dk_buf_put(b, s.p, s.n);
    if (wide)
        dk_buf_puts(b, ".0");
    dk_buf_put_byte(b, '\0');
    if (b->st != DK_OK)
        return;
    if (isinf(strtod((const char *)b->p + start, NULL))) {
        b->n = start;
        dk_buf_puts(b, "null");
    } else {
        b->n--;
    }
}

/* Numbers of any size may stand in attributes that mean nothing to Avro. Integers of more than 64 bits, which may
 * also be the default of a double, are read as real numbers; what is larger than those, as null. */
static json_t *
load_wide(dk__parser *p, dk_slice s, json_error_t *e)
{
    bool text = false, wide;
    size_t i = 0, end;
    json_t *j = NULL;
    dk_buf b;

    dk_buf_init(&b, p->s->a);
    while (i < s.n) {
        if (!text && (s.p[i] == '-' || (s.p[i] >= '0' && s.p[i] <= '9'))) {
            end = number_end(s, i, &wide);
            put_number(&b, (dk_slice){s.p + i, end - i}, wide);
            i = end;
            continue;
        }
        if (text && s.p[i] == '\\' && i + 1 < s.n)
            dk_buf_put_byte(&b, s.p[i++]);
        else if (s.p[i] == '"')
            text = !text;
        dk_buf_put_byte(&b, s.p[i++]);
    }
    e->text[0] = '\0'; /* stays so when there is no memory */
    if (b.st == DK_OK)
        j = load((dk_slice){b.p, b.n}, e);
    dk_buf_fini(&b);
    return j;
}

dk_status
dk__read_document(dk__parser *p, dk_slice json, json_t **out)
{
    json_error_t e;
    json_t *j = load(json, &e);
    dk_status st;

    if (j == NULL && json_error_code(&e) == json_error_numeric_overflow) {
        j = load_wide(p, json, &e);
        if (j == NULL && e.text[0] == '\0')
            return dk__parse_nomem(p);
    }

    if (j == NULL && json_error_code(&e) == json_error_out_of_memory)
        return dk__parse_nomem(p);
    if (j == NULL) {
        st = dk__error_set(p->err, DK_ESCHEMA, "not JSON: %s (line %d, column %d)", e.text, e.line, e.column);
        if (p->err != NULL)
            p->err->pos = e.position < 0 ? 0 : (size_t)e.position;
        return st;
    }
    p->roots[p->nroots++] = j;
    *out = j;
    return DK_OK;
}

/* The text of a JSON string, NULL if it is none or holds a NUL. */
const char *
dk__json_text(const json_t *j)
{
    const char *s = json_is_string(j) ? json_string_value(j) : NULL;

    return s != NULL && strlen(s) == json_string_length(j) ? s : NULL;
}

bool
dk__json_uint(const json_t *j, uint32_t max, uint32_t *out)
{
    json_int_t v = json_integer_value(j);

    if (!json_is_integer(j) || v < 0 || v > (json_int_t)max)
        return false;
    *out = (uint32_t)v;
    return true;
}
