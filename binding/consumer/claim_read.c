/* SPDX-License-Identifier: MIT
 *
 * Claim: where its messages are, and their bytes for other parts of the binding.
 */
#include "consumer/claim_private.h"

/* ---- places ---------------------------------------------------------------------------------------------------- */

typedef struct span {
    Py_ssize_t index;
    uint32_t topic_id;
    int32_t partition;
    int64_t first, end;
} span;

/* The span of an entry; messages of a partition mostly follow one another. NULL: no memory. */
static span *
span_of(const ClaimObject *self, Py_ssize_t i, span **spans, size_t *n, size_t *last)
{
    const dk_batch *b = self->core->b;
    uint32_t entry = self->order[i], topic = dk_batch_topic_id(b, entry);
    int32_t partition = dk_batch_partition(b, entry);
    span *grown;

    for (size_t k = 0, at = *last; k < *n; k++, at = (at + 1) % *n)
        if ((*spans)[at].topic_id == topic && (*spans)[at].partition == partition) {
            *last = at;
            return &(*spans)[at];
        }
    grown = PyMem_Realloc(*spans, (*n + 1) * sizeof *grown);
    if (grown == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *spans = grown;
    *last = (*n)++;
    grown[*last] = (span){.index = i, .topic_id = topic, .partition = partition, .first = dk_batch_offset(b, entry)};
    return &grown[*last];
}

static PyObject *
span_tuple(const ClaimObject *self, const span *s)
{
    PyObject *topic = native_core_topic(self->core, self->order[s->index]);

    return topic == NULL
               ? NULL
               : Py_BuildValue("(NinLL)", topic, (int)s->partition, s->index, (long long)s->first, (long long)s->end);
}

PyObject *
claim_spans(PyObject *op, PyObject *ignored)
{
    ClaimObject *self = (ClaimObject *)op;
    PyObject *list = PyList_New(0);
    span *spans = NULL, *s;
    size_t n = 0, last = 0;

    (void)ignored;
    for (Py_ssize_t i = 0; list != NULL && i < self->n; i++) {
        s = span_of(self, i, &spans, &n, &last);
        if (s == NULL)
            Py_CLEAR(list);
        else
            s->end = dk_batch_offset(self->core->b, self->order[i]) + 1;
    }
    for (size_t k = 0; list != NULL && k < n; k++) {
        PyObject *tuple = span_tuple(self, &spans[k]);

        if (tuple == NULL || PyList_Append(list, tuple) < 0)
            Py_CLEAR(list);
        Py_XDECREF(tuple);
    }
    PyMem_Free(spans);
    return list;
}

/* ---- bytes, for other parts of the binding --------------------------------------------------------------------- */

/* What is there instead of the received bytes: None, or bytes of somebody else's. False: neither. */
static bool
set_bytes(PyObject *obj, dk_slice *out)
{
    if (obj == NULL)
        return true;
    if (obj == Py_None)
        *out = (dk_slice){NULL, 0};
    else if (PyBytes_CheckExact(obj))
        *out = (dk_slice){(const uint8_t *)PyBytes_AS_STRING(obj), (size_t)PyBytes_GET_SIZE(obj)};
    else
        return false;
    return true;
}

static void
read_entry(const native_core *core, uint32_t entry, native_claimed *out)
{
    *out = (native_claimed){.topic = dk_batch_topic(core->b, entry),
                            .partition = dk_batch_partition(core->b, entry),
                            .offset = dk_batch_offset(core->b, entry),
                            .key = dk_batch_key(core->b, entry),
                            .value = dk_batch_value(core->b, entry),
                            .batch = core->b,
                            .index = entry};
}

/* A message that does not borrow. */
static bool
read_own(const MessageObject *msg, native_claimed *out)
{
    const native_own *own = msg->own;

    if (own == NULL || own->partition == NULL || own->offset == NULL || msg->topic == NULL ||
        !PyUnicode_Check(msg->topic) || !PyLong_Check(own->partition) || !PyLong_Check(own->offset))
        return false;
    *out = (native_claimed){.topic = PyUnicode_AsUTF8(msg->topic),
                            .partition = (int32_t)PyLong_AsLong(own->partition),
                            .offset = PyLong_AsLongLong(own->offset)};
    if (!PyErr_Occurred())
        return out->topic != NULL;
    PyErr_Clear();
    return false;
}

static bool
read_message(const MessageObject *msg, native_claimed *out)
{
    if (msg->core != NULL)
        read_entry(msg->core, msg->index, out);
    else if (!read_own(msg, out))
        return false;
    return set_bytes(msg->key, &out->key) && set_bytes(msg->value, &out->value);
}

static bool
read_claimed(ClaimObject *self, Py_ssize_t i, native_claimed *out)
{
    ClaimObject *whole = claim_whole(self);
    uint32_t entry = self->order[i];
    bool known = true;

    Py_BEGIN_CRITICAL_SECTION(whole);
    if (whole->made != NULL && whole->made[entry - whole->range.first] != NULL)
        known = read_message(whole->made[entry - whole->range.first], out);
    else
        read_entry(whole->core, entry, out);
    Py_END_CRITICAL_SECTION();
    return known;
}

Py_ssize_t
native_claim_len(const native_state *state, PyObject *seq)
{
    if (Py_IS_TYPE(seq, state->claim_type))
        return ((ClaimObject *)seq)->n;
    return PyList_Check(seq) || PyTuple_Check(seq) ? PySequence_Fast_GET_SIZE(seq) : -1;
}

bool
native_claim_part(const native_state *state, PyObject *seq, Py_ssize_t i, native_claimed *out)
{
    PyObject *msg;

    if (i < 0 || i >= native_claim_len(state, seq))
        return false;
    if (Py_IS_TYPE(seq, state->claim_type))
        return read_claimed((ClaimObject *)seq, i, out);
    msg = PySequence_Fast_GET_ITEM(seq, i);
    return Py_IS_TYPE(msg, state->message_type) && read_message((MessageObject *)msg, out);
}

static bool
is_changed(const ClaimObject *whole)
{
    for (uint32_t i = 0; whole->made != NULL && i < whole->range.n; i++)
        if (whole->made[i] != NULL && (whole->made[i]->key != NULL || whole->made[i]->value != NULL))
            return true; /* or was read, which is not told apart */
    return false;
}

const uint32_t *
native_claim_entries(const native_state *state, PyObject *seq, const dk_batch **batch, Py_ssize_t *n)
{
    ClaimObject *self = (ClaimObject *)seq;

    if (!Py_IS_TYPE(seq, state->claim_type) || is_changed(claim_whole(self)))
        return NULL;
    *batch = self->core->b;
    *n = self->n;
    return self->order;
}
