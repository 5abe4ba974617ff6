/* SPDX-License-Identifier: MIT
 *
 * date, time, timestamp, timestamptz: days or microseconds since 2000, UTC.
 */
#include "pg/kinds.h"

#define EPOCH_DAYS 10957      /* 2000-01-01 */
#define DATE_FIRST (-2451545) /* 4714-11-24 BC, of PostgreSQL's own range; and the day behind 5874897-12-31 */
#define DATE_END 2145031949
#define STAMP_FIRST INT64_C(-211813488000000000) /* the same day; and the one behind 294276-12-31 */
#define STAMP_END INT64_C(9223371331200000000)

/* How PostgreSQL's Java driver, and so Debezium, says infinity in a number, whatever it counts. */
#define NUMBER_INFINITE INT64_C(9223372036825200000)
#define NUMBER_MINUS_INFINITE INT64_C(-9223372036832400000)

#define NARROW_FIRST (-730119) /* 0001-01-01, and the day behind 9999-12-31: what Python has */
#define NARROW_END 2921940

static dk_status
beyond(dk__pg_row *row, const dk_pg_column *c)
{
    return dk__pg_odd(row, c, "a time that Python does not have");
}

static dk_status
put_infinite(dk__pg_row *row, const dk_pg_column *c, int sign)
{
    if (c->narrow)
        return beyond(row, c);
    if (c->kind == DK_PG_DATE)
        return dk__pg_field4(row->out, (uint32_t)(sign > 0 ? INT32_MAX : INT32_MIN));
    return dk__pg_field8(row->out, (uint64_t)(sign > 0 ? INT64_MAX : INT64_MIN));
}

/* days since 1970, and microseconds, maybe more than a day's. false: out of range. */
static bool
put_moment(dk__pg_row *row, const dk_pg_column *c, int64_t days, int64_t micros)
{
    int64_t v;

    if (__builtin_sub_overflow(days, EPOCH_DAYS, &days) ||
        __builtin_add_overflow(days, dk__pg_floor_div(micros, DK__PG_DAY), &days))
        return false;
    micros = dk__pg_floor_mod(micros, DK__PG_DAY);
    if (c->narrow && (days < NARROW_FIRST || days >= NARROW_END))
        return false;
    if (c->kind == DK_PG_DATE) {
        if (days < DATE_FIRST || days >= DATE_END)
            return false;
        (void)dk__pg_field4(row->out, (uint32_t)(int32_t)days);
        return true;
    }
    if (__builtin_mul_overflow(days, DK__PG_DAY, &v) || __builtin_add_overflow(v, micros, &v) || v < STAMP_FIRST ||
        v >= STAMP_END)
        return false;
    (void)dk__pg_field8(row->out, (uint64_t)v);
    return true;
}

static dk_status
put_time_of_day(dk__pg_row *row, const dk_pg_column *c, int64_t v, int64_t micros)
{
    if (micros < 0 || micros > DK__PG_DAY)
        return dk__pg_refuse_int(row, c, v, "out of range");
    if (c->narrow && micros == DK__PG_DAY)
        return beyond(row, c);
    return dk__pg_field8(row->out, (uint64_t)micros);
}

/* The last moment of the year 9999, in microseconds: what is more counts nanoseconds. */
#define MICROS_MOST INT64_C(253402300800000000)
#define MILLIS_MOST INT64_C(100000000000000)

static uint8_t
guess_stamp(int64_t v)
{
    if (v > -MILLIS_MOST && v < MILLIS_MOST)
        return DK__PG_MILLIS;
    return v > -MICROS_MOST && v < MICROS_MOST ? DK__PG_MICROS : DK__PG_NANOS;
}

static uint8_t
guess_time(int64_t v)
{
    return v <= DK__PG_DAY / 1000 ? DK__PG_TIME_MILLIS : v <= DK__PG_DAY ? DK__PG_TIME_MICROS : DK__PG_TIME_NANOS;
}

