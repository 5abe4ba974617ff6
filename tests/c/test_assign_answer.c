/* SPDX-License-Identifier: MIT
 *
 * The application's answer to an assignment: where to begin, given while the ASSIGN event is being dealt with, with
 * eager and cooperative groups.
 */
#include "kafka/consumer/handle.h"
#include "rig.h"

enum { LOG = 100, FROM = 50, MEMBERS = 5, PARTS = 2 };

typedef enum how {
    BY_ASSIGN,
    BY_ADDING,
    BY_ADDING_EACH,
    BY_SEEK,
    WITHOUT_OFFSETS,
    ONE_ONLY,
    NONE,
    NOT_AT_ALL
} manner;

typedef struct member {
    dk_consumer *c;
    char group[16];
    int first[PARTS]; /* number of the first message, -1: none yet */
    bool assigned;
} member;

typedef struct party {
    rig r;
    manner how;
    member members[MEMBERS];
} party;

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void
give(dk_consumer *c, const dk_partitions *list, manner how)
{
    dk_partitions copy = *list;
    dk_error err;

    switch (how) {
    case BY_ADDING_EACH:
        for (size_t i = 0; i < list->len; i++) {
            copy.items = &list->items[i];
            copy.len = 1;
            CHECK_OK_ERR(dk_consumer_incremental_assign(c, &copy, &err), &err);
        }
        break;
    case BY_ADDING:
        CHECK_OK_ERR(dk_consumer_incremental_assign(c, list, &err), &err);
        break;
    case BY_SEEK:
        CHECK_OK_ERR(dk_consumer_seek(c, &copy, 10000, &err), &err);
        for (size_t i = 0; i < list->len; i++)
            CHECK_EQ(list->items[i].kafka_err, 0);
        break;
    case NONE:
        CHECK_OK_ERR(dk_consumer_assign(c, NULL, &err), &err);
        break;
    case NOT_AT_ALL:
        break;
    default:
        CHECK_OK_ERR(dk_consumer_assign(c, list, &err), &err);
    }
}

static void
answer(dk_consumer *c, const dk_partitions *parts, manner how)
{
    dk_partitions list;

    dk_partitions_init(&list, NULL);
    CHECK_EQ(parts->len, PARTS);
    for (size_t i = 0; i < parts->len; i++) {
        dk_partition item = parts->items[i];

        item.offset = how == WITHOUT_OFFSETS ? DK_OFFSET_INVALID : FROM + item.partition;
        if (how != ONE_ONLY || item.partition == 1)
            CHECK_OK(dk_partitions_add(&list, &item));
    }
    give(c, &list, how);
    dk_partitions_fini(&list);
}

/* ---- members --------------------------------------------------------------------------------------------------- */

static void
serve(party *p, member *m)
{
    dk_batch *b = NULL;
    dk_event *ev;
    int32_t i;

    if (dk_consumer_fetch(m->c, 0, 20, &b, NULL) == DK_OK) {
        while ((i = dk_batch_next(b)) >= 0) {
            int part = dk_batch_partition(b, (uint32_t)i);

            if (m->first[part] < 0)
                m->first[part] = rig_number(b, (uint32_t)i);
        }
        dk_batch_free(b);
    }
    while ((ev = dk_consumer_event(m->c)) != NULL) {
        CHECK(dk_event_kind_of(ev) != DK_EVENT_ERROR);
        if (dk_event_kind_of(ev) == DK_EVENT_ASSIGN) {
            answer(m->c, dk_event_partitions(ev), p->how);
            dk_consumer_rebalance_ack(m->c);
            m->assigned = true;
        }
        dk_event_free(ev);
    }
}

static bool
all_began(const party *p, int part)
{
    for (int i = 0; i < MEMBERS; i++)
        if (p->members[i].first[part] < 0)
            return false;
    return true;
}

static bool
served_until(party *p, int part)
{
    for (int i = 0; i < MEMBERS; i++)
        serve(p, &p->members[i]);
    return all_began(p, part);
}

