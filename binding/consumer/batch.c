/* SPDX-License-Identifier: MIT
 *
 * Batch: the walk over the messages of one fetch.
 *
 * Messages and batch share the dk_batch through a counted struct, so a message that is kept does not keep the Batch
 * and there is no cycle. The walk uses two Message objects in turn: by the time the next one is needed, the loop has
 * let the last but one go, unless the user kept it.
 */
#include "consumer/batch.h"

#include <string.h>

#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"
#include "consumer/claim.h"
#include "consumer/message.h"
#include "consumer/ticket.h"

typedef struct BatchObject {
    PyObject_HEAD native_core *core; /* NULL: closed, also by the end of the walk */
    MessageObject *hand, *spare;
    int32_t pending; /* taken from the engine, but not handed out: it opens the next topic */
    uint32_t topic_id;
    bool by_topic; /* next_topic() was called: the loop ends where the topic changes */
    uint32_t len;
    native_core *kept; /* for reading by index after close() */
    PyObject *claim;   /* that was begun last, NULL: none */
} BatchObject;

PyObject *
native_batch_new(native_core *core)
{
    BatchObject *self = PyObject_GC_New(BatchObject, core->state->batch_type);

    if (self == NULL) {
        native_core_unref(core);
        return NULL;
    }
    self->core = core;
    self->kept = core;
    self->hand = self->spare = NULL;
    self->claim = NULL;
    self->pending = -1;
    self->topic_id = 0;
    self->by_topic = false;
    self->len = dk_batch_len(core->b);
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

static void
drop_claim(BatchObject *self)
{
    PyObject *claim = self->claim;

    self->claim = NULL;
    if (claim != NULL)
        native_claim_end(claim);
    Py_XDECREF(claim);
}

static void
batch_dealloc(PyObject *op)
{
    BatchObject *self = (BatchObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    if (self->core != NULL)
        dk_batch_close(self->core->b);
    Py_XDECREF(self->hand);
    Py_XDECREF(self->spare);
    drop_claim(self);
    native_core_unref(self->kept);
    type->tp_free(op);
    Py_DECREF(type);
}

static int
batch_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((BatchObject *)op)->hand);
    Py_VISIT(((BatchObject *)op)->spare);
    Py_VISIT(((BatchObject *)op)->claim);
    return 0;
}

static int
batch_clear(PyObject *op)
{
    Py_CLEAR(((BatchObject *)op)->hand);
    Py_CLEAR(((BatchObject *)op)->spare);
    Py_CLEAR(((BatchObject *)op)->claim);
    return 0;
}

/* ---- the walk -------------------------------------------------------------------------------------------------- */

static void
let_hand_go(BatchObject *self)
{
    MessageObject *old = self->spare;

    self->spare = self->hand;
    self->hand = NULL;
    native_message_let_go(old);
}

/* At its end the batch is closed at once: while it is open, its partitions give nothing to the next fetch(). */
static void
end_walk(BatchObject *self)
{
    dk_batch_close(self->core->b);
    self->core = NULL;
    let_hand_go(self);
    let_hand_go(self);
    drop_claim(self);
}

/* The index that the walk gives next, or -1 at its end. Finishes the message in hand. */
static int32_t
take_next(BatchObject *self)
{
    int32_t index = self->pending;

    if (index >= 0) {
        self->pending = -1;
        return index;
    }
    index = dk_batch_next(self->core->b);
    if (index < 0)
        end_walk(self);
    return index;
}

/* Moving on would finish what is in a claim without a word of its owner's. 0 or -1 with an exception. */
static int
leave_claim(BatchObject *self)
{
    if (self->core != NULL && native_claim_is_open(self->claim)) {
        PyErr_SetString(PyExc_RuntimeError, "the last claim is open: finish() it or give_back() first");
        return -1;
    }
    drop_claim(self);
    return 0;
}

static PyObject *
batch_next(PyObject *op)
{
    BatchObject *self = (BatchObject *)op;
    MessageObject *spare;
    int32_t index;

    if (self->core == NULL || (self->claim != NULL && leave_claim(self) < 0))
        return NULL;
    index = take_next(self);
    if (index < 0) {
        let_hand_go(self);
        return NULL;
    }
    if (self->by_topic && dk_batch_topic_id(self->core->b, (uint32_t)index) != self->topic_id) {
        self->pending = index;
        let_hand_go(self);
        return NULL;
    }
    spare = self->spare;
    self->spare = self->hand;
    self->hand = (MessageObject *)native_message_reuse(spare, self->core, (uint32_t)index);
    return Py_XNewRef(self->hand);
}

