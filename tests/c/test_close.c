/* SPDX-License-Identifier: MIT
 *
 * Closing and freeing a consumer whose broker is away: within the time that was given, and with word of what could
 * not be committed.
 */
#include "rig.h"

enum { SLACK_MS = 2000, METADATA_TOO_LARGE = 12 };

typedef struct away {
    rig r;
    dk_consumer *c;
    dk_ticket ticket;
} away;

/* A member that has handled ten messages of partition 0, and the broker is gone. with_ticket: the sixth has a ticket.
 */
static void
open_away(away *a, bool with_ticket)
{
    dk_batch *b;
    dk_error err;

    *a = (away){.c = NULL};
    rig_open(&a->r, "t", 2);
    rig_set(&a->r, "auto.commit.interval.ms", "60000");
    rig_produce(&a->r, "t", 0, 0, 10);
    a->c = rig_consumer(&a->r, NULL);
    rig_join(a->c, "t");
    b = rig_fetch_n(a->c, 0, 10);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(dk_batch_next(b), i);
        if (with_ticket && i == 5)
            CHECK_OK(dk_batch_defer(b, &a->ticket));
    }
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    CHECK_OK_ERR(dk_broker_set_down(a->r.broker, 1, true, &err), &err);
}

/* What was handled is not committed while commits are held: whoever comes next gets it again. */
DK_TEST(close_commits_nothing_while_commits_are_held)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_error err;

    for (int held = 1; held >= 0; held--) {
        rig_open(&r, "t", 1);
        rig_set(&r, "auto.commit.interval.ms", "60000");
        rig_produce(&r, "t", 0, 0, 3);
        c = rig_consumer(&r, NULL);
        rig_join(c, "t");
        b = rig_fetch_n(c, 0, 3);
        while (dk_batch_next(b) >= 0)
            continue;
        dk_batch_free(b);
        dk_consumer_hold_commits(c, true);
        dk_consumer_hold_commits(c, held);
        CHECK_OK_ERR(dk_consumer_close(c, 10000, &err), &err);
        dk_consumer_free(c);
        c = rig_consumer(&r, NULL);
        CHECK_EQ(rig_committed(c, "t", 0), held ? DK_OFFSET_INVALID : 3);
        rig_end(c);
        rig_close(&r);
    }
}

static void
end_away(away *a)
{
    int64_t begun = dk_test_now_ms();

    dk_consumer_free(a->c);
    CHECK(dk_test_now_ms() - begun < SLACK_MS);
    if (a->ticket.batch != NULL)
        CHECK_OK(dk_ticket_resolve(&a->ticket)); /* it comes too late, and keeps the memory that long */
    rig_close(&a->r);
}

/* The event of the commit names the partition and the offset that is not committed; so does the line of the log. */
static void
check_told(dk_consumer *c, int64_t offset, const char *named)
{
    bool commit = false, line = false;
    dk_event *ev;

    while ((ev = dk_consumer_event(c)) != NULL) {
        if (dk_event_kind_of(ev) == DK_EVENT_COMMIT) {
            const dk_partitions *parts = dk_event_partitions(ev);

            CHECK(dk_event_kafka_err(ev) != 0);
            CHECK_EQ(parts->len, 1);
            CHECK_EQ(parts->items[0].partition, 0);
            CHECK_EQ(parts->items[0].offset, offset);
            CHECK(parts->items[0].kafka_err != 0);
            commit = true;
        }
        if (dk_event_kind_of(ev) == DK_EVENT_LOG && strcmp(dk_event_fac(ev), "CLOSE") == 0) {
            CHECK_CONTAINS(dk_event_text(ev), named);
            line = true;
        }
        dk_event_free(ev);
    }
    CHECK(commit);
    CHECK(line);
}

static void
close_away(bool with_ticket, int within_ms, int64_t offset, const char *named)
{
    away a;
    dk_error err;
    int64_t begun;

    open_away(&a, with_ticket);
    begun = dk_test_now_ms();
    CHECK_STATUS_ERR(dk_consumer_close(a.c, within_ms, &err), DK_EKAFKA, &err);
    CHECK(dk_test_now_ms() - begun < within_ms + SLACK_MS);
    CHECK_CONTAINS(err.text, named);
    CHECK(!err.retriable);
    check_told(a.c, offset, named);
    CHECK_STATUS_ERR(dk_consumer_close(a.c, within_ms, &err), DK_EKAFKA, &err); /* and says it again, at once */
    CHECK_CONTAINS(err.text, named);
    end_away(&a);
}

DK_TEST(close_without_a_broker_ends_in_time)
{
    close_away(false, 3000, 10, "t [0] offset 10");
}

DK_TEST(close_without_a_broker_and_with_a_ticket_ends_in_time)
{
    close_away(true, 3000, 5, "t [0] offset 5");
}

DK_TEST(close_at_once_without_a_broker)
{
    close_away(true, 0, 5, "t [0] offset 5");
}

DK_TEST(free_without_a_broker_does_not_wait)
{
    away a;

    open_away(&a, false);
    end_away(&a);
}

DK_TEST(free_without_a_broker_and_with_a_ticket_does_not_wait)
{
    away a;

    open_away(&a, true);
    end_away(&a);
}

/* In the middle of a close that would take long. */
DK_TEST(free_while_closing_does_not_wait)
{
    away a;
    dk_error err;

    open_away(&a, true);
    dk_consumer_close_begin(a.c, -1);
    CHECK_STATUS(dk_consumer_close_wait(a.c, 100, &err), DK_ETIMEOUT);
    end_away(&a);
}

/* The broker is there, and refuses the commit. */
DK_TEST(close_names_what_was_refused)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_event *ev;
    bool line = false;
    dk_error err;
    const int refuse[] = {METADATA_TOO_LARGE};

    rig_open(&r, "t", 2);
    rig_set(&r, "auto.commit.interval.ms", "60000");
    rig_produce(&r, "t", 1, 0, 4);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 2);
    b = rig_fetch_n(c, 0, 4);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    CHECK_OK_ERR(dk_broker_push_errors(r.broker, 8, refuse, 1, &err), &err);
    CHECK_STATUS(dk_consumer_close(c, 10000, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, METADATA_TOO_LARGE);
    CHECK_CONTAINS(err.text, "t [1] offset 4");
    while ((ev = dk_consumer_event(c)) != NULL) {
        line |= dk_event_kind_of(ev) == DK_EVENT_LOG && strcmp(dk_event_fac(ev), "CLOSE") == 0;
        dk_event_free(ev);
    }
    CHECK(line);
    dk_consumer_free(c);
    rig_close(&r);
}

/* Tickets get a part of the time: what is answered in it is committed. */
DK_TEST(close_waits_for_tickets)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_ticket ticket;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 3);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 3);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    dk_consumer_close_begin(c, 20000);
    CHECK_STATUS(dk_consumer_close_wait(c, 300, &err), DK_ETIMEOUT);
    CHECK_OK(dk_ticket_resolve(&ticket));
    CHECK_OK_ERR(dk_consumer_close_wait(c, 15000, &err), &err);
    dk_consumer_free(c);
    c = rig_consumer(&r, NULL);
    CHECK_EQ(rig_committed(c, "t", 0), 3);
    rig_end(c);
    rig_close(&r);
}
