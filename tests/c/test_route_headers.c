/* SPDX-License-Identifier: MIT
 *
 * Tests of src/engine/route_headers.c: what is written on a copy, and that it always fits.
 */
#include <stdlib.h>

#include "base/internal.h"
#include "dk/route.h"
#include "dk_test.h"

static const dk_route_names names = {"g", "retry", "dlt"};

static dk_slice
str(const char *s)
{
    return (dk_slice){(const uint8_t *)s, strlen(s)};
}

static dk_slice
value_of(const dk_route_headers *list, const char *name)
{
    dk_slice found = {NULL, 0};
    size_t i, n = 0;

    for (i = 0; i < list->len; i++)
        if (strcmp(list->items[i].name, name) == 0 && n++ == 0)
            found = list->items[i].value;
    if (n > 1)
        FAIL("%s is there %zu times", name, n);
    return found;
}

static void
check_value(const dk_route_headers *list, const char *name, const char *want)
{
    dk_slice v = value_of(list, name);

    if (want == NULL) {
        CHECK(v.p == NULL);
        return;
    }
    if (v.p == NULL)
        FAIL("%s is missing", name);
    CHECK_MEM(v.p, v.n, want, strlen(want));
}

static const dk_header own_headers[] = {
    {"trace", {(const uint8_t *)"t-1", 3}},
    {"nothing", {NULL, 0}},
    {"trace", {(const uint8_t *)"t-2", 3}},
};

static dk_route_source
first_failure(void)
{
    return (dk_route_source){.topic = "orders",
                             .partition = 3,
                             .offset = 77,
                             .timestamp = 1700000000123,
                             .key = str("k"),
                             .value = str("value"),
                             .headers = own_headers,
                             .n_headers = 3};
}

static const dk_route_failure why = {{(const uint8_t *)"no stock", 8},
                                     {(const uint8_t *)"shop.OutOfStock", 15},
                                     {(const uint8_t *)"Traceback...\nshop.OutOfStock: no stock\n", 39}};

static void
check_own_headers_kept(const dk_route_headers *list)
{
    size_t i;

    CHECK(list->len >= 3);
    for (i = 0; i < 3; i++) {
        CHECK_STR(list->items[i].name, own_headers[i].name);
        CHECK_MEM(list->items[i].value.p, list->items[i].value.n, own_headers[i].value.p, own_headers[i].value.n);
    }
    CHECK(list->items[1].value.p == NULL);
}

/* ---- retries --------------------------------------------------------------------------------------------------- */

static void
fill_retry(dk_route_headers *list, const dk_route_source *source, int32_t attempt, int64_t due_ms)
{
    dk_error err;

    CHECK_OK_ERR(dk_route_retry_headers(list, &names, source, &why, attempt, due_ms, 0, &err), &err);
}

DK_TEST(route_headers_first_retry)
{
    dk_route_source source = first_failure();
    dk_route_headers list;

    dk_route_headers_init(&list, dk_test_alloc());
    fill_retry(&list, &source, 1, 1700000030456);
    check_own_headers_kept(&list);
    CHECK_STR(list.items[3].name, "RETRY_MESSAGE"); /* in the original's order */
    CHECK_STR(list.items[4].name, "RETRY_TIMESTAMP");
    check_value(&list, "RETRY_MESSAGE", "no stock");
    check_value(&list, "RETRY_TIMESTAMP", "1700000030.456");
    check_value(&list, "RETRY_ATTEMPT", "1");
    check_value(&list, "RETRY_ORIGIN_TOPIC", "orders");
    check_value(&list, "RETRY_ORIGIN_PARTITION", "3");
    check_value(&list, "RETRY_ORIGIN_OFFSET", "77");
    check_value(&list, "RETRY_ORIGIN_TIMESTAMP", "1700000000123");
    CHECK_EQ(list.len, 10);
    CHECK_EQ(dk_route_due_ms(list.items, list.len), 1700000030456);
    source.timestamp = -1;
    fill_retry(&list, &source, 1, 0);
    check_value(&list, "RETRY_ORIGIN_TIMESTAMP", NULL);
    check_value(&list, "RETRY_TIMESTAMP", "0.0");
    dk_route_headers_fini(&list);
}

