/* SPDX-License-Identifier: MIT
 *
 * Tests of src/engine/route.c: names, against POSIX regular expressions.
 */
#include <regex.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dk/route.h"
#include "dk_test.h"

static const dk_route_names names = {"group", "retry", "dlt"};

static const char *
retry_of(const dk_route_names *n, const char *topic)
{
    static char out[DK_TOPIC_SIZE];
    dk_error err;

    CHECK_OK_ERR(dk_route_retry_topic(n, topic, false, out, &err), &err);
    return out;
}

static const char *
dead_of(const dk_route_names *n, const char *topic)
{
    static char out[DK_TOPIC_SIZE];
    dk_error err;

    CHECK_OK_ERR(dk_route_dead_topic(n, topic, out, &err), &err);
    return out;
}

DK_TEST(route_sequence_of_topics)
{
    CHECK_STR(retry_of(&names, "orders"), "group.orders.retry.1");
    CHECK_STR(retry_of(&names, "group.orders.retry.1"), "group.orders.retry.2");
    CHECK_STR(retry_of(&names, "group.orders.retry.9"), "group.orders.retry.10");
    CHECK_STR(retry_of(&names, "group.orders.retry.999999998"), "group.orders.retry.999999999");
    CHECK_STR(dead_of(&names, "orders"), "group.orders.dlt");
    CHECK_STR(dead_of(&names, "group.orders.retry.1"), "group.orders.dlt");
    CHECK_STR(dead_of(&names, "group.orders.retry.27"), "group.orders.dlt");
}

DK_TEST(route_again)
{
    char out[DK_TOPIC_SIZE];

    CHECK_OK(dk_route_retry_topic(&names, "orders", true, out, NULL));
    CHECK_STR(out, "group.orders.retry.1");
    CHECK_OK(dk_route_retry_topic(&names, "group.orders.retry.1", true, out, NULL));
    CHECK_STR(out, "group.orders.retry.1");
    CHECK_OK(dk_route_retry_topic(&names, "group.orders.retry.4", true, out, NULL));
    CHECK_STR(out, "group.orders.retry.4");
}

/* The original took any topic that ends like a retry topic for one. */
DK_TEST(route_topics_that_only_look_like_retries)
{
    CHECK_EQ(dk_route_retry_number(&names, "orders.retry.3"), -1);
    CHECK_STR(retry_of(&names, "orders.retry.3"), "group.orders.retry.3.retry.1");
    CHECK_STR(dead_of(&names, "orders.retry.3"), "group.orders.retry.3.dlt");
    CHECK_STR(retry_of(&names, "group.orders.retry.3.retry.1"), "group.orders.retry.3.retry.2");
    CHECK_STR(retry_of(&names, "other.orders.retry.3"), "group.other.orders.retry.3.retry.1");
    CHECK_STR(retry_of(&names, "group.retry.3"), "group.group.retry.3.retry.1");
    CHECK_STR(retry_of(&names, "group.ordersretry.3"), "group.group.ordersretry.3.retry.1");
    CHECK_EQ(dk_route_retry_number(&names, "group.orders.retry."), -1);
    CHECK_EQ(dk_route_retry_number(&names, "group.orders.retry.1234567890"), -1);
    CHECK_EQ(dk_route_retry_number(&names, "group.orders.retry.007"), 7);
    CHECK_EQ(dk_route_retry_number(&names, "group.orders.retry.0"), 0);
    CHECK_EQ(dk_route_retry_number(&names, ""), -1);
    CHECK_EQ(dk_route_retry_number(&names, "7"), -1);
}

DK_TEST(route_suffixes_of_several_parts)
{
    dk_route_names n = {"a.b", "later.again", "dead-letters"};

    CHECK_STR(retry_of(&n, "t"), "a.b.t.later.again.1");
    CHECK_STR(retry_of(&n, "a.b.t.later.again.1"), "a.b.t.later.again.2");
    CHECK_STR(dead_of(&n, "a.b.t.later.again.1"), "a.b.t.dead-letters");
}

/* ---- bad names ------------------------------------------------------------------------------------------------- */

