/* SPDX-License-Identifier: MIT
 *
 * The tokenizer of JSON against jansson, with random texts and broken ones.
 */
#include <jansson.h>
#include <stdlib.h>

#include "dk_test.h"
#include "pg/json_scan.h"

typedef struct writer {
    uint64_t seed;
    char text[4096];
    size_t n;
} writer;

static void
put(writer *w, const char *s)
{
    size_t n = strlen(s);

    if (w->n + n < sizeof w->text) {
        memcpy(w->text + w->n, s, n);
        w->n += n;
    }
}

static void
put_one(writer *w, const char *const *list, size_t n)
{
    put(w, list[dk_test_below(&w->seed, (uint32_t)n)]);
}

#define PUT_ONE(w, list) put_one((w), (list), sizeof(list) / sizeof *(list))

static const char *const spaces[] = {"", "", "", "", " ", "\n\t ", "\r"};
static const char *const pieces[] = {"a",
                                     "bc",
                                     "defghijk",
                                     "\xC3\xA9",
                                     "\xE2\x82\xAC",
                                     "\\n",
                                     "\\\"",
                                     "\\\\",
                                     "\\u00e9",
                                     "\\uD83D\\uDE00",
                                     "0",
                                     "\\/",
                                     "\x7f",
                                     "lmnopqrstu",
                                     "\\ud83d",
                                     "\xF0\x9F\x98\x80",
                                     "{",
                                     "]",
                                     "\\u0041",
                                     "\\u0000",
                                     "\xED\xA0\x80",
                                     "\xC3",
                                     "\t",
                                     "\\x"};
static const char *const numbers[] = {"0",
                                      "-1",
                                      "12",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "1.5",
                                      "-0.0",
                                      "1e10",
                                      "2E-3",
                                      "0.1e+5",
                                      "123456789.123456789",
                                      "-0",
                                      "1e400",
                                      "99999999999999999999",
                                      "01",
                                      "1.",
                                      "-",
                                      ".5"};
static const char *const words[] = {"null", "true", "false", "nul", "True", "NaN"};

static void
put_string(writer *w, bool broken)
{
    size_t n = dk_test_below(&w->seed, 6);

    put(w, "\"");
    while (n-- > 0)
        put_one(w, pieces, broken ? sizeof pieces / sizeof *pieces : 14);
    put(w, "\"");
}

static void
put_value(writer *w, int depth, bool broken)
{
    uint32_t kind = dk_test_below(&w->seed, depth > 4 ? 3 : 6), n = dk_test_below(&w->seed, 5);

    PUT_ONE(w, spaces);
    if (kind == 0) {
        put_string(w, broken);
    } else if (kind == 1) {
        put_one(w, numbers, broken ? sizeof numbers / sizeof *numbers : 12);
    } else if (kind == 2) {
        put_one(w, words, broken ? 6 : 3);
    } else {
        put(w, kind == 3 ? "[" : "{");
        for (; n > 0; n--) {
            if (kind > 3) {
                PUT_ONE(w, spaces);
                put_string(w, broken);
                PUT_ONE(w, spaces);
                put(w, ":");
            }
            put_value(w, depth + 1, broken);
            put(w, n > 1 ? "," : "");
        }
        put(w, kind == 3 ? "]" : "}");
    }
    PUT_ONE(w, spaces);
}

static void compare(dk__json *j, const json_t *want);

static void
compare_string(const dk__json_token *t, const json_t *want)
{
    dk_buf out;

    dk_buf_init(&out, dk_test_alloc());
    CHECK(dk__json_unescape(t, &out));
    CHECK_MEM(out.p, out.n, json_string_value(want), json_string_length(want));
    dk_buf_fini(&out);
}

