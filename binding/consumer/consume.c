/* SPDX-License-Identifier: MIT
 *
 * Getting messages: fetch() in batches, poll() and consume() as confluent_kafka does.
 *
 * A signal is looked at only while nothing has been handed out, so that what its handler raises loses no message.
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"
#include "consumer/batch.h"
#include "consumer/consumer.h"
#include "consumer/message.h"

static int
enter_busy(ConsumerObject *self)
{
    if (native_consumer_enter(self) < 0)
        return -1;
    if (self->busy) {
        native_raise(self->state, DK_EBUSY, NULL);
        return -1;
    }
    self->busy = true;
    return 0;
}

/* Wait for a batch until the deadline, running callables of events. 1: *out, 0: nothing came, or *message did, -1
 * with an exception. */
static int
wait_batch(ConsumerObject *self, uint32_t max, int64_t deadline, dk_batch **out, PyObject **message)
{
    for (;;) {
        int slice = native_left_ms(deadline, NATIVE_SLICE_MS);
        dk_error err = {.code = DK_OK};
        dk_status st;

        Py_BEGIN_ALLOW_THREADS
        st = dk_consumer_fetch(self->c, max, slice, out, &err);
        Py_END_ALLOW_THREADS
        if (st == DK_OK)
            return 1;
        if (st != DK_ETIMEOUT) {
            native_raise(self->state, st, &err);
            return -1;
        }
        if (PyErr_CheckSignals() < 0 || native_consumer_events(self, message) < 0)
            return -1;
        if ((message != NULL && *message != NULL) || self->woken)
            break;
        if (self->closed) { /* by a callable */
            native_consumer_enter(self);
            return -1;
        }
        if (deadline >= 0 && native_now_ms() >= deadline)
            break;
    }
    self->woken = false;
    return 0;
}

/* ---- fetch ----------------------------------------------------------------------------------------------------- */

static PyObject *
fetch_batch(ConsumerObject *self, uint32_t max, int timeout_ms)
{
    dk_batch *b = NULL;
    native_core *core;
    int got;

    native_hand_drop(self);
    if (native_consumer_events(self, NULL) < 0)
        return NULL;
    got = wait_batch(self, max, native_deadline(timeout_ms), &b, NULL);
    if (got < 0)
        return NULL;
    if (got == 0)
        Py_RETURN_NONE;
    core = native_core_new(self->state, b, self->topics);
    return core == NULL ? NULL : native_batch_new(core);
}

PyObject *
consumer_fetch(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "fetch", .names = {"timeout", "max_messages", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result;
    long max = 0;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0)
        return NULL;
    if (a[1] != NULL) {
        max = PyLong_AsLong(a[1]);
        if (max == -1 && PyErr_Occurred())
            return NULL;
        if (max < 0 || max > 1000000) {
            PyErr_SetString(PyExc_ValueError, "max_messages must be between 0 and 1000000");
            return NULL;
        }
    }
    if (enter_busy(self) < 0)
        return NULL;
    native_given_look(self);
    result = fetch_batch(self, (uint32_t)max, ms);
    self->busy = false;
    return result;
}

/* ---- poll ------------------------------------------------------------------------------------------------------ */

/* Messages that consume() had taken when a callable or a signal handler raised: they come first. */
static PyObject *
pop_stash(ConsumerObject *self)
{
    PyObject *msg = Py_NewRef(PyList_GET_ITEM(self->stash, 0));

    if (PyList_SetSlice(self->stash, 0, 1, NULL) < 0)
        Py_CLEAR(msg);
    else if (PyList_GET_SIZE(self->stash) == 0)
        Py_CLEAR(self->stash);
    return msg;
}

static PyObject *
hand_out(ConsumerObject *self)
{
    uint32_t index = (uint32_t)self->pending;

    self->pending = -1;
    return native_message_borrow(self->hand, index);
}

static PyObject *
poll_message(ConsumerObject *self, int timeout_ms)
{
    int64_t deadline = native_deadline(timeout_ms);
    PyObject *message = NULL;
    dk_batch *b = NULL;
    int got;

    /* Before anything is taken in hand: see the top of the file. */
    if (PyErr_CheckSignals() < 0 || native_consumer_events(self, &message) < 0)
        return NULL;
    if (message != NULL)
        return message;
    if (self->stash != NULL)
        return pop_stash(self);
    for (;;) {
        native_hand_move_on(self);
        if (self->hand != NULL)
            return hand_out(self);
        got = wait_batch(self, 0, deadline, &b, &message);
        if (got < 0)
            return NULL;
        if (got == 0)
            return message != NULL ? message : Py_NewRef(Py_None);
        if (native_hand_take(self, b) < 0)
            return NULL;
        if (PyErr_CheckSignals() < 0) /* one that came meanwhile: what was fetched waits for the next call */
            return NULL;
    }
}

PyObject *
consumer_poll(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "poll", .names = {"timeout", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0 || enter_busy(self) < 0)
        return NULL;
    native_given_look(self);
    result = native_given(self, poll_message(self, ms));
    self->busy = false;
    return result;
}

