/* SPDX-License-Identifier: MIT
 *
 * numeric: decimal digits, four to a group. Rounded to the column's scale as PostgreSQL does, half away from zero.
 */
#include <math.h>
#include <stdio.h>

#include "pg/kinds.h"

#define SIGN_NEGATIVE 0x4000
#define SIGN_NAN 0xC000
#define SIGN_INFINITE 0xD000
#define SIGN_MINUS_INFINITE 0xF000
#define SCALE_INFINITE 32  /* what the server's own infinities have */
#define SCALE_MAX 16383    /* digits behind the point */
#define DIGITS_MAX 131072  /* and before it */
#define PRECISION_MAX 1000 /* of a column that has one */
#define BYTES_MAX 4096     /* of an unscaled value */
#define BYTES_DIGITS 9864  /* and its digits */

/* Digits in two pieces, as a text has them around its point. */
typedef struct decimal {
    bool negative;
    const uint8_t *a, *b;
    size_t na, nb;
    int64_t point; /* so many digits are before the point; may be negative, or more than there are */
    int64_t scale; /* so many are shown behind it */
} decimal;

static inline uint8_t
digit(const decimal *d, size_t i)
{
    return (uint8_t)((i < d->na ? d->a[i] : d->b[i - d->na]) - '0');
}

static void
strip_leading(decimal *d)
{
    while (d->na > 0 && *d->a == '0') {
        d->a++;
        d->na--;
        d->point--;
    }
    while (d->na == 0 && d->nb > 0 && *d->b == '0') {
        d->b++;
        d->nb--;
        d->point--;
    }
}

static void
strip_trailing(decimal *d)
{
    while (d->nb > 0 && d->b[d->nb - 1] == '0')
        d->nb--;
    while (d->nb == 0 && d->na > 0 && d->a[d->na - 1] == '0')
        d->na--;
}

static dk_status
put_groups(dk__pg_row *row, unsigned ngroups, int weight, unsigned sign, unsigned scale, uint8_t **groups)
{
    uint8_t *p = dk__pg_field(row->out, 8 + 2 * (size_t)ngroups);

    *groups = NULL;
    if (p == NULL)
        return DK_OK;
    dk__pg_store2(p, (uint16_t)ngroups);
    dk__pg_store2(p + 2, (uint16_t)weight);
    dk__pg_store2(p + 4, (uint16_t)sign);
    dk__pg_store2(p + 6, (uint16_t)scale);
    *groups = p + 8;
    return DK_OK;
}

/* Neither the first digit nor the last is 0, and all fits. */
static dk_status
put_digits(dk__pg_row *row, const decimal *d)
{
    size_t n = d->na + d->nb, lead, i;
    int64_t weight = d->point > 0 ? (d->point - 1) / 4 : -((4 - d->point) / 4);
    uint8_t *p;

    if (n == 0)
        return put_groups(row, 0, 0, 0, (unsigned)d->scale, &p);
    lead = (size_t)(d->point - 4 * weight); /* digits of the first group: 1 to 4 */
    (void)put_groups(row, (unsigned)(1 + (n > lead ? (n - lead + 3) / 4 : 0)), (int)weight,
                     d->negative ? SIGN_NEGATIVE : 0, (unsigned)d->scale, &p);
    for (i = 0; p != NULL && i < n; p += 2) {
        size_t end = i == 0 ? lead : i + 4;
        unsigned group = 0;

        for (; i < end; i++)
            group = 10 * group + (i < n ? digit(d, i) : 0);
        dk__pg_store2(p, (uint16_t)group);
    }
    return DK_OK;
}

/* Cuts d to `keep` digits, which are copied to `digits`, with the carry of rounding. */
static void
round_digits(decimal *d, int64_t keep, uint8_t *digits)
{
    bool up = keep >= 0 && digit(d, (size_t)keep) >= 5;
    size_t n = keep > 0 ? (size_t)keep : 0, i;

    for (i = 0; i < n; i++)
        digits[i] = (uint8_t)('0' + digit(d, i));
    if (up) {
        while (i > 0 && digits[i - 1] == '9')
            digits[--i] = '0';
        if (i > 0) {
            digits[i - 1]++;
        } else { /* 999 became 1000, or nothing 1 */
            digits[0] = '1';
            n = n == 0 ? 1 : n;
            d->point++;
        }
    }
    d->a = digits;
    d->na = n;
    d->nb = 0;
}

