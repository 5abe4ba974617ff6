/* SPDX-License-Identifier: MIT
 *
 * The consumer as a member of a group: assignments and revocations, and where a partition begins.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "rig.h"

static void
quick_group(rig *r)
{
    rig_set(r, "session.timeout.ms", "6000");
    rig_set(r, "heartbeat.interval.ms", "200");
}

DK_TEST(group_continues_where_it_was)
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
    enum { REBALANCE_IN_PROGRESS = 27 }; /* the mock cluster takes no commit then */
    dk_error err;
    dk_status st;

    atomic_store(&m->quit, true);
    pthread_join(m->thread, NULL);
    st = dk_consumer_close(m->c, 20000, &err);
    CHECK(st == DK_OK || err.kafka == REBALANCE_IN_PROGRESS);
    dk_consumer_free(m->c);
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

DK_TEST(group_rebalance_eager)
{
    two_members("range");
}

DK_TEST(group_rebalance_cooperative)
{
    two_members("cooperative-sticky");
}

DK_TEST(group_slow_handler_keeps_its_partitions)
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

DK_TEST(group_events_of_a_rebalance)
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

/* The coordinator moves while a member takes its partitions. librdkafka, left to ask by itself, fetched nothing then.
 */
DK_TEST(group_asks_for_committed_offsets_until_told)
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
