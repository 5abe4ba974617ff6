/* SPDX-License-Identifier: MIT
 *
 * The walk over a batch and the outcomes of its messages.
 */
#include "rig.h"

/* Walk everything until n messages were handled; their numbers go to out. */
static void
handle(dk_consumer *c, int *out, int n)
{
    int got = 0;

    while (got < n) {
        dk_batch *b = rig_fetch(c, 0, 30000);
        int32_t i;

        CHECK(b != NULL);
        while (got < n && (i = dk_batch_next(b)) >= 0)
            out[got++] = rig_number(b, (uint32_t)i);
        if (got == n)
            CHECK_EQ(dk_batch_next(b), -1); /* moving on finishes the last */
        dk_batch_free(b);
    }
}

static void
check_run(const int *got, int from, int n)
{
    for (int i = 0; i < n; i++)
        CHECK_EQ(got[i], from + i);
}

DK_TEST(batch_walk_in_order_and_commit)
{
    rig r;
    dk_consumer *c;
    int got[100];
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 100);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    handle(c, got, 100);
    check_run(got, 0, 100);
    CHECK_OK_ERR(dk_consumer_commit(c, NULL, true, &err), &err);
    CHECK_EQ(rig_committed(c, "t", 0), 100);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_fields)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_header h = {"trace", {(const uint8_t *)"abc", 3}}, got;
    dk_record rec = {.topic = "t",
                     .partition = 0,
                     .key = {(const uint8_t *)"k", 1},
                     .timestamp = 1234,
                     .headers = &h,
                     .n_headers = 1};
    int type;
    size_t left;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 7, 1);
    CHECK_OK_ERR(dk_producer_produce(r.producer, &rec, &err), &err);
    CHECK_OK_ERR(dk_producer_flush(r.producer, 10000, &left, &err), &err);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch(c, 1, 30000);
    CHECK(b != NULL);
    CHECK_EQ(dk_batch_len(b), 1);
    CHECK(dk_batch_key(b, 0).p == NULL);
    CHECK_EQ(dk_batch_headers(b, 0), 0);
    CHECK(!dk_batch_header(b, 0, 0, &got));
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_current(b), 0);
    CHECK_EQ(dk_batch_peek(b), -1);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);

    b = rig_fetch(c, 1, 30000);
    CHECK(b != NULL);
    CHECK_STR(dk_batch_topic(b, 0), "t");
    CHECK_EQ(dk_batch_topic_id(b, 0), 0);
    CHECK_EQ(dk_batch_partition(b, 0), 0);
    CHECK_EQ(dk_batch_offset(b, 0), 1);
    CHECK_MEM(dk_batch_key(b, 0).p, dk_batch_key(b, 0).n, "k", 1);
    CHECK(dk_batch_value(b, 0).p == NULL);
    CHECK_EQ(dk_batch_timestamp(b, 0, &type), 1234);
    CHECK_EQ(type, 1);
    CHECK_EQ(dk_batch_headers(b, 0), 1);
    CHECK(dk_batch_header(b, 0, 0, &got));
    CHECK_STR(got.name, "trace");
    CHECK_MEM(got.value.p, got.value.n, "abc", 3);
    (void)dk_batch_leader_epoch(b, 0);
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_fail_holds_its_partition_only)
{
    rig r;
    dk_consumer *c;
    int seen[2] = {0, 0}, failures = 0;
    dk_error err;

    rig_open(&r, "t", 2);
    rig_produce(&r, "t", 0, 0, 50);
    rig_produce(&r, "t", 1, 0, 50);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 2);
    while (seen[0] < 50 || seen[1] < 50) {
        dk_batch *b = rig_fetch(c, 0, 30000);
        int32_t i;

        CHECK(b != NULL);
        while ((i = dk_batch_next(b)) >= 0) {
            int32_t p = dk_batch_partition(b, (uint32_t)i);

            CHECK_EQ(rig_number(b, (uint32_t)i), seen[p]);
            if (p == 0 && seen[0] == 10 && failures < 3) {
                CHECK_OK(dk_batch_fail(b, 60));
                failures++;
                if (failures == 3)
                    CHECK_EQ(seen[1], 50); /* the other partition was not held up */
                continue;
            }
            seen[p]++;
        }
        dk_batch_free(b);
        (void)!dk_consumer_commit(c, NULL, true, &err);
        if (failures > 0 && failures < 3)
            CHECK_EQ(rig_committed(c, "t", 0), 10); /* never past the failing one */
    }
    CHECK_EQ(failures, 3);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_closed_halfway_gives_the_rest_back)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    int got[20];

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 20);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 20);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(dk_batch_next(b), i);
    dk_batch_close(b); /* 4 is in hand and was not moved on from: not handled */
    CHECK_EQ(dk_batch_next(b), -1);
    CHECK_EQ(dk_batch_peek(b), -1);
    CHECK_STATUS(dk_batch_fail(b, 0), DK_ESTATE);
    handle(c, got, 16);
    check_run(got, 4, 16);
    CHECK_EQ(rig_number(b, 4), 4); /* still readable */
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_stop_ends_after_the_message_in_hand)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 20);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 20);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), 1);
    dk_consumer_stop(c);
    CHECK_EQ(dk_batch_peek(b), -1);
    CHECK_EQ(dk_batch_next(b), -1); /* 1 is finished, 2 was not begun */
    dk_batch_free(b);
    CHECK_STATUS(dk_consumer_fetch(c, 0, 1000, &b, &err), DK_ESTOPPED);
    rig_end(c);
    c = rig_consumer(&r, NULL);
    CHECK_EQ(rig_committed(c, "t", 0), 2);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_pause_in_the_middle)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, DK_OFFSET_INVALID);
    int next = 0;
    dk_batch *b;
    int32_t i;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 20);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 20);
    while ((i = dk_batch_next(b)) >= 0) {
        CHECK_EQ(rig_number(b, (uint32_t)i), next++);
        if (next == 3)
            CHECK_OK_ERR(dk_consumer_pause(c, &p0, &err), &err);
    }
    CHECK_EQ(next, 3);
    dk_batch_free(b);
    CHECK(rig_fetch(c, 0, 200) == NULL);
    CHECK_OK_ERR(dk_consumer_resume(c, &p0, &err), &err);
    b = rig_fetch(c, 0, 30000);
    CHECK(b != NULL);
    CHECK_EQ(rig_number(b, (uint32_t)dk_batch_next(b)), 3);
    dk_batch_free(b);
    dk_partitions_fini(&p0);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_take_is_finished_by_store)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, 3);
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 5);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 5);
    while (dk_batch_take(b) >= 0)
        ;
    dk_batch_free(b);
    (void)!dk_consumer_commit(c, NULL, true, &err);
    CHECK(rig_committed(c, "t", 0) <= 0); /* nothing was said to be finished */
    CHECK_OK_ERR(dk_consumer_store(c, &p0, &err), &err);
    CHECK_OK_ERR(dk_consumer_commit(c, NULL, true, &err), &err);
    CHECK_EQ(rig_committed(c, "t", 0), 3);
    dk_partitions_fini(&p0);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_tickets)
{
    rig r;
    dk_consumer *c;
    dk_ticket tickets[4];
    int again[2];
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 4);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 4, 4);
    CHECK_EQ(dk_batch_len(b), 4);
    CHECK_STATUS(dk_batch_defer(b, &tickets[0]), DK_ESTATE);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(dk_batch_next(b), i);
        CHECK_OK(dk_batch_defer(b, &tickets[i]));
    }
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    dk_ticket_resolve(&tickets[1]);
    (void)!dk_consumer_commit(c, NULL, true, &err);
    CHECK(rig_committed(c, "t", 0) <= 0); /* 0 is still owed */
    dk_ticket_resolve(&tickets[0]);
    dk_ticket_resolve(&tickets[0]); /* a second answer is ignored */
    CHECK_OK_ERR(dk_consumer_commit(c, NULL, true, &err), &err);
    CHECK_EQ(rig_committed(c, "t", 0), 2);
    dk_ticket_reject(&tickets[3], 0);
    dk_ticket_reject(&tickets[2], 20);
    handle(c, again, 2);
    check_run(again, 2, 2); /* in order, although rejected in the other */
    CHECK_OK_ERR(dk_consumer_commit(c, NULL, true, &err), &err);
    CHECK_EQ(rig_committed(c, "t", 0), 4);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_outcomes_after_seek_do_not_count)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, 1);
    dk_counters counters;
    dk_ticket ticket;
    int got[9];
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(dk_batch_next(b), i);
    CHECK_OK(dk_batch_defer(b, &ticket));
    CHECK_OK_ERR(dk_consumer_seek(c, &p0, 5000, &err), &err);
    CHECK_EQ(p0.items[0].kafka_err, 0);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    dk_ticket_resolve(&ticket);
    dk_consumer_counters(c, &counters);
    CHECK(counters.stale_dropped >= 1);
    handle(c, got, 9);
    check_run(got, 1, 9);
    CHECK_OK_ERR(dk_consumer_commit(c, NULL, true, &err), &err);
    CHECK_EQ(rig_committed(c, "t", 0), 10);
    dk_partitions_fini(&p0);
    rig_end(c);
    rig_close(&r);
}

