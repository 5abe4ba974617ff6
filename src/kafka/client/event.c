/* SPDX-License-Identifier: MIT
 *
 * Events: what librdkafka's threads have to say, copied at once and queued until the owner takes it. An event owns
 * all of its memory, so it may outlive the client.
 */
#include <stdio.h>

#include "kafka/client/internal.h"

#define MAX_QUEUED 4096            /* droppable events beyond are dropped */
#define MAX_QUEUED_BYTES (8 << 20) /* the same for the bytes of their texts */
#define MAX_FAILURES 1000          /* waiting reports of failed messages that have no opaque */

/* The report of one record. */
typedef struct report {
    dk_delivery delivery;
    dk_ticket ticket; /* of a copy that failed; batch NULL: of something else, or taken */
    dk_header *headers;
    size_t n_headers;
} report;

struct dk_event {
    const dk_alloc *alloc;
    dk_event *next;
    dk_event_kind kind;
    int level;
    int kafka_err;
    bool fatal;
    bool retriable;
    bool droppable;
    int32_t broker_id;
    int64_t value;
    const char *fac;  /* in the block of the event, as are all texts */
    const char *text; /* never NULL */
    dk_partitions parts;
    report *reports; /* in the block of the event */
    size_t n_deliveries;
    size_t n_failures; /* those without an opaque */
    size_t n_text;
};

struct dk__events {
    const dk_alloc *alloc;
    pthread_mutex_t lock;
    dk_event *first, **last;
    dk_event *reserve; /* says "out of memory" when another event cannot be made */
    size_t droppable, droppable_bytes, failures;
    void (*notify)(void *ctx);
    void *notify_ctx;
    atomic_size_t len, reports;
    atomic_ullong dropped;
    atomic_bool heartbeat_lost;
};

/* ---- the block of one event ------------------------------------------------------------------------------------ */

/* An event with room for n more bytes behind it, at *tail. */
static dk_event *
make_event(const dk_alloc *alloc, dk_event_kind kind, size_t n, char **tail)
{
    dk_event *ev = n < SIZE_MAX / 2 ? dk__malloc(alloc, sizeof *ev + n) : NULL;

    if (ev == NULL)
        return NULL;
    *ev = (dk_event){.alloc = alloc, .kind = kind, .broker_id = -1, .fac = "", .text = ""};
    dk_partitions_init(&ev->parts, alloc);
    if (tail != NULL)
        *tail = (char *)(ev + 1);
    return ev;
}

/* Copy n bytes to *tail and a NUL behind them, move *tail on. */
static char *
put_bytes(char **tail, const void *bytes, size_t n)
{
    char *at = *tail;

    if (n > 0)
        memcpy(at, bytes, n);
    at[n] = '\0';
    *tail += n + 1;
    return at;
}

static dk_event *
make_text_event(const dk_alloc *alloc, dk_event_kind kind, const char *fac, const char *text)
{
    size_t n_fac = fac != NULL ? strlen(fac) : 0, n_text = text != NULL ? strlen(text) : 0;
    char *tail;
    dk_event *ev = make_event(alloc, kind, n_fac + n_text + 2, &tail);

    if (ev == NULL)
        return NULL;
    ev->fac = put_bytes(&tail, fac, n_fac);
    ev->text = put_bytes(&tail, text, n_text);
    ev->n_text = n_text;
    return ev;
}

static dk_event *
make_reserve(const dk_alloc *alloc)
{
    dk_event *ev = make_text_event(alloc, DK_EVENT_ERROR, NULL, "out of memory: an event was lost");

    if (ev != NULL)
        ev->kafka_err = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
    return ev;
}

void
dk_event_free(dk_event *ev)
{
    if (ev == NULL)
        return;
    for (size_t i = 0; i < ev->n_deliveries; i++)
        dk_ticket_reject(&ev->reports[i].ticket, 0);
    dk_partitions_fini(&ev->parts);
    dk__free(ev->alloc, ev);
}

