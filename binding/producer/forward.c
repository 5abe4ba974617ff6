/* SPDX-License-Identifier: MIT
 *
 * Producer.forward(): copies of a consumer's messages, whose confirmation finishes the message without Python.
 */
#include "base/args.h"
#include "base/slices.h"
#include "consumer/batch.h"
#include "consumer/claim.h"
#include "consumer/ticket.h"
#include "producer/producer.h"

#include "dk/forward.h"

static int
queue_copy(ProducerObject *self, dk_ticket *ticket, const dk_copy *copy)
{
    int64_t deadline = 0;
    dk_error err;
    int rc;

    do
        rc = native_queued(self, dk_producer_forward(self->p, ticket, copy, &err), &err, &deadline);
    while (rc > 0);
    return rc;
}

/* source: a batch with a message in hand, or one message of a claim. */
static int
forward_hand(ProducerObject *self, PyObject *source, const dk_copy *copy)
{
    bool claimed = Py_IS_TYPE(source, self->state->claim_type);
    dk_ticket ticket;
    dk_batch *b;

    if ((claimed ? native_claim_defer : native_batch_defer)(source, &ticket) < 0)
        return -1;
    b = ticket.batch;
    if (queue_copy(self, &ticket, copy) == 0)
        return 0;
    dk_batch_undefer(b, &ticket);
    return -1;
}

static int
forward_ticket(ProducerObject *self, PyObject *ticket, const dk_copy *copy)
{
    dk_ticket *owed = native_ticket_of(ticket);
    int rc = -1;

    Py_BEGIN_CRITICAL_SECTION(ticket);
    if (owed->batch != NULL)
        rc = queue_copy(self, owed, copy);
    else
        PyErr_SetString(PyExc_RuntimeError, "the ticket was answered");
    Py_END_CRITICAL_SECTION();
    return rc;
}

static int
forward_any(ProducerObject *self, PyObject *source, const dk_copy *copy)
{
    if (Py_IS_TYPE(source, self->state->batch_type) || Py_IS_TYPE(source, self->state->claim_type))
        return forward_hand(self, source, copy);
    if (Py_IS_TYPE(source, self->state->ticket_type))
        return forward_ticket(self, source, copy);
    PyErr_Format(PyExc_TypeError, "forward() takes a Batch, a Claim or a Ticket, not %.100s",
                 Py_TYPE(source)->tp_name);
    return -1;
}

PyObject *
producer_forward(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "forward", .required = 2, .names = {"source", "topic", "headers", "timestamp", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    dk_copy copy = {.timestamp = 0};
    native_headers h;
    int rc = -1;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_producer_enter(self) < 0 ||
        native_str(a[1], "topic", &copy.topic) < 0)
        return NULL;
    if (a[3] != NULL)
        copy.timestamp = PyLong_AsLongLong(a[3]);
    if (PyErr_Occurred())
        return NULL;
    if (native_headers_of(a[2], &h) == 0) {
        copy.headers = h.items;
        copy.n_headers = h.n;
        rc = forward_any(self, a[0], &copy);
    }
    native_headers_fini(&h);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}