/* A slow handler with a long batch does not keep a partition waiting that has come, or come due, meanwhile. */
DK_TEST(batch_is_cut_when_others_wait)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    bool other = false;
    int walked = 0, next;
    int64_t opened;

    rig_open(&r, "t", 2);
    rig_produce(&r, "t", 0, 0, 100);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 2);
    b = rig_fetch_n(c, 0, 100);
    opened = dk_test_now_ms();
    CHECK_EQ(dk_batch_next(b), walked++);
    WAIT_UNTIL(dk_test_now_ms() >= opened + 400, 5000);
    CHECK_EQ(dk_batch_next(b), walked++); /* nobody waits, however long it takes */
    CHECK(!dk_batch_is_cut(b));
    rig_produce(&r, "t", 1, 1000, 1);
    WAIT_UNTIL(dk_batch_is_cut(b), 5000);
    CHECK_EQ(dk_batch_next(b), -1); /* and the one in hand is finished */
    CHECK_EQ(dk_batch_peek(b), -1);
    dk_batch_free(b);
    next = walked;
    while (next < 100 || !other) {
        b = rig_fetch(c, 0, 30000);
        CHECK(b != NULL);
        for (int32_t i; (i = dk_batch_next(b)) >= 0;) {
            if (dk_batch_partition(b, (uint32_t)i) == 1)
                other = true;
            else
                CHECK_EQ(rig_number(b, (uint32_t)i), next++);
        }
        dk_batch_free(b);
    }
    rig_end(c);
    rig_close(&r);
}

