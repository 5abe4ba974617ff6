/* SPDX-License-Identifier: MIT
 *
 * Filling batches, in turns over the partitions: what came back first, then what was read.
 */
#include <limits.h>
#include <stdio.h>

#include "kafka/consumer/handle.h"

#define TURN_MIN 32         /* messages a partition gives before the next one has its turn */
#define CUT_MS 50           /* how long a batch may keep partitions waiting that are not in it */
#define RELOG_TOLD_MS 60000 /* between two lines about logs that began again */

typedef struct fill {
    dk_consumer *c;
    dk_batch *b;
    uint32_t max;
    size_t bytes;
    int64_t now_ms;
} fill;

static bool
full(const fill *f)
{
    return f->b->len == f->max || f->bytes >= f->c->opts.batch_max_bytes;
}

/* Lock held. A log that is served again and again would fill ours. */
static void
tell_relog(dk_consumer *c, const dk__part *part, int64_t old_end, int64_t offset, int64_t now_ms)
{
    char text[400], more[64] = "";

    if (c->relog_told_ms != 0 && now_ms - c->relog_told_ms < RELOG_TOLD_MS) {
        c->relog_untold++;
        return;
    }
    if (c->relog_untold > 0)
        snprintf(more, sizeof more, " (%lld more since the last such line)", (long long)c->relog_untold);
    snprintf(
        text, sizeof text,
        "%s [%d]: offset %lld follows offset %lld without a seek: the topic was recreated, or its log was truncated. "
        "The consumer goes on from there%s",
        part->topic, (int)part->partition, (long long)offset, (long long)old_end, more);
    c->relog_told_ms = now_ms;
    c->relog_untold = 0;
    dk__events_push_log(c->events, 4, "RELOG", text);
}

/* Up to `turn` messages of one partition. */
static dk_status
fill_from(fill *f, dk__part *part, uint32_t turn)
{
    dk__handed handed;

    while (turn-- > 0 && !full(f)) {
        dk__entry *e = &f->b->entries[f->b->len];
        dk__next next = dk__ledger_hand_out(part->ledger, f->now_ms, part->busy == f->b, e, &handed);

        if (next == DK__NEXT_NOMEM)
            return DK_ENOMEM;
        if (next == DK__NEXT_NONE)
            return DK_OK;
        if (next == DK__NEXT_ERROR) {
            if (handed.error->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                dk__ledger_reach(part->ledger, handed.error->offset, -1);
            dk__tell_error(f->c, handed.error);
            continue;
        }
        if (handed.new_log)
            tell_relog(f->c, part, handed.old_end, e->msg->offset, f->now_ms);
        e->part = part;
        part->busy = f->b;
        f->b->len++;
        f->bytes += dk__message_weight(e->msg) + sizeof *e;
    }
    return DK_OK;
}

/* Lock held. */
static dk_status
fill_batch(fill *f)
{
    dk_consumer *c = f->c;
    size_t n = c->n_parts;
    uint32_t turn = n == 0 ? 0 : f->max / (uint32_t)n;
    uint32_t before;

    if (turn < TURN_MIN)
        turn = TURN_MIN;
    do {
        before = f->b->len;
        for (size_t i = 0; i < n && !full(f); i++) {
            dk__part *part = c->parts[(c->next_part + i) % n];
            dk_status st;

            if (part->busy != f->b && !dk__part_is_open(part, f->now_ms))
                continue;
            st = fill_from(f, part, turn);
            if (st != DK_OK)
                return f->b->len > 0 ? DK_OK : st;
        }
    } while (f->b->len > before && !full(f));
    if (n > 0)
        c->next_part = (c->next_part + 1) % n;
    return DK_OK;
}

/* How long until something that waits may be handed out; -1: nothing waits for a time. Lock held. */
static int
next_due_ms(const dk_consumer *c, int64_t now_ms)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < c->n_parts; i++) {
        const dk__part *part = c->parts[i];
        int64_t at = part->assigned ? dk__ledger_wakes_ms(part->ledger) : 0;

        if (at > now_ms && at < due)
            due = at;
    }
    if (due == INT64_MAX)
        return -1;
    return due - now_ms > INT_MAX ? INT_MAX : (int)(due - now_ms);
}

