/* SPDX-License-Identifier: MIT
 *
 * The assignment: what the group gives and takes (on the engine thread, inside rd_kafka_consumer_poll()), and what the
 * application sets by hand.
 *
 * Before a partition is given back: its gate is closed, the message in hand and the outstanding tickets get a bounded
 * time to finish, what is finished is committed synchronously. A partition that was lost is only forgotten.
 */
#include "kafka/consumer/internal.h"

#define COMMITTED_MS 1000       /* how long an assignment waits for the committed offsets each time that it asks, */
#define ASK_AGAIN_MS 200        /* between two times, */
#define COMMITTED_WAIT_MS 60000 /* and in all */

/* ---- taking --------------------------------------------------------------------------------------------------------- */

static void
close_gates(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts, bool shut)
{
    for (int i = 0; i < parts->cnt; i++) {
        dk__part *part = dk__part_find(c, parts->elems[i].topic, parts->elems[i].partition);

        if (part == NULL)
            continue;
        if (shut)
            atomic_fetch_or(&part->gate, DK__GATE_REVOKING);
        else
            atomic_fetch_and(&part->gate, ~DK__GATE_REVOKING);
    }
}

/* Is a message of a partition whose gate is closed still being handled, or waiting for its confirmation? Who closes the
 * consumer has left the handler. Lock held. */
static bool
in_hand(dk_consumer *c)
{
    for (dk_batch *b = c->closing ? NULL : c->open; b != NULL; b = b->next) {
        int hand = atomic_load(&b->hand);

        if (hand >= 0 && (atomic_load(&b->entries[hand].part->gate) & DK__GATE_REVOKING))
            return true;
    }
    for (size_t i = 0; i < c->n_parts; i++)
        if ((atomic_load(&c->parts[i]->gate) & DK__GATE_REVOKING) && c->parts[i]->deferred > 0)
            return true;
    return false;
}

/* Wait, at most drain_ms, for the messages in hand. Lock held. */
static void
drain(dk_consumer *c)
{
    int64_t deadline = dk__now_ms() + c->opts.drain_ms;

    atomic_store(&c->draining, true);
    while (in_hand(c) && !c->quit && dk__consumer_wait(c, deadline))
        ;
    atomic_store(&c->draining, false);
}

/* Let the application's callback run before the partitions are gone, if it asked for that. Lock held. */
static void
await_ack(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    int64_t deadline = dk__now_ms() + c->opts.drain_ms;
    uint64_t want = ++c->acks_wanted;

    pthread_mutex_unlock(&c->lock);
    dk__events_push_partitions(c->events, DK_EVENT_REVOKE, 0, parts);
    pthread_mutex_lock(&c->lock);
    while (c->acks < want && !c->quit && !c->closing && dk__consumer_wait(c, deadline))
        ;
    c->acks = want;
}

static void
forget(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    for (int i = 0; i < parts->cnt; i++) {
        dk__part *part = dk__part_find(c, parts->elems[i].topic, parts->elems[i].partition);

        if (part != NULL)
            dk__part_revoke(c, part);
    }
}

static void
revoke(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts, bool lost)
{
    bool acked = false;

    pthread_mutex_lock(&c->lock);
    c->counters.rebalances++;
    if (!lost) {
        close_gates(c, parts, true);
        drain(c);
        acked = atomic_load(&c->rebalance_ack) && !c->closing;
        if (acked)
            await_ack(c, parts);
        pthread_mutex_unlock(&c->lock);
        if (dk__commits(c))
            dk__commit_finished(c, parts, true);
        pthread_mutex_lock(&c->lock);
    }
    forget(c, parts);
    pthread_mutex_unlock(&c->lock);
    if (!acked)
        dk__events_push_partitions(c->events, lost ? DK_EVENT_LOST : DK_EVENT_REVOKE, 0, parts);
}

/* ---- giving --------------------------------------------------------------------------------------------------------- */

static dk_status
give(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    dk_status st = DK_OK;

    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < parts->cnt && st == DK_OK; i++)
        st = dk__part_assign(c, parts->elems[i].topic, parts->elems[i].partition);
    pthread_mutex_unlock(&c->lock);
    return st;
}

/* ---- what the group says --------------------------------------------------------------------------------------------- */

/* Asked once per assignment: rd_kafka_rebalance_protocol() waits for librdkafka's main thread, which no longer answers
 * when the group is being left (seen to hang for ever with 2.0.2). */