/* ---- the queue ------------------------------------------------------------------------------------------------- */

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
    size_t reports = ev->n_deliveries - ev->n_failures;

    *q->last = ev;
    q->last = &ev->next;
    q->droppable += ev->droppable;
    q->droppable_bytes += ev->droppable ? ev->n_text : 0;
    q->failures += ev->n_failures;
    if (reports > 0)
        atomic_fetch_add_explicit(&q->reports, reports, memory_order_relaxed);
    atomic_fetch_add_explicit(&q->len, 1, memory_order_release);
}

/* Queue the event, or the reserve if there was no memory for it. */
static void
push(dk__events *q, dk_event *ev, bool droppable)
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
        size_t reports = ev->n_deliveries - ev->n_failures;

        q->first = ev->next;
        if (q->first == NULL)
            q->last = &q->first;
        ev->next = NULL;
        q->droppable -= ev->droppable;
        q->droppable_bytes -= ev->droppable ? ev->n_text : 0;
        q->failures -= ev->n_failures;
        if (reports > 0)
            atomic_fetch_sub_explicit(&q->reports, reports, memory_order_relaxed);
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

/* ---- making events --------------------------------------------------------------------------------------------- */

void
dk__events_push_log(dk__events *q, int level, const char *fac, const char *text)
{
    dk_event *ev = make_text_event(q->alloc, DK_EVENT_LOG, fac, text);

    if (ev != NULL)
        ev->level = level;
    push(q, ev, true);
}

void
dk__events_push_error(dk__events *q, int kafka_err, bool fatal, const char *text)
{
    dk_event *ev = make_text_event(q->alloc, DK_EVENT_ERROR, NULL, text);

    if (ev != NULL) {
        ev->kafka_err = kafka_err;
        ev->fatal = fatal;
    }
    push(q, ev, !fatal);
}

void
dk__events_push_text(dk__events *q, dk_event_kind kind, const char *text, int64_t value, int32_t broker_id)
{
    dk_event *ev = make_text_event(q->alloc, kind, NULL, text);

    if (ev != NULL) {
        ev->value = value;
        ev->broker_id = broker_id;
    }
    push(q, ev, kind == DK_EVENT_STATS || kind == DK_EVENT_THROTTLE);
}

void
dk__events_push_partitions(dk__events *q, dk_event_kind kind, int kafka_err,
                           const rd_kafka_topic_partition_list_t *parts)
{
    dk_event *ev = make_text_event(q->alloc, kind, NULL, kafka_err != 0 ? dk_kafka_err_text(kafka_err) : NULL);

    if (ev != NULL)
        ev->kafka_err = kafka_err;
    if (ev != NULL && parts != NULL && dk__append_rd_list(parts, &ev->parts) != DK_OK) {
        dk_event_free(ev);
        ev = NULL;
    }
    push(q, ev, false);
}

void
dk__events_push_message_error(dk__events *q, const rd_kafka_message_t *msg)
{
    const char *text = rd_kafka_message_errstr(msg);
    dk_event *ev = make_text_event(q->alloc, DK_EVENT_MESSAGE, NULL, text);
    dk_partition part = {.topic = msg->rkt != NULL ? rd_kafka_topic_name(msg->rkt) : NULL,
                         .partition = msg->partition,
                         .offset = msg->offset,
                         .leader_epoch = dk__rdk_message_leader_epoch(msg),
                         .kafka_err = msg->err};

    if (ev != NULL)
        ev->kafka_err = msg->err;
    if (ev != NULL && part.topic != NULL && dk_partitions_add(&ev->parts, &part) != DK_OK) {
        dk_event_free(ev);
        ev = NULL;
    }
    push(q, ev, false);
}

/* ---- delivery reports ------------------------------------------------------------------------------------------ */

/* Does somebody wait for this report? A copy's ticket need not be told that all is well. */
static bool
is_wanted(const rd_kafka_message_t *msg)
{
    return msg->_private != NULL && (msg->err != RD_KAFKA_RESP_ERR_NO_ERROR || !dk__is_copy(msg->_private));
}

