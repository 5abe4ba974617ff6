/* SPDX-License-Identifier: MIT
 *
 * The producer's life, and what it says and asks besides records.
 */
#include "kafka/producer/internal.h"

static void
on_event(void *ctx)
{
    dk_producer *p = ctx;

    dk__wake_raise(&p->event_wake);
}

static dk_status
init(dk_producer *p, const dk_pair *pairs, size_t n_pairs, dk_error *err)
{
    rd_kafka_conf_t *conf;
    dk_status st = dk__events_new(p->alloc, &p->events);

    if (st != DK_OK)
        return dk__error_set(err, st, "producer");
    st = dk__wake_init(&p->room_wake, err);
    if (st != DK_OK)
        return st;
    p->room_wake_made = true;
    st = dk__wake_init(&p->event_wake, err);
    if (st != DK_OK)
        return st;
    p->event_wake_made = true;
    dk__events_notify(p->events, on_event, p);

    st = dk__conf_new(DK__PRODUCER, pairs, n_pairs, &conf, &p->info, err);
    if (st != DK_OK)
        return st;
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
    dk__events_callbacks(conf, DK__PRODUCER);
    if (p->info.wants_tokens)
        dk__tokens_enable(conf, RD_KAFKA_EVENT_DR);
    st = dk__client_new(DK__PRODUCER, conf, &p->rk, err);
    if (st == DK_OK && p->info.wants_tokens)
        st = dk__tokens_new(p->alloc, p->rk, &p->info, &p->tokens);
    if (st != DK_OK)
        return st;
    p->queue = rd_kafka_queue_get_main(p->rk);
    return dk__service_start(p, err);
}

dk_status
dk_producer_new(const dk_alloc *alloc, const dk_pair *pairs, size_t n_pairs, dk_producer **out, dk_error *err)
{
    dk_producer *p;
    dk_status st;

    if (out == NULL || (pairs == NULL && n_pairs > 0))
        return dk__error_set(err, DK_EINVAL, "dk_producer_new() without a place for the result or without pairs");
    p = dk__calloc(alloc, 1, sizeof *p);
    if (p == NULL)
        return dk__error_set(err, DK_ENOMEM, "producer");
    p->alloc = dk__alloc_or_libc(alloc);
    p->fork_generation = dk__fork_generation();
    atomic_store(&p->full_at, UINT64_MAX);
    dk__topics_init(&p->topics, p->alloc);
    st = init(p, pairs, n_pairs, err);
    if (st != DK_OK) {
        dk_producer_free(p);
        return st;
    }
    *out = p;
    dk__error_clear(err);
    return DK_OK;
}

void
dk_producer_free(dk_producer *p)
{
    if (p == NULL || dk__forked(p->fork_generation))
        return; /* in a child the threads that could give things back do not exist */
    dk__service_stop(p);
    dk__service_give_up_copies(p); /* what librdkafka forgets when it is destroyed it does not report */
    dk__topics_fini(&p->topics);
    if (p->queue != NULL)
        rd_kafka_queue_destroy(p->queue);
    dk__tokens_end(p->tokens);
    if (p->rk != NULL)
        rd_kafka_destroy(p->rk);
    dk__events_free(p->events);
    if (p->room_wake_made)
        dk__wake_fini(&p->room_wake);
    if (p->event_wake_made)
        dk__wake_fini(&p->event_wake);
    dk__free(p->alloc, p);
}

dk_status
dk__producer_enter(const dk_producer *p, dk_error *err)
{
    if (p == NULL)
        return dk__error_set(err, DK_EINVAL, "no producer");
    if (dk__forked(p->fork_generation))
        return dk__error_set(err, DK_EFORKED,
                             "this producer was made before fork(): make a new one in the child process");
    return DK_OK;
}

/* ---- events and numbers ---------------------------------------------------------------------------------------- */

dk_event *
dk_producer_event(dk_producer *p)
{
    return dk__producer_enter(p, NULL) == DK_OK ? dk__events_take(p->events) : NULL;
}

void
dk_producer_counters_get(dk_producer *p, dk_producer_counters *out)
{
    *out = (dk_producer_counters){0};
    if (dk__producer_enter(p, NULL) != DK_OK)
        return;
    out->delivered = atomic_load(&p->delivered); /* before produced, so that it is never the larger */
    out->failed = atomic_load(&p->failed);
    out->produced = atomic_load(&p->produced);
    out->events_dropped = dk__events_dropped(p->events);
}

/* ---- asking and telling the cluster ---------------------------------------------------------------------------- */

dk_status
dk_producer_metadata(dk_producer *p, const char *topic, int timeout_ms, dk_metadata **out, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    if (st == DK_OK && out == NULL)
        st = dk__error_set(err, DK_EINVAL, "no place for the metadata");
    return st == DK_OK ? dk__metadata(p->alloc, p->rk, topic, timeout_ms, out, err) : st;
}

dk_tokens *
dk_producer_tokens(dk_producer *p)
{
    return dk__producer_enter(p, NULL) == DK_OK ? dk__tokens_ref(p->tokens) : NULL;
}

dk_status
dk_producer_sasl_credentials(dk_producer *p, const char *username, const char *password, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? dk__sasl_credentials(p->rk, username, password, err) : st;
}