static bool
is_incremental(rd_kafka_t *rk)
{
    const char *protocol = rd_kafka_rebalance_protocol(rk);

    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void
report(dk_consumer *c, rd_kafka_resp_err_t rkerr, rd_kafka_error_t *rderr, const char *what)
{
    dk_error err;

    if (rderr != NULL)
        dk__rd_error(&err, rderr, what);
    else if (rkerr)
        dk__kafka_error(&err, rkerr, what);
    else
        return;
    dk__events_push_error(c->events, err.kafka, err.fatal, err.text);
}

/* Where the group stands with a partition, and the note of an earlier owner. Lock held. */
static void
adopt(dk_consumer *c, rd_kafka_topic_partition_t *to, const rd_kafka_topic_partition_t *p)
{
    dk__part *part = dk__part_find(c, p->topic, p->partition);

    if (p->err || part == NULL || !part->assigned || to->offset != RD_KAFKA_OFFSET_INVALID)
        return;
    if (p->offset < 0) {
        to->offset = c->info.reset_offset;
        return;
    }
    dk__rdk_partition_set_leader_epoch(to, dk__rdk_partition_leader_epoch(p));
    to->offset = p->offset;
    part->offsets.committed = p->offset;
    if (p->metadata_size > 0 && memchr(p->metadata, '\0', p->metadata_size) == NULL)
        dk__part_note(c, part, dk__strndup(c->alloc, p->metadata, p->metadata_size), p->offset);
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
    if (!c->closing && !c->quit)
        dk__consumer_wait(c, dk__now_ms() + ASK_AGAIN_MS);
    going_on = !c->closing && !c->quit;
    pthread_mutex_unlock(&c->lock);
    return going_on && !rd_kafka_assignment_lost(c->rk);
}

/* Asked until it is answered: while the coordinator is away nobody knows where to begin and how often the first message has
 * failed, and librdkafka, left to ask by itself, has been seen to give up at the first refusal and fetch nothing. Returns
 * the partitions with offsets and notes, for those who want to know of the assignment. */
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
        dk__events_push_error(c->events, rkerr, false,
                              "committed offsets could not be read after an assignment: attempt counts begin anew");
    return list;
}

static void
on_assign(dk_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    rd_kafka_topic_partition_list_t *told;

    if (give(c, parts) != DK_OK)
        atomic_store(&c->fatal, true); /* a partition without its queue would be skipped: end instead */
    told = adopt_committed(c, parts);
    dk__events_push_partitions(c->events, DK_EVENT_ASSIGN, 0, told);
    rd_kafka_topic_partition_list_destroy(told);
    c->incremental = is_incremental(c->rk);
    if (c->incremental)
        report(c, 0, rd_kafka_incremental_assign(c->rk, parts), "incremental assign");
    else
        report(c, rd_kafka_assign(c->rk, parts), NULL, "assign");
}

/* While the group is being left (dk__leave_group() has committed already) nothing here may take long: librdkafka answers
 * no question about the group any more, and it can end the group without waiting for this answer when a rebalance was
 * under way, and would then never take it. What still comes is taken, unread, only to be given back. */
static void
on_assign_leaving(dk_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    if (rd_kafka_consumer_closed(c->rk))
        return;
    if (c->info.cooperative)
        report(c, 0, rd_kafka_incremental_assign(c->rk, parts), "incremental assign");
    else
        report(c, rd_kafka_assign(c->rk, parts), NULL, "assign");
}

static void
on_revoke_leaving(dk_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
    pthread_mutex_lock(&c->lock);
    forget(c, parts);
    pthread_mutex_unlock(&c->lock);
    if (!rd_kafka_consumer_closed(c->rk)) {
        if (c->info.cooperative)
            report(c, 0, rd_kafka_incremental_unassign(c->rk, parts), "incremental unassign");
        else
            report(c, rd_kafka_assign(c->rk, NULL), NULL, "unassign");
    }
    dk__events_push_partitions(c->events, DK_EVENT_REVOKE, 0, parts);
}

rd_kafka_resp_err_t
dk__leave_group(dk_consumer *c)
{
    rd_kafka_message_t *msg;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_parts; i++)
        if (c->parts[i]->assigned)
            atomic_fetch_or(&c->parts[i]->gate, DK__GATE_REVOKING);
    drain(c);
    pthread_mutex_unlock(&c->lock);
    if (dk__commits(c))
        dk__commit_finished(c, NULL, true);
    while ((msg = rd_kafka_consumer_poll(c->rk, 0)) != NULL) /* a rebalance that has begun is answered first */
        dk__message_error(c, msg);
    c->leaving = true;
    return rd_kafka_consumer_close(c->rk);
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
    if (c->incremental)
        report(c, 0, rd_kafka_incremental_unassign(c->rk, ours), "incremental unassign");
    else
        report(c, rd_kafka_assign(c->rk, NULL), NULL, "unassign");
    rd_kafka_topic_partition_list_destroy(ours);
}

