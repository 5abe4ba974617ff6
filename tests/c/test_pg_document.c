/* SPDX-License-Identifier: MIT
 *
 * What is JSON to PostgreSQL: json and jsonb do not agree in all.
 */
#include "avro_text.h"
#include "dk_test.h"
#include "pg/kinds.h"

static void
check(const char *text, bool json, bool jsonb)
{
    printf("%s\n", text);
    CHECK_EQ(dk__pg_is_document(avro_slice(text), false), json);
    CHECK_EQ(dk__pg_is_document(avro_slice(text), true), jsonb);
}

DK_TEST(pg_document_values)
{
    static const char *const good[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "12.5e-3",
        "1E+2",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "[]",
        "{}",
        " [ 1 , [ ] , { \"a\" : { } } ] ",
        "{\"a\":1,\"a\":2}",
        "[[[[1]]],2]",
        "\"\\ud83d\\ude00\"",
        "\"12345678\xc3\xa9\"",
    };
    static const char *const bad[] = {
        "",        " ",           "nul",        "nulll",    "True",
        "01",      "-",           "1.",         ".5",       "1e",
        "1e+",     "+1",          "NaN",        "\"",       "\"\\",
        "\"\\x\"", "\"\\u12g4\"", "\"\\u123\"", "\"\n\"",   "\"12345678\t\"",
        "[",       "]",           "[1",         "[1,]",     "[,1]",
        "[1 2]",   "{",           "}",          "{\"a\"}",  "{\"a\":}",
        "{a:1}",   "{\"a\":1,}",  "{\"a\":1",   "{1:2}",    "[}",
        "{]",      "[1]]",        "{} {}",      "\"\xff\"", "'a'",
        "-a",      "[\"a\":1]",
    };
    size_t i;

    for (i = 0; i < sizeof good / sizeof *good; i++)
        check(good[i], true, true);
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        check(bad[i], false, false);
}

DK_TEST(pg_document_where_the_two_differ)
{
    check("\"\\u0000\"", true, false);
    check("\"\\ud83d\"", true, false);
    check("\"\\ud83d\\n\"", true, false);
    check("\"\\ud83d\\u0041\"", true, false);
    check("\"\\ude00\"", true, false);
    check("1e131071", true, true);
    check("1e131072", true, false);
    check("1e-16383", true, true);
    check("1e-16384", true, false);
    check("1e99999999999999999999", true, false);
}

DK_TEST(pg_document_depth)
{
    char text[2100];

    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    CHECK(dk__pg_is_document((dk_slice){(uint8_t *)text, 2000}, true));
    memset(text, '[', 1001);
    memset(text + 1001, ']', 1001);
    CHECK(!dk__pg_is_document((dk_slice){(uint8_t *)text, 2002}, true));
}

/* Every character that has to be escaped, and strings of every length around the eight bytes looked at at once. */
DK_TEST(pg_document_quotes)
{
    char bytes[64];
    dk_buf out;
    size_t n, i;

    for (n = 0; n < 40; n++) {
        for (i = 0; i < n; i++)
            bytes[i] = (char)(i + (n % 3) * 32 + (n % 3 == 0));
        dk_buf_init(&out, NULL);
        dk__pg_quote(&out, (dk_slice){(uint8_t *)bytes, n});
        CHECK(dk__pg_is_document((dk_slice){out.p, out.n}, n % 3 != 0 || n == 0 || memchr(bytes, 0, n) == NULL));
        for (i = 1; i + 1 < out.n; i++)
            CHECK(!dk__pg_is_document((dk_slice){out.p, i}, false));
        dk_buf_fini(&out);
    }
}
