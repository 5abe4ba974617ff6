/* SPDX-License-Identifier: MIT
 *
 * The consumer's life: made, closed, freed. What its thread serves begins in engine.c, what the caller fetches in
 * fetch.c.
 */
#include "kafka/consumer/handle.h"

/* ---- options --------------------------------------------------------------------------------------------------- */

void
dk_consumer_opts_init(dk_consumer_opts *opts)
{
    *opts = (dk_consumer_opts){
        .size = sizeof *opts,
        .commit_interval_ms = DK_COMMIT_CONF,
        .drain_ms = 30000,
        .batch_max_messages = 1000,
        .batch_max_bytes = 8u << 20,
        .note_max_bytes = DK_NOTE_MAX_BYTES,
    };
}

/* A caller that was compiled with another header has a shorter or a longer struct: what both know counts. */
static void
read_opts(dk_consumer *c, const dk_consumer_opts *opts)
{
    size_t size = opts == NULL ? 0 : opts->size;

    dk_consumer_opts_init(&c->opts);
    if (size > sizeof c->opts)
        size = sizeof c->opts;
    if (size > 0)
        memcpy(&c->opts, opts, size);
    c->opts.size = sizeof c->opts;
    if (c->opts.commit_interval_ms == DK_COMMIT_CONF)
        c->opts.commit_interval_ms = c->info.auto_commit ? c->info.auto_commit_interval_ms : DK_COMMIT_NEVER;
    if (c->opts.drain_ms > c->info.max_poll_interval_ms / 2)
        c->opts.drain_ms = c->info.max_poll_interval_ms / 2;
    if (c->opts.batch_max_messages == 0)
        c->opts.batch_max_messages = 1;
    atomic_store(&c->rebalance_ack, c->opts.rebalance_ack);
    atomic_store(&c->assign_ack, c->opts.assign_ack);
    c->next_commit_ms = dk__now_ms() + c->opts.commit_interval_ms;
    c->rules.tickets_max = c->opts.tickets_max;
    c->rules.notes_wait = dk__commits(c);
}

/* ---- new ------------------------------------------------------------------------------------------------------- */

static void
notify_event(void *ctx)
{
    dk__wake_raise(ctx);
}

static void
init_sync(dk_consumer *c)
{
    dk__cond_init(&c->changed);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->table_lock, NULL);
    pthread_mutex_init(&c->spare_lock, NULL);
    c->wake.fd[0] = c->wake.fd[1] = -1;
    atomic_init(&c->refs, 1);
    atomic_init(&c->last_poll_ms, dk__now_ms());
}

/* Called by librdkafka, from its threads and with the queue locked, when the queue is no longer empty. */
static void
intake_readable(rd_kafka_t *rk, void *opaque)
{
    dk_consumer *c = opaque;

    (void)rk;
    atomic_store_explicit(&c->readable, true, memory_order_release);
    dk__wake_raise(&c->wake);
}

static dk_status
make_client(dk_consumer *c, const dk_pair *pairs, size_t n_pairs, dk_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    dk_status st = dk__conf_new(DK__CONSUMER, pairs, n_pairs, &conf, &c->info, err);

    if (st != DK_OK)
        return st;
    rd_kafka_conf_set_opaque(conf, c);
    dk__events_callbacks(conf, DK__CONSUMER);
    rd_kafka_conf_set_rebalance_cb(conf, dk__rebalance_cb);
    dk__member_watch(c, conf);
    if (c->info.wants_tokens)
        dk__tokens_enable(conf, 0);
    st = dk__client_new(DK__CONSUMER, conf, &c->rk, err);
    if (st != DK_OK)
        return st;
    rd_kafka_poll_set_consumer(c->rk);
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    c->intake = rd_kafka_queue_new(c->rk);
    rd_kafka_queue_cb_event_enable(c->intake, intake_readable, c);
    c->rules.budget.max_bytes = c->info.ahead_bytes;
    c->rules.budget.max_messages = c->info.ahead_messages;
    if (c->info.wants_tokens && dk__tokens_new(c->alloc, c->rk, &c->info, &c->tokens) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "no memory for a consumer");
    return DK_OK;
}

/* Last reference gone: no batch is open, the thread has ended. */
static void
destroy_now(dk_consumer *c)
{
    dk__tokens_end(c->tokens);
    if (c->rk != NULL) {
        dk__intake_drop(c);
        dk__parts_fini(c);
        if (c->intake != NULL) {
            rd_kafka_queue_cb_event_enable(c->intake, NULL, NULL);
            rd_kafka_queue_destroy(c->intake);
        }
        if (c->queue != NULL)
            rd_kafka_queue_destroy(c->queue);
        rd_kafka_destroy_flags(c->rk, rd_kafka_consumer_closed(c->rk) ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    dk__batches_free(c);
    dk__events_free(c->events);
    dk__wake_fini(&c->wake);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->table_lock);
    pthread_mutex_destroy(&c->spare_lock);
    dk__free(c->alloc, c);
}

/* librdkafka waits for answers that a broker owes it, up to session.timeout.ms. Nobody waits for that with it. */
static void *
destroy_main(void *arg)
{
    destroy_now(arg);
    return NULL;
}

static void
destroy(dk_consumer *c)
{
    pthread_t thread;

    if (c->rk == NULL || rd_kafka_consumer_closed(c->rk) ||
        dk__thread_start(&thread, destroy_main, c, "consumer", NULL) != DK_OK)
        destroy_now(c);
    else
        pthread_detach(thread);
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
    c->destroy = destroy;
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
        read_opts(c, opts);
        st = dk__engine_start(c, err);
    }
    if (st != DK_OK) {
        destroy(c);
        return st;
    }
    *out = c;
    return DK_OK;
}

/* ---- close, free ----------------------------------------------------------------------------------------------- */

/* In a child nothing is known of the threads and locks of the parent: its memory is left alone. */
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
    dk__engine_join(c);
    dk__consumer_unref(c);
}

void
dk_consumer_close_begin(dk_consumer *c, int timeout_ms)
{
    if (dk__forked(c->fork_generation))
        return;
    dk_consumer_stop(c);
    pthread_mutex_lock(&c->lock);
    if (!c->closing) {
        c->closing = true;
        c->close_by_ms = dk__deadline_ms(timeout_ms);
        dk__consumer_yield(c);
    }
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

dk_status
dk_consumer_close_wait(dk_consumer *c, int timeout_ms, dk_error *err)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    bool closed;

    dk__error_clear(err);
    if (dk__forked(c->fork_generation))
        return dk__error_set(err, DK_EFORKED, "this consumer was made before fork(); close it in the parent process");
    pthread_mutex_lock(&c->lock);
    while (!c->closed && dk__consumer_wait(c, deadline))
        ;
    closed = c->closed;
    pthread_mutex_unlock(&c->lock);
    if (!closed)
        return dk__error_set(err, DK_ETIMEOUT, "the consumer is still being closed");
    if (c->close_err.code != DK_OK && err != NULL)
        *err = c->close_err;
    return c->close_err.code;
}

dk_status
dk_consumer_close(dk_consumer *c, int timeout_ms, dk_error *err)
{
    if (!dk__forked(c->fork_generation)) {
        pthread_mutex_lock(&c->lock);
        c->closed_blindly = true;
        pthread_mutex_unlock(&c->lock);
    }
    dk_consumer_close_begin(c, timeout_ms);
    return dk_consumer_close_wait(c, -1, err);
}