static bool
is_failure(const rd_kafka_message_t *msg)
{
    return msg->_private == NULL && msg->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool
is_reported(const rd_kafka_message_t *msg, bool failures)
{
    return is_wanted(msg) || (failures && is_failure(msg));
}

/* Key and value of a copy are in its ticket's message. */
static bool
keeps_value(const rd_kafka_message_t *msg)
{
    return msg->payload != NULL && msg->_private != NULL && !dk__is_copy(msg->_private);
}

static rd_kafka_headers_t *
headers_of(const rd_kafka_message_t *msg)
{
    rd_kafka_headers_t *headers = NULL;

    if (!dk__is_copy(msg->_private) || rd_kafka_message_headers(msg, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    return headers;
}

static bool
header_at(const rd_kafka_headers_t *headers, size_t i, dk_header *out)
{
    const void *value;
    size_t n;

    if (headers == NULL || rd_kafka_header_get_all(headers, i, &out->name, &value, &n) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    out->value = (dk_slice){.p = value, .n = n};
    return true;
}

#define HEADER_ALIGN (_Alignof(dk_header) - 1)

static size_t
headers_size(const rd_kafka_message_t *msg)
{
    const rd_kafka_headers_t *headers = headers_of(msg);
    size_t size = 0;
    dk_header h;

    for (size_t i = 0; header_at(headers, i, &h); i++)
        size += sizeof h + strlen(h.name) + 1 + (h.value.p != NULL ? h.value.n + 1 : 0);
    return size > 0 ? size + HEADER_ALIGN : 0;
}

/* What a report needs behind the event. The value of a message that nobody waits for is not kept. */
static size_t
report_size(const rd_kafka_message_t *msg)
{
    return (msg->key != NULL ? msg->key_len + 1 : 0) + (keeps_value(msg) ? msg->len + 1 : 0) + headers_size(msg);
}

static dk_slice
put_slice(char **tail, const void *bytes, size_t n)
{
    if (bytes == NULL)
        return (dk_slice){NULL, 0};
    return (dk_slice){(const uint8_t *)put_bytes(tail, bytes, n), n};
}

static void
put_headers(report *to, const rd_kafka_message_t *msg, char **tail)
{
    const rd_kafka_headers_t *headers = headers_of(msg);
    dk_header h;
    size_t n = 0;

    while (header_at(headers, n, &h))
        n++;
    if (n == 0)
        return;
    *tail += -(uintptr_t)*tail & (_Alignof(dk_header) - 1);
    to->headers = (dk_header *)(void *)*tail;
    *tail += n * sizeof h;
    for (; header_at(headers, to->n_headers, &h); to->n_headers++)
        to->headers[to->n_headers] = (dk_header){.name = put_bytes(tail, h.name, strlen(h.name)),
                                                 .value = put_slice(tail, h.value.p, h.value.n)};
}

static void
put_delivery(dk_delivery *to, const rd_kafka_message_t *msg, const char *topic, char **tail)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;

    to->opaque = dk__is_copy(msg->_private) ? NULL : msg->_private;
    to->topic = topic;
    to->partition = msg->partition;
    to->offset = msg->offset;
    to->key = put_slice(tail, msg->key, msg->key_len);
    to->value = put_slice(tail, keeps_value(msg) ? msg->payload : NULL, msg->len);
    to->timestamp = rd_kafka_message_timestamp(msg, &type);
    to->timestamp_type = type;
    to->latency_us = rd_kafka_message_latency(msg);
    to->kafka_err = msg->err;
    to->errstr = msg->err != RD_KAFKA_RESP_ERR_NO_ERROR ? dk_kafka_err_text(msg->err) : NULL;
}

static void
put_report(report *to, const rd_kafka_message_t *msg, const char *topic, char **tail)
{
    *to = (report){.ticket = {.batch = NULL}};
    put_delivery(&to->delivery, msg, topic, tail);
    if (!dk__is_copy(msg->_private))
        return;
    to->ticket = dk__copy_ticket(msg->_private);
    put_headers(to, msg, tail);
}

static const char *
topic_of(const rd_kafka_message_t *msg)
{
    const char *name = msg->rkt != NULL ? rd_kafka_topic_name(msg->rkt) : NULL;

    return name != NULL ? name : "";
}

static dk_event *
make_deliveries(const dk_alloc *alloc, const rd_kafka_message_t *const *msgs, size_t n, bool failures, size_t count)
{
    size_t size = count * sizeof(report);
    const rd_kafka_topic_t *rkt = NULL;
    const char *topic = "";
    char *tail;
    dk_event *ev;

    for (size_t i = 0; i < n; i++) {
        if (!is_reported(msgs[i], failures))
            continue;
        size += report_size(msgs[i]);
        if (msgs[i]->rkt != rkt)
            size += strlen(topic_of(msgs[i])) + 1;
        rkt = msgs[i]->rkt;
    }
    ev = make_event(alloc, DK_EVENT_DELIVERY, size, &tail);
    if (ev == NULL)
        return NULL;
    ev->reports = (report *)(void *)tail;
    tail += count * sizeof(report);
    rkt = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!is_reported(msgs[i], failures))
            continue;
        if (msgs[i]->rkt != rkt)
            topic = put_bytes(&tail, topic_of(msgs[i]), strlen(topic_of(msgs[i])));
        rkt = msgs[i]->rkt;
        put_report(&ev->reports[ev->n_deliveries++], msgs[i], topic, &tail);
        ev->n_failures += is_failure(msgs[i]);
    }
    return ev;
}

static bool
has_room_for_failures(dk__events *q, size_t n)
{
    bool room;

    pthread_mutex_lock(&q->lock);
    room = q->failures + n <= MAX_FAILURES;
    pthread_mutex_unlock(&q->lock);
    return room;
}

bool
dk__events_push_deliveries(dk__events *q, const rd_kafka_message_t *const *msgs, size_t n)
{
    size_t opaque = 0, failures = 0;
    dk_event *ev = NULL;
    bool room;

    assert(n <= DK__EVENTS_MAX_REPORTS);
    for (size_t i = 0; i < n; i++) {
        opaque += is_wanted(msgs[i]);
        failures += is_failure(msgs[i]);
    }
    room = failures > 0 && has_room_for_failures(q, failures);
    if (opaque > 0 || room) {
        ev = make_deliveries(q->alloc, msgs, n, room, opaque + (room ? failures : 0));
        if (ev == NULL)
            return false;
        push(q, ev, false);
    }
    if (!room)
        atomic_fetch_add_explicit(&q->dropped, failures, memory_order_relaxed);
    return true;
}

/* ---- callbacks of librdkafka ----------------------------------------------------------------------------------- */

static dk__events *
events_of(void *opaque)
{
    return opaque != NULL ? *(dk__events **)opaque : NULL;
}

/* Called from any thread of librdkafka, also while rd_kafka_new() is at work. */
static void
on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
    dk__events *q = rk != NULL ? events_of(rd_kafka_opaque(rk)) : NULL;

    if (q == NULL)
        return;
    if (strcmp(fac, "REQTMOUT") == 0 && strstr(text, "GroupCoordinator") != NULL)
        atomic_store(&q->heartbeat_lost, true);
    dk__events_push_log(q, level, fac, text);
}

