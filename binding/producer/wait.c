/* SPDX-License-Identifier: MIT
 *
 * Producer: waiting, for room in the queue, for events, for deliveries.
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"
#include "producer/producer.h"

/* 0: try again; -1 with an exception. */
static int
wait_for_room(ProducerObject *self, int64_t *deadline)
{
    int count = 0;
    dk_status st;

    if (*deadline == 0)
        *deadline = native_deadline(self->max_block_ms);
    if (native_producer_events(self, &count) < 0 || native_producer_enter(self) < 0)
        return -1;
    if (count > 0)
        return 0; /* reports that were taken may have made room */
    if (*deadline >= 0 && native_now_ms() >= *deadline) {
        native_raise(self->state, DK_EQUEUEFULL, NULL);
        return -1;
    }
    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_wait_room(self->p, native_left_ms(*deadline, NATIVE_SLICE_MS));
    Py_END_ALLOW_THREADS
    self->users--;
    if (st == DK_EFORKED) {
        native_raise(self->state, st, NULL);
        return -1;
    }
    return PyErr_CheckSignals();
}

int
native_queued(ProducerObject *self, dk_status st, const dk_error *err, int64_t *deadline)
{
    if (st == DK_OK)
        return 0;
    if (st == DK_EQUEUEFULL)
        return wait_for_room(self, deadline) < 0 ? -1 : 1;
    native_raise(self->state, st, err);
    return -1;
}

PyObject *
producer_poll(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "poll", .names = {"timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    int64_t deadline;
    int ms, count = 0;
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0 ||
        native_producer_enter(self) < 0)
        return NULL;
    deadline = native_deadline(ms);
    for (;;) {
        if (native_producer_events(self, &count) < 0)
            return NULL;
        if (count > 0 || self->p == NULL || (deadline >= 0 && native_now_ms() >= deadline))
            return PyLong_FromLong(count);
        self->users++;
        Py_BEGIN_ALLOW_THREADS
        st = dk_producer_wait_event(self->p, native_left_ms(deadline, NATIVE_SLICE_MS));
        Py_END_ALLOW_THREADS
        self->users--;
        if (st != DK_OK && st != DK_ETIMEOUT)
            return native_raise(self->state, st, NULL);
        if (PyErr_CheckSignals() < 0)
            return NULL;
    }
}

Py_ssize_t
native_producer_flush(ProducerObject *self, int64_t deadline)
{
    size_t left = 0;
    int count = 0;

    for (;;) {
        dk_error err = {.code = DK_OK};
        dk_status st;

        self->users++;
        Py_BEGIN_ALLOW_THREADS
        st = dk_producer_flush(self->p, native_left_ms(deadline, NATIVE_SLICE_MS), &left, &err);
        Py_END_ALLOW_THREADS
        self->users--;
        if (st != DK_OK && st != DK_ETIMEOUT) {
            native_raise(self->state, st, &err);
            return -1;
        }
        if (native_producer_events(self, &count) < 0)
            return -1;
        if (self->p == NULL)
            return 0;
        left = dk_producer_len(self->p);
        if (left == 0 || (deadline >= 0 && native_now_ms() >= deadline))
            return (Py_ssize_t)left;
        if (PyErr_CheckSignals() < 0)
            return -1;
    }
}

PyObject *
producer_flush(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "flush", .names = {"timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    Py_ssize_t left;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0 ||
        native_producer_enter(self) < 0)
        return NULL;
    left = native_producer_flush(self, native_deadline(ms));
    return left < 0 ? NULL : PyLong_FromSsize_t(left);
}

PyObject *
producer_purge(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "purge", .names = {"in_queue", "in_flight", "blocking", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    int flags[3];
    dk_error err = {.code = DK_OK};
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0)
        return NULL;
    for (int i = 0; i < 3; i++) {
        flags[i] = a[i] != NULL ? PyObject_IsTrue(a[i]) : 1;
        if (flags[i] < 0)
            return NULL;
    }
    if (native_producer_enter(self) < 0)
        return NULL;
    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_purge(self->p, flags[0], flags[1], flags[2], &err);
    Py_END_ALLOW_THREADS
    self->users--;
    return st != DK_OK ? native_raise(self->state, st, &err) : Py_NewRef(Py_None);
}
