/* SPDX-License-Identifier: MIT
 *
 * Narrow columns: what Python's types do not have is left to others.
 */
#include "pg_rig.h"

static dk_pg_column
narrow(dk_pg_kind kind)
{
    dk_pg_column c = pg_column(kind);

    c.narrow = true;
    return c;
}

static void
text_is_odd(dk_pg_kind kind, const char *text)
{
    dk_pg_column c = narrow(kind);
    pg_writer w;

    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice(text)));
}

static void
number_is_odd(dk_pg_kind kind, uint8_t meaning, int64_t v)
{
    dk_pg_column c = narrow(kind);
    pg_writer w;

    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_int(&w.row, &c, (dk__pg_meaning){meaning, 0}, v));
}

DK_TEST(pg_narrow_times)
{
    static const char *const odd[] = {
        "infinity",    "0000-12-31",           "-0043-03-15",          "0044-03-15 BC",
        "12345-06-07", "2024-02-29T24:00:00Z", "2024-02-29t00:00:00Z",
    };
    size_t i;

    for (i = 0; i < sizeof odd / sizeof *odd; i++) {
        text_is_odd(DK_PG_TIMESTAMPTZ, odd[i]);
        text_is_odd(DK_PG_DATE, odd[i]);
    }
    text_is_odd(DK_PG_TIMESTAMP, "2024-02-29Z");
    text_is_odd(DK_PG_TIMESTAMPTZ, "0001-01-01T00:00:00+00:01");
    text_is_odd(DK_PG_TIMESTAMPTZ, "9999-12-31T23:59:59-00:01");
    text_is_odd(DK_PG_TIME, "24:00:00");
    number_is_odd(DK_PG_DATE, DK__PG_DAYS, -719163);
    number_is_odd(DK_PG_DATE, DK__PG_DAYS, 2932897);
    number_is_odd(DK_PG_TIME, DK__PG_TIME_MICROS, DK__PG_DAY);
    number_is_odd(DK_PG_TIMESTAMP, DK__PG_MICROS, INT64_C(9223372036825200000));
    number_is_odd(DK_PG_TIMESTAMP, DK__PG_MILLIS, INT64_C(253402300800000));
    pg_text_is(narrow(DK_PG_DATE), "0001-01-01Z", "00000004 fff4dbf9");
    pg_text_is(narrow(DK_PG_DATE), "9999-12-31", "00000004 002c95d3");
    pg_text_is(narrow(DK_PG_TIME), "23:59:59.999999", "00000008 000000141dd75fff");
}

DK_TEST(pg_narrow_intervals)
{
    text_is_odd(DK_PG_INTERVAL, "P1000000000D");
    pg_text_is(narrow(DK_PG_INTERVAL), "P1Y-1MT24H", "00000010 0000000000000000 00000150 00000000");
    pg_text_is(narrow(DK_PG_INTERVAL), "-PT0.000001S", "00000010 000000141dd75fff ffffffff 00000000");
}

DK_TEST(pg_narrow_values)
{
    dk_pg_column c = narrow(DK_PG_FLOAT8);
    dk_buf digits;
    pg_writer w;
    int i;

    text_is_odd(DK_PG_NUMERIC, "NaN");
    text_is_odd(DK_PG_NUMERIC, "-Infinity");
    text_is_odd(DK_PG_BYTEA, "YQ");
    text_is_odd(DK_PG_JSONB, "[NaN]");
    pg_text_is(narrow(DK_PG_BYTEA), "YQ==", "00000001 61");
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_double(&w.row, &c, -0.0));
    dk_buf_init(&digits, dk_test_alloc());
    dk_buf_put_byte(&digits, '[');
    for (i = 0; i < 4301; i++)
        dk_buf_put_byte(&digits, '7');
    dk_buf_puts(&digits, "]");
    CHECK_OK(digits.st);
    c.kind = DK_PG_JSONB;
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, (dk_slice){digits.p, digits.n}));
    dk_buf_fini(&digits);
}