/* Whether there is a next message; then it is pending. */
static bool
is_next_known(BatchObject *self)
{
    if (self->core != NULL && self->pending < 0) {
        self->pending = take_next(self);
        let_hand_go(self);
    }
    return self->core != NULL && self->pending >= 0;
}

static PyObject *
batch_next_topic(PyObject *op, PyObject *ignored)
{
    BatchObject *self = (BatchObject *)op;

    (void)ignored;
    if (self->claim != NULL && leave_claim(self) < 0)
        return NULL;
    self->by_topic = true;
    if (!is_next_known(self))
        Py_RETURN_NONE;
    self->topic_id = dk_batch_topic_id(self->core->b, (uint32_t)self->pending);
    return native_core_topic(self->core, (uint32_t)self->pending);
}

static PyObject *
claim_next(BatchObject *self, uint32_t max)
{
    dk_batch *b = self->core->b;
    dk_range range;
    dk_status st = dk_batch_claim_hand(b, native_core_run(self->core, (uint32_t)self->pending, max), false, &range);

    if (st != DK_OK)
        return native_raise(self->core->state, st, NULL);
    self->pending = -1;
    self->claim = native_claim_new(self->core, range);
    if (self->claim == NULL && dk_batch_claim_return(b, 0) == DK_OK)
        st = dk_batch_claim_finish(b);
    return Py_XNewRef(self->claim);
}

static PyObject *
batch_claim(PyObject *op, PyObject *most)
{
    BatchObject *self = (BatchObject *)op;
    long max = PyLong_AsLong(most);

    if (max == -1 && PyErr_Occurred())
        return NULL;
    if (max < 1 || max > 1000000) {
        PyErr_SetString(PyExc_ValueError, "claim() takes a number of messages from 1 to 1000000");
        return NULL;
    }
    if (self->claim != NULL && leave_claim(self) < 0)
        return NULL;
    if (!is_next_known(self) ||
        (self->by_topic && dk_batch_topic_id(self->core->b, (uint32_t)self->pending) != self->topic_id))
        Py_RETURN_NONE;
    return claim_next(self, (uint32_t)max);
}

static PyObject *
no_hand(BatchObject *self, const char *what, dk_status st)
{
    if (st != DK_ESTATE)
        return native_raise(self->kept->state, st, NULL);
    if (self->claim != NULL && native_claim_is_open(self->claim))
        PyErr_Format(PyExc_RuntimeError, "%s: no single message is in hand, but a claim", what);
    else if (self->core != NULL && dk_batch_current(self->core->b) >= 0)
        PyErr_Format(PyExc_RuntimeError, "%s: the message in hand has an outcome already", what);
    else
        PyErr_Format(PyExc_RuntimeError, "%s: no message is in hand", what);
    return NULL;
}

static PyObject *
batch_fail(PyObject *op, PyObject *delay)
{
    BatchObject *self = (BatchObject *)op;
    int64_t ms;
    dk_status st;

    if (native_delay_ms(delay, "delay", &ms) < 0)
        return NULL;
    st = self->core != NULL ? dk_batch_fail(self->core->b, ms) : DK_ESTATE;
    if (st != DK_OK)
        return no_hand(self, "fail()", st);
    self->pending = -1;
    let_hand_go(self);
    Py_RETURN_NONE;
}

int
native_batch_defer(PyObject *op, dk_ticket *out)
{
    BatchObject *self = (BatchObject *)op;
    dk_status st = self->core != NULL ? dk_batch_defer(self->core->b, out) : DK_ESTATE;

    if (st != DK_OK) {
        no_hand(self, "defer()", st);
        return -1;
    }
    self->pending = -1;
    return 0;
}

static PyObject *
batch_defer(PyObject *op, PyObject *ignored)
{
    dk_ticket ticket;

    (void)ignored;
    if (native_batch_defer(op, &ticket) < 0)
        return NULL;
    return native_ticket_new(((BatchObject *)op)->kept->state, &ticket);
}

