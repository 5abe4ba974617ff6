/* SPDX-License-Identifier: MIT
 *
 * A partition whose offsets go back: its topic was recreated, or its log truncated. The mock cluster can do
 * neither, so librdkafka is sent back behind the consumer's back.
 */
#include "kafka/consumer/handle.h"
#include "rig.h"

static void
send_back(dk_consumer *c, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *err;

    rd_kafka_topic_partition_list_add(list, "t", 0)->offset = offset;
    err = rd_kafka_seek_partitions(c->rk, list, 10000);
    CHECK(err == NULL);
    CHECK_EQ(list->elems[0].err, 0);
    rd_kafka_topic_partition_list_destroy(list);
}

/* Walk n messages that follow from number `from` on, and leave the last in hand. */
static dk_batch *
walk(dk_consumer *c, uint32_t n, int from)
{
    dk_batch *b = rig_fetch_n(c, 0, n);

    for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(dk_batch_next(b), (int)i);
        CHECK_EQ(rig_number(b, i), from + (int)i);
    }
    return b;
}

/* A consumer of a log of ten messages, and a batch of all of them with the last one in hand. */
static dk_batch *
ten_messages(rig *r, dk_consumer **c)
{
    rig_open(r, "t", 1);
    rig_set(r, "auto.commit.interval.ms", "50");
    rig_produce(r, "t", 0, 0, 10);
    *c = rig_consumer(r, NULL);
    rig_assign(*c, "t", 1);
    return walk(*c, 10, 0);
}

/* The message in hand is finished, and the batch at its end. */
static void
finish(dk_batch *b)
{
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
}

static void
check_nothing_comes(dk_consumer *c, int ms)
{
    dk_batch *none = NULL;

    for (int64_t until = dk_test_now_ms() + ms; dk_test_now_ms() < until;)
        CHECK(dk_consumer_fetch(c, 0, 20, &none, NULL) != DK_OK);
}

static bool
told(dk_consumer *c)
{
    bool found = false;
    dk_event *ev;

    while ((ev = dk_consumer_event(c)) != NULL) {
        found |= dk_event_kind_of(ev) == DK_EVENT_LOG && strcmp(dk_event_fac(ev), "RELOG") == 0;
        dk_event_free(ev);
    }
    return found;
}

DK_TEST(recreated_offsets_are_followed_and_committed)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;

    b = ten_messages(&r, &c);
    finish(b);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 10, 5000);

    send_back(c, 3);
    b = rig_fetch(c, 0, 10000);
    CHECK(b != NULL);
    CHECK(told(c));
    dk_batch_free(b);
    b = walk(c, 7, 3);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 9, 5000);
    finish(b);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 10, 5000);
    rig_end(c);
    rig_close(&r);
}

/* What was handed out before counts for the old log only: the new one waits until all of it is known. */
DK_TEST(recreated_waits_for_outcomes_of_the_old_log)
{
    rig r;
    dk_consumer *c;
    dk_ticket ticket, second;
    dk_batch *b;

    b = ten_messages(&r, &c);
    CHECK_OK(dk_batch_defer(b, &ticket));
    finish(b);

    send_back(c, 3);
    check_nothing_comes(c, 500);
    CHECK(!told(c));
    dk_ticket_reject(&ticket, 0); /* it is handed out again, and first */
    b = walk(c, 1, 9);
    finish(b);

    b = walk(c, 7, 3);
    dk_batch_free(b); /* the last one, 9, is given back */
    b = walk(c, 1, 9);
    CHECK_OK(dk_batch_defer(b, &second));
    finish(b);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 9, 5000);
    dk_ticket_resolve(&second);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 10, 5000);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(recreated_is_forgotten_with_the_partition)
{
    rig r;
    dk_consumer *c;
    dk_ticket ticket;
    dk_batch *b;

    b = ten_messages(&r, &c);
    CHECK_OK(dk_batch_defer(b, &ticket));
    finish(b);
    send_back(c, 3);
    check_nothing_comes(c, 300);
    CHECK(dk__ledger_has_waiting(c->parts[0]->ledger));
    rig_assign(c, "t", 1);
    b = walk(c, 10, 0);
    dk_batch_free(b);
    dk_ticket_resolve(&ticket);
    rig_end(c);
    rig_close(&r);
}