/* Which of two members with one name is the last is seen by what the reference has kept. */
static void
compare_object(dk__json *j, const json_t *want)
{
    dk__json_token name, value;
    dk__json_more more;
    dk_slice last[64];
    const char *keys[64];
    size_t n = 0, i;
    dk_buf out;

    CHECK(dk__json_enter(j, DK__JSON_OBJECT));
    for (more = dk__json_member(j, true, &name); more == DK__JSON_MORE; more = dk__json_member(j, false, &name)) {
        const char *key;
        void *iter;

        dk_buf_init(&out, dk_test_alloc());
        CHECK(dk__json_unescape(&name, &out));
        dk_buf_put_byte(&out, 0);
        iter = json_object_iter_at((json_t *)(uintptr_t)want, (char *)out.p);
        dk_buf_fini(&out);
        CHECK(iter != NULL);
        key = json_object_iter_key(iter);
        CHECK(dk__json_value(j, &value));
        for (i = 0; i < n && keys[i] != key; i++)
            ;
        CHECK(i < 64);
        keys[i] = key;
        last[i] = value.kind == DK__JSON_STRING ? (dk_slice){value.text.p - 1, value.text.n + 2} : value.text;
        n += i == n;
    }
    CHECK_EQ(more, DK__JSON_DONE);
    CHECK_EQ(n, json_object_size(want));
    for (i = 0; i < n; i++) {
        dk_error err;
        dk__json inner;

        dk__json_init(&inner, last[i], &err);
        compare(&inner, json_object_get(want, keys[i]));
        CHECK(dk__json_end(&inner));
    }
}

static void
compare(dk__json *j, const json_t *want)
{
    dk__json_token t;
    dk__json_more more;
    int64_t v;
    size_t i = 0;

    if (json_is_object(want)) {
        compare_object(j, want);
    } else if (json_is_array(want)) {
        CHECK(dk__json_enter(j, DK__JSON_ARRAY));
        for (more = dk__json_item(j, true); more == DK__JSON_MORE; more = dk__json_item(j, false))
            compare(j, json_array_get(want, i++));
        CHECK_EQ(more, DK__JSON_DONE);
        CHECK_EQ(i, json_array_size(want));
    } else {
        CHECK(dk__json_value(j, &t));
        if (json_is_string(want)) {
            CHECK_EQ(t.kind, DK__JSON_STRING);
            compare_string(&t, want);
        } else if (json_is_integer(want)) {
            CHECK_EQ(t.kind, DK__JSON_NUMBER);
            CHECK(dk__json_int(&t, &v));
            CHECK_EQ(v, json_integer_value(want));
        } else if (json_is_real(want)) {
            CHECK_EQ(t.kind, DK__JSON_NUMBER);
            CHECK(!t.integer);
            CHECK(dk__json_double(&t) == json_real_value(want));
        } else {
            CHECK_EQ(t.kind, json_is_null(want)   ? DK__JSON_NULL
                             : json_is_true(want) ? DK__JSON_TRUE
                                                  : DK__JSON_FALSE);
        }
    }
}

/* Whether jansson refuses what is JSON for others: names with U+0000, half pairs, numbers beyond its types. */
static bool
only_jansson_refuses(const json_error_t *e)
{
    return strstr(e->text, "too big") != NULL || strstr(e->text, "overflow") != NULL ||
           strstr(e->text, "NUL byte") != NULL || strstr(e->text, "\\u0000") != NULL ||
           strstr(e->text, "invalid Unicode") != NULL;
}

static void
check_same(const char *text, size_t n)
{
    uint8_t *exact = malloc(n > 0 ? n : 1); /* so that reading beyond it is seen */
    json_error_t e;
    dk_error err = {0};
    json_t *want;
    dk_status st;

    memcpy(exact, text, n);
    want = json_loadb((char *)exact, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    st = dk__json_check((dk_slice){exact, n}, false, &err);
    if (want != NULL) {
        dk__json j;

        if (st != DK_OK)
            FAIL("%.*s: %s", (int)n, text, err.text);
        dk__json_init(&j, (dk_slice){exact, n}, &err);
        compare(&j, want);
        CHECK(dk__json_end(&j));
        json_decref(want);
    } else if (!only_jansson_refuses(&e)) {
        if (st != DK_EJSON)
            FAIL("%.*s: not refused, but jansson says %s", (int)n, text, e.text);
        CHECK(err.pos <= n);
        CHECK(err.text[0] != '\0');
    }
    free(exact);
}

DK_TEST_SLOW(json_like_jansson, 120)
{
    writer w = {.seed = dk_test_seed()};
    int i;

    for (i = 0; i < 40000; i++) {
        w.n = 0;
        put_value(&w, 0, i % 3 == 0);
        check_same(w.text, w.n);
        if (w.n > 0 && i % 2 == 0) { /* one byte changed, or the end cut off */
            uint32_t at = dk_test_below(&w.seed, (uint32_t)w.n);

            if (dk_test_below(&w.seed, 3) == 0)
                w.n = at;
            else
                w.text[at] = "\"\\{}[]:,0e-.a \x80\n\1"[dk_test_below(&w.seed, 17)];
            check_same(w.text, w.n);
        }
    }
}
