/* SPDX-License-Identifier: MIT
 *
 * Consumer: leaving the group.
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"
#include "consumer/consumer.h"

/* One more slice of closing: 1 done, 0 not yet, -1 with an exception. */
static int
close_slice(ConsumerObject *self, int64_t deadline)
{
    dk_error err = {.code = DK_OK};
    dk_status st;

    Py_BEGIN_ALLOW_THREADS
    st = dk_consumer_close(self->c, native_left_ms(deadline, NATIVE_SLICE_MS), &err);
    Py_END_ALLOW_THREADS
    if (st == DK_OK || st == DK_ECLOSED)
        return 1;
    if (st != DK_ETIMEOUT) {
        native_raise(self->state, st, &err);
        return -1;
    }
    if (PyErr_CheckSignals() < 0)
        return -1;
    return 0;
}

/* Callables that raise do not keep the consumer from leaving; what the first one raised comes in the end. */
static void
close_events(ConsumerObject *self, PyObject **first)
{
    while (native_consumer_events(self, NULL) < 0) {
        PyObject *exc = PyErr_GetRaisedException();

        if (*first == NULL)
            *first = exc;
        else
            Py_XDECREF(exc);
    }
}

static PyObject *
close_consumer(ConsumerObject *self, int timeout_ms)
{
    int64_t deadline = native_deadline(timeout_ms);
    PyObject *first = NULL;
    int done;

    native_hand_drop(self);
    do {
        close_events(self, &first);
        done = close_slice(self, deadline);
    } while (done == 0 && (deadline < 0 || native_now_ms() < deadline));
    if (done > 0) {
        close_events(self, &first);
        self->closed = true;
    } else if (done == 0) {
        dk_error err = {.kafka = -185,
                        .text = "the consumer could not leave its group in time; it goes on in the background"};

        native_raise(self->state, DK_ETIMEOUT, &err);
    }
    if (first != NULL && !PyErr_Occurred())
        PyErr_SetRaisedException(first);
    else
        Py_XDECREF(first);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

PyObject *
consumer_close(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "close", .names = {"timeout", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0)
        return NULL;
    if (self->c == NULL || self->closed)
        Py_RETURN_NONE;
    if (self->busy)
        return native_raise(self->state, DK_EBUSY, NULL);
    self->busy = true;
    result = close_consumer(self, ms);
    self->busy = false;
    return result;
}
