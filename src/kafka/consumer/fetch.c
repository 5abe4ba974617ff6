/* SPDX-License-Identifier: MIT
 *
 * Filling batches: from what was held back, then from the partitions' own queues, in turns.
 */
#include <limits.h>
#include <stdio.h>

#include "kafka/consumer/internal.h"

#define TURN_MIN 32 /* messages a partition gives before the next one has its turn */
#define CUT_MS 50   /* how long a batch may keep partitions waiting that are not in it */

typedef struct fill {
    dk_consumer *c;
    dk_batch *b;
    uint32_t max;
    size_t bytes;
    int64_t now_ms;
} fill;

void
dk__message_error(dk_consumer *c, rd_kafka_message_t *msg)
{
    if (msg->err == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&c->fatal, true);
    if (msg->err && (msg->err != RD_KAFKA_RESP_ERR__PARTITION_EOF || c->info.partition_eof))
        dk__events_push_message_error(c->events, msg);
    rd_kafka_message_destroy(msg);
}

static bool
full(const fill *f)
{
    return f->b->len == f->max || f->bytes >= f->c->opts.batch_max_bytes;
}

static size_t
weight(const rd_kafka_message_t *msg)
{
    return msg->len + msg->key_len + sizeof(dk__entry);
}

static void
append(fill *f, dk__part *part, rd_kafka_message_t *msg, dk_batch *owner)
{
    f->b->entries[f->b->len++] = (dk__entry){
        .msg = msg,
        .part = part,
        .owner = owner != NULL ? owner : f->b,
        .generation = atomic_load_explicit(&part->generation, memory_order_relaxed),
        .outcome = DK__NEW,
    };
    part->busy = f->b;
    part->owed++;
    f->bytes += weight(msg);
}

/* An error of a partition (its end, above all) comes behind the messages that were fetched before it: with some of them in
 * this batch it waits until they have been walked. False: it waits. */
static bool
pass_error(fill *f, dk__part *part)
{
    if (part->busy != NULL)
        return false;
    dk__message_error(f->c, part->error);
    part->error = NULL;
    return true;
}

/* The topic was made anew, or the broker has lost the end of its log: offsets come again and are other messages'. They
 * count for themselves, when all is known of the messages before. NULL: not yet. */
static rd_kafka_message_t *
pass_anew(fill *f, dk__part *part)
{
    rd_kafka_message_t *msg = part->anew;
    char text[400];

    if (!dk__part_quiet(part))
        return NULL;
    snprintf(
        text, sizeof text,
        "%s [%d]: after offset %lld comes offset %lld: the log was cut off, or the topic made anew; it is followed "
        "from there",
        part->topic, (int)part->partition, (long long)part->read, (long long)msg->offset);
    dk__events_push_log(f->c->events, 4, "ANEW", text);
    part->anew = NULL;
    dk__part_reset(f->c, part);
    part->read = msg->offset;
    return msg;
}

/* The next data message of the partition's queue, or NULL. */
static rd_kafka_message_t *
next_data(fill *f, dk__part *part)
{
    rd_kafka_message_t *msg;

    if (part->anew != NULL)
        return pass_anew(f, part);
    while (part->error == NULL || pass_error(f, part)) {
        msg = rd_kafka_consume_queue(part->queue, 0);
        if (msg == NULL)
            return NULL;
        if (msg->err) {
            part->error = msg;
        } else if (msg->offset > part->read) {
            part->read = msg->offset;
            return msg;
        } else {
            part->anew = msg;
            return pass_anew(f, part);
        }
    }
    return NULL;
}

static rd_kafka_message_t *
read_queue(fill *f, dk__part *part)
{
    rd_kafka_message_t *msg;

    if (!atomic_load_explicit(&part->ready, memory_order_acquire))
        return NULL;
    msg = next_data(f, part);
    if (msg != NULL || part->error != NULL || part->anew != NULL)
        return msg;
    /* Lower the flag, then look again: what came in between has raised it or is seen now. */
    atomic_store(&part->ready, false);
    msg = next_data(f, part);
    if (msg != NULL || part->error != NULL || part->anew != NULL)
        atomic_store(&part->ready, true);
    return msg;
}

/* Up to `turn` messages of one partition. Out of memory leaves the message in hand with the partition. */
static dk_status
fill_from(fill *f, dk__part *part, uint32_t turn)
{
    dk_status st;

    while (turn-- > 0 && !full(f)) {
        dk__held_msg m = {0};

        st = dk__held_reserve(f->c, &part->held, part->owed + 1);
        if (st != DK_OK)
            return st;
        if (!dk__held_pop(&part->held, &m)) {
            m.msg = read_queue(f, part);
            if (m.msg == NULL)
                return DK_OK;
        }
        if (dk__part_awaits_note(part, m.msg->offset, f->now_ms)) {
            dk__held_insert(&part->held, m);
            return DK_OK;
        }
        st = dk__offsets_deliver(&part->offsets, m.msg->offset);
        if (st != DK_OK) {
            dk__held_insert(&part->held, m);
            return st;
        }
        append(f, part, m.msg, m.owner);
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

            if (part->busy != f->b && !dk__part_open(part, f->now_ms))
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

/* Has a partition that is in no batch something to hand out? Lock held. */
static bool
others_wait(const dk_consumer *c, int64_t now_ms)
{
    for (size_t i = 0; i < c->n_parts; i++) {
        const dk__part *part = c->parts[i];

        if (dk__part_open(part, now_ms) && (part->held.len > 0 || atomic_load(&part->ready)))
            return true;
    }
    return false;
}

bool
dk__batches_cut(dk_consumer *c, int64_t now_ms)
{
    bool wait = c->open != NULL && others_wait(c, now_ms);

    for (dk_batch *b = c->open; wait && b != NULL; b = b->next)
        if (now_ms - b->opened_ms >= CUT_MS)
            atomic_store_explicit(&b->cut, true, memory_order_relaxed);
    return c->open != NULL;
}

/* How long until a held-back partition is due; -1: none is. Lock held. */
static int
next_due_ms(const dk_consumer *c, int64_t now_ms)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < c->n_parts; i++) {
        const dk__part *part = c->parts[i];

        if (part->assigned && part->due_ms > now_ms && part->due_ms < due)
            due = part->due_ms;
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
    st = fill_batch(&f);
    if (f.b->len > 0) {
        f.b->opened_ms = f.now_ms;
        f.b->next = c->open;
        c->open = f.b;
        c->counters.batches++;
        c->counters.fetched += f.b->len;
        *out = f.b;
    }
    *due_ms = next_due_ms(c, f.now_ms);
    pthread_mutex_unlock(&c->lock);
    if (f.b->len == 0)
        dk__batch_unref(f.b);
    return st;
}

static dk_status
fatal_status(dk_consumer *c, dk_error *err)
{
    char text[256] = "";
    rd_kafka_resp_err_t rkerr = rd_kafka_fatal_error(c->rk, text, sizeof text);

    if (!rkerr)
        strcpy(text, "out of memory for an assignment");
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