DK_TEST(route_headers_second_retry_replaces)
{
    dk_route_source source = first_failure(), second;
    dk_route_headers list, again;

    dk_route_headers_init(&list, dk_test_alloc());
    dk_route_headers_init(&again, dk_test_alloc());
    fill_retry(&list, &source, 1, 1000);
    second = (dk_route_source){.topic = "g.orders.retry.1",
                               .partition = 0,
                               .offset = 5,
                               .timestamp = 9,
                               .headers = list.items,
                               .n_headers = list.len};
    CHECK_EQ(dk_route_attempts(&names, second.topic, second.headers, second.n_headers), 1);
    fill_retry(&again, &second, 2, 2500);
    check_own_headers_kept(&again);
    check_value(&again, "RETRY_TIMESTAMP", "2.5");
    check_value(&again, "RETRY_ATTEMPT", "2");
    check_value(&again, "RETRY_ORIGIN_TOPIC", "orders");
    check_value(&again, "RETRY_ORIGIN_PARTITION", "3");
    check_value(&again, "RETRY_ORIGIN_OFFSET", "77");
    check_value(&again, "RETRY_ORIGIN_TIMESTAMP", "1700000000123");
    CHECK_EQ(again.len, 10);
    dk_route_headers_fini(&again);
    dk_route_headers_fini(&list);
}

/* What lies in a retry topic of the original library has two headers and no word of where it came from. */
DK_TEST(route_headers_of_the_original_library)
{
    const dk_header old[] = {{"RETRY_MESSAGE", str("x")}, {"RETRY_TIMESTAMP", str("1700000000.5")}};
    dk_route_source source = {
        .topic = "g.orders.retry.4", .partition = 1, .offset = 2, .headers = old, .n_headers = 2};
    dk_route_headers list;

    CHECK_EQ(dk_route_attempts(&names, source.topic, old, 2), 4);
    CHECK_EQ(dk_route_due_ms(old, 2), 1700000000500);
    dk_route_headers_init(&list, dk_test_alloc());
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &why, 0, NULL));
    check_value(&list, "RETRY_MESSAGE", NULL);
    check_value(&list, "DEAD_LETTER_ORIGIN_TOPIC", "orders");
    check_value(&list, "DEAD_LETTER_ORIGIN_PARTITION", NULL);
    check_value(&list, "DEAD_LETTER_MESSAGE_TOPIC", "g.orders.retry.4");
    dk_route_headers_fini(&list);
}

/* ---- dead letters ---------------------------------------------------------------------------------------------- */

static void
check_dead(const dk_route_headers *list)
{
    check_value(list, "DEAD_LETTER_MESSAGE", "no stock");
    check_value(list, "DEAD_LETTER_SUMMARY", "no stock");
    check_value(list, "DEAD_LETTER_EXCEPTION", "shop.OutOfStock");
    check_value(list, "DEAD_LETTER_DETAIL", "Traceback...\nshop.OutOfStock: no stock\n");
    check_value(list, "DEAD_LETTER_ORIGIN_TOPIC", "orders");
    check_value(list, "DEAD_LETTER_ORIGIN_PARTITION", "3");
    check_value(list, "DEAD_LETTER_ORIGIN_OFFSET", "77");
    check_value(list, "DEAD_LETTER_ORIGIN_TIMESTAMP", "1700000000123");
    check_value(list, "RETRY_MESSAGE", NULL);
    check_value(list, "RETRY_ORIGIN_TOPIC", NULL);
    CHECK_EQ(list->len, 14);
}

DK_TEST(route_headers_dead_at_once)
{
    dk_route_source source = first_failure();
    dk_route_headers list;

    dk_route_headers_init(&list, dk_test_alloc());
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &why, 1000000, NULL));
    check_own_headers_kept(&list);
    check_dead(&list);
    check_value(&list, "DEAD_LETTER_MESSAGE_TOPIC", "orders");
    check_value(&list, "DEAD_LETTER_MESSAGE_PARTITION", "3");
    check_value(&list, "DEAD_LETTER_MESSAGE_OFFSET", "77");
    dk_route_headers_fini(&list);
}

