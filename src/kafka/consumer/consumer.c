/* SPDX-License-Identifier: MIT
 *
 * The consumer's life: made, its engine thread, stopped, closed, freed. What the thread serves is in rebalance.c and
 * commit.c, what the caller fetches in fetch.c.
 */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "kafka/consumer/internal.h"

#define POLL_MS 250       /* how long the engine thread sleeps at most */
#define POLL_BUSY_MS 50   /* while messages are being handled */
#define NOTE_AGAIN_MS 250 /* until a note that was not accepted is sent again */

dk_status
dk__consumer_enter(const dk_consumer *c, dk_error *err)
{
    if (dk__forked(c->fork_generation))
        return dk__error_set(err, DK_EFORKED,
                             "this consumer was made before fork(); make a new one in the child process");
    if (atomic_load_explicit(&c->closed, memory_order_acquire))
        return dk__error_set(err, DK_ECLOSED, "the consumer is closed");
    dk__error_clear(err);
    return DK_OK;
}

void
dk__consumer_yield(dk_consumer *c)
{
    rd_kafka_queue_yield(c->queue);
}

/* ---- engine thread ----------------------------------------------------------------------------------------------- */

/* Watch the message in hand: the walk itself reads no clock. */
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

/* A message that came through the consumer's queue: an error of the group, or, should a queue have been forwarded for
 * a moment, data. */
static void
serve_message(dk_consumer *c, rd_kafka_message_t *msg)
{
    dk__part *part;
    bool kept = false;

    if (msg->err) {
        dk__message_error(c, msg);
        return;
    }
    pthread_mutex_lock(&c->lock);
    part = dk__part_find(c, rd_kafka_topic_name(msg->rkt), msg->partition);
    if (part != NULL && part->assigned && dk__held_reserve(c, &part->held, part->owed + 1) == DK_OK) {
        dk__held_insert(&part->held, (dk__held_msg){.msg = msg, .owner = NULL});
        kept = true;
    }
    pthread_mutex_unlock(&c->lock);
    if (kept)
        dk__wake_raise(&c->wake);
    else
        rd_kafka_message_destroy(msg); /* not ours: never delivered to the tracker, so never committed */
}

/* Returns how long the next poll may wait. */
static int
serve_timers(dk_consumer *c)
{
    int64_t now = dk__now_ms();
    bool due, busy;

    atomic_store(&c->last_poll_ms, now);
    dk__member_check(c, now);
    pthread_mutex_lock(&c->lock);
    watch_hand(c, now);
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
        dk__commit_finished(c, NULL, false);
    return busy ? POLL_BUSY_MS : POLL_MS;
}

static void
leave(dk_consumer *c)
{
    rd_kafka_resp_err_t rkerr = dk__leave_group(c);

    pthread_mutex_lock(&c->lock);
    if (rkerr)
        dk__kafka_error(&c->close_err, rkerr, "leaving the group");
    for (size_t i = 0; i < c->n_parts; i++)
        dk__part_revoke(c, c->parts[i]);
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

/* The thread takes no signals: they belong to the application's threads. */
static dk_status
start_thread(dk_consumer *c, dk_error *err)
{
    sigset_t all, old;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&c->thread, NULL, engine_main, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return dk__error_set(err, DK_ENOMEM, "cannot start the engine thread: %s", strerror(rc));
    c->thread_started = true;
    return DK_OK;
}

/* ---- new, free --------------------------------------------------------------------------------------------------- */

void
dk_consumer_opts_init(dk_consumer_opts *opts)
{
    *opts = (dk_consumer_opts){
        .size = sizeof *opts,
        .commit_interval_ms = DK_COMMIT_CONF,
        .drain_ms = 30000,
        .batch_max_messages = 1000,
        .batch_max_bytes = 8u << 20,
    };
}

static void
notify_event(void *ctx)
{
    dk__wake_raise(ctx);
}

static void
settle_opts(dk_consumer *c, const dk_consumer_opts *opts)
{
    if (opts != NULL)
        c->opts = *opts;
    else
        dk_consumer_opts_init(&c->opts);
    if (c->opts.commit_interval_ms == DK_COMMIT_CONF)
        c->opts.commit_interval_ms = c->info.auto_commit ? c->info.auto_commit_interval_ms : DK_COMMIT_NEVER;
    if (c->opts.drain_ms > c->info.max_poll_interval_ms / 2)
        c->opts.drain_ms = c->info.max_poll_interval_ms / 2;
    if (c->opts.batch_max_messages == 0)
        c->opts.batch_max_messages = 1;
    atomic_store(&c->rebalance_ack, c->opts.rebalance_ack);
    c->next_commit_ms = dk__now_ms() + c->opts.commit_interval_ms;
}

static void
init_sync(dk_consumer *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->spare_lock, NULL);
    c->wake.fd[0] = c->wake.fd[1] = -1;
    atomic_init(&c->refs, 1);
    atomic_init(&c->last_poll_ms, dk__now_ms());
}

