/* SPDX-License-Identifier: MIT
 *
 * The consumer without memory: each allocation of joining a group, of a rebalance, of notes, stored offsets, seeks
 * and commits fails in turn. Each call says so and has changed nothing; no message is lost or comes twice.
 */
#include "rig.h"

/* The events of a consumer, dropped. There may be one that says that there was no memory for another. */
static void
drop_events(dk_consumer *c)
{
    dk_event *ev;

    while ((ev = dk_consumer_event(c)) != NULL)
        dk_event_free(ev);
}

/* The next batch; NULL: no memory. */
static dk_batch *
fetch(dk_consumer *c, uint32_t max)
{
    int64_t until = dk_test_now_ms() + 40000;
    dk_batch *b = NULL;
    dk_error err;

    while (dk_test_now_ms() < until) {
        dk_status st = dk_consumer_fetch(c, max, 50, &b, &err);

        drop_events(c);
        if (st == DK_OK)
            return b;
        if (st ==
            DK_EFATAL) { /* an assignment without memory for it ends the consumer: it must not skip a partition */
            CHECK_CONTAINS(err.text, "out of memory");
            CHECK(NOMEM(DK_ENOMEM));
            return NULL;
        }
        if (st != DK_ETIMEOUT && NOMEM_ERR(st, &err))
            return NULL;
    }
    FAIL("no batch within 40 seconds");
}

static void
end(dk_consumer *c, rig *r)
{
    if (c != NULL)
        (void)!dk_consumer_close(c, 10000, NULL);
    dk_consumer_free(c);
    rig_close(r);
}

static dk_consumer *
new_consumer(rig *r, int messages)
{
    dk_consumer *c = NULL;
    dk_error err;

    rig_open(r, "t", 1);
    rig_produce(r, "t", 0, 0, messages);
    return NOMEM_ERR(dk_consumer_new(dk_test_alloc(), r->pairs, r->n_pairs, NULL, &c, &err), &err) ? NULL : c;
}

/* ---- group ----------------------------------------------------------------------------------------------------- */

DK_TEST_FAULT(consumer_fault_in_a_group)
{
    rig r;
    dk_consumer *c = new_consumer(&r, 6);
    dk_partitions list;
    const char *topic = "t";
    int next = 0;
    int32_t i;
    dk_error err;

    dk_partitions_init(&list, dk_test_alloc());
    if (c == NULL || NOMEM_ERR(dk_consumer_subscribe(c, &topic, 1, &err), &err))
        goto out;
    while (next < 6) {
        dk_batch *b = fetch(c, 3);

        if (b == NULL)
            goto out;
        while ((i = dk_batch_next(b)) >= 0)
            CHECK_EQ(rig_number(b, (uint32_t)i), next++);
        dk_batch_free(b);
    }
    if (NOMEM_ERR(dk_consumer_subscription(c, &list, &err), &err) ||
        NOMEM_ERR(dk_consumer_assignment(c, &list, &err), &err))
        goto out;
    CHECK_EQ(list.len, 2);
    CHECK_OK_ERR(dk_consumer_unsubscribe(c, &err), &err); /* the partition is given back, its offset committed */
    WAIT_UNTIL((drop_events(c), dk_consumer_partition_counters(c, NULL, 0) == 0), 30000);
    CHECK_EQ(rig_committed(c, "t", 0), 6);
out:
    dk_partitions_fini(&list);
    end(c, &r);
}

/* ---- by hand --------------------------------------------------------------------------------------------------- */

static bool
assign(dk_consumer *c)
{
    dk_partitions list = rig_list("t", 0, DK_OFFSET_BEGINNING);
    dk_error err;
    bool failed = NOMEM_ERR(dk_consumer_assign(c, &list, &err), &err);

    dk_partitions_fini(&list);
    return !failed;
}

