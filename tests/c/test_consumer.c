/* SPDX-License-Identifier: MIT
 *
 * The consumer: life, membership, position, commits, errors.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

/* ---- life --------------------------------------------------------------------------------------------------------
 */

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

DK_TEST(consumer_in_a_forked_child)
{
    rig r;
    dk_consumer *c;
    int status;
    pid_t pid;

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    pid = fork();
    if (pid == 0) {
        dk_batch *b;
        dk_error err;
        bool ok = dk_consumer_fetch(c, 0, 0, &b, &err) == DK_EFORKED && dk_consumer_close(c, 0, &err) == DK_EFORKED &&
                  dk_consumer_event(c) == NULL;

        dk_consumer_free(c);
        _exit(ok ? 0 : 1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    rig_end(c);
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

/* ---- group ----------------------------------------------------------------------------------------------------- */

static void
quick_group(rig *r)
{
    rig_set(r, "session.timeout.ms", "6000");
    rig_set(r, "heartbeat.interval.ms", "200");
}

DK_TEST(consumer_group_continues_where_it_was)
{
    rig r;
    dk_consumer *c;
    int next = 0;

    rig_open(&r, "t", 1);
    quick_group(&r);
    rig_produce(&r, "t", 0, 0, 30);
    for (int round = 0; round < 2; round++) {
        c = rig_consumer(&r, NULL);
        rig_join(c, "t");
        while (next < (round + 1) * 15) {
            dk_batch *b = rig_fetch(c, 15, 40000);
            int32_t i;

            CHECK(b != NULL);
            while ((i = dk_batch_next(b)) >= 0)
                CHECK_EQ(rig_number(b, (uint32_t)i), next++);
            dk_batch_free(b);
        }
        rig_end(c);
    }
    CHECK_EQ(next, 30);
    rig_close(&r);
}

typedef struct member {
    rig *r;
    dk_consumer *c;
    atomic_int handled, slow_ms;
    _Atomic unsigned char *seen; /* per number */
    atomic_bool quit;
    pthread_t thread;
} member;

static void *
member_main(void *arg)
{
    member *m = arg;

    while (!atomic_load(&m->quit)) {
        dk_batch *b = rig_fetch(m->c, 10, 100);
        int32_t i;

        if (b == NULL)
            continue;
        while ((i = dk_batch_next(b)) >= 0) {
            if (atomic_load(&m->slow_ms) > 0)
                dk_test_pause_ms(atomic_load(&m->slow_ms));
            m->seen[rig_number(b, (uint32_t)i)]++;
            atomic_fetch_add(&m->handled, 1);
        }
        dk_batch_free(b);
    }
    return NULL;
}

static void
member_start(member *m, rig *r, _Atomic unsigned char *seen)
{
    *m = (member){.r = r, .c = rig_consumer(r, NULL), .seen = seen};
    rig_subscribe(m->c, "t");
    pthread_create(&m->thread, NULL, member_main, m);
}

static void
member_stop(member *m)
{
    atomic_store(&m->quit, true);
    pthread_join(m->thread, NULL);
    rig_end(m->c);
}

static int
missing(_Atomic unsigned char *seen, int n)
{
    int none = 0;

    for (int i = 0; i < n; i++)
        none += seen[i] == 0;
    return none;
}

/* A second member joins while the first is in the middle of its batches. Nothing may be missing. (Some come twice
 * here: the mock cluster refuses commits while it rebalances, a real broker takes them: tests/live.) */
static void
two_members(const char *strategy)
{
    enum { N = 400 };
    static _Atomic unsigned char seen[N];
    rig r;
    member a, b;

    rig_open(&r, "t", 4);
    quick_group(&r);
    rig_set(&r, "partition.assignment.strategy", strategy);
    for (int p = 0; p < 4; p++)
        rig_produce(&r, "t", p, p * N / 4, N / 4);
    member_start(&a, &r, seen);
    atomic_store(&a.slow_ms, 15);
    WAIT_UNTIL(atomic_load(&a.handled) > 10, 40000);
    member_start(&b, &r, seen);
    WAIT_UNTIL(atomic_load(&b.handled) > 10, 40000);
    atomic_store(&a.slow_ms, 0);
    WAIT_UNTIL(missing(seen, N) == 0, 40000);
    member_stop(&a);
    member_stop(&b);
    rig_close(&r);
}

DK_TEST(consumer_rebalance_eager)
{
    two_members("range");
}

DK_TEST(consumer_rebalance_cooperative)
{
    two_members("cooperative-sticky");
}

DK_TEST(consumer_slow_handler_keeps_its_partitions)
{
    rig r;
    dk_consumer *c;
    dk_counters counters;
    dk_partitions list;
    dk_batch *b;
    dk_event *ev;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_set(&r, "session.timeout.ms", "3000"); /* the mock cluster takes three seconds to form a group */
    rig_set(&r, "max.poll.interval.ms", "3000");
    rig_set(&r, "heartbeat.interval.ms", "200");
    rig_produce(&r, "t", 0, 0, 2);
    c = rig_consumer(&r, NULL);
    rig_subscribe(c, "t");
    b = rig_fetch_n(c, 0, 2);
    CHECK_EQ(dk_batch_next(b), 0);
    WAIT_UNTIL((dk_consumer_counters(c, &counters), counters.in_hand_ms > 4000), 10000);
    CHECK_STR(counters.in_hand_topic, "t");
    CHECK_EQ(counters.in_hand_partition, 0);
    CHECK_EQ(counters.in_hand_offset, 0);
    CHECK(counters.last_poll_ms < 3000);
    dk_partitions_init(&list, NULL);
    CHECK_OK_ERR(dk_consumer_assignment(c, &list, &err), &err);
    CHECK_EQ(list.len, 1);
    dk_partitions_fini(&list);
    CHECK_EQ(dk_batch_next(b), 1);
    while ((ev = dk_consumer_event(c)) != NULL) {
        CHECK(dk_event_kind_of(ev) != DK_EVENT_LOST && dk_event_kind_of(ev) != DK_EVENT_REVOKE);
        dk_event_free(ev);
    }
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_events_of_a_rebalance)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    bool assigned = false;
    dk_error err;

    rig_open(&r, "t", 2);
    quick_group(&r);
    rig_produce(&r, "t", 0, 0, 5);
    c = rig_consumer(&r, NULL);
    rig_subscribe(c, "t");
    for (int64_t until = dk_test_now_ms() + 40000; dk_test_now_ms() < until;) {
        dk_status st = dk_consumer_fetch(c, 0, 100, &b, &err);
        dk_event *ev;

        if (st == DK_OK) {
            CHECK(assigned); /* never a message before its assignment was told */
            dk_batch_free(b);
            break;
        }
        while ((ev = dk_consumer_event(c)) != NULL) {
            if (dk_event_kind_of(ev) == DK_EVENT_ASSIGN) {
                CHECK_EQ(dk_event_partitions(ev)->len, 2);
                assigned = true;
            }
            dk_event_free(ev);
        }
    }
    CHECK(assigned);
    rig_end(c);
    rig_close(&r);
}

/* ---- position and commits -------------------------------------------------------------------------------------- */

DK_TEST(consumer_position_follows_what_was_handed_out)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, DK_OFFSET_INVALID);
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    CHECK_OK_ERR(dk_consumer_position(c, &p0, &err), &err);
    CHECK_EQ(p0.items[0].offset, DK_OFFSET_INVALID);
    b = rig_fetch_n(c, 0, 10);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(dk_batch_next(b), i);
    CHECK_OK_ERR(dk_consumer_position(c, &p0, &err), &err);
    CHECK_EQ(p0.items[0].offset, 3);
    dk_batch_free(b);
    dk_partitions_fini(&p0);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_commits_by_interval)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;

    rig_open(&r, "t", 1);
    rig_set(&r, "auto.commit.interval.ms", "100");
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(dk_batch_next(b), i);
    /* The batch is still being walked: five messages are finished, the sixth is in hand. */
    WAIT_UNTIL(rig_committed(c, "t", 0) == 5, 20000);
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_commits_after_each_batch)
{
    rig r;
    dk_consumer *c;
    dk_consumer_opts opts;
    dk_batch *b;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    dk_consumer_opts_init(&opts);
    opts.commit_interval_ms = 0;
    c = rig_consumer(&r, &opts);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 10, 20000);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_commit_never)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;

    rig_open(&r, "t", 1);
    rig_set(&r, "enable.auto.commit", "false");
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    rig_end(c);
    c = rig_consumer(&r, NULL);
    CHECK_EQ(rig_committed(c, "t", 0), DK_OFFSET_INVALID);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_commit_given_offsets)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, 7);
    dk_partitions none = rig_list("nowhere", 3, 1);
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    CHECK_STATUS(dk_consumer_commit(c, NULL, true, &err), DK_EKAFKA); /* nothing to commit */
    CHECK_OK_ERR(dk_consumer_commit(c, &p0, true, &err), &err);
    CHECK_EQ(p0.items[0].kafka_err, 0);
    CHECK_EQ(rig_committed(c, "t", 0), 7);
    CHECK_STATUS(dk_consumer_store(c, &none, &err), DK_EKAFKA);
    CHECK(none.items[0].kafka_err != 0);
    CHECK_OK_ERR(dk_consumer_pause(c, &none, &err), &err);
    CHECK(none.items[0].kafka_err != 0);
    dk_partitions_fini(&p0);
    dk_partitions_fini(&none);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_commit_by_hand_is_not_taken_back)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, 7);
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    while (dk_batch_take(b) >= 0) /* handed out, and nothing said about them but the commit */
        ;
    dk_batch_free(b);
    CHECK_OK_ERR(dk_consumer_commit(c, &p0, true, &err), &err);
    rig_end(c); /* commits what is finished */
    c = rig_consumer(&r, NULL);
    CHECK_EQ(rig_committed(c, "t", 0), 7);
    dk_partitions_fini(&p0);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(consumer_failed_commit_is_told_and_repeated)
{
    static const int errs[] = {16 /* NOT_COORDINATOR */, 15, 22 /* ILLEGAL_GENERATION */, 22, 25};
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_set(&r, "auto.commit.interval.ms", "200");
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    CHECK_OK_ERR(dk_broker_push_errors(r.broker, 8, errs, 5, &err), &err);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 10, 15000);
    rig_end(c);
    rig_close(&r);
}

/* The coordinator moves while a member takes its partitions. librdkafka, left to ask by itself, fetched nothing then.
 */
DK_TEST(consumer_asks_for_committed_offsets_until_told)
{
    enum { OFFSET_FETCH = 9, NOT_COORDINATOR = 16, LOADING = 14 };
    const int refuse[] = {NOT_COORDINATOR, LOADING, NOT_COORDINATOR, LOADING};
    dk_consumer *c;
    dk_batch *b;
    dk_error err;
    rig r;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 5);
    CHECK_OK_ERR(dk_broker_push_errors(r.broker, OFFSET_FETCH, refuse, sizeof refuse / sizeof *refuse, &err), &err);
    c = rig_consumer(&r, NULL);
    rig_join(c, "t");
    b = rig_fetch_n(c, 10, 5);
    CHECK_EQ(rig_number(b, 0), 0);
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

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

DK_TEST(consumer_seek_of_unassigned_partition)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, 3);
    dk_error err;

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    (void)!dk_consumer_seek(c, &p0, 1000, &err);
    CHECK(p0.items[0].kafka_err != 0);
    dk_partitions_fini(&p0);
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