static void
open_party(party *p, manner how, const char *strategy)
{
    dk_consumer_opts opts;

    *p = (party){.how = how};
    rig_open(&p->r, "t", PARTS);
    rig_set(&p->r, "session.timeout.ms", "6000");
    rig_set(&p->r, "heartbeat.interval.ms", "100");
    rig_set(&p->r, "partition.assignment.strategy", strategy);
    for (int n = 0; n < PARTS; n++)
        rig_produce(&p->r, "t", n, 0, LOG);
    dk_consumer_opts_init(&opts);
    opts.assign_ack = true;
    for (int i = 0; i < MEMBERS; i++) {
        member *m = &p->members[i];

        m->first[0] = m->first[1] = -1;
        snprintf(m->group, sizeof m->group, "g%d", i); /* each in a group of its own */
        rig_set(&p->r, "group.id", m->group);
        m->c = rig_consumer(&p->r, &opts);
        rig_subscribe(m->c, "t");
    }
}

static void
close_party(party *p)
{
    for (int i = 0; i < MEMBERS; i++)
        dk_consumer_close_begin(p->members[i].c, 20000);
    for (int i = 0; i < MEMBERS; i++)
        rig_end(p->members[i].c);
    rig_close(&p->r);
}

/* In all groups each partition begins there. -1: nothing comes of it. */
static void
check_answer(manner how, const char *strategy, int first, int second)
{
    party p;

    open_party(&p, how, strategy);
    WAIT_UNTIL(served_until(&p, 1), 60000);
    if (first >= 0)
        WAIT_UNTIL(served_until(&p, 0), 60000);
    for (int i = 0; i < MEMBERS; i++) {
        CHECK_EQ(p.members[i].first[0], first);
        CHECK_EQ(p.members[i].first[1], second);
    }
    close_party(&p);
}

DK_TEST(answer_by_assign_eager)
{
    check_answer(BY_ASSIGN, "range", FROM, FROM + 1);
}

DK_TEST(answer_by_assign_cooperative)
{
    check_answer(BY_ASSIGN, "cooperative-sticky", FROM, FROM + 1);
}

DK_TEST(answer_by_incremental_assign_eager)
{
    check_answer(BY_ADDING, "range", FROM, FROM + 1);
}

DK_TEST(answer_by_incremental_assign_cooperative)
{
    check_answer(BY_ADDING, "cooperative-sticky", FROM, FROM + 1);
}

/* One call for each partition adds up. */
DK_TEST(answer_by_several_incremental_assigns)
{
    check_answer(BY_ADDING_EACH, "cooperative-sticky", FROM, FROM + 1);
}

DK_TEST(answer_by_seek_eager)
{
    check_answer(BY_SEEK, "range", FROM, FROM + 1);
}

DK_TEST(answer_by_seek_cooperative)
{
    check_answer(BY_SEEK, "cooperative-sticky", FROM, FROM + 1);
}

DK_TEST(answer_without_offsets_begins_where_the_group_stands)
{
    check_answer(WITHOUT_OFFSETS, "range", 0, 0);
}

DK_TEST(answer_of_one_partition_takes_that_only)
{
    check_answer(ONE_ONLY, "cooperative-sticky", -1, FROM + 1);
}

DK_TEST(answer_may_be_none)
{
    check_answer(NOT_AT_ALL, "range", 0, 0);
}

static bool
served_until_assigned(party *p)
{
    bool all = true;

    for (int i = 0; i < MEMBERS; i++) {
        serve(p, &p->members[i]);
        all &= p->members[i].assigned;
    }
    return all;
}

static bool
is_assigning(dk_consumer *c)
{
    bool assigning;

    pthread_mutex_lock(&c->lock);
    assigning = c->assigning;
    pthread_mutex_unlock(&c->lock);
    return assigning;
}

DK_TEST(answer_of_no_partition)
{
    party p;
    dk_partitions now;
    dk_error err;

    open_party(&p, NONE, "range");
    WAIT_UNTIL(served_until_assigned(&p), 60000);
    for (int i = 0; i < MEMBERS; i++) {
        WAIT_UNTIL(!is_assigning(p.members[i].c), 10000);
        dk_partitions_init(&now, NULL);
        CHECK_OK_ERR(dk_consumer_assignment(p.members[i].c, &now, &err), &err);
        CHECK_EQ(now.len, 0);
        dk_partitions_fini(&now);
        CHECK_EQ(dk_consumer_partition_counters(p.members[i].c, NULL, 0), 0);
    }
    close_party(&p);
}

