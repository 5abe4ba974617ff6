/* SPDX-License-Identifier: MIT
 *
 * What the writers of the kinds share (types.c chooses among them): bytes of a field, and one file per subject.
 */
#ifndef DK_PG_KINDS_H
#define DK_PG_KINDS_H

#include "pg/value.h"

/* ---- fields: a length, and the value in network order ---- */

static inline void
dk__pg_store2(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void
dk__pg_store4(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    memcpy(p, &v, 4);
}

static inline void
dk__pg_store8(uint8_t *p, uint64_t v)
{
    dk__pg_store4(p, (uint32_t)(v >> 32));
    dk__pg_store4(p + 4, (uint32_t)v);
}

/* Room for a field of n bytes behind its length: NULL when there is none. The caller fills all of it. */
static inline uint8_t *
dk__pg_field(dk_buf *b, size_t n)
{
    uint8_t *p;

    if (!dk_buf_reserve(b, n + 4))
        return NULL;
    p = b->p + b->n;
    dk__pg_store4(p, (uint32_t)n);
    b->n += n + 4;
    return p + 4;
}

static inline dk_status
dk__pg_field4(dk_buf *b, uint32_t v)
{
    uint8_t *p = dk__pg_field(b, 4);

    if (p != NULL)
        dk__pg_store4(p, v);
    return DK_OK;
}

static inline dk_status
dk__pg_field8(dk_buf *b, uint64_t v)
{
    uint8_t *p = dk__pg_field(b, 8);

    if (p != NULL)
        dk__pg_store8(p, v);
    return DK_OK;
}

static inline dk_status
dk__pg_field_bytes(dk_buf *b, dk_slice s)
{
    uint8_t *p = dk__pg_field(b, s.n);

    if (p != NULL && s.n > 0)
        memcpy(p, s.p, s.n);
    return DK_OK;
}

/* Rounded down, and what is left: never negative. */
static inline int64_t
dk__pg_floor_div(int64_t v, int64_t by)
{
    return v / by - (v % by < 0);
}

static inline int64_t
dk__pg_floor_mod(int64_t v, int64_t by)
{
    return v % by + (v % by < 0 ? by : 0);
}

static inline bool
dk__pg_same_text(dk_slice s, const char *lower) /* without regard to case */
{
    size_t i, n = strlen(lower);

    for (i = 0; i < n && i < s.n; i++)
        if ((s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]) != (uint8_t)lower[i])
            return false;
    return s.n == n;
}

/* ---- number.c: booleans, integers, floating point ---- */

dk_status dk__pg_bool(dk__pg_row *row, bool v);
dk_status dk__pg_bool_of_int(dk__pg_row *row, const dk_pg_column *c, int64_t v);
dk_status dk__pg_bool_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);
dk_status dk__pg_integer(dk__pg_row *row, const dk_pg_column *c, int64_t v);
dk_status dk__pg_integer_of_double(dk__pg_row *row, const dk_pg_column *c, double v);
dk_status dk__pg_integer_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);
dk_status dk__pg_real(dk__pg_row *row, const dk_pg_column *c, double v);
dk_status dk__pg_real_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);

#define DK__PG_REAL_TEXT 40
/* The shortest text that is this number, as Python writes it: so many bytes, without an end. */
size_t dk__pg_real_text(double v, char out[DK__PG_REAL_TEXT]);

/* ---- numeric.c ---- */

dk_status dk__pg_numeric_of_int(dk__pg_row *row, const dk_pg_column *c, int64_t v);
dk_status dk__pg_numeric_of_double(dk__pg_row *row, const dk_pg_column *c, double v);
dk_status dk__pg_numeric_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);
/* Big-endian two's complement, times ten to the power of -scale. */
dk_status dk__pg_numeric_of_bytes(dk__pg_row *row, const dk_pg_column *c, dk_slice s, int32_t scale);

/* ---- calendar.c ---- */

#define DK__PG_DAY INT64_C(86400000000) /* in microseconds */

typedef struct dk__pg_moment {
    int64_t days;   /* since 1970; 0 when there is no date */
    int64_t micros; /* since midnight; what the zone says is already taken off */
    int infinite;   /* 1, -1 or 0 */
    bool date, time;
    bool zone;   /* behind a date alone, it is Z */
    bool unlike; /* another form than all write: an era or a sign, more than four digits of a year, 24:00, `t` or `z`,
                  * infinity, an offset behind a date alone */
} dk__pg_moment;

/* ISO 8601, as Java, Python and PostgreSQL write it: a date, a time of day, or both. */
bool dk__pg_moment_read(dk_slice s, dk__pg_moment *out);
bool dk__pg_digits(const uint8_t **p, const uint8_t *end, unsigned least, unsigned most, int64_t *out);

/* ---- times.c ---- */

dk_status dk__pg_time_of_int(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, int64_t v);
dk_status dk__pg_time_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);

/* ---- span.c: intervals ---- */

dk_status dk__pg_span_of_int(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, int64_t v);
dk_status dk__pg_span_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);

/* ---- text.c ---- */

dk_status dk__pg_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);
dk_status dk__pg_text_of_bits(dk__pg_row *row, const dk_pg_column *c, dk_slice s, int32_t bits);
dk_status dk__pg_uuid_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);
dk_status dk__pg_bytes_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s, dk_pg_form form);
/* Into out, which has room for 3/4 of s (BASE64) or half of it (HEX): false if it is none. */
bool dk__pg_decode(dk_slice s, dk_pg_form form, uint8_t *out, size_t *n);
/* Whether it is written as RFC 4648 has it, with padding; standard: not in the URL-safe alphabet, and not empty. */
bool dk__pg_is_base64(dk_slice s, bool standard);

/* ---- inet.c ---- */

dk_status dk__pg_inet_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);

/* ---- range.c ---- */

/* PostgreSQL's text of a range, without escapes; other forms are odd. Its bounds are texts for their kind. */
dk_status dk__pg_range_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s);

/* ---- document.c ---- */

/* What PostgreSQL takes as JSON; strict: as JSONB, which knows no NUL, no half pairs and no boundless numbers. */
bool dk__pg_is_document(dk_slice s, bool strict);
/* A document, or text that becomes a JSON string unless it must be one. */
dk_status dk__pg_document_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s, bool must);
/* Sure to be one. Odd if it has an integer that is too long for a narrow column. */
dk_status dk__pg_document(dk__pg_row *row, const dk_pg_column *c, dk_slice s);
/* Appends a text as JSON writes it. */
void dk__pg_quote(dk_buf *out, dk_slice s);

#endif