/* ---- consume --------------------------------------------------------------------------------------------------- */

static int
append_message(PyObject *list, PyObject *msg)
{
    int rc = msg == NULL ? -1 : PyList_Append(list, msg);

    Py_XDECREF(msg);
    return rc;
}

static int
reserve_tickets(ConsumerObject *self, size_t room)
{
    size_t cap = self->n_tickets + room;
    dk_ticket *grown;

    if (cap <= self->cap_tickets)
        return 0;
    grown = PyMem_Realloc(self->tickets, cap * sizeof *grown);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->tickets = grown;
    self->cap_tickets = cap;
    return 0;
}

/* The batch completes the list: all of it is claimed, and finished at the next call. */
static int
list_whole(ConsumerObject *self, PyObject *list)
{
    dk_batch *b = self->hand->b;
    dk_range range;

    if (dk_batch_claim(b, dk_batch_len(b), false, &range) != DK_OK || range.n == 0)
        return 0;
    self->listed = true;
    for (uint32_t i = range.first; i < range.first + range.n; i++)
        if (dk_batch_is_claimed(b, i) && append_message(list, native_message_borrow(self->hand, i)) < 0)
            return -1;
    return 0;
}

/* More has to be fetched, so the batch must not stay open: outcomes become tickets. */
static int
list_and_close(ConsumerObject *self, PyObject *list)
{
    dk_batch *b = self->hand->b;
    int32_t i;

    if (self->auto_store && reserve_tickets(self, dk_batch_len(b)) < 0)
        return -1;
    while ((i = native_hand_next(self)) >= 0) {
        if (append_message(list, native_message_borrow(self->hand, (uint32_t)i)) < 0)
            return -1;
        if (self->auto_store && dk_batch_defer(b, &self->tickets[self->n_tickets]) == DK_OK)
            self->n_tickets++;
    }
    dk_batch_close(b);
    native_core_unref(self->hand);
    self->hand = NULL;
    return 0;
}

/* 1: the list is complete, 0: go on, -1 with an exception. */
static int
gather(ConsumerObject *self, PyObject *list, Py_ssize_t wanted, int64_t deadline)
{
    PyObject *message = NULL;
    dk_batch *b = NULL;
    bool over = deadline >= 0 && native_now_ms() >= deadline;
    int got = wait_batch(self, (uint32_t)(wanted - PyList_GET_SIZE(list)), deadline, &b, &message);

    if (got < 0)
        return -1;
    if (got == 0) {
        if (message != NULL && append_message(list, message) < 0)
            return -1;
        return PyList_GET_SIZE(list) >= wanted || message == NULL;
    }
    if (native_hand_take(self, b) < 0)
        return -1;
    over = over || PyList_GET_SIZE(list) + (Py_ssize_t)dk_batch_len(b) >= wanted;
    if (over && self->auto_store)
        return list_whole(self, list) < 0 ? -1 : 1;
    if (list_and_close(self, list) < 0)
        return -1;
    return over;
}

static PyObject *
consume_failed(ConsumerObject *self, PyObject *list)
{
    bool some = PyList_GET_SIZE(list) > 0;

    if (some && PyErr_ExceptionMatches(self->state->stopped)) { /* the next call says it again */
        PyErr_Clear();
        return list;
    }
    if (self->auto_store)
        native_hand_drop(self); /* they are handed out again */
    else if (some)
        Py_XSETREF(self->stash, Py_NewRef(list));
    Py_DECREF(list);
    return NULL;
}

static PyObject *
consume_list(ConsumerObject *self, Py_ssize_t n, int timeout_ms)
{
    int64_t deadline = native_deadline(timeout_ms);
    PyObject *list = PyList_New(0);
    int done = 0;

    if (list == NULL)
        return NULL;
    if (PyErr_CheckSignals() < 0 || native_consumer_events(self, NULL) < 0) {
        Py_DECREF(list);
        return NULL;
    }
    native_hand_move_on(self);
    native_hand_drop(self); /* poll()'s rest goes back and is fetched again, in order */
    while (self->stash != NULL && PyList_GET_SIZE(list) < n)
        if (append_message(list, pop_stash(self)) < 0)
            return consume_failed(self, list);
    while (done == 0 && PyList_GET_SIZE(list) < n)
        done = gather(self, list, n, deadline);
    if (done >= 0 && PyErr_CheckSignals() < 0)
        done = -1;
    return done < 0 ? consume_failed(self, list) : list;
}

PyObject *
consumer_consume(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "consume", .names = {"num_messages", "timeout", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result;
    long n = 1;
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], &ms) < 0)
        return NULL;
    if (a[0] != NULL)
        n = PyLong_AsLong(a[0]);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    if (n < 0 || n > 1000000) {
        PyErr_SetString(PyExc_ValueError, "num_messages must be between 0 and 1000000 (1M)");
        return NULL;
    }
    if (enter_busy(self) < 0)
        return NULL;
    native_given_look(self);
    result = native_given(self, consume_list(self, n, ms));
    self->busy = false;
    return result;
}