DK_TEST(route_check_topic)
{
    char text[300];
    dk_error err;

    CHECK_OK(dk_route_check_topic("aZ09._-", NULL));
    CHECK_OK(dk_route_check_topic("...", NULL));
    CHECK_STATUS(dk_route_check_topic(NULL, &err), DK_ECONFIG);
    CHECK_STATUS(dk_route_check_topic("", &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "empty");
    CHECK_STATUS(dk_route_check_topic(".", &err), DK_ECONFIG);
    CHECK_STATUS(dk_route_check_topic("..", &err), DK_ECONFIG);
    CHECK_STATUS(dk_route_check_topic("orders:new", &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "byte 6");
    CHECK_STATUS(dk_route_check_topic("\xC3\xA4", &err), DK_ECONFIG);
    memset(text, 'x', sizeof text);
    text[249] = '\0';
    CHECK_OK(dk_route_check_topic(text, NULL));
    text[249] = 'x';
    text[250] = '\0';
    CHECK_STATUS(dk_route_check_topic(text, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "250 characters long, 249");
}

DK_TEST(route_group_that_makes_no_name)
{
    dk_route_names n = {"my group", "retry", "dlt"};
    char out[DK_TOPIC_SIZE];
    dk_error err;

    CHECK_STATUS(dk_route_retry_topic(&n, "orders", false, out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "group.id \"my group\"");
    CHECK_STATUS(dk_route_dead_topic(&n, "orders", out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "group.id \"my group\"");
    n.group = "";
    CHECK_STATUS(dk_route_dead_topic(&n, "orders", out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "group.id must not be empty");
    n = (dk_route_names){"g", "re try", "d/l"};
    CHECK_STATUS(dk_route_retry_topic(&n, "orders", false, out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "suffix \"re try.1\"");
    CHECK_STATUS(dk_route_dead_topic(&n, "orders", out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "suffix \"d/l\"");
    CHECK_STATUS(dk_route_dead_topic(&names, "or ders", out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "\"or ders\" is not a topic name");
    CHECK_STATUS(dk_route_retry_topic(&names, "or ders", false, out, &err), DK_ECONFIG);
}

DK_TEST(route_names_that_are_too_long)
{
    char topic[DK_TOPIC_SIZE], suffix[400], out[DK_TOPIC_SIZE];
    dk_route_names n = {"g", "r", "d"};
    dk_error err;

    memset(topic, 't', sizeof topic);
    topic[245] = '\0';
    CHECK_OK(dk_route_dead_topic(&n, topic, out, &err)); /* g. + 245 + .d */
    CHECK_EQ(strlen(out), 249);
    CHECK_STATUS(dk_route_retry_topic(&n, topic, false, out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "251 characters");
    topic[244] = '\0';
    CHECK_STATUS(dk_route_retry_topic(&n, topic, false, out, &err), DK_ECONFIG);
    topic[243] = '\0';
    CHECK_OK(dk_route_retry_topic(&n, topic, false, out, &err)); /* g. + 243 + .r.1 */
    CHECK_EQ(strlen(out), 249);
    memset(suffix, 's', sizeof suffix);
    suffix[399] = '\0';
    n.retry_suffix = suffix;
    CHECK_STATUS(dk_route_retry_topic(&n, "t", false, out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "too long");
    n.dead_suffix = suffix;
    CHECK_STATUS(dk_route_dead_topic(&n, "t", out, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "too long");
}

/* ---- against regular expressions ------------------------------------------------------------------------------- */

/* A name from few pieces, so that retry topics of this group come up often. */
static void
random_topic(uint64_t *rnd, char *out, size_t size)
{
    static const char *const pieces[] = {"g", ".", "retry", "1", "23", "g.", ".retry.", "x", ".retry", "-"};
    int n = 1 + (int)dk_test_below(rnd, 8);

    snprintf(out, size, "%s", dk_test_below(rnd, 2) == 0 ? "g." : "");
    while (n-- > 0)
        strncat(out, pieces[dk_test_below(rnd, 10)], size - strlen(out) - 1);
    if (dk_test_below(rnd, 2) == 0)
        strncat(out, ".retry.5", size - strlen(out) - 1);
}

DK_TEST(route_random_names)
{
    dk_route_names n = {"g", "retry", "dlt"};
    char topic[80], want[DK_TOPIC_SIZE], out[DK_TOPIC_SIZE];
    uint64_t rnd = dk_test_seed();
    int i, retries = 0, number;
    regmatch_t m[3];
    regex_t re;

    CHECK_EQ(regcomp(&re, "^g\\.(.+)\\.retry\\.([0-9]+)$", REG_EXTENDED), 0);
    for (i = 0; i < 50000; i++) {
        random_topic(&rnd, topic, sizeof topic);
        if (dk_route_check_topic(topic, NULL) != DK_OK)
            continue;
        if (regexec(&re, topic, 3, m, 0) == 0 && m[2].rm_eo - m[2].rm_so <= 9) {
            retries++;
            number = atoi(topic + m[2].rm_so);
            CHECK_EQ(dk_route_retry_number(&n, topic), number);
            CHECK_MEM(dk_route_origin_topic(&n, topic).p, dk_route_origin_topic(&n, topic).n, topic + m[1].rm_so,
                      (size_t)(m[1].rm_eo - m[1].rm_so));
            snprintf(want, sizeof want, "%.*s%d", (int)m[2].rm_so, topic, number + 1);
            CHECK_STR(retry_of(&n, topic), want);
            snprintf(want, sizeof want, "g.%.*s.dlt", (int)(m[1].rm_eo - m[1].rm_so), topic + m[1].rm_so);
        } else {
            CHECK_EQ(dk_route_retry_number(&n, topic), -1);
            snprintf(want, sizeof want, "g.%s.retry.1", topic);
            CHECK_STR(retry_of(&n, topic), want);
            snprintf(want, sizeof want, "g.%s.dlt", topic);
        }
        CHECK_STR(dead_of(&n, topic), want);
        CHECK_OK(dk_route_retry_topic(&n, topic, false, out, NULL));
        CHECK_OK(dk_route_check_topic(out, NULL));
        CHECK(dk_route_retry_number(&n, out) > 0);
    }
    CHECK(retries > 500);
    regfree(&re);
}
