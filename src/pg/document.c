/* SPDX-License-Identifier: MIT
 *
 * What PostgreSQL takes as JSON. Each value is looked at before it is sent: one that the server refuses would take
 * all the rows of its COPY with it.
 */
#include <stdio.h>

#include "pg/json_scan.h"
#include "pg/kinds.h"

bool
dk__pg_is_document(dk_slice text, bool strict)
{
    dk_error ignored;

    return dk__json_check(text, strict, &ignored) == DK_OK;
}

void
dk__pg_quote(dk_buf *out, dk_slice s)
{
    char escape[8];
    size_t from = 0, i;

    dk_buf_put_byte(out, '"');
    for (i = 0; i < s.n; i++) {
        uint8_t b = s.p[i];

        if (b >= 0x20 && b != '"' && b != '\\')
            continue;
        dk_buf_put(out, s.p + from, i - from);
        from = i + 1;
        if (b >= 0x20)
            snprintf(escape, sizeof escape, "\\%c", b);
        else
            snprintf(escape, sizeof escape, "\\u%04x", b);
        dk_buf_puts(out, escape);
    }
    dk_buf_put(out, s.p + from, i - from);
    dk_buf_put_byte(out, '"');
}

#define MOST_DIGITS 4300 /* of an integer that Python reads */

/* Whether there are so many digits in a row that they could be one. */
static bool
has_long_number(dk_slice s)
{
    size_t i, n = 0;

    for (i = 0; s.n > MOST_DIGITS && i < s.n && n <= MOST_DIGITS; i++)
        n = s.p[i] >= '0' && s.p[i] <= '9' ? n + 1 : 0;
    return n > MOST_DIGITS;
}

dk_status
dk__pg_document(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    bool binary = c->kind == DK_PG_JSONB;
    uint8_t *p;

    if (c->narrow && has_long_number(s))
        return dk__pg_odd(row, c, "a number of more digits than Python reads");
    p = dk__pg_field(row->out, s.n + binary);
    if (p != NULL && binary)
        *p++ = 1; /* version */
    if (p != NULL)
        memcpy(p, s.p, s.n);
    return DK_OK;
}

/* Whether a text of which nothing is known may be a document: an object, an array, or a quoted text. */
static bool
may_be_document(dk_slice s)
{
    size_t i = 0;

    while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r'))
        i++;
    return i < s.n && (s.p[i] == '{' || s.p[i] == '[' || s.p[i] == '"');
}

/* A text that is no document: the JSON string of it. */
static dk_status
put_string(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    dk_buf *b = row->out;
    size_t at = b->n;

    if (!dk_avro_utf8_valid(s.p, s.n))
        return dk__pg_refuse_text(row, c, s, "not UTF-8");
    if (c->kind == DK_PG_JSONB && s.n > 0 && memchr(s.p, 0, s.n) != NULL)
        return dk__pg_refuse_text(row, c, s, "jsonb cannot hold a NUL");
    if (dk__pg_field(b, c->kind == DK_PG_JSONB) == NULL)
        return DK_OK;
    if (c->kind == DK_PG_JSONB)
        b->p[b->n - 1] = 1;
    dk__pg_quote(b, s);
    if (b->st == DK_OK)
        dk__pg_store4(b->p + at, (uint32_t)(b->n - at - 4));
    return DK_OK;
}

dk_status
dk__pg_document_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s, bool must)
{
    if (must || c->form == DK_PG_FORM_DOCUMENT || may_be_document(s)) {
        if (dk__pg_is_document(s, c->kind == DK_PG_JSONB))
            return dk__pg_document(row, c, s);
        if (must)
            return dk__pg_refuse_text(row, c, s, "no JSON that PostgreSQL takes");
        if (c->narrow)
            return dk__pg_odd(row, c, "a text that looks like JSON, and is none that PostgreSQL takes");
    }
    return put_string(row, c, s);
}
