/* SPDX-License-Identifier: MIT
 *
 * The consumer: life, waiting, questions, errors of partitions.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "rig.h"

/* ---- life ------------------------------------------------------------------------------------------------------ */

DK_TEST(consumer_needs_a_group)
{
    dk_pair pairs[] = {{"bootstrap.servers", "127.0.0.1:1"}};
    dk_consumer *c;
    dk_error err;

    CHECK_STATUS(dk_consumer_new(NULL, pairs, 1, NULL, &c, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "group.id");
    CHECK(c == NULL);
}

DK_TEST(consumer_unreachable_broker_is_an_event)
{
    dk_pair pairs[] = {{"bootstrap.servers", "127.0.0.1:1"}, {"group.id", "g"}};
    bool told = false;
    dk_consumer *c;
    dk_batch *b;
    dk_error err;

    CHECK_OK_ERR(dk_consumer_new(NULL, pairs, 2, NULL, &c, &err), &err);
    rig_subscribe(c, "t");
    for (int64_t until = dk_test_now_ms() + 10000; !told && dk_test_now_ms() < until;) {
        dk_event *ev;

        CHECK_STATUS(dk_consumer_fetch(c, 0, 200, &b, &err), DK_ETIMEOUT);
        while ((ev = dk_consumer_event(c)) != NULL) {
            told |= dk_event_kind_of(ev) == DK_EVENT_ERROR;
            dk_event_free(ev);
        }
    }
    CHECK(told);
    dk_consumer_free(c); /* not closed: must not wait for the broker */
}

DK_TEST(consumer_close_in_slices)
{
    dk_error err;
    rig r;
    dk_consumer *c;
    dk_status st;
    int slices = 0;

    rig_open(&r, "slow", 1);
    c = rig_consumer(&r, NULL);
    rig_join(c, "slow");
    CHECK_OK_ERR(dk_broker_set_rtt(r.broker, 1, 1000, &err), &err);
    dk_consumer_close_begin(c, 30000);
    dk_consumer_close_begin(c, 0); /* the first call decides */
    while ((st = dk_consumer_close_wait(c, 20, &err)) == DK_ETIMEOUT && slices < 1000)
        slices++;
    CHECK_OK_ERR(st, &err);
    CHECK(slices > 0); /* else nothing was waited for */
    CHECK_OK_ERR(dk_consumer_close(c, 20, &err), &err);
    dk_consumer_free(c);
    rig_close(&r);
}

DK_TEST(consumer_closed_says_so)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_error err;
    const char *topic = "t";

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    CHECK_OK_ERR(dk_consumer_close(c, 10000, &err), &err);
    CHECK_OK_ERR(dk_consumer_close(c, 10000, &err), &err);
    CHECK_STATUS(dk_consumer_fetch(c, 0, 0, &b, &err), DK_ECLOSED);
    CHECK_STATUS(dk_consumer_subscribe(c, &topic, 1, &err), DK_ECLOSED);
    CHECK_STATUS(dk_consumer_commit(c, NULL, true, &err), DK_ECLOSED);
    dk_consumer_free(c);
    rig_close(&r);
}

static void *
stop_later(void *arg)
{
    dk_test_pause_ms(50);
    dk_consumer_stop(arg);
    return NULL;
}

DK_TEST(consumer_stop_wakes_a_waiting_fetch)
{
    rig r;
    dk_consumer *c;
    pthread_t t;
    dk_batch *b;
    dk_error err;
    int64_t begun;

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    CHECK(rig_fetch(c, 0, 100) == NULL);
    begun = dk_test_now_ms();
    pthread_create(&t, NULL, stop_later, c);
    while (dk_consumer_fetch(c, 0, -1, &b, &err) == DK_ETIMEOUT)
        dk_event_free(dk_consumer_event(c));
    CHECK(dk_consumer_stopping(c));
    CHECK(dk_test_now_ms() - begun < 20000);
    pthread_join(t, NULL);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_wake_ends_a_wait)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    dk_consumer_wake(c);
    CHECK_STATUS(dk_consumer_fetch(c, 0, -1, &b, &err), DK_ETIMEOUT);
    rig_end(c);
    rig_close(&r);
}

