/* SPDX-License-Identifier: MIT
 *
 * Leaving the group: on the engine thread, within the time that dk_consumer_close() was given. Each step gets its
 * part of it, so that a step that cannot be done leaves time for those behind it.
 */
#include <limits.h>
#include <stdio.h>

#include "kafka/consumer/handle.h"

#define COMMIT_MS 15000 /* at most, where more time was given */
#define RETRY_MS 5000   /* how long a commit is tried again: while others rebalance, it is refused */
#define LEAVE_MS 10000
#define SLICE_MS 50

/* The part of the time that is left, and no more than most_ms. */
static int64_t
deadline(int64_t close_by_ms, int64_t most_ms, int parts)
{
    int64_t now = dk__now_ms(), left = close_by_ms - now;

    if (close_by_ms < 0)
        return now + most_ms;
    if (left < 0)
        left = 0;
    left = left * parts / 4;
    return now + (left < most_ms ? left : most_ms);
}

static int64_t
close_by(dk_consumer *c)
{
    int64_t by;

    pthread_mutex_lock(&c->lock);
    by = c->close_by_ms;
    pthread_mutex_unlock(&c->lock);
    return by;
}

static bool
has_to_end(dk_consumer *c, int64_t by_ms)
{
    bool quit;

    pthread_mutex_lock(&c->lock);
    quit = c->quit;
    pthread_mutex_unlock(&c->lock);
    return quit || dk__now_ms() >= by_ms;
}

/* What goes wrong first is what dk_consumer_close() says. */
static void
note_failure(dk_consumer *c, rd_kafka_resp_err_t rkerr, const char *what)
{
    pthread_mutex_lock(&c->lock);
    if (c->close_err.code == DK_OK) {
        dk__kafka_error(&c->close_err, rkerr, what);
        c->close_err.retriable = false; /* the consumer is closed */
    }
    pthread_mutex_unlock(&c->lock);
}

/* ---- what is in hand ------------------------------------------------------------------------------------------- */

static void
drain(dk_consumer *c)
{
    int64_t by = deadline(close_by(c), c->opts.drain_ms, 2);

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_parts; i++)
        if (c->parts[i]->assigned)
            dk__part_shut(c->parts[i], DK__GATE_REVOKING);
    dk__drain(c, by);
    pthread_mutex_unlock(&c->lock);
}

/* ---- what is finished ------------------------------------------------------------------------------------------ */

/* Those with an error of their own; all, if none has one. */
static int
count_refused(const rd_kafka_topic_partition_list_t *list)
{
    int n = 0;

    for (int i = 0; i < list->cnt; i++)
        n += list->elems[i].err != 0;
    return n > 0 ? n : list->cnt;
}

static void
name_partitions(const rd_kafka_topic_partition_list_t *list, char *text, size_t cap)
{
    int left = count_refused(list);
    bool all = left == list->cnt;
    size_t n = (size_t)snprintf(
        text, cap, "offsets that could not be committed, so that the messages before them are redelivered:");

    for (int i = 0; i < list->cnt && n < cap; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];

        if (!all && p->err == 0)
            continue;
        if (cap - n < 200 && left > 1) {
            snprintf(text + n, cap - n, " and %d more", left);
            return;
        }
        left--;
        n += (size_t)snprintf(text + n, cap - n, " %.100s [%d] offset %lld%s", p->topic, (int)p->partition,
                              (long long)p->offset, left > 0 ? "," : "");
    }
}

/* The same commit may be accepted a moment later. */
static bool
may_pass_later(rd_kafka_resp_err_t rkerr)
{
    return rkerr == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
           rkerr == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || /* the group has gone on, and takes the member along */
           dk__coordinator_moves(rkerr);
}

static rd_kafka_resp_err_t
first_error(rd_kafka_resp_err_t rkerr, const rd_kafka_topic_partition_list_t *result)
{
    for (int i = 0; !rkerr && result != NULL && i < result->cnt; i++)
        rkerr = result->elems[i].err;
    return rkerr;
}

