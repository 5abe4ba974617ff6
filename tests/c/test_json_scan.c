/* SPDX-License-Identifier: MIT
 *
 * The tokenizer of JSON: what it takes and refuses, and where; what numbers and strings mean.
 */
#include <math.h>
#include <stdlib.h>

#include "dk_test.h"
#include "pg/json_scan.h"

#define TEXT(s) ((dk_slice){(const uint8_t *)(s), sizeof(s) - 1})

static dk_slice
text_of(const char *s)
{
    return (dk_slice){(const uint8_t *)s, strlen(s)};
}

static dk__json_token
scan(const char *text)
{
    dk__json_token t;
    dk_error err;
    dk__json j;

    dk__json_init(&j, text_of(text), &err);
    if (!dk__json_value(&j, &t) || !dk__json_end(&j))
        FAIL("%s: %s", text, err.text);
    return t;
}

static void
check_refused(dk_slice text, const char *what, size_t pos)
{
    dk_error err = {0};

    CHECK_STATUS(dk__json_check(text, false, &err), DK_EJSON);
    CHECK_CONTAINS(err.text, what);
    CHECK_EQ(err.pos, pos);
}

DK_TEST(json_kinds)
{
    CHECK_EQ(scan("null").kind, DK__JSON_NULL);
    CHECK_EQ(scan(" true\r\n").kind, DK__JSON_TRUE);
    CHECK_EQ(scan("\tfalse").kind, DK__JSON_FALSE);
    CHECK_EQ(scan("0").kind, DK__JSON_NUMBER);
    CHECK_EQ(scan("\"\"").kind, DK__JSON_STRING);
    CHECK_EQ(scan("[ ]").kind, DK__JSON_ARRAY);
    CHECK_EQ(scan("{ }").kind, DK__JSON_OBJECT);
}

DK_TEST(json_text_is_verbatim)
{
    dk__json_token t = scan(" {\"a\" : [1 ,{}], \"a\":2} ");

    CHECK_MEM(t.text.p, t.text.n, "{\"a\" : [1 ,{}], \"a\":2}", 22);
    t = scan("\"a\\n\\u00e9\"");
    CHECK_MEM(t.text.p, t.text.n, "a\\n\\u00e9", 9);
    CHECK(t.escaped);
    CHECK(!scan("\"0123456789abcdef\"").escaped);
    CHECK(scan("-12").integer);
    CHECK(!scan("-12.0").integer);
    CHECK(!scan("1e2").integer);
}

DK_TEST(json_pull)
{
    dk__json_token name, t;
    dk_error err;
    dk__json j;

    dk__json_init(&j, TEXT("{\"a\": [1, [2], {\"x\": 3}], \"b\": {}}"), &err);
    CHECK(dk__json_enter(&j, DK__JSON_OBJECT));
    CHECK_EQ(dk__json_member(&j, true, &name), DK__JSON_MORE);
    CHECK(dk__json_is(&name, "a"));
    CHECK(dk__json_enter(&j, DK__JSON_ARRAY));
    CHECK_EQ(dk__json_item(&j, true), DK__JSON_MORE);
    CHECK(dk__json_value(&j, &t));
    CHECK_EQ(dk__json_item(&j, false), DK__JSON_MORE);
    CHECK(dk__json_value(&j, &t));
    CHECK_MEM(t.text.p, t.text.n, "[2]", 3);
    CHECK_EQ(dk__json_item(&j, false), DK__JSON_MORE);
    CHECK(dk__json_value(&j, &t));
    CHECK_EQ(t.kind, DK__JSON_OBJECT);
    CHECK_EQ(dk__json_item(&j, false), DK__JSON_DONE);
    CHECK_EQ(dk__json_member(&j, false, &name), DK__JSON_MORE);
    CHECK(!dk__json_is(&name, "a"));
    CHECK(dk__json_enter(&j, DK__JSON_OBJECT));
    CHECK_EQ(dk__json_member(&j, true, &name), DK__JSON_DONE);
    CHECK_EQ(dk__json_member(&j, false, &name), DK__JSON_DONE);
    CHECK(dk__json_end(&j));
    CHECK_EQ(j.depth, 0);
    dk__json_init(&j, TEXT("[]"), &err);
    CHECK(!dk__json_enter(&j, DK__JSON_OBJECT));
    CHECK_CONTAINS(err.text, "no object at byte 0");
}

