/* SPDX-License-Identifier: MIT
 *
 * Dates and times of day in ISO 8601, as Java, Python and PostgreSQL write them: +12024-02-29T23:59:59.123456Z,
 * -0043-03-15, 0044-03-15 BC, 24:00:00, infinity.
 */
#include "pg/kinds.h"

#define YEAR_INFINITE 292278994 /* what Java's largest number of milliseconds is in: PostgreSQL's driver says */
#define YEAR_MINUS_INFINITE (-292275055) /* infinity so, and Debezium writes it out */

bool
dk__pg_digits(const uint8_t **p, const uint8_t *end, unsigned least, unsigned most, int64_t *out)
{
    unsigned n = 0;

    for (*out = 0; *p < end && **p >= '0' && **p <= '9' && n < most; (*p)++, n++)
        *out = 10 * *out + (**p - '0');
    return n >= least && (*p == end || **p < '0' || **p > '9');
}

static bool
skip(const uint8_t **p, const uint8_t *end, char what)
{
    if (*p == end || **p != (uint8_t)what)
        return false;
    (*p)++;
    return true;
}

static bool
is_leap(int64_t y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

/* Days since 1970 of a date in the proleptic Gregorian calendar, whose year 0 is 1 BC. */
static int64_t
days_of(int64_t y, int64_t m, int64_t d)
{
    int64_t era, year, day;

    y -= m <= 2; /* years begin in March: the leap day is the last */
    era = (y >= 0 ? y : y - 399) / 400;
    year = y - era * 400;
    day = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

static bool
read_date(const uint8_t **p, const uint8_t *end, dk__pg_moment *out)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool negative = *p < end && **p == '-';
    const uint8_t *first = *p;
    int64_t y, m, d;

    if (*p < end && (**p == '-' || **p == '+'))
        (*p)++;
    if (!dk__pg_digits(p, end, 4, 9, &y) || !skip(p, end, '-') || !dk__pg_digits(p, end, 2, 2, &m) ||
        !skip(p, end, '-') || !dk__pg_digits(p, end, 2, 2, &d))
        return false;
    out->unlike = *p - first != 10;
    y = negative ? -y : y;
    if (end - *p >= 3 && memcmp(end - 3, " BC", 3) == 0) /* before the common era there is no year 0 */
        y = 1 - y;
    if (m < 1 || m > 12 || d < 1 || d > lengths[m - 1] + (m == 2 && is_leap(y)))
        return false;
    out->date = true;
    out->days = days_of(y, m, d);
    out->infinite = y >= YEAR_INFINITE ? 1 : y <= YEAR_MINUS_INFINITE ? -1 : 0;
    return true;
}

/* What is beyond microseconds is dropped. */
static bool
read_fraction(const uint8_t **p, const uint8_t *end, int64_t *micros)
{
    int64_t unit = 100000;
    const uint8_t *first = *p;

    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        *micros += (**p - '0') * unit;
    return *p > first && *p - first <= 12;
}

static bool
read_clock(const uint8_t **p, const uint8_t *end, dk__pg_moment *out)
{
    int64_t h, m, s = 0;

    if (!dk__pg_digits(p, end, 2, 2, &h) || !skip(p, end, ':') || !dk__pg_digits(p, end, 2, 2, &m))
        return false;
    if (skip(p, end, ':') && !dk__pg_digits(p, end, 2, 2, &s))
        return false;
    out->time = true;
    out->micros = ((h * 60 + m) * 60 + s) * 1000000;
    if (skip(p, end, '.') && !read_fraction(p, end, &out->micros))
        return false;
    out->unlike |= out->micros == DK__PG_DAY;
    return m < 60 && s < 60 && out->micros <= DK__PG_DAY;
}

/* Z, +01, +0100, +01:00, +01:00:00; nothing is nothing. */
static bool
read_zone(const uint8_t **p, const uint8_t *end, int64_t *seconds)
{
    bool negative, colon;
    int64_t h, m = 0, s = 0;

    *seconds = 0;
    if (skip(p, end, 'Z') || skip(p, end, 'z') || *p == end || (**p != '-' && **p != '+'))
        return true;
    negative = **p == '-';
    (*p)++;
    if (end - *p < 2 || (*p)[0] < '0' || (*p)[0] > '1' || (*p)[1] < '0' || (*p)[1] > '9')
        return false;
    h = ((*p)[0] - '0') * 10 + (*p)[1] - '0';
    *p += 2;
    colon = skip(p, end, ':');
    if (colon || (*p < end && **p >= '0' && **p <= '9')) {
        if (!dk__pg_digits(p, end, 2, 2, &m))
            return false;
        if (colon && skip(p, end, ':') && !dk__pg_digits(p, end, 2, 2, &s))
            return false;
    }
    *seconds = ((h * 60 + m) * 60 + s) * (negative ? -1 : 1);
    return m < 60 && s < 60;
}

bool
dk__pg_moment_read(dk_slice s, dk__pg_moment *out)
{
    const uint8_t *p = s.p, *end = s.p + s.n, *at;
    int64_t zone;

    *out = (dk__pg_moment){0};
    if (dk__pg_same_text(s, "infinity") || dk__pg_same_text(s, "-infinity")) {
        out->infinite = s.p[0] == '-' ? -1 : 1;
        out->date = out->unlike = true;
        return true;
    }
    if (s.n >= 3 && s.p[2] == ':') {
        if (!read_clock(&p, end, out))
            return false;
    } else {
        if (!read_date(&p, end, out))
            return false;
        if (p < end && (*p == 'T' || *p == 't' || (*p == ' ' && end - p > 3))) {
            out->unlike |= *p == 't';
            p++;
            if (!read_clock(&p, end, out))
                return false;
        }
    }
    at = p;
    if (!read_zone(&p, end, &zone))
        return false;
    out->zone = p > at;
    out->unlike |= p < end || (p > at && (*at == 'z' || (!out->time && *at != 'Z')));
    out->micros -= zone * 1000000;
    return p == end || (out->date && end - p == 3 && memcmp(p, " BC", 3) == 0);
}
