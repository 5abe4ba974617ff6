/* SPDX-License-Identifier: MIT
 *
 * One value into one column: what is written, and what is said of what does not fit. That the bytes are PostgreSQL's
 * own is tested with a server (tests/live/test_copy_types.py).
 */
#include <math.h>

#include "pg_rig.h"

DK_TEST(pg_value_null)
{
    dk_pg_column c = pg_column(DK_PG_INT4);
    pg_writer w;

    pg_writer_init(&w);
    pg_check_refused(&w, dk__pg_put_null(&w.row, &c), "null, but the column is not nullable");
    pg_writer_init(&w);
    c.nullable = true;
    pg_check_written(&w, dk__pg_put_null(&w.row, &c), "ffffffff");
}

DK_TEST(pg_value_integers)
{
    pg_text_is(pg_column(DK_PG_INT2), "-2", "00000002 fffe");
    pg_text_is(pg_column(DK_PG_INT8), "-9223372036854775808", "00000008 8000000000000000");
    pg_text_refused(pg_column(DK_PG_INT8), "9223372036854775808", "out of range");
    pg_text_refused(pg_column(DK_PG_INT8), "-9223372036854775809", "out of range");
    pg_text_refused(pg_column(DK_PG_INT8), "99999999999999999999999", "out of range");
    pg_text_refused(pg_column(DK_PG_INT4), "", "\"\" does not fit integer: no integer");
    pg_text_refused(pg_column(DK_PG_INT4), "+", "no integer");
    pg_text_refused(pg_column(DK_PG_INT4), "1 ", "no integer");
    pg_text_refused(pg_column(DK_PG_INT4), "1.0", "no integer");
    pg_number_refused(DK_PG_INT2, DK__PG_PLAIN, 32768, "32768 does not fit smallint: out of range");
    pg_number_refused(DK_PG_INT4, DK__PG_PLAIN, INT64_C(-2147483649),
                      "-2147483649 does not fit integer: out of range");
    pg_number_refused(DK_PG_BOOL, DK__PG_PLAIN, 2, "2 does not fit boolean: neither 0 nor 1");
    pg_text_refused(pg_column(DK_PG_BOOL), "y", "neither true nor false");
}

static void
double_refused(dk_pg_kind kind, double v, const char *why)
{
    dk_pg_column c = pg_column(kind);
    pg_writer w;

    pg_writer_init(&w);
    pg_check_refused(&w, dk__pg_put_double(&w.row, &c, v), why);
}

DK_TEST(pg_value_floating_point)
{
    pg_text_is(pg_column(DK_PG_FLOAT8), "-0", "00000008 8000000000000000");
    pg_text_is(pg_column(DK_PG_FLOAT8), "0e999", "00000008 0000000000000000");
    pg_text_is(pg_column(DK_PG_FLOAT4), "1.5", "00000004 3fc00000");
    pg_text_refused(pg_column(DK_PG_FLOAT8), "1e999", "out of range");
    pg_text_refused(pg_column(DK_PG_FLOAT8), "1e-999", "out of range");
    pg_text_refused(pg_column(DK_PG_FLOAT4), "1e39", "out of range");
    pg_text_refused(pg_column(DK_PG_FLOAT8), "0x10", "no number");
    pg_text_refused(pg_column(DK_PG_FLOAT8), "1e", "no number");
    pg_text_refused(pg_column(DK_PG_FLOAT8), "1e+", "no number");
    pg_text_refused(pg_column(DK_PG_FLOAT8), ".", "no number");
    pg_text_refused(pg_column(DK_PG_FLOAT8), "1.2.3", "no number");
    pg_text_refused(pg_column(DK_PG_FLOAT8), "nano", "no number");
    double_refused(DK_PG_FLOAT4, 1e300, "does not fit real: out of range");
    double_refused(DK_PG_FLOAT4, 1e-300, "out of range");
    double_refused(DK_PG_INT4, 1.5, "no integer");
    double_refused(DK_PG_INT8, 9223372036854775808.0, "no integer");
    double_refused(DK_PG_INT8, NAN, "no integer");
    double_refused(DK_PG_JSONB, INFINITY, "JSON has no such number");
}

