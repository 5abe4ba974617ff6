/* SPDX-License-Identifier: MIT
 *
 * Delivery reports that somebody waits for, as DELIVERY events: a copy of each, in the block of its event, so
 * librdkafka's messages are free again before anybody takes it (flush and transactions wait for just that).
 */
#include "kafka/client/event.h"
#include "kafka/producer/internal.h"

/* The report of one record. */
typedef struct report {
    dk_delivery delivery;
    dk_ticket ticket; /* of a copy that failed; batch NULL: of something else, or taken */
    dk_header *headers;
    size_t n_headers;
} report;

/* What a DELIVERY event carries. */
typedef struct reports {
    size_t n;
    report items[];
} reports;

static void
drop_reports(dk_event *ev)
{
    reports *r = ev->load;

    for (size_t i = 0; i < r->n; i++)
        dk_ticket_reject(&r->items[i].ticket, 0);
}

/* NULL: it is another kind of event. */
static reports *
reports_of(const dk_event *ev)
{
    return ev->drop == drop_reports ? ev->load : NULL;
}

/* ---- which reports, and what of them --------------------------------------------------------------------------- */

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
    return (dk_slice){(const uint8_t *)dk__event_put(tail, bytes, n), n};
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
    *tail += -(uintptr_t)*tail & HEADER_ALIGN;
    to->headers = (dk_header *)(void *)*tail;
    *tail += n * sizeof h;
    for (; header_at(headers, to->n_headers, &h); to->n_headers++)
        to->headers[to->n_headers] = (dk_header){.name = dk__event_put(tail, h.name, strlen(h.name)),
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

/* ---- the event ------------------------------------------------------------------------------------------------- */

/* What an event of these reports needs besides itself. */
static size_t
size_of_all(const rd_kafka_message_t *const *msgs, size_t n, bool failures, size_t count)
{
    size_t size = sizeof(reports) + count * sizeof(report);
    const rd_kafka_topic_t *rkt = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!is_reported(msgs[i], failures))
            continue;
        size += report_size(msgs[i]);
        if (msgs[i]->rkt != rkt)
            size += strlen(topic_of(msgs[i])) + 1;
        rkt = msgs[i]->rkt;
    }
    return size;
}

static dk_event *
make_event(const dk_alloc *alloc, const rd_kafka_message_t *const *msgs, size_t n, bool failures, size_t count)
{
    const rd_kafka_topic_t *rkt = NULL;
    const char *topic = "";
    char *tail;
    dk_event *ev = dk__event_new(alloc, DK_EVENT_DELIVERY, size_of_all(msgs, n, failures, count), &tail);
    reports *r;

    if (ev == NULL)
        return NULL;
    r = ev->load = tail;
    r->n = 0;
    ev->drop = drop_reports;
    tail += sizeof *r + count * sizeof(report);
    for (size_t i = 0; i < n; i++) {
        if (!is_reported(msgs[i], failures))
            continue;
        if (msgs[i]->rkt != rkt)
            topic = dk__event_put(&tail, topic_of(msgs[i]), strlen(topic_of(msgs[i])));
        rkt = msgs[i]->rkt;
        put_report(&r->items[r->n++], msgs[i], topic, &tail);
        ev->n_failed += is_failure(msgs[i]);
    }
    ev->n_wanted = r->n - ev->n_failed;
    return ev;
}

bool
dk__reports_push(dk__events *q, const rd_kafka_message_t *const *msgs, size_t n)
{
    size_t wanted = 0, failures = 0;
    dk_event *ev = NULL;
    bool room;

    assert(n <= DK__MAX_REPORTS);
    for (size_t i = 0; i < n; i++) {
        wanted += is_wanted(msgs[i]);
        failures += is_failure(msgs[i]);
    }
    room = failures > 0 && dk__events_has_room(q, failures);
    if (wanted > 0 || room) {
        ev = make_event(dk__events_alloc(q), msgs, n, room, wanted + (room ? failures : 0));
        if (ev == NULL)
            return false;
        dk__events_push(q, ev, false);
    }
    if (!room)
        dk__events_count_dropped(q, failures);
    return true;
}

/* ---- accessors ------------------------------------------------------------------------------------------------- */

size_t
dk_event_deliveries(const dk_event *ev)
{
    const reports *r = reports_of(ev);

    return r != NULL ? r->n : 0;
}

static report *
report_at(const dk_event *ev, size_t i)
{
    reports *r = reports_of(ev);

    assert(r != NULL && i < r->n);
    return &r->items[i];
}

void
dk_event_delivery(const dk_event *ev, size_t i, dk_delivery *out)
{
    *out = report_at(ev, i)->delivery;
}

bool
dk_event_ticket(dk_event *ev, size_t i, dk_ticket *out)
{
    report *r = report_at(ev, i);

    *out = r->ticket;
    r->ticket.batch = NULL;
    return out->batch != NULL;
}

const dk_header *
dk_event_headers(const dk_event *ev, size_t i, size_t *n)
{
    const report *r = report_at(ev, i);

    *n = r->n_headers;
    return r->headers;
}
