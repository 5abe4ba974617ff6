/* SPDX-License-Identifier: MIT
 *
 * Claim: several messages of a batch in hand at once, as a sequence.
 *
 * A slice is a claim of its own kind: it shares the messages of the whole, and says outcomes of its part. Messages
 * are made when asked for, and kept in the whole until it ends, so that one place is one object. The last but one is
 * made over when nobody else holds it (the last one is still the loop's): a plain `for` needs two objects.
 */
#include "consumer/claim_private.h"

static ClaimObject *
blank(native_core *core, Py_ssize_t n)
{
    ClaimObject *self = PyObject_GC_New(ClaimObject, core->state->claim_type);

    if (self == NULL)
        return NULL;
    NATIVE_REFS_INC(&core->refs);
    self->core = core;
    self->whole = NULL;
    self->keeper = NULL;
    self->order = NULL;
    self->n = n;
    self->range = (dk_range){0, 0};
    self->made = NULL;
    self->late[0] = self->late[1] = -1;
    self->open = false;
    return self;
}

/* With room for n entries in `order`. */
static ClaimObject *
roomy(native_core *core, Py_ssize_t n)
{
    ClaimObject *self = blank(core, n);

    if (self == NULL)
        return NULL;
    self->order = PyMem_Malloc(((size_t)n + 1) * sizeof *self->order);
    if (self->order != NULL)
        return self;
    PyObject_GC_Track(self);
    Py_DECREF(self);
    PyErr_NoMemory();
    return NULL;
}