static dk_status
make_client(dk_consumer *c, const dk_pair *pairs, size_t n_pairs, dk_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    char text[256];
    dk_status st = dk__conf_new(DK__CONSUMER, pairs, n_pairs, &conf, &c->info, err);

    if (st != DK_OK)
        return st;
    rd_kafka_conf_set_opaque(conf, c);
    dk__events_callbacks(conf, DK__CONSUMER);
    rd_kafka_conf_set_rebalance_cb(conf, dk__rebalance_cb);
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (c->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return dk__error_set(err, DK_ECONFIG, "cannot make a consumer: %s", text);
    }
    rd_kafka_poll_set_consumer(c->rk);
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    return DK_OK;
}

/* Last reference gone: no batch is open, the thread has ended. */
static void
destroy(dk_consumer *c)
{
    if (c->rk != NULL) {
        dk__parts_fini(c);
        if (c->queue != NULL)
            rd_kafka_queue_destroy(c->queue);
        rd_kafka_destroy_flags(c->rk, c->closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    dk__batches_free(c);
    dk__events_free(c->events);
    dk__wake_fini(&c->wake);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->spare_lock);
    dk__free(c->alloc, c);
}

void
dk__consumer_ref(dk_consumer *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void
dk__consumer_unref(dk_consumer *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        destroy(c);
}

dk_status
dk_consumer_new(const dk_alloc *alloc, const dk_pair *pairs, size_t n_pairs, const dk_consumer_opts *opts,
                dk_consumer **out, dk_error *err)
{
    dk_consumer *c;
    dk_status st;

    *out = NULL;
    dk__error_clear(err);
    alloc = dk__alloc_or_libc(alloc);
    c = dk__calloc(alloc, 1, sizeof *c);
    if (c == NULL)
        return dk__error_set(err, DK_ENOMEM, "no memory for a consumer");
    c->alloc = alloc;
    c->fork_generation = dk__fork_generation();
    init_sync(c);
    st = dk__events_new(alloc, &c->events);
    if (st == DK_OK)
        st = dk__wake_init(&c->wake, err);
    if (st == DK_OK)
        dk__events_notify(c->events, notify_event, &c->wake);
    if (st == DK_OK)
        st = make_client(c, pairs, n_pairs, err);
    if (st == DK_OK) {
        settle_opts(c, opts);
        st = start_thread(c, err);
    }
    if (st != DK_OK) {
        destroy(c);
        return st;
    }
    *out = c;
    return DK_OK;
}

static void
join_thread(dk_consumer *c)
{
    if (!c->thread_started || c->thread_joined)
        return;
    pthread_join(c->thread, NULL);
    c->thread_joined = true;
}

void
dk_consumer_free(dk_consumer *c)
{
    if (c == NULL || dk__forked(c->fork_generation))
        return;
    dk_consumer_stop(c);
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    dk__consumer_yield(c);
    join_thread(c);
    dk__consumer_unref(c);
}

/* ---- stop, close ------------------------------------------------------------------------------------------------- */

void
dk_consumer_stop(dk_consumer *c)
{
    if (dk__forked(c->fork_generation))
        return;
    atomic_store(&c->stopping, true);
    dk__wake_raise(&c->wake);
}

bool
dk_consumer_stopping(const dk_consumer *c)
{
    return atomic_load(&c->stopping);
}

void
dk_consumer_wake(dk_consumer *c)
{
    if (dk__forked(c->fork_generation))
        return;
    atomic_store(&c->woken, true);
    dk__wake_raise(&c->wake);
}

bool
dk__consumer_wait(dk_consumer *c, int64_t deadline_ms)
{
    struct timespec at = {.tv_sec = deadline_ms / 1000, .tv_nsec = (deadline_ms % 1000) * 1000000};

    if (deadline_ms < 0)
        return pthread_cond_wait(&c->changed, &c->lock) == 0;
    return pthread_cond_timedwait(&c->changed, &c->lock, &at) != ETIMEDOUT;
}

dk_status
dk_consumer_close(dk_consumer *c, int timeout_ms, dk_error *err)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    bool closed;

    dk__error_clear(err);
    if (dk__forked(c->fork_generation))
        return dk__error_set(err, DK_EFORKED, "this consumer was made before fork(); close it in the parent process");
    dk_consumer_stop(c);
    pthread_mutex_lock(&c->lock);
    if (!c->closing) { /* once: a later yield would cut short the wait inside rd_kafka_consumer_close() */
        c->closing = true;
        dk__consumer_yield(c);
    }
    pthread_cond_broadcast(&c->changed);
    while (!c->closed && dk__consumer_wait(c, deadline))
        ;
    closed = c->closed;
    pthread_mutex_unlock(&c->lock);
    if (!closed)
        return dk__error_set(err, DK_ETIMEOUT, "the group was not left within %d ms", timeout_ms);
    if (c->close_err.code != DK_OK && err != NULL)
        *err = c->close_err;
    return c->close_err.code;
}

/* ---- events, counters -------------------------------------------------------------------------------------------- */

dk_event *
dk_consumer_event(dk_consumer *c)
{
    return dk__forked(c->fork_generation) ? NULL : dk__events_take(c->events);
}

static void
count_hand(dk_consumer *c, dk_counters *out)
{
    int64_t now = dk__now_ms();

    for (dk_batch *b = c->open; b != NULL; b = b->next) {
        int hand = atomic_load(&b->hand);
        int64_t age = b->seen_ms == 0 || b->seen_cursor != atomic_load(&b->cursor) ? 0 : now - b->seen_ms;

        if (hand < 0 || hand >= (int)b->len || age < out->in_hand_ms)
            continue;
        out->in_hand_ms = age;
        out->in_hand_partition = b->entries[hand].part->partition;
        out->in_hand_offset = b->entries[hand].msg->offset;
        strncpy(out->in_hand_topic, b->entries[hand].part->topic, sizeof out->in_hand_topic - 1);
    }
}

void
dk_consumer_counters(dk_consumer *c, dk_counters *out)
{
    *out = (dk_counters){.in_hand_ms = -1, .in_hand_partition = -1, .in_hand_offset = DK_OFFSET_INVALID};
    if (dk__forked(c->fork_generation))
        return;
    pthread_mutex_lock(&c->lock);
    dk__batches_settle(c);
    *out = c->counters;
    out->in_hand_ms = -1;
    out->in_hand_partition = -1;
    out->in_hand_offset = DK_OFFSET_INVALID;
    count_hand(c, out);
    pthread_mutex_unlock(&c->lock);
    out->events_dropped = dk__events_dropped(c->events);
    out->last_poll_ms = dk__now_ms() - atomic_load(&c->last_poll_ms);
}

/* ---- answers that need the client only ----------------------------------------------------------------------------- */

size_t
dk_consumer_member_id(dk_consumer *c, char *buf, size_t cap)
{
    char *id;
    size_t n = 0;

    if (cap > 0)
        buf[0] = '\0';
    if (dk__consumer_enter(c, NULL) != DK_OK)
        return 0;
    id = rd_kafka_memberid(c->rk);
    if (id == NULL)
        return 0;
    n = strlen(id);
    if (cap > 0) {
        strncpy(buf, id, cap - 1);
        buf[cap - 1] = '\0';
    }
    rd_kafka_mem_free(c->rk, id);
    return n;
}

dk_status
dk_consumer_metadata(dk_consumer *c, const char *topic, int timeout_ms, dk_metadata **out, dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    return st != DK_OK ? st : dk__metadata(c->alloc, c->rk, topic, timeout_ms, out, err);
}

dk_status
dk_consumer_oauth_token(dk_consumer *c, const char *token, int64_t lifetime_ms, const char *principal,
                        const dk_pair *extensions, size_t n, dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    return st != DK_OK ? st : dk__oauth_token(c->rk, token, lifetime_ms, principal, extensions, n, err);
}

void
dk_consumer_oauth_failure(dk_consumer *c, const char *reason)
{
    if (dk__consumer_enter(c, NULL) == DK_OK)
        rd_kafka_oauthbearer_set_token_failure(c->rk, reason);
}

dk_status
dk_consumer_sasl_credentials(dk_consumer *c, const char *username, const char *password, dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    return st != DK_OK ? st : dk__sasl_credentials(c->rk, username, password, err);
}