/* DK_OK, or a text that says why not. */
static const char *
fit_column(const dk_pg_column *c, decimal *d, uint8_t digits[PRECISION_MAX + 1])
{
    int64_t before = (int64_t)c->precision - c->scale;
    int64_t keep = d->point + c->scale;

    d->scale = c->scale > 0 ? c->scale : 0;
    if (d->na + d->nb == 0)
        return NULL;
    if (d->point > before)
        return "too many digits before the point";
    if (keep < (int64_t)(d->na + d->nb))
        round_digits(d, keep, digits);
    return d->na > 0 && d->point > before ? "too many digits before the point" : NULL;
}

/* why: the text to refuse it with, NULL when it is written. */
static const char *
put_decimal(dk__pg_row *row, const dk_pg_column *c, decimal *d)
{
    uint8_t digits[PRECISION_MAX + 1];
    const char *why;

    strip_leading(d);
    if (c->precision > 0) {
        why = fit_column(c, d, digits);
        if (why != NULL)
            return why;
    }
    strip_trailing(d);
    if (d->na + d->nb > 0 && d->point > DIGITS_MAX)
        return "too many digits before the point";
    if (d->scale > SCALE_MAX || (int64_t)(d->na + d->nb) - d->point > SCALE_MAX)
        return "too many digits behind the point";
    (void)put_digits(row, d);
    return NULL;
}

static dk_status
put_special(dk__pg_row *row, unsigned sign)
{
    uint8_t *p;

    return put_groups(row, 0, 0, sign, sign == SIGN_NAN ? 0 : SCALE_INFINITE, &p);
}

dk_status
dk__pg_numeric_of_int(dk__pg_row *row, const dk_pg_column *c, int64_t v)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)v);
    decimal d = {.negative = v < 0};
    const char *why;

    d.a = (const uint8_t *)text + d.negative;
    d.na = (size_t)n - d.negative;
    d.point = (int64_t)d.na;
    why = put_decimal(row, c, &d);
    return why == NULL ? DK_OK : dk__pg_refuse_int(row, c, v, why);
}

/* [+-]digits[.digits][e[+-]digits] */
static bool
read_decimal(dk_slice s, decimal *d)
{
    const uint8_t *p = s.p, *end = s.p + s.n;
    int64_t exponent = 0;
    bool minus;

    *d = (decimal){.negative = p < end && *p == '-'};
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    for (d->a = p; p < end && *p >= '0' && *p <= '9'; p++)
        d->na++;
    if (p < end && *p == '.')
        for (d->b = ++p; p < end && *p >= '0' && *p <= '9'; p++)
            d->nb++;
    if (d->na + d->nb == 0)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        minus = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        if (!dk__pg_digits(&p, end, 1, 9, &exponent))
            return false;
        exponent = minus ? -exponent : exponent;
    }
    d->point = (int64_t)d->na + exponent;
    d->scale = (int64_t)d->nb > exponent ? (int64_t)d->nb - exponent : 0;
    return p == end;
}

dk_status
dk__pg_numeric_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    const char *why;
    decimal d;

    if (c->narrow && s.n > 0 && (s.p[s.n - 1] < '0' || s.p[s.n - 1] > '9'))
        return dk__pg_odd(row, c, "a text that ends with no digit"); /* no number, if Python is asked */
    if (dk__pg_same_text(s, "nan"))
        return put_special(row, SIGN_NAN);
    if (dk__pg_same_text(s, "infinity") || dk__pg_same_text(s, "-infinity"))
        return c->precision > 0 ? dk__pg_refuse_text(row, c, s, "infinite")
                                : put_special(row, s.p[0] == '-' ? SIGN_MINUS_INFINITE : SIGN_INFINITE);
    if (!read_decimal(s, &d))
        return dk__pg_refuse_text(row, c, s, "no number");
    why = put_decimal(row, c, &d);
    return why == NULL ? DK_OK : dk__pg_refuse_text(row, c, s, why);
}