DK_TEST(route_headers_dead_after_a_retry_and_again)
{
    dk_route_source source = first_failure(), retried, replayed;
    dk_route_headers list, dead, more;

    dk_route_headers_init(&list, dk_test_alloc());
    dk_route_headers_init(&dead, dk_test_alloc());
    dk_route_headers_init(&more, dk_test_alloc());
    fill_retry(&list, &source, 1, 1000);
    retried = (dk_route_source){
        .topic = "g.orders.retry.1", .partition = 8, .offset = 9, .headers = list.items, .n_headers = list.len};
    CHECK_OK(dk_route_dead_headers(&dead, &names, &retried, &why, 0, NULL));
    check_own_headers_kept(&dead);
    check_dead(&dead);
    check_value(&dead, "DEAD_LETTER_MESSAGE_TOPIC", "g.orders.retry.1");
    check_value(&dead, "DEAD_LETTER_MESSAGE_PARTITION", "8");
    check_value(&dead, "DEAD_LETTER_MESSAGE_OFFSET", "9");
    /* replayed to where it came from, it fails once more: no header is there twice */
    replayed = source;
    replayed.headers = dead.items;
    replayed.n_headers = dead.len;
    CHECK_OK(dk_route_dead_headers(&more, &names, &replayed, &why, 0, NULL));
    check_dead(&more);
    dk_route_headers_fini(&more);
    dk_route_headers_fini(&dead);
    dk_route_headers_fini(&list);
}

DK_TEST(route_headers_without_reasons)
{
    dk_route_source source = first_failure();
    dk_route_failure unknown = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    dk_route_headers list;

    dk_route_headers_init(&list, dk_test_alloc());
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &unknown, 5000, NULL));
    check_value(&list, "DEAD_LETTER_SUMMARY", NULL);
    check_value(&list, "DEAD_LETTER_EXCEPTION", NULL);
    check_value(&list, "DEAD_LETTER_DETAIL", NULL);
    check_value(&list, "DEAD_LETTER_MESSAGE_OFFSET", "77");
    dk_route_headers_fini(&list);
}

/* ---- cutting --------------------------------------------------------------------------------------------------- */

static bool
is_utf8(dk_slice s)
{
    size_t i = 0, more;

    while (i < s.n) {
        more = s.p[i] < 0x80 ? 0 : s.p[i] >= 0xF0 ? 3 : s.p[i] >= 0xE0 ? 2 : s.p[i] >= 0xC2 ? 1 : 9;
        if (more == 9 || i + more >= s.n + (more == 0))
            return false;
        for (i++; more > 0; more--, i++)
            if ((s.p[i] & 0xC0) != 0x80)
                return false;
    }
    return true;
}

/* Characters of one to four bytes, in lines. */
static char *
random_text(uint64_t *rnd, size_t about, size_t *len)
{
    static const char *const characters[] = {"x", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x90\x98", "\n", "abc"};
    char *text = malloc(about + 8);
    size_t n = 0;

    CHECK(text != NULL);
    while (n < about) {
        const char *c = characters[dk_test_below(rnd, 6)];

        memcpy(text + n, c, strlen(c));
        n += strlen(c);
    }
    *len = n;
    return text;
}

DK_TEST(route_headers_traceback_is_cut_in_its_middle)
{
    dk_route_source source = first_failure();
    dk_route_failure long_one = why;
    char *text = malloc(100000);
    dk_route_headers list;
    dk_slice detail;

    CHECK(text != NULL);
    memset(text, '.', 100000);
    memcpy(text, "first line\n", 11);
    memcpy(text + 100000 - 10, "last line\n", 10);
    long_one.detail = (dk_slice){(const uint8_t *)text, 100000};
    dk_route_headers_init(&list, dk_test_alloc());
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &long_one, 5000, NULL));
    detail = value_of(&list, "DEAD_LETTER_DETAIL");
    CHECK(detail.n > 4000);
    CHECK_MEM(detail.p, 11, "first line\n", 11);
    CHECK_MEM(detail.p + detail.n - 10, 10, "last line\n", 10);
    memcpy(text, detail.p, detail.n);
    text[detail.n] = '\0';
    CHECK_CONTAINS(text, " bytes cut ...\n");
    CHECK(dk_route_record_size(source.key, source.value, list.items, list.len) <= 5000);
    CHECK(dk_route_record_size(source.key, source.value, list.items, list.len) > 4990);
    dk_route_headers_fini(&list);
    free(text);
}

