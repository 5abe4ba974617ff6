/* SPDX-License-Identifier: MIT
 *
 * Claim: what becomes of its messages.
 */
#include <string.h>

#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"
#include "consumer/claim_private.h"
#include "consumer/ticket.h"

static PyObject *
refused(const ClaimObject *self, const char *what, dk_status st)
{
    if (st != DK_ESTATE)
        return native_raise(self->core->state, st, NULL);
    PyErr_Format(PyExc_RuntimeError,
                 "%s: the message is not in hand; it has an outcome already, or the claim is over", what);
    return NULL;
}

/* The entry at an index that somebody gives; -1 with an exception. */
static int64_t
entry_of(const ClaimObject *self, PyObject *index)
{
    Py_ssize_t i = PyNumber_AsSsize_t(index, PyExc_IndexError);

    if (i == -1 && PyErr_Occurred())
        return -1;
    if (i >= 0 && i < self->n)
        return self->order[i];
    PyErr_Format(PyExc_IndexError, "index %zd of %zd messages", i, self->n);
    return -1;
}

/* A claim that is over has nothing in hand: the entries may be another claim's. */
static dk_status
state_of(ClaimObject *self)
{
    return claim_whole(self)->open ? DK_OK : DK_ESTATE;
}

PyObject *
claim_fail(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "fail", .required = 2, .names = {"index", "delay", NULL}};
    ClaimObject *self = (ClaimObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    int64_t entry, ms;
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || (entry = entry_of(self, a[0])) < 0 ||
        native_delay_ms(a[1], "delay", &ms) < 0)
        return NULL;
    st = state_of(self);
    if (st == DK_OK)
        st = dk_batch_claim_fail(self->core->b, (uint32_t)entry, ms);
    return st != DK_OK ? refused(self, "fail()", st) : Py_NewRef(Py_None);
}

static int
defer(ClaimObject *self, uint32_t entry, dk_ticket *out)
{
    dk_status st = state_of(self);

    if (st == DK_OK)
        st = dk_batch_claim_defer(self->core->b, entry, out);
    if (st == DK_OK)
        return 0;
    refused(self, "defer()", st);
    return -1;
}

PyObject *
claim_defer(PyObject *op, PyObject *index)
{
    ClaimObject *self = (ClaimObject *)op;
    int64_t entry = entry_of(self, index);
    dk_ticket ticket;

    if (entry < 0 || defer(self, (uint32_t)entry, &ticket) < 0)
        return NULL;
    return native_ticket_new(self->core->state, &ticket);
}

int
native_claim_defer(PyObject *op, dk_ticket *out)
{
    ClaimObject *self = (ClaimObject *)op;

    if (self->n == 1)
        return defer(self, self->order[0], out);
    PyErr_Format(PyExc_ValueError, "forward() takes one message of a claim, claim[i:i + 1], not %zd", self->n);
    return -1;
}

PyObject *
claim_note(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "note", .required = 2, .names = {"index", "text", NULL}};
    ClaimObject *self = (ClaimObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    const char *utf8;
    int64_t entry;
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || (entry = entry_of(self, a[0])) < 0 ||
        native_str(a[1], "a note", &utf8) < 0)
        return NULL;
    st = state_of(self);
    if (st == DK_OK)
        st = dk_batch_claim_note(self->core->b, (uint32_t)entry, utf8);
    if (st == DK_EINVAL) {
        PyErr_Format(PyExc_ValueError,
                     "note(): %zu bytes are too many. Brokers take at most %d bytes of commit metadata", strlen(utf8),
                     DK_NOTE_MAX_BYTES);
        return NULL;
    }
    return st != DK_OK ? refused(self, "note()", st) : Py_NewRef(Py_None);
}

PyObject *
claim_noted(PyObject *op, PyObject *index)
{
    ClaimObject *self = (ClaimObject *)op;
    int64_t entry = entry_of(self, index);
    const char *note = entry < 0 ? NULL : dk_batch_note_of(self->core->b, (uint32_t)entry);

    if (entry < 0)
        return NULL;
    if (note == NULL)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(note, (Py_ssize_t)strlen(note), "replace");
}

PyObject *
claim_done(PyObject *op, PyObject *ignored)
{
    ClaimObject *self = (ClaimObject *)op;
    dk_status st = state_of(self);

    (void)ignored;
    for (Py_ssize_t i = 0; st == DK_OK && i < self->n; i++)
        if (claim_is_in_hand(self, i))
            st = dk_batch_claim_done(self->core->b, self->order[i]);
    return st != DK_OK ? refused(self, "done()", st) : Py_NewRef(Py_None);
}

/* 0, or -1 with an exception: only of the whole, and once. */
static int
begin_end(const ClaimObject *self, const char *what)
{
    if (self->whole == NULL && self->open)
        return 0;
    PyErr_Format(PyExc_RuntimeError, "%s: %s", what,
                 self->whole == NULL ? "the claim is over" : "this is a part of a claim, call it on the whole");
    return -1;
}

PyObject *
claim_finish(PyObject *op, PyObject *ignored)
{
    ClaimObject *self = (ClaimObject *)op;
    dk_status st;

    (void)ignored;
    if (begin_end(self, "finish()") < 0)
        return NULL;
    st = dk_batch_claim_finish(self->core->b);
    native_claim_end(op);
    return st != DK_OK ? refused(self, "finish()", st) : Py_NewRef(Py_None);
}

PyObject *
claim_give_back(PyObject *op, PyObject *delay)
{
    ClaimObject *self = (ClaimObject *)op;
    int64_t ms;
    dk_status st;

    if (native_delay_ms(delay, "delay", &ms) < 0 || begin_end(self, "give_back()") < 0)
        return NULL;
    st = dk_batch_claim_return(self->core->b, ms);
    if (st == DK_OK)
        st = dk_batch_claim_finish(self->core->b); /* of nothing: all has its outcome */
    native_claim_end(op);
    return st != DK_OK ? refused(self, "give_back()", st) : Py_NewRef(Py_None);
}
