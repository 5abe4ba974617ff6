/* SPDX-License-Identifier: MIT
 *
 * Consumer: leaving the group.
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/log.h"
#include "base/times.h"
#include "consumer/consumer.h"

/* One more slice of closing: 1 done, 0 not yet, -1 with an exception. *st, *err: how it ended. */
static int
close_slice(ConsumerObject *self, dk_status *st, dk_error *err)
{
    Py_BEGIN_ALLOW_THREADS
    *st = dk_consumer_close_wait(self->c, NATIVE_SLICE_MS, err);
    Py_END_ALLOW_THREADS
    if (*st != DK_ETIMEOUT)
        return 1;
    return PyErr_CheckSignals() < 0 ? -1 : 0;
}

/* Callables that raise do not keep the consumer from leaving; what the first one raised comes in the end. */
static void
close_events(ConsumerObject *self, PyObject **first)
{
    while (native_consumer_events(self, NULL) < 0)
        native_keep_first(first, (PyObject *)self);
}

static PyObject *
close_consumer(ConsumerObject *self, int timeout_ms)
{
    PyObject *first = NULL;
    dk_error err = {.code = DK_OK};
    dk_status st;
    int done;

    native_given_look(self);
    native_hand_drop(self);
    dk_consumer_close_begin(self->c, timeout_ms);
    do {
        close_events(self, &first);
        done = close_slice(self, &st, &err);
    } while (done == 0);
    if (done > 0) { /* whatever could not be done: closed it is */
        close_events(self, &first);
        self->closed = true;
        dk_tokens_stop(self->tokens);
        if (st != DK_OK && st != DK_ECLOSED)
            native_raise(self->state, st, &err);
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