static atomic_bool enough;

static void *
fetch_until_enough(void *arg)
{
    dk_batch *b = NULL;

    while (!atomic_load(&enough)) {
        if (dk_consumer_fetch(arg, 0, 300, &b, NULL) == DK_OK)
            dk_batch_free(b);
        dk_event_free(dk_consumer_event(arg));
    }
    return NULL;
}

DK_TEST(consumer_two_threads_in_fetch)
{
    rig r;
    dk_consumer *c;
    pthread_t t;
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    pthread_create(&t, NULL, fetch_until_enough, c);
    WAIT_UNTIL(dk_consumer_fetch(c, 0, 0, &b, &err) == DK_EBUSY, 20000);
    CHECK_CONTAINS(err.text, "another thread");
    atomic_store(&enough, true);
    pthread_join(t, NULL);
    rig_end(c);
    rig_close(&r);
}

/* ---- options of callers that were compiled with another header ------------------------------------------------- */

static uint32_t
size_of_batch(rig *r, const dk_consumer_opts *opts)
{
    dk_consumer *c = rig_consumer(r, opts);
    dk_batch *b;
    uint32_t n;

    rig_assign(c, "t", 1);
    dk_batch_free(rig_fetch_n(c, 10, 10));
    b = rig_fetch(c, 0, 10000);
    CHECK(b != NULL);
    n = dk_batch_len(b);
    dk_batch_free(b);
    rig_end(c);
    return n;
}

DK_TEST(consumer_opts_of_an_older_or_a_newer_caller)
{
    rig r;
    struct {
        dk_consumer_opts known;
        char more[64];
    } newer;
    dk_consumer_opts older;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    dk_consumer_opts_init(&older);
    CHECK_EQ(older.size, sizeof older);
    older.size = offsetof(dk_consumer_opts, batch_max_messages);
    older.batch_max_messages = 3; /* what lies behind the old struct */
    CHECK_EQ(size_of_batch(&r, &older), 10);
    memset(&newer, 0xEE, sizeof newer);
    dk_consumer_opts_init(&newer.known);
    newer.known.size = sizeof newer;
    newer.known.batch_max_messages = 4;
    CHECK_EQ(size_of_batch(&r, &newer.known), 4);
    older.size = 0; /* never filled in */
    CHECK_EQ(size_of_batch(&r, &older), 10);
    CHECK_EQ(size_of_batch(&r, NULL), 10);
    rig_close(&r);
}

/* ---- partitions and their errors ------------------------------------------------------------------------------- */

DK_TEST(consumer_questions)
{
    rig r;
    dk_consumer *c;
    int64_t low = -1, high = -1;
    dk_partitions list;
    dk_metadata *meta;
    char id[64];
    dk_error err;

    rig_open(&r, "t", 2);
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    CHECK_OK_ERR(dk_consumer_watermarks(c, "t", 0, false, 5000, &low, &high, &err), &err);
    CHECK_EQ(low, 0);
    CHECK_EQ(high, 10);
    CHECK_OK_ERR(dk_consumer_metadata(c, "t", 5000, &meta, &err), &err);
    CHECK_EQ(meta->n_topics, 1);
    CHECK_EQ(meta->topics[0].n_partitions, 2);
    dk_metadata_free(meta);
    CHECK_EQ(dk_consumer_member_id(c, id, sizeof id), 0);
    rig_subscribe(c, "t");
    dk_partitions_init(&list, NULL);
    CHECK_OK_ERR(dk_consumer_subscription(c, &list, &err), &err);
    CHECK_EQ(list.len, 1);
    CHECK_STR(list.items[0].topic, "t");
    dk_partitions_fini(&list);
    CHECK_OK_ERR(dk_consumer_unsubscribe(c, &err), &err);
    CHECK_STATUS(dk_consumer_subscribe(c, NULL, 0, &err), DK_EINVAL);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_fetch_errors_lose_nothing)
{
    static const int errs[] = {6 /* NOT_LEADER */, 3 /* UNKNOWN_TOPIC_OR_PART */, 7 /* TIMED_OUT */, 5, -1};
    rig r;
    dk_consumer *c;
    int next = 0;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 100);
    c = rig_consumer(&r, NULL);
    CHECK_OK_ERR(dk_broker_push_errors(r.broker, 1, errs, 5, &err), &err);
    rig_assign(c, "t", 1);
    while (next < 100) {
        dk_batch *b = rig_fetch(c, 7, 40000);
        int32_t i;

        CHECK(b != NULL);
        while ((i = dk_batch_next(b)) >= 0)
            CHECK_EQ(rig_number(b, (uint32_t)i), next++);
        dk_batch_free(b);
    }
    rig_end(c);
    rig_close(&r);
}

