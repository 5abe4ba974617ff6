/* SPDX-License-Identifier: MIT
 *
 * The engine thread: it serves the group, the results of commits and the timers of one consumer, whatever the
 * application does meanwhile.
 */
#include "kafka/consumer/handle.h"

#define POLL_MS 250        /* how long the thread sleeps at most */
#define POLL_BUSY_MS 50    /* while messages are being handled */
#define LOOK_AGAIN_MS 1000 /* until the queues are looked at without a wake-up */
#define NOTE_AGAIN_MS 250  /* until a note that was not accepted is sent again */

/* Watch what is in hand: the walk itself reads no clock. */
static void
watch_hand(dk_consumer *c, int64_t now_ms)
{
    for (dk_batch *b = c->open; b != NULL; b = b->next) {
        uint32_t cursor = atomic_load(&b->cursor);

        if (b->seen_ms == 0 || b->seen_cursor != cursor) {
            b->seen_cursor = cursor;
            b->seen_ms = now_ms;
        }
    }
}

/* A message that came through the consumer's queue: an error of the group, or, should a queue have been forwarded
 * there for a moment, data. */
static void
serve_message(dk_consumer *c, rd_kafka_message_t *msg)
{
    dk_status st;

    if (msg->err) {
        dk__tell_error(c, msg);
        return;
    }
    pthread_mutex_lock(&c->lock);
    st = dk__intake_message(c, msg);
    pthread_mutex_unlock(&c->lock);
    if (st == DK_OK)
        dk__wake_raise(&c->wake);
    else
        atomic_store(&c->fatal, true); /* the message cannot be kept, and must not be skipped */
}

/* Returns how long the next poll may wait. */
static int
serve_timers(dk_consumer *c)
{
    int64_t now = dk__now_ms();
    bool due, busy;

    atomic_store(&c->last_poll_ms, now);
    pthread_mutex_lock(&c->lock);
    watch_hand(c, now);
    dk__damage_retry(c, now);
    if (now >= c->next_look_ms) {
        c->next_look_ms = now + LOOK_AGAIN_MS;
        dk__parts_look_again(c);
    }
    busy = dk__batches_cut(c, now);
    due = c->opts.commit_interval_ms > 0 && now >= c->next_commit_ms;
    if (due)
        c->next_commit_ms = now + c->opts.commit_interval_ms;
    if (now >= c->next_note_ms && dk__commits(c) && dk__notes_to_send(c)) {
        c->next_note_ms = now + NOTE_AGAIN_MS;
        due = true;
    }
    pthread_mutex_unlock(&c->lock);
    if (due)
        dk__commit_finished(c, (dk__commit_how){.sync = false}, NULL);
    return busy ? POLL_BUSY_MS : POLL_MS;
}

static void
leave(dk_consumer *c)
{
    dk__leave_group(c);
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_parts; i++)
        dk__part_revoke(c->parts[i]);
    atomic_store(&c->closed, true);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
}

static void *
engine_main(void *arg)
{
    dk_consumer *c = arg;
    int wait_ms = POLL_BUSY_MS;

    for (;;) {
        rd_kafka_message_t *msg;
        bool closing, quit;

        pthread_mutex_lock(&c->lock);
        closing = c->closing;
        quit = c->quit;
        pthread_mutex_unlock(&c->lock);
        if (quit)
            return NULL;
        if (closing) {
            leave(c);
            return NULL;
        }
        msg = rd_kafka_consumer_poll(c->rk, wait_ms);
        if (msg != NULL)
            serve_message(c, msg);
        wait_ms = serve_timers(c);
    }
}

dk_status
dk__engine_start(dk_consumer *c, dk_error *err)
{
    dk_status st = dk__thread_start(&c->thread, engine_main, c, "consumer", err);

    c->thread_started = st == DK_OK;
    return st;
}

void
dk__engine_join(dk_consumer *c)
{
    if (!c->thread_started || c->thread_joined)
        return;
    pthread_join(c->thread, NULL);
    c->thread_joined = true;
}