/* One look at everything that is here. *out stays NULL when there is nothing; *due_ms as next_due_ms(). */
static dk_status
collect(dk_consumer *c, uint32_t max, dk_batch **out, int *due_ms)
{
    fill f = {.c = c, .max = max, .now_ms = dk__now_ms()};
    dk_status st;

    f.b = dk__batch_get(c, max);
    if (f.b == NULL)
        return DK_ENOMEM;
    pthread_mutex_lock(&c->lock);
    st = dk__intake(c, max);
    if (st == DK_OK)
        st = fill_batch(&f);
    if (f.b->len > 0) {
        f.b->opened_ms = f.now_ms;
        f.b->full = full(&f);
        f.b->next = c->open;
        c->open = f.b;
        c->counters.batches++;
        c->counters.fetched += f.b->len;
        *out = f.b;
    }
    *due_ms = next_due_ms(c, f.now_ms);
    pthread_mutex_unlock(&c->lock);
    if (f.b->len == 0)
        dk__batch_drop(f.b);
    return st;
}

/* ---- cutting --------------------------------------------------------------------------------------------------- */

/* Has a partition that is in no batch something to hand out? Lock held. */
static bool
others_wait(const dk_consumer *c, int64_t now_ms)
{
    for (size_t i = 0; i < c->n_parts; i++)
        if (dk__part_is_open(c->parts[i], now_ms) && dk__ledger_ready(c->parts[i]->ledger, now_ms))
            return true;
    return dk__intake_is_short(c);
}

bool
dk__batches_cut(dk_consumer *c, int64_t now_ms)
{
    bool wait = false, old = false;

    for (dk_batch *b = c->open; b != NULL; b = b->next)
        old |= now_ms - b->opened_ms >= CUT_MS;
    if (old && dk__intake(c, 0) == DK_OK) /* who waits may still be in librdkafka's queue */
        wait = others_wait(c, now_ms);
    for (dk_batch *b = c->open; wait && b != NULL; b = b->next)
        if (now_ms - b->opened_ms >= CUT_MS)
            atomic_store_explicit(&b->cut, true, memory_order_relaxed);
    return c->open != NULL;
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static dk_status
fatal_status(dk_consumer *c, dk_error *err)
{
    char text[256] = "";
    rd_kafka_resp_err_t rkerr = rd_kafka_fatal_error(c->rk, text, sizeof text);

    if (!rkerr)
        snprintf(text, sizeof text, "out of memory for an assignment");
    dk__error_set(err, DK_EFATAL, "The consumer cannot go on: %s. Make a new one.", text);
    if (err != NULL) {
        err->kafka = rkerr;
        err->fatal = true;
    }
    return DK_EFATAL;
}

/* Sleep until something may have changed. False: the deadline has passed, or a signal wants to be looked at. */
static bool
wait_for_more(dk_consumer *c, int64_t deadline, int due_ms)
{
    int left = dk__left_ms(deadline, due_ms);
    int64_t until = dk__now_ms() + left;

    if (left == 0 && due_ms != 0)
        return false;
    if (dk__wake_wait(&c->wake, left))
        return true;
    return left >= 0 && dk__now_ms() >= until && dk__left_ms(deadline, -1) != 0;
}

static dk_status
fetch(dk_consumer *c, uint32_t max, int timeout_ms, dk_batch **out, dk_error *err)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);

    for (;;) {
        int due = -1;
        dk_status st;

        if (atomic_load(&c->stopping))
            return DK_ESTOPPED;
        if (!dk__events_empty(c->events) || atomic_exchange(&c->woken, false))
            return DK_ETIMEOUT;
        if (atomic_load(&c->fatal))
            return fatal_status(c, err);
        st = collect(c, max, out, &due);
        if (st != DK_OK)
            return dk__error_set(err, st, "no memory for a batch; nothing is lost, try again");
        if (*out != NULL)
            return DK_OK;
        if (!wait_for_more(c, deadline, due))
            return DK_ETIMEOUT;
    }
}

dk_status
dk_consumer_fetch(dk_consumer *c, uint32_t max_messages, int timeout_ms, dk_batch **out, dk_error *err)
{
    dk_status st;
    uint32_t max = max_messages == 0 ? c->opts.batch_max_messages : max_messages;

    *out = NULL;
    st = dk__consumer_enter(c, err);
    if (st != DK_OK)
        return st;
    if (max > INT32_MAX / 2)
        max = INT32_MAX / 2;
    if (atomic_exchange(&c->fetching, true))
        return dk__error_set(err, DK_EBUSY, "another thread is fetching with this consumer");
    st = fetch(c, max, timeout_ms, out, err);
    atomic_store(&c->fetching, false);
    return st;
}