DK_TEST(json_refuses)
{
    check_refused(TEXT(""), "no value at the end of the text", 0);
    check_refused(TEXT("  "), "no value", 2);
    check_refused(TEXT("nul"), "an unknown word", 0);
    check_refused(TEXT("nullx"), "something behind", 4);
    check_refused(TEXT("'a'"), "no JSON value", 0);
    check_refused(TEXT("01"), "leading zero", 0);
    check_refused(TEXT("-"), "no digit", 1);
    check_refused(TEXT("+1"), "no JSON value", 0);
    check_refused(TEXT(".5"), "no JSON value", 0);
    check_refused(TEXT("1."), "behind the point", 2);
    check_refused(TEXT("1.e3"), "behind the point", 2);
    check_refused(TEXT("1e"), "exponent", 2);
    check_refused(TEXT("1e+"), "exponent", 3);
    check_refused(TEXT("\"abc"), "a string without an end", 4);
    check_refused(TEXT("\"abcdefghi\\"), "a string without an end", 11);
    check_refused(TEXT("\"\\x\""), "unknown escape", 1);
    check_refused(TEXT("\"\\\0\""), "unknown escape", 1);
    check_refused(TEXT("\"\\u12\""), "without four digits", 1);
    check_refused(TEXT("\"\\u12g4\""), "without four digits", 1);
    check_refused(TEXT("\"abcdefg\nhijk\""), "control character", 8);
    check_refused(TEXT("\"\0\""), "control character", 1);
    check_refused(TEXT("\"a\xC0\x80\""), "not UTF-8", 2);
    check_refused(TEXT("\"\xED\xA0\x80\""), "not UTF-8", 1);
    check_refused(TEXT("\"\xF4\x90\x80\x80\""), "not UTF-8", 1);
    check_refused(TEXT("[1"), "neither a comma nor the end of an array", 2);
    check_refused(TEXT("[1,]"), "no JSON value", 3);
    check_refused(TEXT("[,1]"), "no JSON value", 1);
    check_refused(TEXT("[1}"), "neither a comma", 2);
    check_refused(TEXT("{\"a\" 1}"), "no colon", 5);
    check_refused(TEXT("{\"a\":}"), "no JSON value", 5);
    check_refused(TEXT("{\"a\":1,}"), "no name", 7);
    check_refused(TEXT("{a:1}"), "no name", 1);
    check_refused(TEXT("{\"a\":1 \"b\":2}"), "neither a comma nor the end of an object", 7);
    check_refused(TEXT("[1]]"), "something behind", 3);
    check_refused(TEXT("[1]\0"), "something behind", 3);
}

static bool
is_lenient(const char *text)
{
    dk__json_token t;
    dk_error err;
    dk__json j;

    dk__json_init(&j, text_of(text), &err);
    CHECK(!dk__json_value(&j, &t));
    return j.lenient;
}

DK_TEST(json_of_python)
{
    CHECK(is_lenient("NaN"));
    CHECK(is_lenient("{\"a\": [Infinity]}"));
    CHECK(is_lenient("[-Infinity]"));
    CHECK(is_lenient("\xEF\xBB\xBF{}"));
    CHECK(!is_lenient("nan"));
    CHECK(!is_lenient("[-Inf]"));
    CHECK(!is_lenient("{\"a\": }"));
}

DK_TEST(json_depth)
{
    char *text = malloc(2 * DK__JSON_DEPTH + 4);
    dk_error err;
    size_t n = DK__JSON_DEPTH;

    CHECK(text != NULL);
    memset(text, '[', n);
    memset(text + n, ']', n);
    CHECK_OK(dk__json_check((dk_slice){(uint8_t *)text, 2 * n}, false, &err));
    memset(text, '[', n + 1);
    memset(text + n + 1, ']', n + 1);
    check_refused((dk_slice){(uint8_t *)text, 2 * n + 2}, "more levels", n);
    free(text);
}

/* ---- meaning --------------------------------------------------------------------------------------------------- */

static void
check_text(const char *string, const char *want, size_t n)
{
    dk__json_token t = scan(string);
    dk_buf out;

    dk_buf_init(&out, dk_test_alloc());
    CHECK(dk__json_unescape(&t, &out));
    CHECK_MEM(out.p, out.n, want, n);
    dk_buf_fini(&out);
}

DK_TEST(json_unescape)
{
    check_text("\"abc\"", "abc", 3);
    check_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    check_text("\"a\\u0041\\u00e9\\u20AC!\"", "aA\xC3\xA9\xE2\x82\xAC!", 8);
    check_text("\"\\uD83D\\uDE00\\uD83d\\ude00\"", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 8);
    check_text("\"\\u0000x\"", "\0x", 2);
    check_text("\"\\uFFFF\\uE000\\uD7FF\"", "\xEF\xBF\xBF\xEE\x80\x80\xED\x9F\xBF", 9);
}

DK_TEST(json_half_pairs)
{
    static const char *const halves[] = {"\"\\ud800\"",         "\"\\udc00\"",        "\"\\ud800\\u0041\"",
                                         "\"\\ud800 \\udc00\"", "\"\\ud800\\ud800\"", "\"\\ud800\\n\""};
    dk_error err;
    dk_buf out;
    size_t i;

    for (i = 0; i < sizeof halves / sizeof *halves; i++) {
        dk__json_token t = scan(halves[i]);

        dk_buf_init(&out, dk_test_alloc());
        CHECK(!dk__json_unescape(&t, &out));
        CHECK_OK(out.st);
        dk_buf_fini(&out);
        CHECK_STATUS(dk__json_check(text_of(halves[i]), true, &err), DK_EJSON);
        CHECK_CONTAINS(err.text, "half a surrogate pair");
    }
}

