/* SPDX-License-Identifier: MIT
 *
 * A member that may have missed an assignment joins its group again (group.protocol=consumer).
 *
 * With this protocol the coordinator tells a member of a new assignment in the answer to a heartbeat, and considers
 * it told. librdkafka (seen with 2.16) drops an answer that comes too late, goes on with the next heartbeat and never
 * learns what was in the lost one: the partitions in it have no owner until the group changes, however long that
 * takes. It can be seen from outside: after a heartbeat that timed out the member's epoch moves on, and no assignment
 * comes along.
 *
 * The coordinator cannot be asked instead: librdkafka's request for the description of a group ends the process by an
 * assertion when the coordinator goes away meanwhile. All on the engine thread.
 */
#include "kafka/consumer/handle.h"

#define GRACE_MS 3000  /* how long an assignment may take to come after the epoch */
#define WATCH_MS 30000 /* how long after a lost heartbeat the epoch is looked at */
#define QUIET_MS 10000 /* at least between two times */

bool
dk__member_missed(dk__member *m, int32_t epoch, bool lost, int64_t now_ms)
{
    if (lost && !m->lost) {
        m->lost = true;
        m->epoch_at_loss = m->epoch;
        m->changed_ms = 0;
    }
    if (lost)
        m->lost_ms = now_ms;
    m->epoch = epoch;
    if (!m->lost)
        return false;
    if (epoch == m->epoch_at_loss) {
        m->lost = now_ms - m->lost_ms < WATCH_MS;
        return false;
    }
    if (epoch <= 0 || epoch == m->epoch_told) { /* it joins again already, or the assignment came */
        m->lost = false;
        return false;
    }
    if (m->changed_ms == 0)
        m->changed_ms = now_ms;
    if (now_ms - m->changed_ms < GRACE_MS || now_ms < m->quiet_ms)
        return false;
    m->lost = false;
    m->quiet_ms = now_ms + QUIET_MS;
    return true;
}

static bool
epoch_now(dk_consumer *c, int32_t *epoch)
{
    rd_kafka_consumer_group_metadata_t *meta;

    if (!c->info.consumer_protocol || c->leaving || !DK__RDK_HAS(rd_kafka_consumer_group_metadata_generation_id))
        return false;
    meta = rd_kafka_consumer_group_metadata(c->rk);
    if (meta == NULL)
        return false;
    *epoch = rd_kafka_consumer_group_metadata_generation_id(meta);
    rd_kafka_consumer_group_metadata_destroy(meta);
    return true;
}

static void
join_anew(dk_consumer *c)
{
    rd_kafka_topic_partition_list_t *topics = NULL;
    rd_kafka_resp_err_t rkerr = rd_kafka_subscription(c->rk, &topics);

    if (rkerr || topics->cnt == 0)
        return;
    dk__events_push_log(
        c->events, 4, "REJOIN",
        "the answer to a heartbeat was lost, and perhaps an assignment with it: joining the group again");
    rkerr = rd_kafka_unsubscribe(c->rk);
    if (!rkerr)
        rkerr = rd_kafka_subscribe(c->rk, topics);
    if (rkerr)
        dk__events_push_error(c->events, rkerr, false, "the group could not be joined again");
    rd_kafka_topic_partition_list_destroy(topics);
}

void
dk__member_check(dk_consumer *c, int64_t now_ms)
{
    int32_t epoch;

    if (epoch_now(c, &epoch) && dk__member_missed(&c->member, epoch, dk__events_heartbeat_lost(c->events), now_ms))
        join_anew(c);
}

void
dk__member_told(dk_consumer *c)
{
    int32_t epoch;

    if (epoch_now(c, &epoch))
        c->member.epoch_told = epoch;
}
