/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/client/event.c and events.c.
 */
#include "dk_test.h"
#include "kafka/client/internal.h"

static dk__events *
must_queue(void)
{
    dk__events *q = NULL;

    CHECK_OK(dk__events_new(dk_test_alloc(), &q));
    CHECK(dk__events_empty(q));
    CHECK(dk__events_take(q) == NULL);
    return q;
}

static dk_event *
must_take(dk__events *q, dk_event_kind kind)
{
    dk_event *ev = dk__events_take(q);

    CHECK(ev != NULL);
    CHECK_EQ(dk_event_kind_of(ev), kind);
    return ev;
}

DK_TEST(event_first_in_first_out)
{
    dk__events *q = must_queue();
    dk_event *ev;

    dk__events_push_log(q, 6, "FAC", "one");
    dk__events_push_error(q, RD_KAFKA_RESP_ERR__TRANSPORT, false, "two");
    dk__events_push_text(q, DK_EVENT_THROTTLE, "broker/1", 250, 1);
    dk__events_push_text(q, DK_EVENT_STATS, NULL, 0, -1);
    CHECK(!dk__events_empty(q));

    ev = must_take(q, DK_EVENT_LOG);
    CHECK_EQ(dk_event_level(ev), 6);
    CHECK_STR(dk_event_fac(ev), "FAC");
    CHECK_STR(dk_event_text(ev), "one");
    dk_event_free(ev);
    ev = must_take(q, DK_EVENT_ERROR);
    CHECK_EQ(dk_event_kafka_err(ev), RD_KAFKA_RESP_ERR__TRANSPORT);
    CHECK(!dk_event_fatal(ev));
    CHECK_STR(dk_event_text(ev), "two");
    dk_event_free(ev);
    ev = must_take(q, DK_EVENT_THROTTLE);
    CHECK_STR(dk_event_text(ev), "broker/1");
    CHECK_EQ(dk_event_value(ev), 250);
    CHECK_EQ(dk_event_broker_id(ev), 1);
    dk_event_free(ev);
    ev = must_take(q, DK_EVENT_STATS);
    CHECK_STR(dk_event_text(ev), "");
    dk_event_free(ev);
    CHECK(dk__events_empty(q));
    dk_event_free(NULL);
    dk__events_free(q);
    dk__events_free(NULL);
}

DK_TEST(event_free_drops_what_waits)
{
    dk__events *q = must_queue();

    for (int i = 0; i < 10; i++)
        dk__events_push_log(q, 6, "FAC", "text");
    dk__events_free(q);
}

/* An event may outlive its queue and everything it was made from. */
DK_TEST(event_owns_its_memory)
{
    dk__events *q = must_queue();
    rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(1);
    dk_event *ev;

    rd_kafka_topic_partition_list_add(parts, "orders", 7)->offset = 42;
    dk__events_push_partitions(q, DK_EVENT_ASSIGN, 0, parts);
    rd_kafka_topic_partition_list_destroy(parts);
    ev = must_take(q, DK_EVENT_ASSIGN);
    dk__events_free(q);
    CHECK_EQ(dk_event_partitions(ev)->len, 1);
    CHECK_STR(dk_event_partitions(ev)->items[0].topic, "orders");
    CHECK_EQ(dk_event_partitions(ev)->items[0].partition, 7);
    CHECK_EQ(dk_event_partitions(ev)->items[0].offset, 42);
    CHECK_EQ(dk_event_deliveries(ev), 0);
    dk_event_free(ev);
}

DK_TEST(event_commit_result_has_a_text)
{
    dk__events *q = must_queue();
    dk_event *ev;

    dk__events_push_partitions(q, DK_EVENT_COMMIT, RD_KAFKA_RESP_ERR__NO_OFFSET, NULL);
    ev = must_take(q, DK_EVENT_COMMIT);
    CHECK_EQ(dk_event_kafka_err(ev), RD_KAFKA_RESP_ERR__NO_OFFSET);
    CHECK(dk_event_text(ev)[0] != '\0');
    CHECK_EQ(dk_event_partitions(ev)->len, 0);
    dk_event_free(ev);
    dk__events_free(q);
}

