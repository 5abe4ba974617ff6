/* SPDX-License-Identifier: MIT
 *
 * What the group gives and takes: on the engine thread, inside rd_kafka_consumer_poll().
 *
 * Before a partition is given back its gate is closed, what is in hand and the outstanding tickets get a bounded time
 * to finish, and what is finished is committed synchronously. A partition that was lost is only forgotten. Before a
 * partition is taken, the application may say where to begin.
 */
#include "kafka/consumer/handle.h"

#define COMMITTED_MS 1000       /* how long an assignment waits for the committed offsets each time that it asks, */
#define ASK_AGAIN_MS 200        /* between two times, */
#define COMMITTED_WAIT_MS 60000 /* and in all */

bool
dk__rebalance_answers(const dk_consumer *c)
{
    return atomic_load(&c->rebalance_ack) && !c->closed_blindly && !c->quit;
}

/* Who closes takes events, too: what a revocation's callable does then works as ever. */
void
dk__rebalance_await(dk_consumer *c, int64_t by_ms)
{
    uint64_t want = c->told;

    while (c->acked < want && dk__rebalance_answers(c) && dk__consumer_wait(c, by_ms))
        ;
}

/* The same for an assignment, which matters no more when all ends. Lock held. */
static void
await_assign_ack(dk_consumer *c)
{
    int64_t deadline = dk__now_ms() + c->opts.drain_ms;
    uint64_t want = c->told;

    while (c->acked < want && !dk__consumer_ends(c) && dk__consumer_wait(c, deadline))
        ;
}

/* ---- taking ---------------------------------------------------------------------------------------------------- */

static void
close_gates(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    for (int i = 0; i < parts->cnt; i++) {
        dk__part *part = dk__part_find(c, parts->elems[i].topic, parts->elems[i].partition);

        if (part != NULL)
            dk__part_shut(part, DK__GATE_REVOKING);
    }
}

static void
finish_what_is_in_hand(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts, bool *told)
{
    pthread_mutex_lock(&c->lock);
    close_gates(c, parts);
    dk__drain(c, dk__now_ms() + c->opts.drain_ms);
    *told = dk__rebalance_answers(c) && !c->told_of_leaving;
    pthread_mutex_unlock(&c->lock);
    if (*told) {
        dk__tell_rebalance(c, DK_EVENT_REVOKE, parts);
        pthread_mutex_lock(&c->lock);
        dk__rebalance_await(c, dk__now_ms() + c->opts.drain_ms);
        pthread_mutex_unlock(&c->lock);
    }
    if (dk__commits(c))
        dk__commit_finished(
            c, (dk__commit_how){.only = parts, .sync = true, .by_ms = dk__now_ms() + c->opts.drain_ms}, NULL);
}

static void
revoke(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts, bool lost)
{
    bool told = false;

    if (!lost)
        finish_what_is_in_hand(c, parts, &told);
    pthread_mutex_lock(&c->lock);
    c->counters.rebalances++;
    dk__assign_forget(c, parts);
    pthread_mutex_unlock(&c->lock);
    if (!told && !c->told_of_leaving)
        dk__tell_rebalance(c, lost ? DK_EVENT_LOST : DK_EVENT_REVOKE, parts);
}

/* Those of the list that are assigned: the application may have unassigned some by hand, and librdkafka takes no list
 * with one that it does not have. */
static rd_kafka_topic_partition_list_t *
still_ours(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(parts->cnt);

    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < parts->cnt; i++) {
        const dk__part *part = dk__part_find(c, parts->elems[i].topic, parts->elems[i].partition);

        if (part != NULL && part->assigned)
            rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
    }
    pthread_mutex_unlock(&c->lock);
    return list;
}

static void
on_revoke(dk_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    rd_kafka_topic_partition_list_t *ours = still_ours(c, parts);

    revoke(c, parts, rd_kafka_assignment_lost(c->rk));
    if (atomic_load(&c->incremental))
        dk__report(c, 0, rd_kafka_incremental_unassign(c->rk, ours), "incremental unassign");
    else
        dk__report(c, rd_kafka_assign(c->rk, NULL), NULL, "unassign");
    rd_kafka_topic_partition_list_destroy(ours);
}

/* ---- where the group stands ------------------------------------------------------------------------------------ */