DK_TEST(batch_outlives_its_consumer)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 3);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch(c, 0, 30000);
    CHECK(b != NULL);
    rig_end(c);
    CHECK_EQ(rig_number(b, 0), 0);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    rig_close(&r);
}

DK_TEST(batch_steady_state_allocates_nothing)
{
    rig r;
    dk_consumer *c;
    dk_consumer_opts opts;
    size_t before = 0;
    int got = 0;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 2000);
    dk_consumer_opts_init(&opts);
    opts.batch_max_messages = 100;
    CHECK_OK_ERR(dk_consumer_new(dk_test_alloc(), r.pairs, r.n_pairs, &opts, &c, &err), &err);
    rig_assign(c, "t", 1);
    dk_batch_free(rig_fetch_n(c, 2000, 2000)); /* all are here, and the queues of their partition as long as needed */
    for (int n = 0; got < 2000; n++) {
        dk_batch *b = rig_fetch(c, 0, 30000);

        CHECK(b != NULL);
        while (dk_batch_next(b) >= 0)
            got++;
        dk_batch_free(b);
        if (n == 2)
            before = dk_test_alloc_count();
    }
    CHECK_EQ(dk_test_alloc_count(), before);
    rig_end(c);
    rig_close(&r);
}

DK_TEST_FAULT(batch_every_allocation_fails)
{
    rig r;
    dk_consumer *c = NULL;
    dk_partitions list = {0};
    dk_partition item = {.topic = "t", .partition = 0, .offset = DK_OFFSET_BEGINNING, .leader_epoch = -1};
    dk_error err;
    int next = 0;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 40);
    dk_partitions_init(&list, NULL);
    CHECK_OK(dk_partitions_add(&list, &item));
    if (NOMEM_ERR(dk_consumer_new(dk_test_alloc(), r.pairs, r.n_pairs, NULL, &c, &err), &err))
        goto out;
    if (NOMEM_ERR(dk_consumer_assign(c, &list, &err), &err))
        goto out;
    while (next < 40) {
        dk_batch *b = NULL;
        dk_event *ev;
        dk_status st = dk_consumer_fetch(c, 8, 100, &b, &err);
        int32_t i;

        while ((ev = dk_consumer_event(c)) != NULL)
            dk_event_free(ev);
        if (st == DK_ETIMEOUT)
            continue;
        if (NOMEM_ERR(st, &err))
            break;
        while ((i = dk_batch_next(b)) >= 0)
            CHECK_EQ(rig_number(b, (uint32_t)i), next++);
        dk_batch_free(b);
    }
out:
    if (c != NULL)
        (void)!dk_consumer_close(c, 10000, NULL);
    dk_consumer_free(c);
    dk_partitions_fini(&list);
    rig_close(&r);
}
