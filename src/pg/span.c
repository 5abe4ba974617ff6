/* SPDX-License-Identifier: MIT
 *
 * interval: microseconds, days, months. A duration that is one number has days of 24 hours, as Python's timedelta.
 */
#include "pg/kinds.h"

#define MOST_DAYS 999999999 /* of Python's timedelta */

typedef struct span {
    int64_t months, days, micros;
} span;

static dk_status
put_span(dk__pg_row *row, const span *t)
{
    uint8_t *p = dk__pg_field(row->out, 16);

    if (p == NULL)
        return DK_OK;
    dk__pg_store8(p, (uint64_t)t->micros);
    dk__pg_store4(p + 8, (uint32_t)(int32_t)t->days);
    dk__pg_store4(p + 12, (uint32_t)(int32_t)t->months);
    return DK_OK;
}

dk_status
dk__pg_span_of_int(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, int64_t v)
{
    uint8_t code = m.code;
    int64_t micros = v;
    span t = {0};

    if (code == DK__PG_PLAIN)
        code = c->unit == DK_PG_UNIT_NANOS ? DK__PG_SPAN_NANOS : DK__PG_SPAN_MICROS;
    if (code == DK__PG_SPAN_NANOS)
        micros = dk__pg_floor_div(v, 1000);
    else if (code != DK__PG_SPAN_MICROS)
        return dk__pg_odd(row, c, "a number that is no duration");
    if (m.code == DK__PG_PLAIN && c->unit == DK_PG_UNIT_MILLIS && __builtin_mul_overflow(v, 1000, &micros))
        return dk__pg_refuse_int(row, c, v, "out of range");
    t.days = dk__pg_floor_div(micros, DK__PG_DAY);
    t.micros = dk__pg_floor_mod(micros, DK__PG_DAY);
    return put_span(row, &t);
}

/* [+-]digits[.digits] in units of a million; *whole: without a fraction. */
static bool
read_amount(const uint8_t **p, const uint8_t *end, int64_t *out, bool *whole)
{
    bool negative = *p < end && **p == '-';
    int64_t v, unit = 100000;

    if (*p < end && (**p == '-' || **p == '+'))
        (*p)++;
    if (!dk__pg_digits(p, end, 1, 12, &v))
        return false;
    v *= 1000000;
    *whole = *p == end || **p != '.';
    if (!*whole) {
        (*p)++;
        for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
            v += (**p - '0') * unit;
    }
    *out = negative ? -v : v;
    return true;
}

/* Adds an amount, in millionths, of what the letter says: false if there is no such thing. */
static bool
add_part(span *t, uint8_t letter, bool clock, bool narrow, bool whole, int64_t amount)
{
    bool months = !clock && !narrow && (letter == 'Y' || letter == 'M');
    int64_t *to = clock ? &t->micros : months ? &t->months : &t->days;
    int64_t each = 1;

    if (clock)
        each = letter == 'H' ? 3600 : letter == 'M' ? 60 : letter == 'S' ? 1 : 0;
    else
        each = letter == 'Y'   ? narrow ? 365 : 12
               : letter == 'M' ? narrow ? 30 : 1
               : letter == 'W' ? 7
               : letter == 'D' ? 1
                               : 0;
    if (each == 0 || (!whole && (!clock || letter != 'S')))
        return false;
    if (!clock)
        amount /= 1000000;
    return !__builtin_mul_overflow(amount, each, &amount) && !__builtin_add_overflow(*to, amount, to);
}

/* As Python has it: the days are the whole ones. */
static bool
make_narrow(span *t)
{
    t->days += dk__pg_floor_div(t->micros, DK__PG_DAY);
    t->micros = dk__pg_floor_mod(t->micros, DK__PG_DAY);
    return t->days > -MOST_DAYS && t->days < MOST_DAYS;
}

dk_status
dk__pg_span_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    const uint8_t *p = s.p, *end = s.p + s.n;
    bool negative = p < end && *p == '-', clock = false, any = false;
    span t = {0};

    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || *p != 'P')
        return dk__pg_odd(row, c, "a duration that is not in ISO 8601");
    for (p++; p < end;) {
        int64_t amount;
        bool whole;

        if (*p == 'T' && !clock) {
            clock = true;
            p++;
            continue;
        }
        if (!read_amount(&p, end, &amount, &whole) || p == end || !add_part(&t, *p, clock, c->narrow, whole, amount))
            return dk__pg_refuse_text(row, c, s, "no duration in ISO 8601");
        p++;
        any = true;
    }
    if (!any)
        return dk__pg_refuse_text(row, c, s, "no duration in ISO 8601");
    if (t.months < INT32_MIN || t.months > INT32_MAX || t.days < INT32_MIN || t.days > INT32_MAX ||
        t.micros == INT64_MIN)
        return dk__pg_refuse_text(row, c, s, "out of range");
    if (negative && (t.months == INT32_MIN || t.days == INT32_MIN))
        return dk__pg_refuse_text(row, c, s, "out of range");
    if (negative)
        t = (span){-t.months, -t.days, -t.micros};
    if (c->narrow && !make_narrow(&t))
        return dk__pg_odd(row, c, "a duration that Python does not have");
    return put_span(row, &t);
}
