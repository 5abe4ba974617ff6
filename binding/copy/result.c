/* SPDX-License-Identifier: MIT
 *
 * CopyResult: two streams for COPY, the same as arrays, and which messages are in neither. And CopyStream, one of the
 * two as a buffer.
 */
#include "copy/native_copy.h"

typedef struct CopyStreamObject {
    PyObject_HEAD CopyResultObject *result;
    bool deleted;
} CopyStreamObject;

/* ---- notes ---- */

static void
forget_notes(CopyResultObject *self)
{
    for (size_t i = 0; i < self->nnotes; i++)
        PyMem_RawFree(self->notes[i].text);
    self->nnotes = 0;
}

dk_status
native_copy_note(CopyResultObject *self, Py_ssize_t index, bool odd, const dk_error *err)
{
    size_t n = strlen(err->text) + 1, m = strlen(err->path) + 1;
    copy_note *notes;
    char *text;

    if (self->nnotes == self->cap_notes) {
        size_t cap = self->cap_notes == 0 ? 16 : self->cap_notes * 2;

        notes = PyMem_RawRealloc(self->notes, cap * sizeof *notes);
        if (notes == NULL)
            return DK_ENOMEM;
        self->notes = notes;
        self->cap_notes = cap;
    }
    text = PyMem_RawMalloc(n + m);
    if (text == NULL)
        return DK_ENOMEM;
    memcpy(text, err->text, n);
    memcpy(text + n, err->path, m);
    self->notes[self->nnotes++] = (copy_note){index, err->code, odd, text, text + n};
    return DK_OK;
}