/* What a number without a meaning counts in this column. */
static uint8_t
meaning_by_unit(const dk_pg_column *c, int64_t v)
{
    static const uint8_t stamps[] = {
        [DK_PG_UNIT_MILLIS] = DK__PG_MILLIS,
        [DK_PG_UNIT_MICROS] = DK__PG_MICROS,
        [DK_PG_UNIT_NANOS] = DK__PG_NANOS,
    };

    if (c->unit == DK_PG_UNIT_NONE)
        return c->kind == DK_PG_DATE ? DK__PG_DAYS : c->kind == DK_PG_TIME ? guess_time(v) : guess_stamp(v);
    return (uint8_t)(stamps[c->unit] + (c->kind == DK_PG_TIME ? DK__PG_TIME_MICROS - DK__PG_MICROS : 0));
}

static dk_status
put_clock(dk__pg_row *row, const dk_pg_column *c, uint8_t code, int64_t v)
{
    int64_t micros = v;

    if (code == DK__PG_TIME_NANOS)
        micros = dk__pg_floor_div(v, 1000);
    else if (code == DK__PG_TIME_MILLIS && __builtin_mul_overflow(v, 1000, &micros))
        micros = -1;
    else if (code != DK__PG_TIME_MILLIS && code != DK__PG_TIME_MICROS)
        return dk__pg_odd(row, c, "a number that is no time of day");
    return put_time_of_day(row, c, v, micros);
}

dk_status
dk__pg_time_of_int(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, int64_t v)
{
    uint8_t code = m.code == DK__PG_PLAIN ? meaning_by_unit(c, v) : m.code;
    bool fits;

    if (c->kind == DK_PG_TIME)
        return put_clock(row, c, code, v);
    if (code != DK__PG_DAYS && (v == NUMBER_INFINITE || v == NUMBER_MINUS_INFINITE))
        return put_infinite(row, c, v > 0 ? 1 : -1);
    switch (code) {
    case DK__PG_DAYS:
        fits = put_moment(row, c, v, 0);
        break;
    case DK__PG_MILLIS:
        fits = put_moment(row, c, dk__pg_floor_div(v, 86400000), dk__pg_floor_mod(v, 86400000) * 1000);
        break;
    case DK__PG_MICROS:
        fits = put_moment(row, c, 0, v);
        break;
    case DK__PG_NANOS:
        fits = put_moment(row, c, 0, dk__pg_floor_div(v, 1000));
        break;
    default:
        return dk__pg_odd(row, c, "a number that is no point in time");
    }
    if (!fits && c->narrow)
        return beyond(row, c);
    return fits ? DK_OK : dk__pg_refuse_int(row, c, v, "out of range");
}

dk_status
dk__pg_time_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    dk__pg_moment at;

    if (!dk__pg_moment_read(s, &at))
        return dk__pg_refuse_text(row, c, s, "no such time in ISO 8601");
    if (c->narrow && (at.unlike || (at.zone && !at.time && c->kind != DK_PG_DATE)))
        return dk__pg_odd(row, c, "a time in another form than all write");
    if (c->kind == DK_PG_TIME) {
        if (!at.time || at.date)
            return dk__pg_refuse_text(row, c, s, "no time of day");
        if (at.micros != DK__PG_DAY)
            at.micros = dk__pg_floor_mod(at.micros, DK__PG_DAY);
        return dk__pg_field8(row->out, (uint64_t)at.micros);
    }
    if (!at.date)
        return dk__pg_refuse_text(row, c, s, "no date");
    if (at.infinite != 0)
        return put_infinite(row, c, at.infinite);
    if (c->kind == DK_PG_DATE) /* what the text says, wherever that was */
        at.micros = 0;
    if (put_moment(row, c, at.days, at.micros))
        return DK_OK;
    return c->narrow ? beyond(row, c) : dk__pg_refuse_text(row, c, s, "out of range");
}
