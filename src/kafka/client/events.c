/* SPDX-License-Identifier: MIT
 *
 * The queue of a client's events: what librdkafka's threads have to say waits here until the owner takes it.
 */
#include "kafka/client/event.h"

#define MAX_QUEUED 4096            /* droppable events beyond are dropped */
#define MAX_QUEUED_BYTES (8 << 20) /* the same for the bytes of their texts */
#define MAX_FAILURES 1000          /* waiting reports of failed messages that have no opaque */

static dk_event *
make_reserve(const dk_alloc *alloc)
{
    dk_event *ev = dk__event_new_text(alloc, DK_EVENT_ERROR, NULL, "out of memory: an event was lost");

    if (ev != NULL)
        ev->kafka_err = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    return ev;
}

dk_status
dk__events_new(const dk_alloc *alloc, dk__events **out)
{
    dk__events *q = dk__calloc(alloc, 1, sizeof *q);

    if (q == NULL)
        return DK_ENOMEM;
    q->alloc = dk__alloc_or_libc(alloc);
    q->reserve = make_reserve(q->alloc);
    if (q->reserve == NULL || pthread_mutex_init(&q->lock, NULL) != 0) {
        dk_event_free(q->reserve);
        dk__free(q->alloc, q);
        return DK_ENOMEM;
    }
    q->last = &q->first;
    *out = q;
    return DK_OK;
}

void
dk__events_free(dk__events *q)
{
    dk_event *ev;

    if (q == NULL)
        return;
    while ((ev = q->first) != NULL) {
        q->first = ev->next;
        dk_event_free(ev);
    }
    dk_event_free(q->reserve);
    pthread_mutex_destroy(&q->lock);
    dk__free(q->alloc, q);
}

void
dk__events_notify(dk__events *q, void (*notify)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&q->lock);
    q->notify = notify;
    q->notify_ctx = ctx;
    pthread_mutex_unlock(&q->lock);
}

static bool
is_full(const dk__events *q, const dk_event *ev)
{
    return ev->droppable && (q->droppable >= MAX_QUEUED || q->droppable_bytes + ev->n_text > MAX_QUEUED_BYTES);
}

static void
append_locked(dk__events *q, dk_event *ev)
{
    *q->last = ev;
    q->last = &ev->next;
    q->droppable += ev->droppable;
    q->droppable_bytes += ev->droppable ? ev->n_text : 0;
    q->failures += ev->n_failed;
    if (ev->n_wanted > 0)
        atomic_fetch_add_explicit(&q->reports, ev->n_wanted, memory_order_relaxed);
    atomic_fetch_add_explicit(&q->len, 1, memory_order_release);
}

void
dk__events_push(dk__events *q, dk_event *ev, bool droppable)
{
    void (*notify)(void *ctx);
    void *ctx;

    pthread_mutex_lock(&q->lock);
    if (ev == NULL && !droppable) {
        ev = q->reserve;
        q->reserve = NULL;
    } else if (ev != NULL) {
        ev->droppable = droppable;
    }
    notify = q->notify;
    ctx = q->notify_ctx;
    if (ev == NULL || is_full(q, ev)) {
        atomic_fetch_add_explicit(&q->dropped, 1, memory_order_relaxed);
        notify = NULL;
    } else {
        append_locked(q, ev);
        ev = NULL;
    }
    pthread_mutex_unlock(&q->lock);
    dk_event_free(ev);
    if (notify != NULL)
        notify(ctx);
}

dk_event *
dk__events_take(dk__events *q)
{
    dk_event *ev;

    if (dk__events_empty(q))
        return NULL;
    pthread_mutex_lock(&q->lock);
    ev = q->first;
    if (ev != NULL) {
        q->first = ev->next;
        if (q->first == NULL)
            q->last = &q->first;
        ev->next = NULL;
        q->droppable -= ev->droppable;
        q->droppable_bytes -= ev->droppable ? ev->n_text : 0;
        q->failures -= ev->n_failed;
        if (ev->n_wanted > 0)
            atomic_fetch_sub_explicit(&q->reports, ev->n_wanted, memory_order_relaxed);
        atomic_fetch_sub_explicit(&q->len, 1, memory_order_relaxed);
    }
    if (q->reserve == NULL)
        q->reserve = make_reserve(q->alloc);
    pthread_mutex_unlock(&q->lock);
    return ev;
}

