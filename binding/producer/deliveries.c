/* SPDX-License-Identifier: MIT
 *
 * Producer: delivery reports, and copies that were refused, to their callables.
 */
#include "base/events.h"
#include "base/log.h"
#include "base/slices.h"
#include "base/vocab.h"
#include "consumer/message.h"
#include "consumer/ticket.h"
#include "producer/producer.h"

#include "dk/forward.h"

int
native_producer_enter(ProducerObject *self)
{
    if (self->p == NULL) {
        PyErr_SetString(PyExc_RuntimeError, self->closed ? "Producer closed" : "Producer.__init__() was not called");
        return -1;
    }
    return 0;
}

/* ---- reports --------------------------------------------------------------------------------------------------- */

int
native_report_new(ProducerObject *self, PyObject *callback, size_t n, native_report **out)
{
    native_report *r = self->spare;

    *out = NULL;
    if (callback == NULL)
        return 0;
    if (r != NULL) {
        self->spare = r->next;
    } else {
        r = PyMem_Malloc(sizeof *r);
        if (r == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    *r = (native_report){.next = self->reports, .callback = Py_NewRef(callback), .waiting = n};
    if (r->next != NULL)
        r->next->prev = r;
    self->reports = r;
    *out = r;
    return 0;
}

void
native_report_done(ProducerObject *self, native_report *r, size_t n)
{
    PyObject *callback;

    if (r == NULL)
        return;
    r->waiting -= n;
    if (r->waiting > 0)
        return;
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        self->reports = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    callback = r->callback;
    r->callback = NULL;
    r->next = self->spare;
    self->spare = r;
    Py_DECREF(callback);
}

void
native_reports_free(ProducerObject *self)
{
    while (self->reports != NULL)
        native_report_done(self, self->reports, self->reports->waiting);
    while (self->spare != NULL) {
        native_report *r = self->spare;

        self->spare = r->next;
        PyMem_Free(r);
    }
}

static PyObject *
delivered_message(ProducerObject *self, const dk_delivery *d, PyObject *error)
{
    native_message_fields f = {.topic = d->topic,
                               .partition = d->partition,
                               .offset = d->offset,
                               .key = d->key,
                               .value = d->value,
                               .timestamp = d->timestamp,
                               .timestamp_type = d->timestamp_type,
                               .latency = d->latency_us < 0 ? -1.0 : (double)d->latency_us / 1e6,
                               .leader_epoch = -1,
                               .error = error};

    return native_message_new(self->state, &f);
}

static int
call_back(ProducerObject *self, PyObject *callback, const dk_delivery *d)
{
    PyObject *error = native_kafka_error_or_none(self->state, d->kafka_err, d->errstr), *msg = NULL, *result = NULL;

    if (error != NULL)
        msg = delivered_message(self, d, error);
    if (msg != NULL) {
        Py_INCREF(callback);
        result = PyObject_CallFunctionObjArgs(callback, error, msg, NULL);
        Py_DECREF(callback);
    }
    Py_XDECREF(error);
    Py_XDECREF(msg);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int
run_delivery(ProducerObject *self, const dk_delivery *d)
{
    native_report *r = d->opaque;
    int rc = 0;

    if (r == NULL) {
        if (d->kafka_err != 0)
            rc = native_log(self->state, self->cbs.logger, 3, "a message to %s [%d] was not delivered: %s (%s)",
                            d->topic, (int)d->partition, dk_kafka_err_text(d->kafka_err),
                            dk_kafka_err_name(d->kafka_err));
        return rc;
    }
    if (d->kafka_err != 0 || !self->only_errors)
        rc = call_back(self, r->callback, d);
    native_report_done(self, r, 1);
    return rc;
}

/* ---- copies that were refused ---------------------------------------------------------------------------------- */

#define COME_AGAIN_MS 1000 /* when nobody says otherwise */

/* Takes the ticket. */
static int
run_refused(ProducerObject *self, const dk_event *ev, size_t i, dk_ticket *ticket)
{
    PyObject *owed, *error, *headers, *result = NULL;
    const dk_header *items;
    dk_delivery d;
    size_t n;

    dk_event_delivery(ev, i, &d);
    if (self->on_refused == NULL) {
        dk_ticket_reject(ticket, COME_AGAIN_MS);
        return 0;
    }
    items = dk_event_headers(ev, i, &n);
    owed = native_ticket_new(self->state, ticket);
    error = owed != NULL ? native_kafka_error_or_none(self->state, d.kafka_err, d.errstr) : NULL;
    headers = error != NULL ? native_header_list(items, n) : NULL;
    if (headers != NULL)
        result = PyObject_CallFunction(self->on_refused, "OOsO", owed, error, d.topic, headers);
    Py_XDECREF(owed);
    Py_XDECREF(error);
    Py_XDECREF(headers);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

static int
run_deliveries(ProducerObject *self, dk_event *ev)
{
    size_t n = dk_event_deliveries(ev);
    PyObject *first = NULL;

    for (size_t i = 0; i < n; i++) {
        dk_delivery d;
        dk_ticket ticket;
        int rc;

        dk_event_delivery(ev, i, &d);
        if (dk_event_ticket(ev, i, &ticket))
            rc = run_refused(self, ev, i, &ticket);
        else
            rc = run_delivery(self, &d);
        if (rc < 0)
            native_keep_first(&first, (PyObject *)self);
    }
    if (first == NULL)
        return 0;
    PyErr_SetRaisedException(first);
    return -1;
}

int
native_producer_events(ProducerObject *self, int *count)
{
    native_client client = {.state = self->state, .cbs = &self->cbs, .producer = self->p};
    dk_event *ev;
    int rc = 0;

    while (rc == 0 && self->p != NULL && (ev = dk_producer_event(self->p)) != NULL) {
        if (dk_event_kind_of(ev) == DK_EVENT_DELIVERY) {
            *count += (int)dk_event_deliveries(ev);
            rc = run_deliveries(self, ev);
        } else {
            *count += dk_event_kind_of(ev) != DK_EVENT_LOG; /* a line of the client's is nothing to wait for */
            rc = native_event_run(&client, ev);
        }
        dk_event_free(ev);
    }
    return rc;
}