/* Where the group stands with a partition, and the note of an earlier owner. Lock held. */
static void
adopt(dk_consumer *c, rd_kafka_topic_partition_t *to, const rd_kafka_topic_partition_t *p)
{
    dk__part *part = dk__part_find(c, p->topic, p->partition);
    char *note = NULL;

    if (p->err || part == NULL || !part->assigned || to->offset != RD_KAFKA_OFFSET_INVALID)
        return;
    if (p->offset < 0) {
        to->offset = c->info.reset_offset;
        return;
    }
    dk__rdk_partition_set_leader_epoch(to, dk__rdk_partition_leader_epoch(p));
    to->offset = p->offset;
    if (p->metadata_size > 0 && memchr(p->metadata, '\0', p->metadata_size) == NULL)
        note = dk__strndup(c->alloc, p->metadata, p->metadata_size);
    dk__ledger_adopt(part->ledger, p->offset, note);
}

static rd_kafka_resp_err_t
ask_committed(dk_consumer *c, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t rkerr = rd_kafka_committed(c->rk, list, COMMITTED_MS);

    for (int i = 0; !rkerr && i < list->cnt; i++)
        rkerr = list->elems[i].err;
    return rkerr;
}

/* False: no use in going on asking. */
static bool
wait_to_ask_again(dk_consumer *c)
{
    bool going_on;

    pthread_mutex_lock(&c->lock);
    if (!dk__consumer_ends(c))
        dk__consumer_wait(c, dk__now_ms() + ASK_AGAIN_MS);
    going_on = !dk__consumer_ends(c);
    pthread_mutex_unlock(&c->lock);
    return going_on && !rd_kafka_assignment_lost(c->rk);
}

/* Asked until it is answered: while the coordinator is away nobody knows where to begin and how often the first
 * message has failed, and librdkafka, left to ask by itself, has been seen to give up at the first refusal and fetch
 * nothing. Returns the partitions with offsets and notes, for those who want to know of the assignment. */
static rd_kafka_topic_partition_list_t *
adopt_committed(dk_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(parts);
    int64_t deadline = dk__now_ms() + COMMITTED_WAIT_MS;
    rd_kafka_resp_err_t rkerr = RD_KAFKA_RESP_ERR_NO_ERROR;

    while (list->cnt > 0 && (rkerr = ask_committed(c, list)) != 0 && dk__now_ms() < deadline && wait_to_ask_again(c))
        ;
    pthread_mutex_lock(&c->lock);
    for (int i = 0; !rkerr && i < list->cnt; i++)
        adopt(c, &parts->elems[i], &list->elems[i]);
    pthread_mutex_unlock(&c->lock);
    if (rkerr && dk__now_ms() >= deadline) /* else it no longer matters: the partitions go, or all ends */
        dk__events_push_error(
            c->events, rkerr, false,
            "committed offsets could not be read after an assignment: attempts are counted from one");
    return list;
}

/* ---- giving ---------------------------------------------------------------------------------------------------- */

/* What the application answers, or NULL. Offsets that it leaves open are the group's. */
static rd_kafka_topic_partition_list_t *
ask_application(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts,
                const rd_kafka_topic_partition_list_t *told)
{
    rd_kafka_topic_partition_list_t *answer;

    pthread_mutex_lock(&c->lock);
    c->assigning = true;
    c->asked = parts;
    pthread_mutex_unlock(&c->lock);
    dk__tell_rebalance(c, DK_EVENT_ASSIGN, told);
    pthread_mutex_lock(&c->lock);
    await_assign_ack(c);
    c->assigning = false;
    c->asked = NULL;
    answer = c->answer;
    c->answer = NULL;
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; answer != NULL && i < answer->cnt; i++) {
        rd_kafka_topic_partition_t *p = &answer->elems[i];
        const rd_kafka_topic_partition_t *group =
            rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)parts, p->topic, p->partition);

        if (group != NULL && (p->offset == RD_KAFKA_OFFSET_INVALID || p->offset == RD_KAFKA_OFFSET_STORED)) {
            p->offset = group->offset;
            dk__rdk_partition_set_leader_epoch(p, dk__rdk_partition_leader_epoch(group));
        }
    }
    return answer;
}

/* The application wants these, and not those that the group has given. */
static void
take_answer(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts, rd_kafka_topic_partition_list_t *answer)
{
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < parts->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &parts->elems[i];
        dk__part *part = dk__part_find(c, p->topic, p->partition);

        if (part != NULL && rd_kafka_topic_partition_list_find(answer, p->topic, p->partition) == NULL)
            dk__part_revoke(part);
    }
    pthread_mutex_unlock(&c->lock);
    if (dk__assign_give(c, answer) != DK_OK)
        atomic_store(&c->fatal, true);
}

