/* SPDX-License-Identifier: MIT
 *
 * Dates, times and intervals: the ends of their ranges, and texts that are none.
 */
#include "pg_rig.h"

DK_TEST(pg_value_times)
{
    pg_text_is(pg_column(DK_PG_DATE), "2000-01-02", "00000004 00000001");
    pg_text_is(pg_column(DK_PG_TIME), "24:00:00", "00000008 000000141dd76000");
    pg_text_is(pg_column(DK_PG_TIMESTAMP), "2000-01-01T00:00:00.000001Z", "00000008 0000000000000001");
    pg_text_refused(pg_column(DK_PG_TIME), "24:00:00.000001", "no such time");
    pg_text_refused(pg_column(DK_PG_TIME), "2024-01-01", "no time of day");
    pg_text_refused(pg_column(DK_PG_DATE), "12:00:00", "no date");
    pg_text_refused(pg_column(DK_PG_DATE), "2023-02-29",
                    "\"2023-02-29\" does not fit date: no such time in ISO 8601");
    pg_text_refused(pg_column(DK_PG_DATE), "1900-02-29", "no such time");
    pg_text_refused(pg_column(DK_PG_DATE), "2024-13-01", "no such time");
    pg_text_refused(pg_column(DK_PG_DATE), "2024-00-01", "no such time");
    pg_text_refused(pg_column(DK_PG_DATE), "24-01-01", "no such time");
    pg_text_refused(pg_column(DK_PG_DATE), "5874898-01-01", "out of range");
    pg_text_refused(pg_column(DK_PG_DATE), "-4713-11-23", "out of range");
    pg_text_refused(pg_column(DK_PG_TIMESTAMP), "294277-01-01", "out of range");
    pg_text_refused(pg_column(DK_PG_TIMESTAMP), "2024-01-01T00:00:00+25:00", "no such time");
    pg_text_refused(pg_column(DK_PG_TIMESTAMP), "2024-01-01T00:00:00.", "no such time");
    pg_text_refused(pg_column(DK_PG_TIMESTAMP), "2024-01-01T00:00:00Zx", "no such time");
    pg_text_refused(pg_column(DK_PG_TIMESTAMP), "", "no such time");
    pg_number_refused(DK_PG_DATE, DK__PG_DAYS, 2145042906, "2145042906 does not fit date: out of range");
    pg_number_refused(DK_PG_DATE, DK__PG_DAYS, INT64_MIN, "out of range");
    pg_number_refused(DK_PG_TIMESTAMP, DK__PG_DAYS, 106762940, "out of range");
    pg_number_refused(DK_PG_TIMESTAMP, DK__PG_MILLIS, INT64_C(9224318016000000), "out of range");
    pg_number_refused(DK_PG_TIMESTAMPTZ, DK__PG_MILLIS, INT64_MIN, "timestamp with time zone: out of range");
    pg_number_refused(DK_PG_TIMESTAMP, DK__PG_MICROS, INT64_C(-210866803200000001), "out of range");
    pg_number_refused(DK_PG_TIMESTAMP, DK__PG_MICROS, INT64_MIN, "out of range");
    pg_number_refused(DK_PG_TIME, DK__PG_TIME_MICROS, DK__PG_DAY + 1, "out of range");
    pg_number_refused(DK_PG_TIME, DK__PG_TIME_MILLIS, INT64_MAX, "out of range");
    pg_number_refused(DK_PG_TIME, DK__PG_TIME_NANOS, -1, "out of range");
}

DK_TEST(pg_value_intervals)
{
    dk_pg_column c = pg_column(DK_PG_INTERVAL);
    pg_writer w;

    pg_text_is(c, "-P1Y2DT-3S", "00000010 00000000002dc6c0 fffffffe fffffff4");
    pg_text_refused(c, "P", "no duration");
    pg_text_refused(c, "PT", "no duration");
    pg_text_refused(c, "P1S", "no duration");
    pg_text_refused(c, "PT1D", "no duration");
    pg_text_refused(c, "P1.5D", "no duration");
    pg_text_refused(c, "PT1.5H", "no duration");
    pg_text_refused(c, "P1", "no duration");
    pg_text_refused(c, "P9999999999D", "out of range");
    pg_text_refused(c, "PT999999999999H", "no duration");
    c.unit = DK_PG_UNIT_MILLIS;
    pg_writer_init(&w);
    pg_check_written(&w, dk__pg_put_int(&w.row, &c, pg_plain, -1), "00000010 000000141dd75c18 ffffffff 00000000");
    pg_writer_init(&w);
    pg_check_refused(&w, dk__pg_put_int(&w.row, &c, pg_plain, INT64_MAX), "out of range");
    pg_writer_init(&w);
    pg_check_written(&w, dk__pg_put_int(&w.row, &c, (dk__pg_meaning){DK__PG_SPAN_MICROS, 0}, INT64_MIN),
                     "00000010 00000010c0450000 f9a31808 00000000");
}