bool
dk__events_heartbeat_lost(dk__events *q)
{
    return atomic_exchange(&q->heartbeat_lost, false);
}

/* A fatal error is told as itself, not as "a fatal error was raised". */
static void
push_client_error(dk__events *q, rd_kafka_t *rk, int rkerr, bool fatal, const char *reason)
{
    char text[512];

    if (!fatal && rkerr != RD_KAFKA_RESP_ERR__FATAL) {
        dk__events_push_error(q, rkerr, false, reason);
        return;
    }
    rkerr = rd_kafka_fatal_error(rk, text, sizeof text);
    dk__events_push_error(q, rkerr, true, text);
}

static void
on_error(rd_kafka_t *rk, int rkerr, const char *reason, void *opaque)
{
    dk__events *q = events_of(opaque);

    if (q != NULL)
        push_client_error(q, rk, rkerr, false, reason);
}

static int
on_stats(rd_kafka_t *rk, char *json, size_t n, void *opaque)
{
    dk__events *q = events_of(opaque);

    (void)rk;
    (void)n;
    if (q != NULL)
        dk__events_push_text(q, DK_EVENT_STATS, json, 0, -1);
    return 0; /* librdkafka frees json */
}

static void
on_throttle(rd_kafka_t *rk, const char *broker, int32_t broker_id, int throttle_ms, void *opaque)
{
    dk__events *q = events_of(opaque);

    (void)rk;
    if (q != NULL)
        dk__events_push_text(q, DK_EVENT_THROTTLE, broker, throttle_ms, broker_id);
}