void
dk__rebalance_cb(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *parts, void *opaque)
{
    dk_consumer *c = opaque;

    if (parts != NULL && parts->cnt > 0) /* else only the end of a revocation */
        dk__member_told(c);
    switch (err) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        if (c->leaving)
            on_assign_leaving(c, parts);
        else
            on_assign(c, parts);
        break;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        if (c->leaving)
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
    c->acks = c->acks_wanted;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

void
dk_consumer_set_rebalance_ack(dk_consumer *c, bool on)
{
    atomic_store(&c->rebalance_ack, on);
}

/* ---- subscription ---------------------------------------------------------------------------------------------------- */

dk_status
dk_consumer_subscribe(dk_consumer *c, const char *const *topics, size_t n, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    if (n == 0)
        return dk__error_set(err, DK_EINVAL, "subscribe needs at least one topic");
    list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    rkerr = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rkerr ? dk__kafka_error(err, rkerr, "subscribe") : DK_OK;
}

dk_status
dk_consumer_unsubscribe(dk_consumer *c, dk_error *err)
{
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    rkerr = rd_kafka_unsubscribe(c->rk);
    return rkerr ? dk__kafka_error(err, rkerr, "unsubscribe") : DK_OK;
}

/* Called by name, not by address: only calls go through the extension's table (rdk.h). */
static rd_kafka_resp_err_t
ask_subscription(rd_kafka_t *rk, rd_kafka_topic_partition_list_t **out)
{
    return rd_kafka_subscription(rk, out);
}

static rd_kafka_resp_err_t
ask_assignment(rd_kafka_t *rk, rd_kafka_topic_partition_list_t **out)
{
    return rd_kafka_assignment(rk, out);
}

static dk_status
ask_list(dk_consumer *c, rd_kafka_resp_err_t (*ask)(rd_kafka_t *, rd_kafka_topic_partition_list_t **),
         const char *what, dk_partitions *out, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    rkerr = ask(c->rk, &list);
    if (rkerr)
        return dk__kafka_error(err, rkerr, what);
    st = dk__append_rd_list(list, out);
    rd_kafka_topic_partition_list_destroy(list);
    return st == DK_OK ? st : dk__error_set(err, st, "no memory for a list of partitions");
}

dk_status
dk_consumer_subscription(dk_consumer *c, dk_partitions *out, dk_error *err)
{
    return ask_list(c, ask_subscription, "subscription", out, err);
}

dk_status
dk_consumer_assignment(dk_consumer *c, dk_partitions *out, dk_error *err)
{
    return ask_list(c, ask_assignment, "assignment", out, err);
}

/* ---- by hand ---------------------------------------------------------------------------------------------------------- */

/* All partitions that are assigned now; lock not held. */
static rd_kafka_topic_partition_list_t *
assigned_now(dk_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_parts; i++)
        if (c->parts[i]->assigned)
            rd_kafka_topic_partition_list_add(list, c->parts[i]->topic, c->parts[i]->partition);
    pthread_mutex_unlock(&c->lock);
    return list;
}

/* The caller's own thread may have a message in hand, so nothing is waited for. */
static void
take_back(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    if (parts->cnt == 0)
        return;
    if (dk__commits(c))
        dk__commit_finished(c, parts, true);
    pthread_mutex_lock(&c->lock);
    forget(c, parts);
    pthread_mutex_unlock(&c->lock);
}

dk_status
dk_consumer_assign(dk_consumer *c, const dk_partitions *parts, dk_error *err)
{
    rd_kafka_topic_partition_list_t *old, *list = NULL;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK && parts != NULL && parts->len > 0)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    old = assigned_now(c);
    take_back(c, old);
    rd_kafka_topic_partition_list_destroy(old);
    if (list != NULL)
        st = give(c, list);
    if (st == DK_OK) {
        rkerr = rd_kafka_assign(c->rk, list);
        if (rkerr)
            st = dk__kafka_error(err, rkerr, "assign");
    } else {
        dk__error_set(err, st, "no memory for the assignment");
    }
    if (list != NULL)
        rd_kafka_topic_partition_list_destroy(list);
    return st;
}

dk_status
dk_consumer_incremental_assign(dk_consumer *c, const dk_partitions *parts, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_error_t *rderr;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    st = give(c, list);
    if (st == DK_OK) {
        rderr = rd_kafka_incremental_assign(c->rk, list);
        if (rderr != NULL)
            st = dk__rd_error(err, rderr, "incremental assign");
    }
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

dk_status
dk_consumer_incremental_unassign(dk_consumer *c, const dk_partitions *parts, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_error_t *rderr;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    take_back(c, list);
    rderr = rd_kafka_incremental_unassign(c->rk, list);
    if (rderr != NULL)
        st = dk__rd_error(err, rderr, "incremental unassign");
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}