PyObject *
native_claim_new(native_core *core, dk_range range)
{
    ClaimObject *self = roomy(core, range.n);

    if (self == NULL)
        return NULL;
    self->range = range;
    self->open = true;
    self->n = 0;
    for (uint32_t i = range.first; i < range.first + range.n; i++)
        if (dk_batch_is_claimed(core->b, i))
            self->order[self->n++] = i;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void
let_made_go(ClaimObject *self)
{
    MessageObject **made = self->made;

    self->made = NULL;
    self->late[0] = self->late[1] = -1;
    for (uint32_t i = 0; made != NULL && i < self->range.n; i++)
        native_message_let_go(made[i]);
    PyMem_Free(made);
}

void
native_claim_end(PyObject *op)
{
    ((ClaimObject *)op)->open = false;
    let_made_go((ClaimObject *)op);
}

bool
native_claim_is_open(PyObject *op)
{
    return ((ClaimObject *)op)->open;
}

int
claim_traverse(PyObject *op, visitproc visit, void *arg)
{
    ClaimObject *self = (ClaimObject *)op;

    Py_VISIT(Py_TYPE(op));
    Py_VISIT((PyObject *)self->whole);
    Py_VISIT(self->keeper);
    for (uint32_t i = 0; self->made != NULL && i < self->range.n; i++)
        Py_VISIT((PyObject *)self->made[i]);
    return 0;
}

int
claim_clear(PyObject *op)
{
    let_made_go((ClaimObject *)op);
    return 0;
}

void
claim_dealloc(PyObject *op)
{
    ClaimObject *self = (ClaimObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    let_made_go(self);
    if (self->keeper == NULL)
        PyMem_Free(self->order);
    Py_XDECREF(self->keeper);
    Py_XDECREF((PyObject *)self->whole);
    native_core_unref(self->core);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---- a sequence ------------------------------------------------------------------------------------------------ */

/* The last message but one, to be made over: nobody holds it, and nothing was set on it. NULL: none. */
static MessageObject *
take_late(ClaimObject *whole)
{
    MessageObject *msg = whole->late[1] < 0 ? NULL : whole->made[whole->late[1]];

    if (NATIVE_FREELIST == 0 || msg == NULL || Py_REFCNT(msg) > 1 || msg->core == NULL ||
        PyObject_GC_IsTracked((PyObject *)msg))
        return NULL;
    whole->made[whole->late[1]] = NULL;
    return msg;
}

/* A new reference. */
static PyObject *
message_lock_held(ClaimObject *whole, uint32_t entry)
{
    uint32_t at = entry - whole->range.first;
    MessageObject *old;

    if (whole->made == NULL) {
        whole->made = PyMem_Calloc((size_t)whole->range.n + 1, sizeof *whole->made);
        if (whole->made == NULL)
            return PyErr_NoMemory();
    }
    if (whole->made[at] == NULL) {
        old = take_late(whole);
        whole->made[at] = (MessageObject *)native_message_reuse(old, whole->core, entry);
        whole->late[1] = whole->late[0];
        whole->late[0] = whole->made[at] != NULL ? (int64_t)at : -1;
    }
    return Py_XNewRef((PyObject *)whole->made[at]);
}

static PyObject *
message_at(ClaimObject *self, Py_ssize_t i)
{
    ClaimObject *whole = claim_whole(self);
    PyObject *msg;

    Py_BEGIN_CRITICAL_SECTION(whole);
    msg = message_lock_held(whole, self->order[i]);
    Py_END_CRITICAL_SECTION();
    return msg;
}

Py_ssize_t
claim_len(PyObject *op)
{
    return ((ClaimObject *)op)->n;
}

PyObject *
claim_item(PyObject *op, Py_ssize_t i)
{
    ClaimObject *self = (ClaimObject *)op;

    if (i >= 0 && i < self->n)
        return message_at(self, i);
    PyErr_Format(PyExc_IndexError, "index %zd of %zd messages", i, self->n);
    return NULL;
}

static void
be_part_of(ClaimObject *part, ClaimObject *self)
{
    part->whole = (ClaimObject *)Py_NewRef((PyObject *)claim_whole(self));
    PyObject_GC_Track(part);
}

/* self[first:first + n], whose entries stay where they are. */
static PyObject *
part_of(ClaimObject *self, Py_ssize_t first, Py_ssize_t n)
{
    ClaimObject *part = blank(self->core, n);

    if (part == NULL)
        return NULL;
    part->keeper = Py_NewRef(self->keeper != NULL ? self->keeper : (PyObject *)self);
    part->order = self->order + first;
    be_part_of(part, self);
    return (PyObject *)part;
}

static PyObject *
with_steps(ClaimObject *self, Py_ssize_t first, Py_ssize_t step, Py_ssize_t n)
{
    PyObject *list = PyList_New(n);

    for (Py_ssize_t i = 0; list != NULL && i < n; i++) {
        PyObject *msg = message_at(self, first + i * step);

        if (msg == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, msg);
    }
    return list;
}

PyObject *
claim_subscript(PyObject *op, PyObject *key)
{
    ClaimObject *self = (ClaimObject *)op;
    Py_ssize_t first, end, step, n;

    if (!PySlice_Check(key)) {
        first = PyNumber_AsSsize_t(key, PyExc_IndexError);
        if (first == -1 && PyErr_Occurred())
            return NULL;
        return claim_item(op, first < 0 ? first + self->n : first);
    }
    if (PySlice_Unpack(key, &first, &end, &step) < 0)
        return NULL;
    n = PySlice_AdjustIndices(self->n, &first, &end, step);
    return step == 1 ? part_of(self, first, n) : with_steps(self, first, step, n);
}

/* The abstract class Sequence has these two. */
PyObject *
claim_index(PyObject *op, PyObject *msg)
{
    Py_ssize_t i = PySequence_Index(op, msg);

    return i < 0 ? NULL : PyLong_FromSsize_t(i);
}

PyObject *
claim_count(PyObject *op, PyObject *msg)
{
    Py_ssize_t n = PySequence_Count(op, msg);

    return n < 0 ? NULL : PyLong_FromSsize_t(n);
}

PyObject *
claim_rest(PyObject *op, PyObject *ignored)
{
    ClaimObject *self = (ClaimObject *)op;
    ClaimObject *part;
    Py_ssize_t n = 0;

    (void)ignored;
    for (Py_ssize_t i = 0; i < self->n; i++)
        n += claim_is_in_hand(self, i);
    if (n == self->n)
        return Py_NewRef(op);
    part = roomy(self->core, n);
    if (part == NULL)
        return NULL;
    part->n = 0;
    for (Py_ssize_t i = 0; i < self->n && part->n < n; i++)
        if (claim_is_in_hand(self, i))
            part->order[part->n++] = self->order[i];
    be_part_of(part, self);
    return (PyObject *)part;
}

/* A claim that is not open: nobody has anything in hand. */
PyObject *
claim_behind(PyObject *op, PyObject *most)
{
    ClaimObject *self = claim_whole((ClaimObject *)op), *view;
    const native_core *core = self->core;
    long max = PyLong_AsLong(most);
    int32_t first = self->open && self->n > 0 ? dk_batch_peek(core->b) : -1;

    if (max == -1 && PyErr_Occurred())
        return NULL;
    if (max < 1 || first < 0 ||
        dk_batch_topic_id(core->b, (uint32_t)first) != dk_batch_topic_id(core->b, self->order[0]))
        Py_RETURN_NONE;
    view = roomy(self->core, native_core_run(core, (uint32_t)first, max > UINT32_MAX ? UINT32_MAX : (uint32_t)max));
    if (view == NULL)
        return NULL;
    view->range = (dk_range){.first = (uint32_t)first, .n = (uint32_t)view->n};
    for (Py_ssize_t i = 0; i < view->n; i++)
        view->order[i] = (uint32_t)(first + i);
    PyObject_GC_Track(view);
    return (PyObject *)view;
}