DK_TEST(pg_value_real_text)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {123456.789, "123456.789"},
        {1e-300, "1e-300"},
        {2.5e17, "2.5e+17"},
        {1.0 / 3, "0.3333333333333333"},
        {9007199254740993, "9007199254740992.0"},
        {0.1f, "0.10000000149011612"},
        {-1.7976931348623157e308, "-1.7976931348623157e+308"},
    };
    char text[DK__PG_REAL_TEXT + 1];
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        text[dk__pg_real_text(cases[i].v, text)] = '\0';
        CHECK_STR(text, cases[i].text);
    }
}

DK_TEST(pg_value_numeric)
{
    dk_pg_column c = pg_column(DK_PG_NUMERIC), limited = c;
    char digits[200];

    limited.precision = 4;
    limited.scale = 2;
    pg_text_is(c, "12345.678", "0000000e 0003 0001 0000 0003 0001 0929 1a7c");
    pg_text_is(c, "-0.00005", "0000000a 0001 fffe 4000 0005 1388");
    pg_text_is(c, "0.00", "00000008 0000 0000 0000 0002");
    pg_text_is(limited, "99.994", "0000000c 0002 0000 0000 0002 0063 26ac");
    pg_text_refused(limited, "99.995", "\"99.995\" does not fit numeric(4,2): too many digits before the point");
    pg_text_refused(limited, "100", "too many digits before the point");
    pg_text_refused(limited, "Infinity", "infinite");
    pg_text_refused(c, "1e131072", "too many digits before the point");
    pg_text_refused(c, "1e-16384", "too many digits behind the point");
    pg_text_refused(c, "1e9999999999", "no number");
    pg_text_refused(c, "1e", "no number");
    pg_text_refused(c, "", "no number");
    pg_text_refused(c, "--1", "no number");
    memset(digits, 'x', sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    pg_text_refused(c, digits, "x…\" does not fit numeric: no number");
}

/* Against what the digits of a number are when it is divided by ten again and again. */
DK_TEST(pg_value_numeric_of_bytes)
{
    uint64_t seed = dk_test_seed();
    dk_pg_column c = pg_column(DK_PG_NUMERIC);
    int round, i;

    for (round = 0; round < 2000; round++) {
        size_t n = 1 + dk_test_below(&seed, 40), nd = 0;
        uint8_t bytes[40], magnitude[40];
        char digits[110], text[112];
        bool negative, zero = false;
        unsigned carry = 1;
        pg_writer a, b;

        for (i = 0; i < (int)n; i++)
            magnitude[i] = bytes[i] = (uint8_t)dk_test_below(&seed, dk_test_below(&seed, 3) == 0 ? 1 : 256);
        negative = bytes[0] >= 0x80;
        for (i = (int)n - 1; negative && i >= 0; i--) {
            carry += (uint8_t)~bytes[i];
            magnitude[i] = (uint8_t)carry;
            carry >>= 8;
        }
        while (!zero) {
            unsigned rest = 0;

            zero = true;
            for (i = 0; i < (int)n; i++) {
                rest = rest << 8 | magnitude[i];
                magnitude[i] = (uint8_t)(rest / 10);
                rest %= 10;
                zero = zero && magnitude[i] == 0;
            }
            digits[nd++] = (char)('0' + rest);
        }
        text[0] = negative ? '-' : '+';
        for (i = 0; i < (int)nd; i++)
            text[1 + i] = digits[nd - 1 - (size_t)i];
        text[nd + 1] = '\0';
        pg_writer_init(&a);
        pg_writer_init(&b);
        CHECK_OK(dk__pg_put_bytes(&a.row, &c, (dk__pg_meaning){DK__PG_DECIMAL, 0}, (dk_slice){bytes, n}));
        CHECK_OK(dk__pg_put_text(&b.row, &c, pg_plain, avro_slice(text)));
        CHECK_MEM(a.out.p, a.out.n, b.out.p, b.out.n);
        dk_buf_fini(&a.out);
        dk_buf_fini(&b.out);
    }
}

DK_TEST(pg_value_numeric_of_too_many_bytes)
{
    static uint8_t bytes[4097] = {1};
    dk_pg_column c = pg_column(DK_PG_NUMERIC);
    pg_writer w;

    pg_writer_init(&w);
    pg_check_refused(&w, dk__pg_put_bytes(&w.row, &c, (dk__pg_meaning){DK__PG_DECIMAL, 0}, (dk_slice){bytes, 4097}),
                     "\\x01000000");
    pg_writer_init(&w);
    CHECK_OK(dk__pg_put_bytes(&w.row, &c, (dk__pg_meaning){DK__PG_DECIMAL, 0}, (dk_slice){bytes, 4096}));
    CHECK(w.out.n > 4000);
    dk_buf_fini(&w.out);
}

DK_TEST(pg_value_texts)
{
    dk_pg_column c = pg_column(DK_PG_VARCHAR), fixed = pg_column(DK_PG_CHAR);
    pg_writer w;

    c.length = 3;
    fixed.length = 3;
    pg_text_is(c, "äöü", "00000006 c3a4c3b6c3bc");
    pg_text_is(c, "ab      ", "00000003 616220");
    pg_text_is(fixed, "ä", "00000004 c3a42020");
    pg_text_refused(c, "abcd", "\"abcd\" does not fit character varying(3): too long");
    pg_text_refused(fixed, "abcd", "does not fit character(3): too long");
    pg_text_refused(pg_column(DK_PG_TEXT), "\xff", "\"\\xff\" does not fit text: not UTF-8");
    pg_text_refused(pg_column(DK_PG_TEXT), "\xed\xa0\x80", "not UTF-8");
    pg_writer_init(&w);
    c = pg_column(DK_PG_TEXT);
    pg_check_refused(&w, dk__pg_put_text(&w.row, &c, pg_plain, (dk_slice){(const uint8_t *)"a\0b", 3}),
                     "\"a\\x00b\" does not fit text: PostgreSQL's texts cannot hold a NUL");
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice("N/A")));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice("{\"N/A\":\"N/A\"}")));
    pg_text_is(c, "{\"N/A\":\"N/B\"}", "0000000d 7b224e2f41223a224e2f42227d");
    c = pg_column(DK_PG_BYTEA);
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice("Ti9B")));
}