/* A rebalance that has begun is answered, or its end would be waited for in vain. */
static void
serve_group(dk_consumer *c, int ms)
{
    rd_kafka_message_t *msg;

    while ((msg = rd_kafka_consumer_poll(c->rk, ms)) != NULL) {
        dk__tell_error(c, msg);
        ms = 0;
    }
}

/* Until it is accepted, refused for good, or the time is up. Of several tries the last one is told. */
static rd_kafka_resp_err_t
try_commit(dk_consumer *c, int64_t by_ms, rd_kafka_topic_partition_list_t **result)
{
    int64_t retry_by_ms = deadline(by_ms, RETRY_MS, 4);
    rd_kafka_resp_err_t rkerr, all;

    for (;;) {
        all = dk__commit_finished(c, (dk__commit_how){.sync = true, .by_ms = by_ms}, result);
        rkerr = first_error(all, *result);
        if (!may_pass_later(rkerr) || has_to_end(c, retry_by_ms))
            break;
        if (*result != NULL)
            rd_kafka_topic_partition_list_destroy(*result);
        serve_group(c, SLICE_MS);
    }
    if (*result != NULL)
        dk__events_push_partitions(c->events, DK_EVENT_COMMIT, all, *result);
    return rkerr;
}

static void
commit(dk_consumer *c)
{
    rd_kafka_topic_partition_list_t *result;
    rd_kafka_resp_err_t rkerr;
    char text[480];

    if (!dk__commits(c))
        return;
    rkerr = try_commit(c, deadline(close_by(c), COMMIT_MS, 3), &result);
    if (result == NULL)
        return;
    if (rkerr && rkerr != RD_KAFKA_RESP_ERR__NO_OFFSET) {
        name_partitions(result, text, sizeof text);
        dk__events_push_log(c->events, 4, "CLOSE", text);
        note_failure(c, rkerr, text);
    }
    rd_kafka_topic_partition_list_destroy(result);
}

/* ---- what the application has to say --------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *
assigned(dk_consumer *c)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    for (size_t i = 0; i < c->n_parts; i++)
        if (c->parts[i]->assigned)
            rd_kafka_topic_partition_list_add(list, c->parts[i]->topic, c->parts[i]->partition);
    return list;
}

/* Told while the group is not left yet, so that every call works that works elsewhere: it may store and commit
 * offsets, ask for positions, unassign. Without a limit it has as long as it takes. */
static void
ask_application(dk_consumer *c)
{
    int64_t by = close_by(c);
    rd_kafka_topic_partition_list_t *list;
    bool answers;

    pthread_mutex_lock(&c->lock);
    list = assigned(c);
    answers = dk__rebalance_answers(c);
    pthread_mutex_unlock(&c->lock);
    if (answers && list->cnt > 0) {
        dk__tell_rebalance(c, DK_EVENT_REVOKE, list);
        c->told_of_leaving = true;
    }
    pthread_mutex_lock(&c->lock);
    dk__rebalance_await(c, by < 0 ? -1 : deadline(by, INT_MAX, 2));
    pthread_mutex_unlock(&c->lock);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- goodbye --------------------------------------------------------------------------------------------------- */

static void
say_goodbye(dk_consumer *c)
{
    int64_t by = deadline(close_by(c), LEAVE_MS, 4);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
    rd_kafka_error_t *rderr = rd_kafka_consumer_close_queue(c->rk, queue);

    while (!rd_kafka_consumer_closed(c->rk) && !has_to_end(c, by))
        rd_kafka_queue_poll_callback(queue, SLICE_MS);
    if (rderr != NULL)
        note_failure(c, rd_kafka_error_code(rderr), "leaving the group");
    else if (!rd_kafka_consumer_closed(c->rk))
        note_failure(c, RD_KAFKA_RESP_ERR__TIMED_OUT,
                     "the group could not be left: its other members wait for session.timeout.ms");
    if (rderr != NULL)
        rd_kafka_error_destroy(rderr);
    rd_kafka_queue_destroy(queue);
}

void
dk__leave_group(dk_consumer *c)
{
    drain(c);
    ask_application(c);
    commit(c);
    serve_group(c, 0);
    atomic_store(&c->member.leaves, true);
    say_goodbye(c);
}