DK_TEST_FAULT(json_unescape_without_memory)
{
    dk__json_token t = scan("\"a\\nb\"");
    dk_buf out;

    dk_buf_init(&out, dk_test_alloc());
    if (!dk__json_unescape(&t, &out))
        CHECK(NOMEM(out.st));
    dk_buf_fini(&out);
}

static void
check_int(const char *text, bool is, int64_t want)
{
    dk__json_token t = scan(text);
    int64_t v = 0;

    CHECK_EQ(dk__json_int(&t, &v), is);
    if (is)
        CHECK_EQ(v, want);
}

DK_TEST(json_int)
{
    check_int("0", true, 0);
    check_int("-0", true, 0);
    check_int("-12", true, -12);
    check_int("9223372036854775807", true, INT64_MAX);
    check_int("-9223372036854775808", true, INT64_MIN);
    check_int("9223372036854775808", false, 0);
    check_int("-9223372036854775809", false, 0);
    check_int("18446744073709551616", false, 0);
    check_int("100000000000000000000000000000", false, 0);
    check_int("1.0", false, 0);
    check_int("1e3", false, 0);
}

static void
check_double(const char *text, double want)
{
    dk__json_token t = scan(text);
    double d = dk__json_double(&t);

    if (memcmp(&d, &want, sizeof d) != 0)
        FAIL("%s: %.17g, not %.17g", text, d, want);
}

DK_TEST(json_double)
{
    char text[2000];

    check_double("0", 0.0);
    check_double("-0", 0.0);
    check_double("-0.0", -0.0);
    check_double("-0e5", -0.0);
    check_double("19.99", 19.99);
    check_double("1.0E300", 1e300);
    check_double("5e-324", 5e-324);
    check_double("1e-400", 0.0);
    check_double("1e400", HUGE_VAL);
    check_double("-1e400", -HUGE_VAL);
    check_double("1e99999999999999999999", HUGE_VAL);
    check_double("1e-99999999999999999999", 0.0);
    check_double("0.000001e6", 1.0);
    check_double("9007199254740993", 9007199254740992.0);
    check_double("1.7976931348623157e308", 1.7976931348623157e308);
    check_double("123456789012345678901234567890.5", 123456789012345678901234567890.5);
    /* between 1 and the next double; and, after 900 digits, a little more than that */
    check_double("1.00000000000000011102230246251565404236316680908203125", 1.0);
    snprintf(text, sizeof text, "1.00000000000000011102230246251565404236316680908203125%0900d1", 0);
    check_double(text, nextafter(1.0, 2.0));
    snprintf(text, sizeof text, "1%0900d.0e-900", 0);
    check_double(text, 1.0);
    snprintf(text, sizeof text, "0.%0400d1e401", 0);
    check_double(text, 1.0);
}

DK_TEST(json_double_random)
{
    uint64_t seed = dk_test_seed();
    int i;

    for (i = 0; i < 200000; i++) {
        uint64_t bits = dk_test_random(&seed);
        char text[400], *point;
        double d;

        memcpy(&d, &bits, sizeof d);
        if (!isfinite(d))
            continue;
        if (i % 2 == 0)
            d = (double)((int64_t)bits >> (bits % 40)) / (i % 3 == 0 ? 100 : 1000);
        snprintf(text, sizeof text, i % 5 == 0 ? "%.0f" : i % 5 == 1 ? "%.6f" : "%.17g", d);
        point = strpbrk(text, ".e");
        check_double(text, point == NULL && strtod(text, NULL) == 0 ? 0.0 : strtod(text, NULL));
    }
}

static bool
fits_jsonb(const char *text)
{
    dk_error err = {0};

    return dk__json_check(text_of(text), true, &err) == DK_OK;
}

DK_TEST(json_as_jsonb)
{
    dk_error err;

    CHECK_OK(dk__json_check(TEXT("{\"a\": \"\\u0000\", \"b\": 1e999999}"), false, &err));
    CHECK_STATUS(dk__json_check(TEXT("{\"a\": \"\\u0000\"}"), true, &err), DK_EJSON);
    CHECK_CONTAINS(err.text, "U+0000");
    CHECK(fits_jsonb("\"\\ud83d\\ude00\\u0001\""));
    CHECK(fits_jsonb("1e131071"));
    CHECK(!fits_jsonb("1e131072"));
    CHECK(fits_jsonb("0.001e131074"));
    CHECK(!fits_jsonb("0.001e131075"));
    CHECK(fits_jsonb("0e999999"));
    CHECK(fits_jsonb("1e-16383"));
    CHECK(!fits_jsonb("1e-16384"));
    CHECK(!fits_jsonb("0e-16384"));
    CHECK(!fits_jsonb("1.5e-16383"));
    CHECK(!fits_jsonb("[1e99999999999]"));
}