dk_status
dk__pg_numeric_of_double(dk__pg_row *row, const dk_pg_column *c, double v)
{
    char text[DK__PG_REAL_TEXT];
    const char *why;
    decimal d;

    if (c->narrow && !isfinite(v))
        return dk__pg_odd(row, c, "a decimal that Django does not have");
    if (isnan(v))
        return put_special(row, SIGN_NAN);
    if (isinf(v))
        return c->precision > 0 ? dk__pg_refuse_double(row, c, v, "infinite")
                                : put_special(row, v < 0 ? SIGN_MINUS_INFINITE : SIGN_INFINITE);
    (void)read_decimal((dk_slice){(const uint8_t *)text, dk__pg_real_text(v, text)}, &d);
    why = put_decimal(row, c, &d);
    return why == NULL ? DK_OK : dk__pg_refuse_double(row, c, v, why);
}

/* The decimal digits of a magnitude in words, the highest first; the words are used up. Returns where they begin in
 * out, which they fill to its end. */
static size_t
digits_of_words(uint32_t *w, size_t nw, uint8_t *out, size_t n)
{
    size_t i, first = 0;

    while (first < nw && w[first] == 0)
        first++;
    while (first < nw) {
        uint64_t rest = 0;
        int k;

        for (i = first; i < nw; i++) {
            rest = rest << 32 | w[i];
            w[i] = (uint32_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        for (k = 0; k < 9 && n > 0; k++, rest /= 10)
            out[--n] = (uint8_t)('0' + rest % 10);
        while (first < nw && w[first] == 0)
            first++;
    }
    return n;
}

/* Words of the magnitude of big-endian two's complement. */
static size_t
words_of_bytes(dk_slice s, bool negative, uint32_t *w)
{
    size_t nw = (s.n + 3) / 4, i;

    memset(w, negative ? 0xFF : 0, nw * sizeof *w);
    for (i = 0; i < s.n; i++) {
        size_t back = s.n - 1 - i; /* from the lowest byte */
        uint32_t *at = &w[nw - 1 - back / 4];

        *at = (*at & ~((uint32_t)0xFF << 8 * (back % 4))) | (uint32_t)s.p[i] << 8 * (back % 4);
    }
    if (negative) {
        for (i = 0; i < nw; i++)
            w[i] = ~w[i];
        for (i = nw; i > 0 && ++w[i - 1] == 0; i--)
            continue;
    }
    return nw;
}

/* Up to eight bytes, which nearly all are. */
static size_t
digits_of_small(dk_slice s, bool negative, uint8_t *out, size_t n)
{
    uint64_t u = negative ? ~UINT64_C(0) : 0;
    size_t i;

    for (i = 0; i < s.n; i++)
        u = u << 8 | s.p[i];
    u = negative ? 0 - u : u;
    for (; u > 0; u /= 10)
        out[--n] = (uint8_t)('0' + u % 10);
    return n;
}

static const char *
put_large(dk__pg_row *row, const dk_pg_column *c, dk_slice s, decimal *d, int32_t scale)
{
    uint32_t words[BYTES_MAX / 4];
    uint8_t digits[BYTES_DIGITS + 9];
    size_t first;

    if (s.n > BYTES_MAX)
        return "too many digits";
    first = digits_of_words(words, words_of_bytes(s, d->negative, words), digits, sizeof digits);
    d->a = digits + first;
    d->na = sizeof digits - first;
    d->point = (int64_t)d->na - scale;
    return put_decimal(row, c, d);
}

dk_status
dk__pg_numeric_of_bytes(dk__pg_row *row, const dk_pg_column *c, dk_slice s, int32_t scale)
{
    decimal d = {.negative = s.n > 0 && s.p[0] >= 0x80, .scale = scale > 0 ? scale : 0};
    uint8_t digits[24];
    const char *why;
    size_t first;

    if (s.n > 8) {
        why = put_large(row, c, s, &d, scale);
    } else {
        first = digits_of_small(s, d.negative, digits, sizeof digits);
        d.a = digits + first;
        d.na = sizeof digits - first;
        d.point = (int64_t)d.na - scale;
        why = put_decimal(row, c, &d);
    }
    return why == NULL ? DK_OK : dk__pg_refuse_bytes(row, c, s, why);
}