DK_TEST(event_logs_are_dropped_when_full)
{
    dk__events *q = must_queue();
    uint64_t kept = 0;

    for (int i = 0; i < 10000; i++)
        dk__events_push_log(q, 7, "FAC", "text");
    dk__events_push_error(q, -1, false, "not fatal: dropped too");
    dk__events_push_text(q, DK_EVENT_STATS, "{}", 0, -1);
    CHECK(dk__events_dropped(q) > 0);
    /* what matters gets in */
    dk__events_push_error(q, -1, true, "fatal");
    dk__events_push_partitions(q, DK_EVENT_REVOKE, 0, NULL);
    for (dk_event *ev; (ev = dk__events_take(q)) != NULL; kept++) {
        if (dk_event_kind_of(ev) == DK_EVENT_ERROR)
            CHECK(dk_event_fatal(ev));
        CHECK(dk_event_kind_of(ev) != DK_EVENT_STATS);
        dk_event_free(ev);
    }
    CHECK_EQ(kept + dk__events_dropped(q), 10004);
    dk__events_push_log(q, 7, "FAC", "room again");
    CHECK(!dk__events_empty(q));
    dk__events_free(q);
}

DK_TEST(event_large_texts_are_bounded)
{
    static char json[1 << 20];
    dk__events *q = must_queue();
    int kept = 0;

    memset(json, 'x', sizeof json - 1);
    for (int i = 0; i < 20; i++)
        dk__events_push_text(q, DK_EVENT_STATS, json, 0, -1);
    for (dk_event *ev; (ev = dk__events_take(q)) != NULL; kept++)
        dk_event_free(ev);
    CHECK(kept >= 8 && kept < 20);
    CHECK_EQ(dk__events_dropped(q), 20 - kept);
    dk__events_free(q);
}

static void
count(void *ctx)
{
    ++*(int *)ctx;
}

DK_TEST(event_notifies)
{
    dk__events *q = must_queue();
    int calls = 0;

    dk__events_push_log(q, 1, "F", "before");
    dk__events_notify(q, count, &calls);
    dk__events_push_log(q, 1, "F", "x");
    dk__events_push_partitions(q, DK_EVENT_LOST, 0, NULL);
    CHECK_EQ(calls, 2);
    dk__events_notify(q, NULL, NULL);
    dk__events_push_log(q, 1, "F", "x");
    CHECK_EQ(calls, 2);
    dk__events_free(q);
}

/* Without memory a log line is dropped, but of what matters at least something is told. */
DK_TEST(event_out_of_memory)
{
    dk__events *q = must_queue();
    dk_event *ev;

    dk_test_alloc_fail(1, true);
    dk__events_push_log(q, 1, "F", "x");
    CHECK(dk__events_empty(q));
    dk__events_push_partitions(q, DK_EVENT_ASSIGN, 0, NULL);
    ev = dk__events_take(q);
    CHECK(ev != NULL);
    CHECK_EQ(dk_event_kind_of(ev), DK_EVENT_ERROR);
    CHECK_CONTAINS(dk_event_text(ev), "out of memory");
    dk_event_free(ev);
    dk__events_push_partitions(q, DK_EVENT_ASSIGN, 0, NULL); /* nothing left to say it with */
    CHECK_EQ(dk__events_dropped(q), 2);
    CHECK(dk__events_take(q) == NULL);
    dk_test_alloc_fail(0, false);
    dk__events_push_partitions(q, DK_EVENT_ASSIGN, 0, NULL);
    dk_event_free(must_take(q, DK_EVENT_ASSIGN)); /* makes a new reserve */
    dk_test_alloc_fail(1, true);
    dk__events_push_partitions(q, DK_EVENT_ASSIGN, 0, NULL);
    dk_event_free(must_take(q, DK_EVENT_ERROR));
    dk_test_alloc_fail(0, false);
    dk__events_free(q);
}

DK_TEST_FAULT(event_queue_new)
{
    rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(1);
    dk__events *q = NULL;

    rd_kafka_topic_partition_list_add(parts, "orders", 7);
    if (NOMEM(dk__events_new(dk_test_alloc(), &q)))
        goto out;
    dk__events_push_log(q, 1, "F", "x");
    dk__events_push_partitions(q, DK_EVENT_ASSIGN, 0, parts);
    CHECK(!dk__events_empty(q));
    for (dk_event *ev; (ev = dk__events_take(q)) != NULL;)
        dk_event_free(ev);
out:
    rd_kafka_topic_partition_list_destroy(parts);
    dk__events_free(q);
}
