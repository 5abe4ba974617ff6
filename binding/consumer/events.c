/* SPDX-License-Identifier: MIT
 *
 * The callables of a consumer's events.
 */
#include <string.h>

#include "base/events.h"
#include "base/log.h"
#include "base/partitions.h"
#include "base/vocab.h"
#include "consumer/consumer.h"
#include "consumer/message.h"

int
native_consumer_enter(ConsumerObject *self)
{
    if (self->c == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Consumer.__init__() was not called");
        return -1;
    }
    if (self->closed) {
        PyErr_SetString(PyExc_RuntimeError, "Consumer closed");
        return -1;
    }
    return 0;
}

/* The caller owns cb. */
static int
run_assignment(ConsumerObject *self, PyObject *cb, const dk_event *ev)
{
    PyObject *parts, *result = NULL;

    if (cb == NULL)
        return 0;
    parts = native_partitions_list(self->state, dk_event_partitions(ev));
    if (parts != NULL)
        result = PyObject_CallFunctionObjArgs(cb, (PyObject *)self, parts, NULL);
    Py_XDECREF(parts);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Whoever only wants to know: what the callable raises keeps nobody from what has to be done. */
static int
tell_rebalance(ConsumerObject *self, const char *what, const dk_event *ev)
{
    PyObject *cb = self->on_rebalance, *parts, *result = NULL;
    int rc = 0;

    if (cb == NULL || cb == Py_None)
        return 0;
    Py_INCREF(cb);
    parts = native_partitions_list(self->state, dk_event_partitions(ev));
    if (parts != NULL)
        result = PyObject_CallFunction(cb, "sO", what, parts);
    if (result == NULL)
        rc = native_pass_over(cb);
    Py_XDECREF(parts);
    Py_XDECREF(result);
    Py_DECREF(cb);
    return rc;
}

/* The engine goes on with the assignment, or gives the partitions back, once the callable has returned, or raised. */
static int
run_rebalance(ConsumerObject *self, const char *what, PyObject *cb, const dk_event *ev)
{
    PyObject *first = NULL;

    Py_XINCREF(cb);               /* others may subscribe anew meanwhile */
    if (PyErr_CheckSignals() < 0) /* or what a handler raises would look like the callable's exception */
        native_keep_first(&first, (PyObject *)self);
    if (tell_rebalance(self, what, ev) < 0)
        native_keep_first(&first, (PyObject *)self);
    if (run_assignment(self, cb, ev) < 0)
        native_keep_first(&first, (PyObject *)self);
    if (self->c != NULL)
        dk_consumer_rebalance_ack(self->c);
    Py_XDECREF(cb);
    if (first == NULL)
        return 0;
    PyErr_SetRaisedException(first);
    return -1;
}

static PyObject *
error_message(ConsumerObject *self, const dk_event *ev)
{
    const dk_partitions *parts = dk_event_partitions(ev);
    const char *text = dk_event_text(ev);
    native_message_fields f = {.partition = -1, .offset = -1, .leader_epoch = -1, .latency = -1, .timestamp = -1};
    PyObject *msg = NULL;

    if (parts != NULL && parts->len > 0) {
        f.topic = parts->items[0].topic;
        f.partition = parts->items[0].partition;
        f.offset = parts->items[0].offset;
    }
    if (text != NULL)
        f.value = (dk_slice){.p = (const uint8_t *)text, .n = strlen(text)};
    f.error = native_kafka_error(self->state, dk_event_kafka_err(ev), text, dk_event_fatal(ev), false, false);
    if (f.error != NULL)
        msg = native_message_new(self->state, &f);
    Py_XDECREF(f.error);
    return msg;
}

/* An error of a partition that nobody takes as a message. */
static int
run_partition_error(ConsumerObject *self, native_client *client, const dk_event *ev)
{
    const dk_partitions *parts = dk_event_partitions(ev);
    PyObject *cb = self->on_partition_error, *error, *result = NULL;

    if (cb == NULL || cb == Py_None || parts == NULL || parts->len == 0)
        return native_event_run(client, ev);
    Py_INCREF(cb);
    error =
        native_kafka_error(self->state, dk_event_kafka_err(ev), dk_event_text(ev), dk_event_fatal(ev), false, false);
    if (error != NULL)
        result = PyObject_CallFunction(cb, "OsiL", error, parts->items[0].topic, (int)parts->items[0].partition,
                                       (long long)parts->items[0].offset);
    Py_XDECREF(error);
    Py_XDECREF(result);
    Py_DECREF(cb);
    return result == NULL ? -1 : 0;
}

static int
run_event(ConsumerObject *self, const dk_event *ev, PyObject **message)
{
    native_client client = {.state = self->state, .cbs = &self->cbs, .consumer = self->c};

    switch (dk_event_kind_of(ev)) {
    case DK_EVENT_ASSIGN:
        return run_rebalance(self, "assigned", self->on_assign, ev);
    case DK_EVENT_REVOKE:
        return run_rebalance(self, "revoked", self->on_revoke, ev);
    case DK_EVENT_LOST:
        return run_rebalance(self, "lost", self->on_lost != NULL ? self->on_lost : self->on_revoke, ev);
    case DK_EVENT_MESSAGE:
        if (message == NULL)
            return run_partition_error(self, &client, ev);
        *message = error_message(self, ev);
        return *message == NULL ? -1 : 0;
    default:
        return native_event_run(&client, ev);
    }
}

int
native_consumer_events(ConsumerObject *self, PyObject **message)
{
    dk_event *ev;
    int rc = 0;

    while (rc == 0 && (message == NULL || *message == NULL) && (ev = dk_consumer_event(self->c)) != NULL) {
        rc = run_event(self, ev, message);
        dk_event_free(ev);
    }
    return rc;
}
