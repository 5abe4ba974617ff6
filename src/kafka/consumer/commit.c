/* SPDX-License-Identifier: MIT
 *
 * Committing what is finished: the end of each partition's contiguous run, by interval, after a batch, before a
 * partition is given back, or on request.
 */
#include <limits.h>

#include "kafka/consumer/handle.h"

#define SLICE_MS 50 /* how often a synchronous commit looks whether it should still wait */

/* A request that somebody waits for, until it was answered, or given up. */
typedef struct request {
    dk_consumer *c;
    int64_t sent_ms;
    bool answered;
    rd_kafka_resp_err_t rkerr;
    rd_kafka_topic_partition_list_t *result;
} request;

bool
dk__commits(const dk_consumer *c)
{
    return c->opts.commit_interval_ms != DK_COMMIT_NEVER && c->info.has_group && !atomic_load(&c->commits_held);
}

void
dk_consumer_hold_commits(dk_consumer *c, bool held)
{
    if (!dk__forked(c->fork_generation))
        atomic_store(&c->commits_held, held);
}

/* ---- answers --------------------------------------------------------------------------------------------------- */

static void
note_answer(dk_consumer *c, const rd_kafka_topic_partition_t *p, bool accepted, int latency_ms)
{
    dk__part *part = dk__part_find(c, p->topic, p->partition);

    if (part == NULL || !part->assigned)
        return;
    if (p->err == RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE)
        dk__ledger_note_refused(part->ledger, p->offset);
    else
        dk__ledger_committed(part->ledger, p->offset, p->metadata, p->metadata_size, accepted, latency_ms);
}

static void
note_answers(dk_consumer *c, rd_kafka_resp_err_t rkerr, const rd_kafka_topic_partition_list_t *parts, int64_t sent_ms)
{
    int latency = (int)(dk__now_ms() - sent_ms);

    pthread_mutex_lock(&c->lock);
    if (rkerr)
        c->counters.commit_errors++;
    else
        c->counters.commits++;
    for (int i = 0; parts != NULL && i < parts->cnt; i++)
        note_answer(c, &parts->elems[i], !rkerr && !parts->elems[i].err, latency);
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
}

/* On the engine thread, which serves the consumer queue. The opaque is the time when it was sent. */
static void
answered_async(rd_kafka_t *rk, rd_kafka_resp_err_t rkerr, rd_kafka_topic_partition_list_t *parts, void *opaque)
{
    dk_consumer *c = rd_kafka_opaque(rk);

    note_answers(c, rkerr, parts, (int64_t)(intptr_t)opaque);
    if (rkerr != RD_KAFKA_RESP_ERR__NO_OFFSET)
        dk__events_push_partitions(c->events, DK_EVENT_COMMIT, rkerr, parts);
}