bool
dk__events_empty(const dk__events *q)
{
    return atomic_load_explicit(&q->len, memory_order_acquire) == 0;
}

uint64_t
dk__events_dropped(const dk__events *q)
{
    return atomic_load_explicit(&q->dropped, memory_order_relaxed);
}

size_t
dk__events_reports(const dk__events *q)
{
    return atomic_load_explicit(&q->reports, memory_order_relaxed);
}

bool
dk__events_has_room(dk__events *q, size_t n)
{
    bool room;

    pthread_mutex_lock(&q->lock);
    room = q->failures + n <= MAX_FAILURES;
    pthread_mutex_unlock(&q->lock);
    return room;
}

void
dk__events_count_dropped(dk__events *q, size_t n)
{
    atomic_fetch_add_explicit(&q->dropped, n, memory_order_relaxed);
}

const dk_alloc *
dk__events_alloc(const dk__events *q)
{
    return q->alloc;
}

void
dk__events_hush(dk__events *q, bool on)
{
    atomic_store(&q->hushed, on);
}

bool
dk__events_hushed(const dk__events *q)
{
    return atomic_load(&q->hushed);
}

/* ---- making events --------------------------------------------------------------------------------------------- */

void
dk__events_push_log(dk__events *q, int level, const char *fac, const char *text)
{
    dk_event *ev = dk__event_new_text(q->alloc, DK_EVENT_LOG, fac, text);

    if (ev != NULL)
        ev->level = level;
    dk__events_push(q, ev, true);
}

void
dk__events_push_error(dk__events *q, int kafka_err, bool fatal, const char *text)
{
    dk_event *ev = dk__event_new_text(q->alloc, DK_EVENT_ERROR, NULL, text);

    if (ev != NULL) {
        ev->kafka_err = kafka_err;
        ev->fatal = fatal;
    }
    dk__events_push(q, ev, !fatal);
}

void
dk__events_push_text(dk__events *q, dk_event_kind kind, const char *text, int64_t value, int32_t broker_id)
{
    dk_event *ev = dk__event_new_text(q->alloc, kind, NULL, text);

    if (ev != NULL) {
        ev->value = value;
        ev->broker_id = broker_id;
    }
    dk__events_push(q, ev, kind == DK_EVENT_STATS || kind == DK_EVENT_THROTTLE);
}

void
dk__events_push_partitions(dk__events *q, dk_event_kind kind, int kafka_err,
                           const rd_kafka_topic_partition_list_t *parts)
{
    dk_event *ev = dk__event_new_text(q->alloc, kind, NULL, kafka_err != 0 ? dk_kafka_err_text(kafka_err) : NULL);

    if (ev != NULL)
        ev->kafka_err = kafka_err;
    if (ev != NULL && parts != NULL && dk__append_rd_list(parts, &ev->parts) != DK_OK) {
        dk_event_free(ev);
        ev = NULL;
    }
    dk__events_push(q, ev, false);
}

void
dk__events_push_part_error(dk__events *q, const dk_partition *part, const char *text)
{
    dk_event *ev = dk__event_new_text(q->alloc, DK_EVENT_MESSAGE, NULL, text);

    if (ev != NULL)
        ev->kafka_err = part->kafka_err;
    if (ev != NULL && part->topic != NULL && dk_partitions_add(&ev->parts, part) != DK_OK) {
        dk_event_free(ev);
        ev = NULL;
    }
    dk__events_push(q, ev, false);
}

void
dk__events_push_message_error(dk__events *q, const rd_kafka_message_t *msg)
{
    dk_partition part = {.topic = msg->rkt != NULL ? rd_kafka_topic_name(msg->rkt) : NULL,
                         .partition = msg->partition,
                         .offset = msg->offset,
                         .leader_epoch = dk__rdk_message_leader_epoch(msg),
                         .kafka_err = msg->err};

    dk__events_push_part_error(q, &part, rd_kafka_message_errstr(msg));
}
