/* SPDX-License-Identifier: MIT
 *
 * Messages are made and freed. Those of the engine borrow from their batch; delivery reports and errors stand alone.
 *
 * The garbage collector is told of a message only once it holds an object of somebody else's, or a list: until then
 * it cannot be part of a cycle.
 */
#include "consumer/message.h"

static MessageObject *
blank(native_state *state)
{
    MessageObject *msg;

    if (NATIVE_FREELIST > 0 && state->n_free > 0) {
        msg = state->free_messages[--state->n_free];
        PyObject_Init((PyObject *)msg, state->message_type);
        return msg;
    }
    msg = PyObject_GC_New(MessageObject, state->message_type);
    if (msg != NULL) {
        msg->core = NULL;
        msg->own = NULL;
        msg->topic = msg->key = msg->value = msg->headers = msg->error = NULL;
    }
    return msg;
}

PyObject *
native_message_borrow(native_core *core, uint32_t index)
{
    MessageObject *msg = blank(core->state);

    if (msg == NULL)
        return NULL;
    NATIVE_REFS_INC(&core->refs);
    msg->core = core;
    msg->index = index;
    return (PyObject *)msg;
}

void
native_message_clear_parts(MessageObject *msg)
{
    Py_CLEAR(msg->topic);
    Py_CLEAR(msg->key);
    Py_CLEAR(msg->value);
    Py_CLEAR(msg->headers);
    Py_CLEAR(msg->error);
}

void
native_own_free(native_own *own)
{
    if (own == NULL)
        return;
    Py_XDECREF(own->partition);
    Py_XDECREF(own->offset);
    Py_XDECREF(own->leader_epoch);
    Py_XDECREF(own->latency);
    PyMem_Free(own);
}

int
native_message_clear(PyObject *op)
{
    MessageObject *msg = (MessageObject *)op;
    native_own *own = msg->own;

    msg->own = NULL;
    native_own_free(own);
    native_message_clear_parts(msg);
    return 0;
}

void
native_message_dealloc(PyObject *op)
{
    MessageObject *msg = (MessageObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    native_core *core = msg->core;

    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, native_message_dealloc) /* the value may be a message whose value is one, and so on */
        native_message_clear(op);
    msg->core = NULL;
#if NATIVE_FREELIST > 0
    native_state *state = core != NULL ? core->state : NULL;

    if (state != NULL && type == state->message_type && state->n_free < NATIVE_FREELIST)
        state->free_messages[state->n_free++] = msg;
    else
#endif
        type->tp_free(op);
    native_core_unref(core);
    Py_DECREF(type);
    Py_TRASHCAN_END
}

void
native_message_track(PyObject *op)
{
    if (!PyObject_GC_IsTracked(op))
        PyObject_GC_Track(op);
}

MessageObject *
native_message_alone(PyTypeObject *type)
{
    MessageObject *msg = (MessageObject *)type->tp_alloc(type, 0);

    if (msg == NULL)
        return NULL;
    msg->own = PyMem_Calloc(1, sizeof *msg->own);
    if (msg->own == NULL) {
        Py_DECREF(msg);
        PyErr_NoMemory();
        return NULL;
    }
    return msg;
}

static PyObject *
bytes_or_null(dk_slice s)
{
    return s.p == NULL ? NULL : PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

static int
fill_bytes(MessageObject *msg, const native_message_fields *f)
{
    if (f->key.p != NULL && (msg->key = bytes_or_null(f->key)) == NULL)
        return -1;
    if (f->value.p != NULL && (msg->value = bytes_or_null(f->value)) == NULL)
        return -1;
    if (f->topic != NULL && (msg->topic = PyUnicode_FromString(f->topic)) == NULL)
        return -1;
    return 0;
}

static int
fill_numbers(native_own *own, const native_message_fields *f)
{
    if (f->partition >= 0 && (own->partition = PyLong_FromLong(f->partition)) == NULL)
        return -1;
    if (f->offset >= 0 && (own->offset = PyLong_FromLongLong(f->offset)) == NULL)
        return -1;
    if (f->leader_epoch >= 0 && (own->leader_epoch = PyLong_FromLong(f->leader_epoch)) == NULL)
        return -1;
    if (f->latency >= 0 && (own->latency = PyFloat_FromDouble(f->latency)) == NULL)
        return -1;
    own->timestamp = f->timestamp;
    own->timestamp_type = f->timestamp_type;
    return 0;
}

PyObject *
native_message_new(native_state *state, const native_message_fields *fields)
{
    MessageObject *msg = native_message_alone(state->message_type);

    if (msg == NULL)
        return NULL;
    msg->error = fields->error == Py_None ? NULL : Py_XNewRef(fields->error);
    if (fill_bytes(msg, fields) < 0 || fill_numbers(msg->own, fields) < 0)
        Py_CLEAR(msg);
    return (PyObject *)msg;
}