DK_TEST(route_headers_too_large_however_cut)
{
    static uint8_t value[5000];
    dk_route_source source = first_failure();
    dk_route_headers list;
    dk_error err;

    source.value = (dk_slice){value, sizeof value};
    dk_route_headers_init(&list, dk_test_alloc());
    CHECK_STATUS(dk_route_dead_headers(&list, &names, &source, &why, 5000, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "offset 77 of orders [3]");
    CHECK_EQ(list.len, 0);
    CHECK_STATUS(dk_route_retry_headers(&list, &names, &source, &why, 1, 1, 5000, &err), DK_EINVAL);
    CHECK_EQ(list.len, 0);
    dk_route_headers_fini(&list);
}

/* Whatever the sizes: it fits or is refused, never cut in the middle of a character, and nothing is cut without need.
 */
DK_TEST(route_headers_random_sizes)
{
    static uint8_t value[20000];
    uint64_t rnd = dk_test_seed();
    size_t limit, size, n_summary, n_detail, refused = 0, cut = 0, i;
    dk_route_source source = first_failure();
    dk_route_headers list;
    dk_slice got;

    dk_route_headers_init(&list, dk_test_alloc());
    for (i = 0; i < 20000; i++) {
        char *summary = random_text(&rnd, dk_test_below(&rnd, 4000), &n_summary);
        char *detail = random_text(&rnd, dk_test_below(&rnd, 20000), &n_detail);
        dk_route_failure f = {{(uint8_t *)summary, n_summary}, str("E"), {(uint8_t *)detail, n_detail}};
        bool dead = dk_test_below(&rnd, 4) != 0;
        dk_status st;

        source.value = (dk_slice){value, dk_test_below(&rnd, sizeof value)};
        limit = 500 + dk_test_below(&rnd, 30000);
        st = dead ? dk_route_dead_headers(&list, &names, &source, &f, limit, NULL)
                  : dk_route_retry_headers(&list, &names, &source, &f, 1, 1, limit, NULL);
        size = dk_route_record_size(source.key, source.value, list.items, list.len);
        if (st != DK_OK) {
            CHECK_STATUS(st, DK_EINVAL);
            CHECK(source.value.n + 1000 > limit); /* really no room */
            refused++;
        } else {
            CHECK(size <= limit);
            got = value_of(&list, dead ? "DEAD_LETTER_SUMMARY" : "RETRY_MESSAGE");
            CHECK(is_utf8(got) && got.n <= 2000);
            got = value_of(&list, "DEAD_LETTER_DETAIL");
            CHECK(is_utf8(got));
            if (dead && got.n < n_detail) {
                CHECK(limit - size < 64 + 40); /* as much as fits, or so little that it is left out */
                cut++;
            }
        }
        free(summary);
        free(detail);
    }
    CHECK(refused > 100 && cut > 1000);
    dk_route_headers_fini(&list);
}

/* The estimate is an upper bound of what the record takes by the rules of Kafka's message format 2. */
static size_t
varint_size(int64_t n)
{
    uint64_t z = ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
    size_t size = 1;

    while (z >>= 7)
        size++;
    return size;
}

DK_TEST(route_record_size_is_an_upper_bound)
{
    uint64_t rnd = dk_test_seed();
    dk_header headers[20];
    size_t n, i, body, exact;
    dk_slice key, value;
    int round;

    for (round = 0; round < 1000; round++) {
        key = (dk_slice){(const uint8_t *)"k", dk_test_below(&rnd, 100)};
        value = (dk_slice){(const uint8_t *)"v", dk_test_below(&rnd, 1000000)};
        n = dk_test_below(&rnd, 20);
        body = 1 + varint_size(INT64_MAX >> 1) + varint_size(INT32_MAX >> 1) + varint_size((int64_t)key.n) + key.n +
               varint_size((int64_t)value.n) + value.n + varint_size((int64_t)n);
        for (i = 0; i < n; i++) {
            headers[i] = (dk_header){"name", {(const uint8_t *)"x", dk_test_below(&rnd, 100000)}};
            body += varint_size(4) + 4 + varint_size((int64_t)headers[i].value.n) + headers[i].value.n;
        }
        exact = 61 + varint_size((int64_t)body) + body;
        CHECK(dk_route_record_size(key, value, headers, n) >= exact);
    }
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

DK_TEST(route_headers_keep_their_memory)
{
    dk_route_source source = first_failure();
    dk_route_headers list;
    size_t count;
    int i;

    dk_route_headers_init(&list, dk_test_alloc());
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &why, 100000, NULL));
    count = dk_test_alloc_count();
    for (i = 0; i < 100; i++) {
        CHECK_OK(dk_route_dead_headers(&list, &names, &source, &why, 100000, NULL));
        fill_retry(&list, &source, i, i);
    }
    CHECK_EQ(dk_test_alloc_count(), count);
    dk_route_headers_fini(&list);
    dk_route_headers_fini(&list);
}

