/* SPDX-License-Identifier: MIT
 *
 * Tests of src/engine/route_headers.c: what is written on a copy.
 */
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

    CHECK_OK_ERR(dk_route_retry_headers(list, &names, source, why.summary, attempt, due_ms, &err), &err);
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
    dk_route_headers_init(&list, dk_test_alloc());
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &why, NULL));
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
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &why, NULL));
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
    CHECK_OK(dk_route_dead_headers(&dead, &names, &retried, &why, NULL));
    check_own_headers_kept(&dead);
    check_dead(&dead);
    check_value(&dead, "DEAD_LETTER_MESSAGE_TOPIC", "g.orders.retry.1");
    check_value(&dead, "DEAD_LETTER_MESSAGE_PARTITION", "8");
    check_value(&dead, "DEAD_LETTER_MESSAGE_OFFSET", "9");
    /* replayed to where it came from, it fails once more: no header is there twice */
    replayed = source;
    replayed.headers = dead.items;
    replayed.n_headers = dead.len;
    CHECK_OK(dk_route_dead_headers(&more, &names, &replayed, &why, NULL));
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
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &unknown, NULL));
    check_value(&list, "DEAD_LETTER_SUMMARY", NULL);
    check_value(&list, "DEAD_LETTER_EXCEPTION", NULL);
    check_value(&list, "DEAD_LETTER_DETAIL", NULL);
    check_value(&list, "DEAD_LETTER_MESSAGE_OFFSET", "77");
    dk_route_headers_fini(&list);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

DK_TEST(route_headers_keep_their_memory)
{
    dk_route_source source = first_failure();
    dk_route_headers list;
    size_t count;
    int i;

    dk_route_headers_init(&list, dk_test_alloc());
    CHECK_OK(dk_route_dead_headers(&list, &names, &source, &why, NULL));
    count = dk_test_alloc_count();
    for (i = 0; i < 100; i++) {
        CHECK_OK(dk_route_dead_headers(&list, &names, &source, &why, NULL));
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
    if (NOMEM(dk_route_retry_headers(&list, &names, &source, why.summary, 1, 1, NULL)))
        goto out;
    if (NOMEM(dk_route_dead_headers(&list, &names, &source, &why, NULL)))
        goto out;
    check_dead(&list);
out:
    dk_route_headers_fini(&list);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

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
