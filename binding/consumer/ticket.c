/* SPDX-License-Identifier: MIT
 *
 * Ticket: an outcome that is told later.
 */
#include "consumer/ticket.h"

#include "base/times.h"

typedef struct TicketObject {
    PyObject_HEAD dk_ticket ticket; /* batch NULL: answered */
} TicketObject;

PyObject *
native_ticket_new(native_state *state, dk_ticket *ticket)
{
    TicketObject *self = PyObject_New(TicketObject, state->ticket_type);

    if (self == NULL) {
        dk_ticket_reject(ticket, 0);
        return NULL;
    }
    self->ticket = *ticket;
    return (PyObject *)self;
}

dk_ticket *
native_ticket_of(PyObject *op)
{
    return &((TicketObject *)op)->ticket;
}

/* Topic, partition, offset, kind of timestamp, timestamp; None when it was answered. */
static PyObject *
ticket_source(PyObject *op, void *closure)
{
    TicketObject *self = (TicketObject *)op;
    PyObject *result = NULL;

    (void)closure;
    Py_BEGIN_CRITICAL_SECTION(op);
    if (self->ticket.batch != NULL) {
        const dk_batch *b = self->ticket.batch;
        uint32_t i = self->ticket.index;
        int kind;
        int64_t ms = dk_batch_timestamp(b, i, &kind);

        result = Py_BuildValue("(siL(iL))", dk_batch_topic(b, i), (int)dk_batch_partition(b, i),
                               (long long)dk_batch_offset(b, i), kind, (long long)ms);
    } else {
        result = Py_NewRef(Py_None);
    }
    Py_END_CRITICAL_SECTION();
    return result;
}

static void
ticket_dealloc(PyObject *op)
{
    TicketObject *self = (TicketObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    if (self->ticket.batch != NULL)
        dk_ticket_reject(&self->ticket, 0);
    type->tp_free(op);
    Py_DECREF(type);
}

/* What a Python caller says twice counts once. */
static PyObject *
answer(PyObject *op, bool finished, int64_t delay_ms)
{
    TicketObject *self = (TicketObject *)op;

    Py_BEGIN_CRITICAL_SECTION(op);
    if (self->ticket.batch != NULL && finished)
        dk_ticket_resolve(&self->ticket);
    else if (self->ticket.batch != NULL)
        dk_ticket_reject(&self->ticket, delay_ms);
    self->ticket.batch = NULL;
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

static PyObject *
ticket_resolve(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return answer(op, true, 0);
}

static PyObject *
ticket_reject(PyObject *op, PyObject *delay)
{
    int64_t ms;

    return native_delay_ms(delay, "delay", &ms) < 0 ? NULL : answer(op, false, ms);
}

PyDoc_STRVAR(
    ticket_doc,
    "The outcome of one message, still owed. A ticket that is dropped without an answer counts as rejected.");

static PyMethodDef ticket_methods[] = {
    {"resolve", ticket_resolve, METH_NOARGS,
     "resolve($self, /)\n--\n\nThe message is finished. From any thread; a second answer is ignored."},
    {"reject", ticket_reject, METH_O,
     "reject($self, delay, /)\n--\n\nThe message is not finished: it is handed out again after `delay` seconds."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef ticket_getset[] = {
    {"source", ticket_source, NULL, "Topic, partition, offset and timestamp() of the message; None once answered.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot ticket_slots[] = {
    {Py_tp_doc, (void *)ticket_doc},
    {Py_tp_getset, ticket_getset},
    {Py_tp_dealloc, ticket_dealloc},
    {Py_tp_methods, ticket_methods},
    {0, NULL},
};

PyType_Spec native_ticket_spec = {
    .name = "django_kafka._native.Ticket",
    .basicsize = sizeof(TicketObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = ticket_slots,
};