DK_TEST(pg_value_bytes)
{
    dk_pg_column c = pg_column(DK_PG_BYTEA), hex = c;

    hex.form = DK_PG_FORM_HEX;
    pg_text_is(c, "", "00000000");
    pg_text_is(c, "AQ==", "00000001 01");
    pg_text_is(c, "AQ", "00000001 01");
    pg_text_is(c, "AQI=", "00000002 0102");
    pg_text_is(hex, "\\x0aFF", "00000002 0aff");
    pg_text_refused(c, "A", "not in base64");
    pg_text_refused(c, "AQ=", "not in base64");
    pg_text_refused(c, "A===", "not in base64");
    pg_text_refused(c, "A*==", "not in base64");
    pg_text_refused(hex, "0", "not in hexadecimal");
    pg_text_refused(hex, "0g", "not in hexadecimal");
}

DK_TEST(pg_value_hstore)
{
    static const char *const odd[] = {"",
                                      "x",
                                      "[]",
                                      "{\"a\":1}",
                                      "{\"a\":{}}",
                                      "{",
                                      "{\"a\":\"b\"",
                                      "{\"a\":\"b\"} ,",
                                      "{\"\\ud800\":null}",
                                      "{\"a\":\"N/A\"}"};
    dk_pg_column c = pg_column(DK_PG_TEXT);
    pg_writer w;
    size_t i;

    c.form = DK_PG_FORM_HSTORE;
    pg_text_is(c, " {} ", "00000000");
    pg_text_is(c, "{\"a\":\"\"}", "00000007 2261223d3e2222");
    pg_text_is(c, "{\"\\\"\":null,\"b\":\"\\u0063\"}", "00000013 225c22223d3e4e554c4c2c2262223d3e226322");
    pg_text_refused(c, "{\"a\":\"\\u0000\"}", "cannot hold a NUL");
    for (i = 0; i < sizeof odd / sizeof *odd; i++) {
        printf("%s\n", odd[i]);
        pg_writer_init(&w);
        pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice(odd[i])));
    }
}

DK_TEST(pg_value_uuid)
{
    dk_pg_column c = pg_column(DK_PG_UUID);
    const char *hex = "00000010 00112233445566778899aabbccddeeff";

    pg_text_is(c, "00112233-4455-6677-8899-AABBCCDDEEFF", hex);
    pg_text_is(c, "{00112233445566778899aabbccddeeff}", hex);
    pg_text_refused(c, "00112233-4455-6677-8899-aabbccddeef", "no UUID");
    pg_text_refused(c, "00112233-4455-6677-8899-aabbccddeeff0", "no UUID");
    pg_text_refused(c, "00112233-4455-6677-8899-aabbccddeefg", "no UUID");
    pg_text_refused(c, "", "no UUID");
}