/* ---- late ------------------------------------------------------------------------------------------------------ */

/* Nobody answers in time: the member begins where the group stands. What is said later is done then. */
static void
check_late(manner how, const char *strategy)
{
    rig r;
    dk_consumer *c;
    dk_consumer_opts opts;
    dk_partitions list = rig_list("t", 0, FROM);
    dk_batch *b;
    dk_event *ev;
    int got;

    rig_open(&r, "t", 1);
    rig_set(&r, "partition.assignment.strategy", strategy);
    rig_produce(&r, "t", 0, 0, LOG);
    dk_consumer_opts_init(&opts);
    opts.assign_ack = true;
    opts.drain_ms = 300;
    c = rig_consumer(&r, &opts);
    rig_subscribe(c, "t");
    b = rig_fetch(c, 0, 60000); /* drops the event, and does not answer */
    CHECK(b != NULL);
    CHECK_EQ(rig_number(b, 0), 0);
    give(c, &list, how);
    dk_consumer_rebalance_ack(c);
    dk_batch_free(b);
    b = rig_fetch(c, 0, 60000);
    CHECK(b != NULL);
    got = rig_number(b, 0);
    CHECK_EQ(got, FROM);
    dk_batch_free(b);
    while ((ev = dk_consumer_event(c)) != NULL)
        dk_event_free(ev);
    dk_partitions_fini(&list);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(answer_that_is_late_by_assign)
{
    check_late(BY_ASSIGN, "range");
}

DK_TEST(answer_that_is_late_by_incremental_assign)
{
    check_late(BY_ADDING, "cooperative-sticky");
}

DK_TEST(answer_that_is_late_by_seek)
{
    check_late(BY_SEEK, "range");
}

/* ---- what is ours already -------------------------------------------------------------------------------------- */

/* While an assignment of another partition waits for its answer, one that is ours can be sought as ever. */
DK_TEST(answer_leaves_the_others_to_be_sought)
{
    rig r;
    dk_consumer *c;
    rd_kafka_topic_partition_list_t *asked = rd_kafka_topic_partition_list_new(1);
    dk_partitions list;
    dk_partition items[] = {{.topic = "t", .partition = 0, .offset = FROM, .leader_epoch = -1},
                            {.topic = "t", .partition = 1, .offset = FROM + 1, .leader_epoch = -1},
                            {.topic = "t", .partition = 9, .offset = 3, .leader_epoch = -1}};
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 2);
    rig_produce(&r, "t", 0, 0, LOG);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    dk_batch_free(rig_fetch_n(c, 0, LOG));
    rd_kafka_topic_partition_list_add(asked, "t", 1);
    pthread_mutex_lock(&c->lock);
    c->assigning = true;
    c->asked = asked;
    pthread_mutex_unlock(&c->lock);
    dk_partitions_init(&list, NULL);
    for (int i = 0; i < 3; i++)
        CHECK_OK(dk_partitions_add(&list, &items[i]));
    CHECK_OK_ERR(dk_consumer_seek(c, &list, 10000, &err), &err);
    CHECK_EQ(list.items[0].kafka_err, 0);
    CHECK_EQ(list.items[1].kafka_err, 0);
    CHECK_EQ(list.items[2].kafka_err, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
    pthread_mutex_lock(&c->lock);
    c->assigning = false;
    CHECK(c->answer != NULL && c->answer->cnt == 1);
    CHECK_EQ(c->answer->elems[0].offset, FROM + 1);
    rd_kafka_topic_partition_list_destroy(c->answer);
    c->answer = NULL;
    c->asked = NULL;
    pthread_mutex_unlock(&c->lock);
    b = rig_fetch(c, 0, 10000);
    CHECK(b != NULL);
    CHECK_EQ(rig_number(b, 0), FROM);
    dk_batch_free(b);
    rd_kafka_topic_partition_list_destroy(asked);
    dk_partitions_fini(&list);
    rig_end(c);
    rig_close(&r);
}
