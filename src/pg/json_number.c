/* SPDX-License-Identifier: MIT
 *
 * What numbers of JSON mean: integers of 64 bits, doubles, and whether PostgreSQL's numeric holds them.
 */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/internal.h"
#include "pg/json_scan.h"

bool
dk__json_int(const dk__json_token *number, int64_t *out)
{
    const uint8_t *p = number->text.p, *end = p + number->text.n;
    bool negative = *p == '-';
    uint64_t u = 0;

    if (!number->integer)
        return false;
    for (p += negative; p < end; p++) {
        unsigned digit = *p - '0';

        if (u > (UINT64_MAX - digit) / 10)
            return false;
        u = u * 10 + digit;
    }
    if (u > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - u) : (int64_t)u;
    return true;
}

#define DIGITS_MAX 800        /* more than 767 never matter, but that one of them is not zero */
#define EXPONENT_MAX 10000000 /* further is as good as infinitely far */

/* A number as its digits without a point, and the power of ten that they are to be multiplied with. */
typedef struct parts {
    char digits[DIGITS_MAX + 24]; /* and room for more text behind them */
    size_t n;                     /* without leading zeros */
    int64_t exponent;
    bool negative;
} parts;

static int64_t
read_exponent(const uint8_t *p, const uint8_t *end)
{
    bool negative = p < end && *p == '-';
    int64_t e = 0;

    for (p += p < end && (*p == '-' || *p == '+'); p < end; p++)
        if (e < EXPONENT_MAX)
            e = e * 10 + (*p - '0');
    return negative ? -e : e;
}

static void
take_apart(dk_slice text, parts *out)
{
    const uint8_t *p = text.p, *end = p + text.n;
    bool behind_point = false, lost = false;

    out->n = 0;
    out->exponent = 0;
    out->negative = *p == '-';
    for (p += out->negative; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            behind_point = true;
        } else if (out->n < DIGITS_MAX) {
            if (out->n > 0 || *p != '0')
                out->digits[out->n++] = (char)*p;
            out->exponent -= behind_point;
        } else {
            lost |= *p != '0';
            out->exponent += !behind_point;
        }
    }
    if (lost) {
        out->digits[out->n++] = '1';
        out->exponent--;
    }
    if (p < end)
        out->exponent += read_exponent(p + 1, end);
}

/* The product or quotient of two doubles that are exact is rounded once: that is the nearest double. */
static bool
quick_double(const parts *n, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t u = 0;
    size_t i;

    if (FLT_EVAL_METHOD != 0 || n->n > 16 || n->exponent < -22 || n->exponent > 22)
        return false;
    for (i = 0; i < n->n; i++)
        u = u * 10 + (uint64_t)(n->digits[i] - '0');
    if (u > (uint64_t)1 << 53)
        return false;
    *out = n->exponent < 0 ? (double)u / tens[-n->exponent] : (double)u * tens[n->exponent];
    return true;
}

double
dk__json_double(const dk__json_token *number)
{
    double d;
    parts n;

    take_apart(number->text, &n);
    if (n.n == 0)
        return n.negative && !number->integer ? -0.0 : 0.0;
    if (!quick_double(&n, &d)) {
        /* Without a point the text means the same in every locale. */
        snprintf(n.digits + n.n, sizeof n.digits - n.n, "e%lld", (long long)n.exponent);
        d = strtod(n.digits, NULL);
    }
    return n.negative ? -d : d;
}

bool
dk__json_numeric_fits(dk_slice number)
{
    const uint8_t *p = number.p, *end = p + number.n;
    bool behind_point = false, zero = true;
    int64_t before = 0, behind = 0, exponent = 0; /* digits, without leading zeros before the point */

    if (number.n < 100 && memchr(p, 'e', number.n) == NULL && memchr(p, 'E', number.n) == NULL)
        return true;
    for (p += *p == '-'; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.') {
            behind_point = true;
            continue;
        }
        behind += behind_point;
        zero &= *p == '0';
        if (!zero)
            before += !behind_point;
        else
            before -= behind_point;
    }
    if (p < end)
        exponent = read_exponent(p + 1, end);
    return behind - exponent <= 16383 && (zero || before + exponent <= 131072);
}