DK_TEST_FAULT(route_headers_fault)
{
    dk_route_source source = first_failure();
    dk_route_headers list;

    dk_route_headers_init(&list, dk_test_alloc());
    if (NOMEM(dk_route_retry_headers(&list, &names, &source, &why, 1, 1, 0, NULL)))
        goto out;
    if (NOMEM(dk_route_dead_headers(&list, &names, &source, &why, 5000, NULL)))
        goto out;
    check_dead(&list);
out:
    dk_route_headers_fini(&list);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static int64_t
due_of(const char *text)
{
    dk_header h[] = {{"other", {NULL, 0}}, {"RETRY_TIMESTAMP", str(text)}, {"RETRY_TIMESTAMP", str("5")}};

    return dk_route_due_ms(h, 3);
}

DK_TEST(route_due)
{
    CHECK_EQ(dk_route_due_ms(NULL, 0), -1);
    CHECK_EQ(due_of("1700000000.123"), 1700000000123);
    CHECK_EQ(due_of("1700000000.1230001"), 1700000000124);
    CHECK_EQ(due_of("1700000000.123000"), 1700000000123);
    CHECK_EQ(due_of("1700000000.5"), 1700000000500);
    CHECK_EQ(due_of("1700000000"), 1700000000000);
    CHECK_EQ(due_of("1700000000."), 1700000000000);
    CHECK_EQ(due_of(".25"), 250);
    CHECK_EQ(due_of(" 12.5\n"), 12500);
    CHECK_EQ(due_of(""), -1);
    CHECK_EQ(due_of("."), -1);
    CHECK_EQ(due_of("soon"), -1);
    CHECK_EQ(due_of("12.5s"), -1);
    CHECK_EQ(due_of("-1"), -1);
    CHECK_EQ(due_of("1e9"), -1);
    CHECK_EQ(due_of("nan"), -1);
    CHECK_EQ(due_of("99999999999999999999999"), -1);
}

static int32_t
attempts_of(const char *topic, const char *text)
{
    dk_header h = {"RETRY_ATTEMPT", str(text)};

    return dk_route_attempts(&names, topic, &h, 1);
}

DK_TEST(route_attempts)
{
    CHECK_EQ(dk_route_attempts(&names, "g.t.retry.3", NULL, 0), 3);
    CHECK_EQ(dk_route_attempts(&names, "t", NULL, 0), 0);
    CHECK_EQ(attempts_of("t", "7"), 0);
    CHECK_EQ(attempts_of("g.t.retry.1", "7"), 7); /* retries without end stay in one topic */
    CHECK_EQ(attempts_of("g.t.retry.9", "7"), 9);
    CHECK_EQ(attempts_of("g.t.retry.1", ""), 1);
    CHECK_EQ(attempts_of("g.t.retry.1", "x"), 1);
    CHECK_EQ(attempts_of("g.t.retry.1", "7x"), 1);
    CHECK_EQ(attempts_of("g.t.retry.1", " 7 "), 7);
    CHECK_EQ(attempts_of("g.t.retry.1", "99999999999"), 1);
}