DK_TEST(pg_value_addresses)
{
    dk_pg_column c = pg_column(DK_PG_INET), net = pg_column(DK_PG_CIDR);

    pg_text_is(c, "10.0.0.1", "00000008 02 20 00 04 0a000001");
    pg_text_is(net, "10.0.0.0/8", "00000008 02 08 01 04 0a000000");
    pg_text_is(c, "1::8/64", "00000014 03 40 00 10 00010000000000000000000000000008");
    pg_text_refused(net, "10.0.0.1/8", "bits are set behind the network's");
    pg_text_refused(c, "10.0.0", "no address");
    pg_text_refused(c, "10.0.0.256", "no address");
    pg_text_refused(c, "10.0.0.1/33", "no address");
    pg_text_refused(c, "10.0.0.1/", "no address");
    pg_text_refused(c, "10.0.0.1 ", "no address");
    pg_text_refused(c, "1:2:3:4:5:6:7", "no address");
    pg_text_refused(c, "1:2:3:4:5:6:7:8:9", "no address");
    pg_text_refused(c, "1::2::3", "no address");
    pg_text_refused(c, ":1", "no address");
    pg_text_refused(c, "1:", "no address");
    pg_text_refused(c, "::1.2.3", "no address");
    pg_text_refused(c, "12345::", "no address");
    pg_text_refused(c, "::/129", "no address");
    pg_text_refused(c, "", "no address");
}

DK_TEST(pg_value_documents)
{
    dk_pg_column c = pg_column(DK_PG_JSONB);
    pg_writer w;

    pg_text_is(c, "{}", "00000003 01 7b7d");
    pg_text_is(pg_column(DK_PG_JSON), "{}", "00000002 7b7d");
    pg_text_is(c, "a\"\n", "0000000c 01 22 61 5c22 5c7530303061 22");
    pg_writer_init(&w);
    pg_check_refused(&w, dk__pg_put_text(&w.row, &c, (dk__pg_meaning){DK__PG_DOCUMENT, 0}, avro_slice("{")),
                     "\"{\" does not fit jsonb: no JSON that PostgreSQL takes");
}

/* Pairs that nobody has a rule for are left to others. */
DK_TEST(pg_value_odd)
{
    dk_pg_column c = pg_column(DK_PG_DATE);
    pg_writer w;

    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_bool(&w.row, &c, true));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_double(&w.row, &c, 1));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_bytes(&w.row, &c, pg_plain, avro_slice("x")));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_int(&w.row, &c, (dk__pg_meaning){DK__PG_TIME_MICROS, 0}, 1));
    c.array = true;
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice("2024-01-01")));
    c = pg_column(DK_PG_INT4);
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_int(&w.row, &c, (dk__pg_meaning){DK__PG_MICROS, 0}, 1));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_document(&w.row, &c, avro_slice("{}")));
    c = pg_column(DK_PG_INTERVAL);
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_int(&w.row, &c, (dk__pg_meaning){DK__PG_MICROS, 0}, 1));
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_put_text(&w.row, &c, pg_plain, avro_slice("3 days")));
}

static void
put_list(pg_writer *w, const dk_pg_column *c, const char *placeholder, dk_status *st)
{
    dk__pg_list list;
    size_t i;

    pg_writer_init(w);
    w->row.placeholder = avro_slice(placeholder);
    CHECK_OK(dk__pg_list_begin(&w->row, c, &list));
    for (i = 0; placeholder[i] != '\0'; i++) {
        CHECK_OK(dk__pg_list_item(&w->row, &list, false));
        CHECK_OK(dk__pg_put_int(&w->row, &list.item, pg_plain, placeholder[i] + (i == 3)));
    }
    *st = dk__pg_list_end(&w->row, &list);
}

DK_TEST(pg_value_lists_that_were_not_sent)
{
    static const dk_pg_kind kinds[] = {DK_PG_INT2, DK_PG_INT4, DK_PG_INT8};
    dk_pg_column c;
    dk_status st;
    pg_writer w;
    size_t i;

    for (i = 0; i < 3; i++) {
        c = pg_column(kinds[i]);
        c.array = true;
        put_list(&w, &c, "N/A", &st);
        pg_check_odd(&w, st);
        put_list(&w, &c, "N/A!", &st); /* its last number is another */
        CHECK_OK(st);
        dk_buf_fini(&w.out);
    }
    c = pg_column(DK_PG_TEXT);
    pg_writer_init(&w);
    pg_check_odd(&w, dk__pg_list_begin(&w.row, &c, &(dk__pg_list){0}));
}