static void
on_oauth(rd_kafka_t *rk, const char *config, void *opaque)
{
    dk__events *q = events_of(opaque);

    (void)rk;
    if (q != NULL)
        dk__events_push_text(q, DK_EVENT_OAUTH, config, 0, -1);
}

static bool
conf_is(const rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char buf[64];
    size_t n = sizeof buf;

    return rd_kafka_conf_get(conf, key, buf, &n) == RD_KAFKA_CONF_OK && strcmp(buf, value) == 0;
}

void
dk__events_callbacks(rd_kafka_conf_t *conf, dk__client kind)
{
    (void)kind;
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_throttle_cb(conf, on_throttle);
    /* Where librdkafka gets its tokens by itself it does not want a callback. */
    if (!conf_is(conf, "enable.sasl.oauthbearer.unsecure.jwt", "true") &&
        !conf_is(conf, "sasl.oauthbearer.method", "oidc"))
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_oauth);
}

void
dk__events_push_rd_event(dk__events *q, rd_kafka_t *rk, rd_kafka_event_t *rkev)
{
    const char *fac, *text;
    int level;

    switch (rd_kafka_event_type(rkev)) {
    case RD_KAFKA_EVENT_ERROR:
        push_client_error(q, rk, rd_kafka_event_error(rkev), rd_kafka_event_error_is_fatal(rkev) != 0,
                          rd_kafka_event_error_string(rkev));
        break;
    case RD_KAFKA_EVENT_STATS:
        dk__events_push_text(q, DK_EVENT_STATS, rd_kafka_event_stats(rkev), 0, -1);
        break;
    case RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH:
        dk__events_push_text(q, DK_EVENT_OAUTH, rd_kafka_event_config_string(rkev), 0, -1);
        break;
    case RD_KAFKA_EVENT_LOG:
        if (rd_kafka_event_log(rkev, &fac, &text, &level) == 0)
            dk__events_push_log(q, level, fac, text);
        break;
    default:
        break;
    }
}

/* ---- accessors ------------------------------------------------------------------------------------------------- */

dk_event_kind
dk_event_kind_of(const dk_event *ev)
{
    return ev->kind;
}

int
dk_event_level(const dk_event *ev)
{
    return ev->level;
}

const char *
dk_event_fac(const dk_event *ev)
{
    return ev->fac;
}

const char *
dk_event_text(const dk_event *ev)
{
    return ev->text;
}

int
dk_event_kafka_err(const dk_event *ev)
{
    return ev->kafka_err;
}

bool
dk_event_fatal(const dk_event *ev)
{
    return ev->fatal;
}

bool
dk_event_retriable(const dk_event *ev)
{
    return ev->retriable;
}

int64_t
dk_event_value(const dk_event *ev)
{
    return ev->value;
}

int32_t
dk_event_broker_id(const dk_event *ev)
{
    return ev->broker_id;
}

const dk_partitions *
dk_event_partitions(const dk_event *ev)
{
    return &ev->parts;
}

size_t
dk_event_deliveries(const dk_event *ev)
{
    return ev->n_deliveries;
}

void
dk_event_delivery(const dk_event *ev, size_t i, dk_delivery *out)
{
    assert(i < ev->n_deliveries);
    *out = ev->reports[i].delivery;
}

bool
dk_event_ticket(dk_event *ev, size_t i, dk_ticket *out)
{
    assert(i < ev->n_deliveries);
    *out = ev->reports[i].ticket;
    ev->reports[i].ticket.batch = NULL;
    return out->batch != NULL;
}

const dk_header *
dk_event_headers(const dk_event *ev, size_t i, size_t *n)
{
    assert(i < ev->n_deliveries);
    *n = ev->reports[i].n_headers;
    return ev->reports[i].headers;
}