/* On the thread that waits for it. */
static void
answered_sync(rd_kafka_t *rk, rd_kafka_resp_err_t rkerr, rd_kafka_topic_partition_list_t *parts, void *opaque)
{
    request *req = opaque;

    (void)rk;
    note_answers(req->c, rkerr, parts, req->sent_ms);
    req->answered = true;
    req->rkerr = rkerr;
    if (parts != NULL)
        req->result = rd_kafka_topic_partition_list_copy(parts);
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t
send_async(dk_consumer *c, rd_kafka_topic_partition_list_t *list)
{
    return rd_kafka_commit_queue(c->rk, list, c->queue, answered_async, (void *)(intptr_t)dk__now_ms());
}

/* Nobody can answer any more, or nobody wants to know. */
static bool
give_up(dk_consumer *c, int64_t by_ms)
{
    bool quit;

    pthread_mutex_lock(&c->lock);
    quit = c->quit;
    pthread_mutex_unlock(&c->lock);
    return quit || (by_ms >= 0 && dk__now_ms() >= by_ms);
}

static rd_kafka_resp_err_t
send_and_wait(dk_consumer *c, rd_kafka_topic_partition_list_t *list, int64_t by_ms,
              rd_kafka_topic_partition_list_t **result)
{
    request req = {.c = c, .sent_ms = dk__now_ms()};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
    rd_kafka_resp_err_t rkerr = rd_kafka_commit_queue(c->rk, list, queue, answered_sync, &req);

    while (!rkerr && !req.answered && !give_up(c, by_ms))
        rd_kafka_queue_poll_callback(queue, SLICE_MS);
    rd_kafka_queue_destroy(queue); /* an answer that comes later finds nobody */
    if (!rkerr)
        rkerr = req.answered ? req.rkerr : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (req.result == NULL) {
        req.result = rd_kafka_topic_partition_list_copy(list);
        for (int i = 0; i < req.result->cnt; i++)
            req.result->elems[i].err = rkerr;
        note_answers(c, rkerr, req.result, req.sent_ms);
    }
    if (result != NULL) {
        *result = req.result;
        return rkerr;
    }
    if (rkerr != RD_KAFKA_RESP_ERR__NO_OFFSET)
        dk__events_push_partitions(c->events, DK_EVENT_COMMIT, rkerr, req.result);
    rd_kafka_topic_partition_list_destroy(req.result);
    return rkerr;
}

rd_kafka_resp_err_t
dk__commit_list(dk_consumer *c, rd_kafka_topic_partition_list_t *list, dk__commit_how how,
                rd_kafka_topic_partition_list_t **result)
{
    if (result != NULL)
        *result = NULL;
    return how.sync ? send_and_wait(c, list, how.by_ms, result) : send_async(c, list);
}

/* ---- what is finished ------------------------------------------------------------------------------------------ */

static bool
wanted(const rd_kafka_topic_partition_list_t *only, const dk__part *part)
{
    return only == NULL || rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)only, part->topic,
                                                              part->partition) != NULL;
}

/* Marks of transactions and aborted records come to nobody, but librdkafka's position passes over them. With the ends
 * of partitions as messages that position is not to be trusted, and they say it themselves (fetch.c). */
static void
pass_over_unseen(dk_consumer *c, dk__part *part)
{
    int32_t epoch;
    int64_t next;

    if (c->info.partition_eof || c->n_popped != c->at_popped || part->seeks > 0 ||
        !dk__ledger_is_idle(part->ledger) || (atomic_load(&part->gate) & DK__GATE_CLOSED))
        return;
    next = dk__part_position(part, &epoch);
    if (next >= 0 && next != part->stale_position)
        dk__ledger_reach(part->ledger, next, epoch);
}

static void
add_mark(rd_kafka_topic_partition_list_t *list, const dk__part *part, const dk__mark *mark)
{
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, part->topic, part->partition);

    p->offset = mark->offset;
    dk__rdk_partition_set_leader_epoch(p, mark->epoch);
    if (mark->note == NULL)
        return;
    p->metadata = dk__strdup(dk__alloc_or_libc(NULL), mark->note); /* librdkafka frees it with free() */
    p->metadata_size = p->metadata == NULL ? 0 : strlen(mark->note);
}

bool
dk__notes_to_send(const dk_consumer *c)
{
    for (size_t i = 0; i < c->n_parts; i++)
        if (c->parts[i]->assigned && dk__ledger_note_to_send(c->parts[i]->ledger))
            return true;
    return false;
}

static rd_kafka_topic_partition_list_t *
collect(dk_consumer *c, const rd_kafka_topic_partition_list_t *only)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    dk__mark mark;

    pthread_mutex_lock(&c->lock);
    dk__settle_open(c);
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part *part = c->parts[i];

        if (!part->assigned || !wanted(only, part))
            continue;
        pass_over_unseen(c, part);
        if (dk__ledger_to_commit(part->ledger, &mark))
            add_mark(list, part, &mark);
    }
    pthread_mutex_unlock(&c->lock);
    return list;
}

rd_kafka_resp_err_t
dk__commit_finished(dk_consumer *c, dk__commit_how how, rd_kafka_topic_partition_list_t **result)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t rkerr = RD_KAFKA_RESP_ERR__NO_OFFSET;

    if (result != NULL)
        *result = NULL;
    if (!c->info.has_group)
        return RD_KAFKA_RESP_ERR__UNKNOWN_GROUP;
    list = collect(c, how.only);
    if (list->cnt > 0)
        rkerr = dk__commit_list(c, list, how, result);
    rd_kafka_topic_partition_list_destroy(list);
    return rkerr;
}
