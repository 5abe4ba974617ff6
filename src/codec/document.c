/* SPDX-License-Identifier: MIT
 *
 * The JSON that schemas are written in.
 */
#include "codec/parse.h"

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

dk_status
dk__read_document(dk__parser *p, dk_slice json, json_t **out)
{
    json_error_t e;
    json_t *j = json_loadb((const char *)json.p, json.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    dk_status st;

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
