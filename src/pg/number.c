/* SPDX-License-Identifier: MIT
 *
 * Booleans, integers and floating point.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pg/kinds.h"

dk_status
dk__pg_bool(dk__pg_row *row, bool v)
{
    uint8_t *p = dk__pg_field(row->out, 1);

    if (p != NULL)
        *p = v;
    return DK_OK;
}

dk_status
dk__pg_bool_of_int(dk__pg_row *row, const dk_pg_column *c, int64_t v)
{
    if (v != 0 && v != 1)
        return dk__pg_refuse_int(row, c, v, "neither 0 nor 1");
    return dk__pg_bool(row, v == 1);
}

dk_status
dk__pg_bool_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    static const char *const words[] = {"f", "t", "false", "true", "0", "1", "no", "yes", "off", "on"};
    size_t i;

    for (i = 0; i < sizeof words / sizeof *words; i++)
        if (dk__pg_same_text(s, words[i]))
            return dk__pg_bool(row, i % 2 == 1);
    return dk__pg_refuse_text(row, c, s, "neither true nor false");
}

dk_status
dk__pg_integer(dk__pg_row *row, const dk_pg_column *c, int64_t v)
{
    uint8_t *p;

    if (c->kind == DK_PG_INT8)
        return dk__pg_field8(row->out, (uint64_t)v);
    if (c->kind == DK_PG_INT4 && v >= INT32_MIN && v <= INT32_MAX)
        return dk__pg_field4(row->out, (uint32_t)v);
    if (c->kind == DK_PG_INT2 && v >= INT16_MIN && v <= INT16_MAX) {
        p = dk__pg_field(row->out, 2);
        if (p != NULL)
            dk__pg_store2(p, (uint16_t)v);
        return DK_OK;
    }
    return dk__pg_refuse_int(row, c, v, "out of range");
}

dk_status
dk__pg_integer_of_double(dk__pg_row *row, const dk_pg_column *c, double v)
{
    if (!(v >= -9223372036854775808.0 && v < 9223372036854775808.0) || v != floor(v))
        return dk__pg_refuse_double(row, c, v, "no integer");
    return dk__pg_integer(row, c, (int64_t)v);
}

dk_status
dk__pg_integer_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    bool neg = s.n > 0 && s.p[0] == '-';
    size_t i = neg || (s.n > 0 && s.p[0] == '+') ? 1 : 0;
    int64_t v = 0;

    if (i == s.n)
        return dk__pg_refuse_text(row, c, s, "no integer");
    for (; i < s.n; i++) {
        int digit = s.p[i] - '0';

        if (digit < 0 || digit > 9)
            return dk__pg_refuse_text(row, c, s, "no integer");
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, digit, &v)) /* below zero: there is more */
            return dk__pg_refuse_text(row, c, s, "out of range");
    }
    if (!neg && v == INT64_MIN)
        return dk__pg_refuse_text(row, c, s, "out of range");
    return dk__pg_integer(row, c, neg ? v : -v);
}

dk_status
dk__pg_real(dk__pg_row *row, const dk_pg_column *c, double v)
{
    uint64_t u;
    uint32_t w;
    float f;

    if (c->narrow && v == 0 && signbit(v))
        return dk__pg_odd(row, c, "a zero below zero"); /* which becomes another in a statement's text */
    if (c->kind == DK_PG_FLOAT8) {
        memcpy(&u, &v, sizeof u);
        return dk__pg_field8(row->out, u);
    }
    f = (float)v;
    if ((isinf(f) && !isinf(v)) || (f == 0 && v != 0))
        return dk__pg_refuse_double(row, c, v, "out of range");
    memcpy(&w, &f, sizeof w);
    return dk__pg_field4(row->out, w);
}

/* [+-]digits[.digits][e[+-]digits], into a text for strtod(). *zero: there is no digit but 0. */
static bool
copy_real(dk_slice s, char *out, size_t most, bool *zero)
{
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0, digits = 0, point = 0, e = 0;

    *zero = true;
    if (s.n >= most)
        return false;
    for (; i < s.n; i++) {
        *zero = *zero && (s.p[i] < '1' || s.p[i] > '9' || e > 0);
        if (s.p[i] >= '0' && s.p[i] <= '9')
            digits++;
        else if (s.p[i] == '.' && point == 0 && e == 0)
            point = 1;
        else if ((s.p[i] == 'e' || s.p[i] == 'E') && e == 0 && digits > 0)
            e = i + 1 < s.n && (s.p[i + 1] == '-' || s.p[i + 1] == '+') ? ++i : i;
        else
            return false;
    }
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return digits > 0 && (e == 0 || e + 1 < s.n);
}

dk_status
dk__pg_real_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    char text[400], *end, *point;
    bool zero;
    double v;

    if (dk__pg_same_text(s, "nan"))
        return dk__pg_real(row, c, NAN);
    if (dk__pg_same_text(s, "infinity") || dk__pg_same_text(s, "inf"))
        return dk__pg_real(row, c, INFINITY);
    if (dk__pg_same_text(s, "-infinity") || dk__pg_same_text(s, "-inf"))
        return dk__pg_real(row, c, -INFINITY);
    if (!copy_real(s, text, sizeof text, &zero))
        return dk__pg_refuse_text(row, c, s, "no number");
    v = strtod(text, &end);
    point = strchr(text, '.');
    if (*end != '\0' && point != NULL) { /* the process's locale has another point */
        *point = ',';
        v = strtod(text, &end);
    }
    if (*end != '\0')
        return dk__pg_refuse_text(row, c, s, "no number");
    if (isinf(v) || (v == 0 && !zero))
        return dk__pg_refuse_text(row, c, s, "out of range");
    return dk__pg_real(row, c, v);
}

/* The digits of v, as few as tell it from others, and its exponent: v is d.ddd times ten to the exponent. */
static int
shortest_digits(double v, char digits[20], int *exponent)
{
    char text[DK__PG_REAL_TEXT];
    int n = 0, precision;
    size_t i;

    for (precision = 14; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, v);
        if (strtod(text, NULL) == v)
            break;
    }
    for (i = 0; text[i] != 'e'; i++)
        if (text[i] >= '0' && text[i] <= '9')
            digits[n++] = text[i];
    *exponent = atoi(text + i + 1);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

size_t
dk__pg_real_text(double v, char out[DK__PG_REAL_TEXT])
{
    char digits[20];
    int exponent, i;
    int nd = shortest_digits(fabs(v), digits, &exponent);
    size_t n = 0;

    if (signbit(v))
        out[n++] = '-';
    if (exponent < -4 || exponent >= 16) {
        out[n++] = digits[0];
        if (nd > 1)
            out[n++] = '.';
        memcpy(out + n, digits + 1, (size_t)nd - 1);
        n += (size_t)nd - 1;
        return n + (size_t)snprintf(out + n, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    }
    if (exponent < 0) {
        n += (size_t)snprintf(out + n, 8, "0.%.*s", -exponent - 1, "000");
        memcpy(out + n, digits, (size_t)nd);
        return n + (size_t)nd;
    }
    for (i = 0; i <= exponent || i < nd || i == exponent + 1; i++) {
        if (i == exponent + 1)
            out[n++] = '.';
        out[n++] = i < nd ? digits[i] : '0';
    }
    return n;
}