/* Asked once per assignment: rd_kafka_rebalance_protocol() waits for librdkafka's main thread, which no longer
 * answers when the group is being left (seen to hang for ever with 2.0.2). */
static bool
is_incremental(rd_kafka_t *rk)
{
    const char *protocol = rd_kafka_rebalance_protocol(rk);

    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void
on_assign(dk_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    rd_kafka_topic_partition_list_t *told, *answer = NULL;
    bool asks = atomic_load(&c->assign_ack) && parts->cnt > 0;

    if (dk__assign_give(c, parts) != DK_OK)
        atomic_store(&c->fatal, true); /* a partition without its queue would be skipped: end instead */
    told = adopt_committed(c, parts);
    if (asks)
        answer = ask_application(c, parts, told);
    else /* before it begins: no message comes before its assignment was told */
        dk__tell_rebalance(c, DK_EVENT_ASSIGN, told);
    if (answer != NULL) {
        take_answer(c, parts, answer);
        parts = answer;
    }
    atomic_store(&c->incremental, is_incremental(c->rk));
    if (atomic_load(&c->incremental))
        dk__report(c, 0, rd_kafka_incremental_assign(c->rk, parts), "incremental assign");
    else
        dk__report(c, rd_kafka_assign(c->rk, parts), NULL, "assign");
    dk__assign_begin(c, parts);
    rd_kafka_topic_partition_list_destroy(told);
    if (answer != NULL)
        rd_kafka_topic_partition_list_destroy(answer);
}

/* ---- while the group is being left ----------------------------------------------------------------------------- */

/* dk__leave_group() has committed already. Nothing here may take long: librdkafka answers no question about the group
 * any more, and it can end the group without waiting for this answer when a rebalance was under way, and would then
 * never take it. What still comes is taken, unread, only to be given back. */
static void
on_assign_leaving(dk_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    if (rd_kafka_consumer_closed(c->rk))
        return;
    if (c->info.cooperative)
        dk__report(c, 0, rd_kafka_incremental_assign(c->rk, parts), "incremental assign");
    else
        dk__report(c, rd_kafka_assign(c->rk, parts), NULL, "assign");
}

static void
on_revoke_leaving(dk_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    pthread_mutex_lock(&c->lock);
    dk__assign_forget(c, parts);
    pthread_mutex_unlock(&c->lock);
    if (!rd_kafka_consumer_closed(c->rk)) {
        if (c->info.cooperative)
            dk__report(c, 0, rd_kafka_incremental_unassign(c->rk, parts), "incremental unassign");
        else
            dk__report(c, rd_kafka_assign(c->rk, NULL), NULL, "unassign");
    }
    if (!c->told_of_leaving)
        dk__tell_rebalance(c, DK_EVENT_REVOKE, parts);
}

/* ---- librdkafka's callback ------------------------------------------------------------------------------------- */

void
dk__rebalance_cb(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts, void *opaque)
{
    dk_consumer *c = opaque;

    switch (err) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        if (atomic_load(&c->member.leaves))
            on_assign_leaving(c, parts);
        else
            on_assign(c, parts);
        break;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        if (atomic_load(&c->member.leaves))
            on_revoke_leaving(c, parts);
        else
            on_revoke(c, parts);
        break;
    default:
        dk__events_push_error(c->events, err, false, rd_kafka_err2str(err));
        rd_kafka_assign(rk, NULL);
    }
}

void
dk_consumer_rebalance_ack(dk_consumer *c)
{
    if (dk__forked(c->fork_generation))
        return;
    pthread_mutex_lock(&c->lock);
    c->acked = c->taken;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/* Who no longer answers is no longer waited for. */
static void
set_ack(dk_consumer *c, atomic_bool *ack, bool on)
{
    if (dk__forked(c->fork_generation))
        return;
    atomic_store(ack, on);
    if (on)
        return;
    pthread_mutex_lock(&c->lock);
    c->acked = c->told;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void
dk_consumer_set_rebalance_ack(dk_consumer *c, bool on)
{
    set_ack(c, &c->rebalance_ack, on);
}

void
dk_consumer_set_assign_ack(dk_consumer *c, bool on)
{
    set_ack(c, &c->assign_ack, on);
}
