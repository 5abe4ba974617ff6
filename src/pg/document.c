/* SPDX-License-Identifier: MIT
 *
 * What PostgreSQL takes as JSON. Each value is looked at before it is sent: one that the server refuses would take
 * all the rows of its COPY with it.
 */
#include <stdio.h>

#include "pg/kinds.h"

#define DEPTH 512

typedef struct scan {
    const uint8_t *p, *end;
    bool strict;
    unsigned depth;
    uint8_t open[DEPTH]; /* '{' or '[' */
} scan;

static inline void
skip_space(scan *s)
{
    if (s->p<s->end && * s->p> ' ')
        return;
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool
scan_word(scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return false;
    s->p += n;
    return true;
}

static int
scan_hex(scan *s)
{
    int v = 0, i;

    if (s->end - s->p < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        uint8_t b = *s->p++, low = b | 0x20;

        if (b >= '0' && b <= '9')
            v = v << 4 | (b - '0');
        else if (low >= 'a' && low <= 'f')
            v = v << 4 | (low - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* Behind \u. JSONB knows neither NUL nor halves of pairs. */
static bool
scan_unicode(scan *s)
{
    int v = scan_hex(s);

    if (v < 0 || !s->strict)
        return v >= 0;
    if (v >= 0xD800 && v < 0xDC00) {
        if (!scan_word(s, "\\u"))
            return false;
        v = scan_hex(s);
        return v >= 0xDC00 && v < 0xE000;
    }
    return v != 0 && (v < 0xDC00 || v >= 0xE000);
}

/* Passes over what a string may hold as it is, eight bytes at a time. */
static inline void
scan_plain(scan *s)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    const uint8_t *p = s->p, *end = s->end;
    uint64_t w, quote, slash;

    for (; end - p >= 8; p += 8) {
        memcpy(&w, p, 8);
        quote = w ^ ones * '"';
        slash = w ^ ones * '\\';
        if ((((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & high)
            break;
    }
    while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
        p++;
    s->p = p;
}

static bool
scan_string(scan *s)
{
    if (s->p == s->end || *s->p++ != '"')
        return false;
    for (;;) {
        uint8_t b;

        scan_plain(s);
        if (s->p == s->end)
            return false;
        b = *s->p++;
        if (b == '"')
            return true;
        if (b != '\\' || s->p == s->end)
            return false;
        b = *s->p++;
        if (b == 'u' ? !scan_unicode(s) : b == 0 || strchr("\"\\/bfnrt", b) == NULL)
            return false;
    }
}

/* Numbers of JSONB are numeric: so many digits before and behind the point, no more. */
static bool
scan_number(scan *s)
{
    const uint8_t *first = s->p;
    int64_t whole = 0, fraction = 0, exponent = 0;
    bool minus;

    s->p += *s->p == '-';
    first = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    whole = s->p - first;
    if (whole == 0 || (*first == '0' && whole > 1))
        return false;
    if (s->p < s->end && *s->p == '.') {
        for (first = ++s->p; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
            continue;
        fraction = s->p - first;
        if (fraction == 0)
            return false;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        minus = s->p < s->end && *s->p == '-';
        if (s->p < s->end && (*s->p == '-' || *s->p == '+'))
            s->p++;
        for (first = s->p; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++)
            exponent = exponent < 1000000 ? 10 * exponent + (*s->p - '0') : exponent;
        if (s->p == first)
            return false;
        exponent = minus ? -exponent : exponent;
    }
    return !s->strict || (whole + exponent <= 131072 && fraction - exponent <= 16383);
}

/* A value up to its end, or up to what it opens. */
static bool
scan_begin(scan *s)
{
    skip_space(s);
    if (s->p == s->end)
        return false;
    switch (*s->p) {
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    case '{':
    case '[':
        if (s->depth == DEPTH)
            return false;
        s->open[s->depth++] = *s->p++;
        return true;
    default:
        return (*s->p == '-' || (*s->p >= '0' && *s->p <= '9')) && (s->p + 1 < s->end || *s->p != '-') &&
               scan_number(s);
    }
}

static bool
scan_key(scan *s)
{
    skip_space(s);
    if (!scan_string(s))
        return false;
    skip_space(s);
    return s->p < s->end && *s->p++ == ':';
}

/* Behind a value, or behind what opens a container (`fresh`): everything up to where the next value begins. *done:
 * there is none. */
static bool
scan_next(scan *s, bool fresh, bool *done)
{
    for (*done = false;; fresh = false) {
        uint8_t open;

        skip_space(s);
        if (s->depth == 0) {
            *done = true;
            return s->p == s->end;
        }
        if (s->p == s->end)
            return false;
        open = s->open[s->depth - 1];
        if (*s->p == (open == '{' ? '}' : ']')) {
            s->p++;
            s->depth--;
            continue;
        }
        if (!fresh && *s->p++ != ',')
            return false;
        return open == '[' || scan_key(s);
    }
}

bool
dk__pg_is_document(dk_slice text, bool strict)
{
    scan s;
    bool done = false;

    s.p = text.p;
    s.end = text.p + text.n;
    s.strict = strict;
    s.depth = 0; /* its table is filled as it is needed */

    if (text.n == 0 || !dk_avro_utf8_valid(text.p, text.n))
        return false;
    while (!done) {
        unsigned depth = s.depth;

        if (!scan_begin(&s) || !scan_next(&s, s.depth > depth, &done))
            return false;
    }
    return true;
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

dk_status
dk__pg_document(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    bool binary = c->kind == DK_PG_JSONB;
    uint8_t *p = dk__pg_field(row->out, s.n + binary);

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
    scan begin;

    begin.p = s.p;
    begin.end = s.p + s.n;
    skip_space(&begin);
    return begin.p < begin.end && (*begin.p == '{' || *begin.p == '[' || *begin.p == '"');
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
    if ((must || c->form == DK_PG_FORM_DOCUMENT || may_be_document(s)) &&
        dk__pg_is_document(s, c->kind == DK_PG_JSONB))
        return dk__pg_document(row, c, s);
    if (must)
        return dk__pg_refuse_text(row, c, s, "no JSON that PostgreSQL takes");
    return put_string(row, c, s);
}
