/* SPDX-License-Identifier: MIT
 *
 * Numbers of each partition, which are read without the consumer's lock.
 */
#include "kafka/consumer/handle.h"
#include "rig.h"

enum { PARTS = 2 };

/* Asked while this very thread has the lock: it would hang for ever if it took it. */
static void
ask_under_the_lock(dk_consumer *c, dk_partition_counters out[PARTS])
{
    pthread_mutex_lock(&c->lock);
    CHECK_EQ(dk_consumer_partition_counters(c, NULL, 0), PARTS);
    memset(out, 0xEE, PARTS * sizeof *out);
    CHECK_EQ(dk_consumer_partition_counters(c, out, 1), PARTS); /* the second one is left alone */
    CHECK_EQ(out[1].partition, (int32_t)0xEEEEEEEE);
    CHECK_EQ(dk_consumer_partition_counters(c, out, PARTS), PARTS);
    pthread_mutex_unlock(&c->lock);
}

static dk_partition_counters
ask(dk_consumer *c, int partition)
{
    dk_partition_counters out[PARTS];

    ask_under_the_lock(c, out);
    CHECK_STR(out[partition].topic, "t");
    CHECK_EQ(out[partition].partition, partition);
    return out[partition];
}

static void
check_unknown(const dk_partition_counters *n)
{
    CHECK_EQ(n->position, DK_OFFSET_INVALID);
    CHECK_EQ(n->committed, DK_OFFSET_INVALID);
    CHECK_EQ(n->held, 0);
    CHECK_EQ(n->outstanding, 0);
    CHECK_EQ(n->oldest_ticket_ms, -1);
    CHECK_EQ(n->handled, 0);
    CHECK_EQ(n->failed, 0);
    CHECK_EQ(n->commit_latency_ms, -1);
}

DK_TEST(counters_of_partitions)
{
    rig r;
    dk_consumer *c;
    dk_partition_counters n;
    dk_ticket tickets[2];
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", PARTS);
    rig_set(&r, "enable.auto.commit", "false");
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    CHECK_EQ(dk_consumer_partition_counters(c, NULL, 0), 0);
    rig_assign(c, "t", PARTS);
    dk_batch_free(rig_fetch_n(c, 0, 10));
    n = ask(c, 1);
    check_unknown(&n);
    n = ask(c, 0);
    CHECK_EQ(n.held, 10);
    CHECK_EQ(n.end, 10);
    b = rig_fetch(c, 8, 10000);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(dk_batch_next(b), i);
        if (i == 1 || i == 3)
            CHECK_OK(dk_batch_defer(b, &tickets[i / 2]));
    }
    CHECK_OK(dk_batch_fail(b, 60000));
    dk_batch_free(b);
    WAIT_UNTIL(ask(c, 0).oldest_ticket_ms >= 20, 10000);
    n = ask(c, 0);
    CHECK_EQ(n.position, 5);
    CHECK_EQ(n.held, 5); /* three of the batch, two that were not in it */
    CHECK_EQ(n.outstanding, 2);
    CHECK_EQ(n.handled, 3);
    CHECK_EQ(n.failed, 1);
    CHECK_OK(dk_tickets_answer(tickets, 2, true, 0));
    CHECK_OK_ERR(dk_consumer_commit(c, NULL, true, &err), &err);
    n = ask(c, 0);
    CHECK_EQ(n.outstanding, 0);
    CHECK_EQ(n.oldest_ticket_ms, -1);
    CHECK_EQ(n.handled, 5);
    CHECK_EQ(n.committed, 5);
    CHECK(n.commit_latency_ms >= 0);
    rig_end(c);
    rig_close(&r);
}

/* What was assigned once and is not now is not counted; what comes back begins with what is known of it then. */
DK_TEST(counters_follow_the_assignment)
{
    rig r;
    dk_consumer *c;
    dk_partition_counters out[PARTS];
    dk_partitions first = rig_list("t", 0, DK_OFFSET_BEGINNING);
    dk_error err;

    rig_open(&r, "t", PARTS);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", PARTS);
    CHECK_EQ(dk_consumer_partition_counters(c, out, PARTS), PARTS);
    CHECK_OK_ERR(dk_consumer_incremental_unassign(c, &first, &err), &err);
    CHECK_EQ(dk_consumer_partition_counters(c, out, PARTS), 1);
    CHECK_EQ(out[0].partition, 1);
    CHECK_OK_ERR(dk_consumer_close(c, 10000, &err), &err);
    CHECK_EQ(dk_consumer_partition_counters(c, out, PARTS), 0);
    dk_partitions_fini(&first);
    dk_consumer_free(c);
    rig_close(&r);
}