static PyObject *
batch_close(PyObject *op, PyObject *ignored)
{
    BatchObject *self = (BatchObject *)op;

    (void)ignored;
    if (self->core != NULL) {
        end_walk(self);
        self->pending = -1;
    }
    Py_RETURN_NONE;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static Py_ssize_t
batch_len(PyObject *op)
{
    return ((BatchObject *)op)->len;
}

static PyObject *
batch_item(PyObject *op, Py_ssize_t index)
{
    BatchObject *self = (BatchObject *)op;

    if (index < 0 || index >= (Py_ssize_t)self->len) {
        PyErr_SetString(PyExc_IndexError, "batch index out of range");
        return NULL;
    }
    return native_message_borrow(self->kept, (uint32_t)index);
}

static PyObject *
batch_current(PyObject *op, void *closure)
{
    BatchObject *self = (BatchObject *)op;

    (void)closure;
    return Py_NewRef(self->hand != NULL ? (PyObject *)self->hand : Py_None);
}

/* ---- notes ----------------------------------------------------------------------------------------------------- */

static PyObject *
note_too_large(const dk_batch *b, size_t n)
{
    uint32_t i = (uint32_t)dk_batch_current(b);

    PyErr_Format(
        PyExc_ValueError,
        "note(): %zu bytes for %s, partition %d, offset %lld are too many. Brokers take at most %d bytes of commit "
        "metadata (offset.metadata.max.bytes)",
        n, dk_batch_topic(b, i), (int)dk_batch_partition(b, i), (long long)dk_batch_offset(b, i), DK_NOTE_MAX_BYTES);
    return NULL;
}

static PyObject *
batch_note(PyObject *op, PyObject *text)
{
    BatchObject *self = (BatchObject *)op;
    const char *utf8;
    dk_status st;

    if (native_str(text, "a note", &utf8) < 0)
        return NULL;
    st = self->core != NULL ? dk_batch_note(self->core->b, utf8) : DK_ESTATE;
    if (st == DK_EINVAL)
        return note_too_large(self->core->b, strlen(utf8));
    return st != DK_OK ? no_hand(self, "note()", st) : Py_NewRef(Py_None);
}

static PyObject *
batch_noted(PyObject *op, void *closure)
{
    BatchObject *self = (BatchObject *)op;
    int32_t index = self->core != NULL ? dk_batch_current(self->core->b) : -1;
    const char *note = index >= 0 ? dk_batch_note_of(self->core->b, (uint32_t)index) : NULL;

    (void)closure;
    if (note == NULL)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(note, (Py_ssize_t)strlen(note), "replace");
}

/* ---- type ------------------------------------------------------------------------------------------------------ */

static PyObject *
batch_enter(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return Py_NewRef(op);
}

static PyObject *
batch_exit(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    (void)args;
    (void)nargs;
    return batch_close(op, NULL);
}

PyDoc_STRVAR(
    batch_doc,
    "Messages that were fetched together.\n\n"
    "next_topic() opens the run of messages of one topic, iterating walks that run. Moving on from a message says\n"
    "that it is finished; fail() or defer() before moving on says otherwise.");

static PyMethodDef batch_methods[] = {
    {"next_topic", batch_next_topic, METH_NOARGS,
     "next_topic($self, /)\n--\n\nTopic of the next message, None at the end of the batch or when a stop was asked."},
    {"claim", batch_claim, METH_O,
     "claim($self, most, /)\n--\n\nThe next messages of the run that next_topic() has opened, so many at most, all "
     "in "
     "hand at once:\na Claim, or None at the end of the run."},
    {"fail", batch_fail, METH_O,
     "fail($self, delay, /)\n--\n\nThe message in hand was not handled: it and those behind it on its partition come "
     "again\n"
     "after `delay` seconds."},
    {"defer", batch_defer, METH_NOARGS,
     "defer($self, /)\n--\n\nThe outcome of the message in hand is known later: call exactly one of the ticket's "
     "methods."},
    {"note", batch_note, METH_O,
     "note($self, text, /)\n--\n\nRemember a short text with the message in hand until it is finished."},
    {"close", batch_close, METH_NOARGS,
     "close($self, /)\n--\n\nThe walk is over: what was not handled goes back to its partition. Messages stay "
     "readable."},
    {"__enter__", batch_enter, METH_NOARGS, NULL},
    {"__exit__", NATIVE_METHOD(batch_exit), METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
batch_full(PyObject *op, void *closure)
{
    (void)closure;
    return PyBool_FromLong(dk_batch_is_full(((BatchObject *)op)->kept->b));
}

static PyGetSetDef batch_getset[] = {
    {"current", batch_current, NULL, "The message in hand: handed out by the loop and not moved on from.", NULL},
    {"full", batch_full, NULL, "Whether it has as many messages or bytes as a batch may have.", NULL},
    {"noted", batch_noted, NULL, "The note of the message in hand.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot batch_slots[] = {
    {Py_tp_doc, (void *)batch_doc},
    {Py_tp_dealloc, batch_dealloc},
    {Py_tp_traverse, batch_traverse},
    {Py_tp_clear, batch_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, batch_next},
    {Py_tp_methods, batch_methods},
    {Py_tp_getset, batch_getset},
    {Py_sq_length, batch_len},
    {Py_sq_item, batch_item},
    {0, NULL},
};

PyType_Spec native_batch_spec = {
    .name = "django_kafka._native.Batch",
    .basicsize = sizeof(BatchObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = batch_slots,
};