static PyObject *
list_notes(CopyResultObject *self, bool odd)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list != NULL && i < self->nnotes; i++) {
        const copy_note *note = &self->notes[i];
        PyObject *text, *field, *item = NULL;

        if (note->odd != odd)
            continue;
        text = PyUnicode_DecodeUTF8(note->text, (Py_ssize_t)strlen(note->text), "replace");
        field = PyUnicode_DecodeUTF8(note->field, (Py_ssize_t)strlen(note->field), "replace");
        if (text != NULL && field != NULL)
            item = odd ? Py_BuildValue("(nOO)", note->index, field, text)
                       : Py_BuildValue("(nOOs)", note->index, field, text, dk_status_name(note->code));
        Py_XDECREF(text);
        Py_XDECREF(field);
        if (item == NULL || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* ---- CopyResult ---- */

PyObject *
native_copy_result_new(native_state *state, PyObject *plan, dk_copy_plan *c)
{
    PyTypeObject *type = state->copy_result_type;
    CopyResultObject *self = (CopyResultObject *)type->tp_alloc(type, 0);
    dk_error err;

    if (self == NULL)
        return NULL;
    self->plan = Py_NewRef(plan);
    self->stopped_at = -1;
    if (dk_copy_block_new(NULL, c, &self->block, &err) != DK_OK ||
        dk_copy_block_finish(self->block, &self->streams, &err) != DK_OK) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static PyObject *
result_clear_messages(PyObject *op, PyObject *ignored)
{
    CopyResultObject *self = (CopyResultObject *)op;
    dk_error err;

    (void)ignored;
    if (self->exports > 0) {
        PyErr_SetString(PyExc_BufferError, "a stream of this result is still in use");
        return NULL;
    }
    dk_copy_block_clear(self->block);
    forget_notes(self);
    self->stopped_at = -1;
    Py_CLEAR(self->unknown);
    Py_CLEAR(self->stray);
    if (dk_copy_block_finish(self->block, &self->streams, &err) != DK_OK)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *
make_stream(CopyResultObject *self, bool deleted)
{
    native_state *state = native_state_of(Py_TYPE(self));
    CopyStreamObject *stream;
    PyObject *view;

    if (state == NULL)
        return NULL;
    stream = (CopyStreamObject *)state->copy_stream_type->tp_alloc(state->copy_stream_type, 0);
    if (stream == NULL)
        return NULL;
    stream->result = (CopyResultObject *)Py_NewRef((PyObject *)self);
    stream->deleted = deleted;
    view = PyMemoryView_FromObject((PyObject *)stream);
    Py_DECREF(stream);
    return view;
}

static PyObject *
result_block(PyObject *op, void *ignored)
{
    return make_stream((CopyResultObject *)op, false);
}

static PyObject *
result_deleted(PyObject *op, void *ignored)
{
    return make_stream((CopyResultObject *)op, true);
}

/* A tuple of bytes: copies, since they are small where they are of use, and the block goes on. */
static PyObject *
make_arrays(CopyResultObject *self, dk_copy_part part)
{
    dk_copy_arrays arrays;
    dk_error err;
    dk_status st = dk_copy_block_arrays(self->block, part, &arrays, &err);
    PyObject *out;

    if (st == DK_ENOMEM)
        return PyErr_NoMemory();
    if (st != DK_OK) {
        PyErr_SetString(PyExc_ValueError, err.text);
        return NULL;
    }
    out = PyTuple_New((Py_ssize_t)arrays.n);
    for (size_t i = 0; out != NULL && i < arrays.n; i++) {
        dk_slice s = arrays.list[i];
        PyObject *bytes = PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);

        if (bytes == NULL)
            Py_CLEAR(out);
        else
            PyTuple_SET_ITEM(out, (Py_ssize_t)i, bytes);
    }
    return out;
}

static PyObject *
result_arrays(PyObject *op, PyObject *ignored)
{
    return make_arrays((CopyResultObject *)op, DK_COPY_ROWS);
}

static PyObject *
result_deleted_arrays(PyObject *op, PyObject *ignored)
{
    return make_arrays((CopyResultObject *)op, DK_COPY_KEYS);
}

static PyObject *
result_rows(PyObject *op, void *ignored)
{
    return PyLong_FromSize_t(((CopyResultObject *)op)->streams.nrows);
}

static PyObject *
result_deletions(PyObject *op, void *ignored)
{
    return PyLong_FromSize_t(((CopyResultObject *)op)->streams.ndeleted);
}

static PyObject *
result_errors(PyObject *op, void *ignored)
{
    return list_notes((CopyResultObject *)op, false);
}

static PyObject *
result_odd(PyObject *op, void *ignored)
{
    return list_notes((CopyResultObject *)op, true);
}

static PyObject *
result_stopped_at(PyObject *op, void *ignored)
{
    CopyResultObject *self = (CopyResultObject *)op;

    return self->stopped_at < 0 ? Py_NewRef(Py_None) : PyLong_FromSsize_t(self->stopped_at);
}

static PyObject *
result_unknown(PyObject *op, void *ignored)
{
    CopyResultObject *self = (CopyResultObject *)op;

    return Py_NewRef(self->unknown != NULL ? self->unknown : Py_None);
}

static PyObject *
result_stray(PyObject *op, void *ignored)
{
    CopyResultObject *self = (CopyResultObject *)op;

    return Py_NewRef(self->stray != NULL ? self->stray : Py_None);
}

static void
result_dealloc(PyObject *op)
{
    CopyResultObject *self = (CopyResultObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    dk_copy_block_free(self->block);
    forget_notes(self);
    PyMem_RawFree(self->notes);
    Py_XDECREF(self->unknown);
    Py_XDECREF(self->stray);
    Py_XDECREF(self->plan);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyGetSetDef result_getset[] = {
    {"block", result_block, NULL, "Rows for COPY (FORMAT binary), as a memoryview.", NULL},
    {"deleted", result_deleted, NULL, "Keys for COPY (FORMAT binary), as a memoryview.", NULL},
    {"rows", result_rows, NULL, "How many rows.", NULL},
    {"deletions", result_deletions, NULL, "How many keys.", NULL},
    {"errors", result_errors, NULL, "[(index, field, text, status)] of messages that can never pass.", NULL},
    {"odd", result_odd, NULL, "[(index, field, reason)] of messages that somebody else has to write.", NULL},
    {"stopped_at", result_stopped_at, NULL, "Index of the message that it stopped at, or None.", NULL},
    {"unknown", result_unknown, NULL, "(side, id) of the schema that it stopped for, or None.", NULL},
    {"stray", result_stray, NULL, "Why it stopped at a message that is not told apart from others, or None.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef result_methods[] = {
    {"clear", result_clear_messages, METH_NOARGS, "clear()\n--\n\nForget all messages; the memory is kept."},
    {"arrays", result_arrays, METH_NOARGS,
     "arrays()\n--\n\nThe rows by columns: of each a binary array, as a parameter of a statement."},
    {"deleted_arrays", result_deleted_arrays, METH_NOARGS,
     "deleted_arrays()\n--\n\nThe keys by columns: of each a binary array, as a parameter of a statement."},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(result_doc, "What came of messages that were run through a CopyPlan.");

static PyType_Slot result_slots[] = {
    {Py_tp_doc, (void *)result_doc},
    {Py_tp_dealloc, result_dealloc},
    {Py_tp_getset, result_getset},
    {Py_tp_methods, result_methods},
    {0, NULL},
};

PyType_Spec native_copy_result_spec = {
    .name = "django_kafka._native.CopyResult",
    .basicsize = sizeof(CopyResultObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = result_slots,
};

/* ---- CopyStream ---- */

static int
stream_getbuffer(PyObject *op, Py_buffer *view, int flags)
{
    CopyStreamObject *self = (CopyStreamObject *)op;
    const dk_copy_streams *streams = &self->result->streams;
    dk_slice s = self->deleted ? streams->deleted : streams->rows;

    if (PyBuffer_FillInfo(view, op, (void *)(uintptr_t)s.p, (Py_ssize_t)s.n, 1, flags) < 0)
        return -1;
    self->result->exports++;
    return 0;
}

static void
stream_releasebuffer(PyObject *op, Py_buffer *view)
{
    ((CopyStreamObject *)op)->result->exports--;
}

static void
stream_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    Py_XDECREF(((CopyStreamObject *)op)->result);
    type->tp_free(op);
    Py_DECREF(type);
}

PyDoc_STRVAR(stream_doc, "The bytes of one of a CopyResult's streams.");

static PyType_Slot stream_slots[] = {
    {Py_tp_doc, (void *)stream_doc},
    {Py_tp_dealloc, stream_dealloc},
    {Py_bf_getbuffer, stream_getbuffer},
    {Py_bf_releasebuffer, stream_releasebuffer},
    {0, NULL},
};

PyType_Spec native_copy_stream_spec = {
    .name = "django_kafka._native.CopyStream",
    .basicsize = sizeof(CopyStreamObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = stream_slots,
};