/* Who stops reading at a partition's end must have seen everything before it. */
DK_TEST(consumer_end_of_partition_comes_behind_its_messages)
{
    rig r;
    dk_consumer *c;
    bool ended = false;
    int walked = 0;

    rig_open(&r, "t", 1);
    rig_set(&r, "enable.partition.eof", "true");
    rig_produce(&r, "t", 0, 0, 50);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    for (int64_t until = dk_test_now_ms() + 40000; !ended && dk_test_now_ms() < until;) {
        dk_batch *b = NULL;
        dk_event *ev;

        if (dk_consumer_fetch(c, 7, 50, &b, NULL) == DK_OK) {
            do {
                CHECK(dk_consumer_event(c) == NULL);
                walked++;
            } while (dk_batch_next(b) >= 0);
            walked--;
            dk_batch_free(b);
        }
        while ((ev = dk_consumer_event(c)) != NULL) {
            if (dk_event_kind_of(ev) == DK_EVENT_MESSAGE) {
                CHECK_STR(dk_kafka_err_name(dk_event_kafka_err(ev)), "_PARTITION_EOF");
                CHECK_EQ(walked, 50);
                ended = true;
            }
            dk_event_free(ev);
        }
    }
    CHECK(ended);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_incremental_by_hand)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, DK_OFFSET_BEGINNING), p1 = rig_list("t", 1, DK_OFFSET_BEGINNING);
    dk_partitions now;
    int got = 0;
    dk_error err;

    rig_open(&r, "t", 2);
    rig_produce(&r, "t", 0, 0, 5);
    rig_produce(&r, "t", 1, 100, 5);
    c = rig_consumer(&r, NULL);
    CHECK_OK_ERR(dk_consumer_incremental_assign(c, &p0, &err), &err);
    CHECK_OK_ERR(dk_consumer_incremental_assign(c, &p1, &err), &err);
    while (got < 10) {
        dk_batch *b = rig_fetch(c, 0, 30000);

        CHECK(b != NULL);
        while (dk_batch_next(b) >= 0)
            got++;
        dk_batch_free(b);
    }
    CHECK_OK_ERR(dk_consumer_incremental_unassign(c, &p0, &err), &err);
    dk_partitions_init(&now, NULL);
    CHECK_OK_ERR(dk_consumer_assignment(c, &now, &err), &err);
    CHECK_EQ(now.len, 1);
    CHECK_EQ(now.items[0].partition, 1);
    dk_partitions_fini(&now);
    CHECK_EQ(rig_committed(c, "t", 0), 5); /* what is taken back is committed first */
    CHECK_OK_ERR(dk_consumer_assign(c, NULL, &err), &err);
    dk_partitions_fini(&p0);
    dk_partitions_fini(&p1);
    rig_end(c);
    rig_close(&r);
}