/* Message 0 gets a note and fails, and is handed out again with it. */
static bool
note(dk_consumer *c)
{
    dk_batch *b = fetch(c, 4);
    const char *text;
    bool noted;

    if (b == NULL)
        return false;
    CHECK_EQ(dk_batch_next(b), 0);
    noted = !NOMEM(dk_batch_note(b, "attempt 1"));
    text = dk_batch_note_of(b, 0);
    CHECK(text == NULL || noted);
    if (text == NULL)
        CHECK(NOMEM(DK_ENOMEM));
    else
        CHECK_STR(text, "attempt 1");
    CHECK_OK(dk_batch_fail(b, 0));
    dk_batch_free(b);
    return noted && text != NULL;
}

static bool
handle_one(dk_consumer *c, int want)
{
    dk_batch *b = fetch(c, 1);

    if (b == NULL)
        return false;
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(rig_number(b, 0), want);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    return true;
}

static bool
store(dk_consumer *c, int64_t offset)
{
    static char text[] = "stored";
    dk_partition item = {.topic = "t", .partition = 0, .offset = offset, .leader_epoch = -1, .metadata = text};
    dk_partitions list = {.items = &item, .len = 1};
    dk_error err;

    return !NOMEM_ERR(dk_consumer_store(c, &list, &err), &err);
}

static bool
seek(dk_consumer *c, int64_t offset)
{
    dk_partitions list = rig_list("t", 0, offset);
    dk_error err;
    bool failed = NOMEM_ERR(dk_consumer_seek(c, &list, 10000, &err), &err);

    CHECK_EQ(list.items[0].kafka_err, 0);
    dk_partitions_fini(&list);
    return !failed;
}

/* What is finished, then these offsets; both say what was committed. */
static bool
commit(dk_consumer *c, int64_t finished, int64_t given)
{
    enum { NO_OFFSET = -168 }; /* the engine has done it already */
    dk_partitions done, list;
    dk_partition item = {.topic = "t", .partition = 0, .offset = given, .leader_epoch = -1};
    dk_error err;
    dk_status st;
    bool failed;

    dk_partitions_init(&done, dk_test_alloc());
    dk_partitions_init(&list, dk_test_alloc());
    st = dk_consumer_commit(c, &done, true, &err);
    failed = !(st == DK_EKAFKA && err.kafka == NO_OFFSET) && NOMEM_ERR(st, &err);
    if (st == DK_OK)
        CHECK_EQ(done.items[0].offset, finished);
    failed =
        failed || NOMEM(dk_partitions_add(&list, &item)) || NOMEM_ERR(dk_consumer_commit(c, &list, true, &err), &err);
    dk_partitions_fini(&done);
    dk_partitions_fini(&list);
    return !failed;
}

static bool
ask(dk_consumer *c, int64_t committed, int64_t position)
{
    dk_partitions list;
    dk_partition item = {.topic = "t", .partition = 0, .leader_epoch = -1};
    dk_error err;
    bool failed;

    dk_partitions_init(&list, dk_test_alloc());
    failed = NOMEM(dk_partitions_add(&list, &item)) || NOMEM_ERR(dk_consumer_committed(c, &list, 10000, &err), &err);
    if (!failed) {
        CHECK_EQ(list.items[0].offset, committed);
        CHECK_OK_ERR(dk_consumer_position(c, &list, &err), &err);
        CHECK_EQ(list.items[0].offset, position);
    }
    dk_partitions_fini(&list);
    return !failed;
}

DK_TEST_FAULT(consumer_fault_by_hand)
{
    rig r;
    dk_consumer *c = new_consumer(&r, 10);
    dk_batch *b;
    dk_ticket ticket;

    if (c == NULL || !assign(c) || !note(c) || !handle_one(c, 0))
        goto out;
    b = fetch(c, 2);
    if (b == NULL)
        goto out;
    CHECK_EQ(dk_batch_next(b), 0);
    if (!NOMEM(dk_batch_defer(b, &ticket)))
        CHECK_OK(dk_ticket_resolve(&ticket));
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    if (!store(c, 5) || !commit(c, 5, 6) || !ask(c, 6, 3) || !seek(c, 7) || !handle_one(c, 7))
        goto out;
    CHECK(commit(c, 8, 8) || dk_test_alloc_failed());
out:
    end(c, &r);
}
