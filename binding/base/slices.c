/* SPDX-License-Identifier: MIT
 *
 * Bytes and headers: Python's into slices of the engine, and back.
 */
#include "base/slices.h"

#include <string.h>

#include "base/args.h"

/* ---- bytes ----------------------------------------------------------------------------------------------------- */

void
native_views_release(native_views *v)
{
    while (v->more != NULL) {
        native_view_chunk *chunk = v->more;

        while (chunk->n > 0)
            PyBuffer_Release(&chunk->items[--chunk->n]);
        v->more = chunk->next;
        PyMem_Free(chunk);
    }
    while (v->n > 0)
        PyBuffer_Release(&v->few[--v->n]);
}

/* Room for one more; *n is how many its place has. NULL without memory. */
static Py_buffer *
next_view(native_views *v, int **n)
{
    native_view_chunk *chunk;

    *n = &v->n;
    if (v->n < NATIVE_FEW_VIEWS)
        return &v->few[v->n];
    if (v->more == NULL || v->more->n == NATIVE_CHUNK_VIEWS) {
        chunk = PyMem_Malloc(sizeof *chunk);
        if (chunk == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        chunk->n = 0;
        chunk->next = v->more;
        v->more = chunk;
    }
    *n = &v->more->n;
    return &v->more->items[v->more->n];
}

/* A buffer whose bytes do not lie in a row is copied. No BufferError comes out: from a producer it says that the
 * queue is full. */
static int
get_buffer(PyObject *obj, const char *what, Py_buffer *view)
{
    PyObject *copy;
    int rc;

    if (PyObject_GetBuffer(obj, view, PyBUF_SIMPLE) == 0)
        return 0;
    if (!PyErr_ExceptionMatches(PyExc_BufferError))
        return -1;
    PyErr_Clear();
    copy = PyBytes_FromObject(obj);
    if (copy == NULL) {
        if (PyErr_ExceptionMatches(PyExc_BufferError))
            PyErr_Format(PyExc_TypeError, "%s: the buffer of this %.100s cannot be read", what,
                         Py_TYPE(obj)->tp_name);
        return -1;
    }
    rc = PyObject_GetBuffer(copy, view, PyBUF_SIMPLE);
    Py_DECREF(copy); /* the view holds it */
    return rc;
}

static int
slice_of_buffer(PyObject *obj, const char *what, native_views *v, dk_slice *out)
{
    Py_buffer *view;
    int *n;

    if (v == NULL || !PyObject_CheckBuffer(obj)) {
        PyErr_Format(PyExc_TypeError, "%s must be bytes, str or None, not %.100s", what, Py_TYPE(obj)->tp_name);
        return -1;
    }
    view = next_view(v, &n);
    if (view == NULL || get_buffer(obj, what, view) < 0)
        return -1;
    out->p = view->buf != NULL ? view->buf : (const void *)"";
    out->n = (size_t)view->len;
    (*n)++;
    return 0;
}

int
native_slice(PyObject *obj, const char *what, native_views *v, dk_slice *out)
{
    Py_ssize_t n;

    if (obj == NULL || obj == Py_None) {
        *out = (dk_slice){.p = NULL};
        return 0;
    }
    if (PyBytes_Check(obj)) {
        out->p = (const uint8_t *)PyBytes_AS_STRING(obj);
        out->n = (size_t)PyBytes_GET_SIZE(obj);
        return 0;
    }
    if (PyUnicode_Check(obj)) {
        out->p = (const uint8_t *)PyUnicode_AsUTF8AndSize(obj, &n);
        out->n = (size_t)n;
        return out->p == NULL ? -1 : 0;
    }
    return slice_of_buffer(obj, what, v, out);
}

/* ---- headers --------------------------------------------------------------------------------------------------- */

void
native_headers_fini(native_headers *h)
{
    if (h->items != h->few)
        PyMem_Free(h->items);
    Py_XDECREF(h->keep);
}

/* Kafka's names are UTF-8, so bytes may be given, too. */
static int
read_name(PyObject *name, const char **out)
{
    if (!PyBytes_Check(name))
        return native_str(name, "a header's name", out);
    *out = PyBytes_AS_STRING(name);
    if (strlen(*out) == (size_t)PyBytes_GET_SIZE(name))
        return 0;
    PyErr_SetString(PyExc_ValueError, "a header's name must not contain NUL");
    return -1;
}

static int
read_header(PyObject *pair, dk_header *out)
{
    PyObject *value;

    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "expected headers to be dict or list of (key, value) tuples");
        return -1;
    }
    if (read_name(PyTuple_GET_ITEM(pair, 0), &out->name) < 0)
        return -1;
    value = PyTuple_GET_ITEM(pair, 1);
    if (value != Py_None && !PyBytes_Check(value) && !PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "expected header value to be None, binary, or unicode string, not %.100s",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    return native_slice(value, "a header's value", NULL, &out->value);
}

static PyObject *
header_pairs(PyObject *obj)
{
    PyObject *items, *tuple;

    if (PyTuple_Check(obj))
        return Py_NewRef(obj);
    if (PyList_Check(obj))
        return PyList_AsTuple(obj);
    if (!PyDict_Check(obj)) {
        PyErr_Format(PyExc_TypeError, "expected headers to be dict or list of (key, value) tuples, not %.100s",
                     Py_TYPE(obj)->tp_name);
        return NULL;
    }
    items = PyDict_Items(obj);
    tuple = items != NULL ? PyList_AsTuple(items) : NULL;
    Py_XDECREF(items);
    return tuple;
}

int
native_headers_of(PyObject *obj, native_headers *h)
{
    h->keep = NULL;
    h->items = h->few;
    h->n = 0;
    if (obj == NULL || obj == Py_None)
        return 0;
    h->keep = header_pairs(obj);
    if (h->keep == NULL)
        return -1;
    h->n = (size_t)PyTuple_GET_SIZE(h->keep);
    if (h->n > NATIVE_FEW_HEADERS) {
        h->items = PyMem_Calloc(h->n, sizeof *h->items);
        if (h->items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    for (size_t i = 0; i < h->n; i++)
        if (read_header(PyTuple_GET_ITEM(h->keep, (Py_ssize_t)i), &h->items[i]) < 0)
            return -1;
    return 0;
}

PyObject *
native_header_pair(const dk_header *h)
{
    PyObject *pair = PyTuple_New(2), *name, *value;

    if (pair == NULL)
        return NULL;
    name = PyUnicode_DecodeUTF8(h->name, (Py_ssize_t)strlen(h->name), "replace");
    value = native_bytes_or_none(h->value);
    if (name == NULL || value == NULL) {
        Py_XDECREF(name);
        Py_XDECREF(value);
        Py_DECREF(pair);
        return NULL;
    }
    PyTuple_SET_ITEM(pair, 0, name);
    PyTuple_SET_ITEM(pair, 1, value);
    return pair;
}

PyObject *
native_header_list(const dk_header *headers, size_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n);

    for (size_t k = 0; list != NULL && k < n; k++) {
        PyObject *pair = native_header_pair(&headers[k]);

        if (pair == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, (Py_ssize_t)k, pair);
    }
    return list;
}
