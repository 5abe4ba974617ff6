/* SPDX-License-Identifier: MIT
 *
 * Plans for messages in JSON: which fields besides the columns' a message may have.
 */
#include "copy/native_copy.h"

/* Names borrowed from a sequence of str: an array of *n, NULL with an exception. `fast` owns them. */
static const char **
borrow_names(PyObject *names, const char *what, PyObject **fast, size_t *n)
{
    const char **list;

    *fast = PySequence_Fast(names, "names have to be a sequence of str");
    if (*fast == NULL)
        return NULL;
    *n = (size_t)PySequence_Fast_GET_SIZE(*fast);
    list = PyMem_Calloc(*n + 1, sizeof *list);
    if (list == NULL)
        return PyErr_NoMemory(), NULL;
    for (size_t i = 0; i < *n; i++)
        if (native_str(PySequence_Fast_GET_ITEM(*fast, (Py_ssize_t)i), what, &list[i]) < 0) {
            PyMem_Free(list);
            return NULL;
        }
    return list;
}

static int
read_connect(PyObject *obj, dk_copy_connect *out)
{
    *out = obj == Py_None ? DK_COPY_CONNECT_AUTO : obj == Py_True ? DK_COPY_CONNECT_ALWAYS : DK_COPY_CONNECT_NEVER;
    if (obj == Py_None || PyBool_Check(obj))
        return 0;
    PyErr_Format(PyExc_TypeError, "connect is True, False or None, not %.100s", Py_TYPE(obj)->tp_name);
    return -1;
}

static dk_copy_reader *
make_reader(CopyPlanObject *self, dk_copy_side side, PyObject *ignored, PyObject *refused, PyObject *connect,
            const char *deleted)
{
    PyObject *fast[2] = {NULL, NULL};
    dk_copy_json_options options = {.size = sizeof options, .deletion_key = deleted};
    dk_copy_reader *reader = NULL;
    const char **names[2] = {NULL, NULL};
    dk_error err;
    dk_status st;

    if (read_connect(connect, &options.connect) < 0)
        return NULL;
    names[0] = borrow_names(ignored, "ignored", &fast[0], &options.nignored);
    if (names[0] != NULL)
        names[1] = borrow_names(refused, "refused", &fast[1], &options.nrefused);
    if (names[1] != NULL) {
        options.ignored = names[0];
        options.refused = names[1];
        st = dk_copy_reader_json(self->plan, side, &options, &reader, &err);
        if (st == DK_ENOMEM)
            PyErr_NoMemory();
        else if (st != DK_OK)
            PyErr_SetString(PyExc_ValueError, err.text);
    }
    for (int i = 0; i < 2; i++) {
        PyMem_Free(names[i]);
        Py_XDECREF(fast[i]);
    }
    return reader;
}

PyObject *
native_copy_add_json(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *words[] = {"side", "ignored", "refused", "connect", "deleted", NULL};
    CopyPlanObject *self = (CopyPlanObject *)op;
    PyObject *ignored = NULL, *refused = NULL, *connect = Py_None, *empty = PyTuple_New(0);
    const char *side, *deleted = NULL;
    dk_copy_reader *reader;
    bool is_key;
    int rc;

    if (empty == NULL)
        return NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$OOOz:add_json", words, &side, &ignored, &refused, &connect,
                                     &deleted)) {
        Py_DECREF(empty);
        return NULL;
    }
    is_key = strcmp(side, "key") == 0;
    if (!is_key && strcmp(side, "value") != 0) {
        PyErr_Format(PyExc_ValueError, "a side is \"key\" or \"value\", not \"%.20s\"", side);
        Py_DECREF(empty);
        return NULL;
    }
    reader = make_reader(self, is_key ? DK_COPY_KEY : DK_COPY_VALUE, ignored ? ignored : empty,
                         refused ? refused : empty, connect, deleted);
    Py_DECREF(empty);
    if (reader == NULL)
        return NULL;
    if (atomic_exchange(&self->busy, true)) {
        dk_copy_reader_free(reader);
        PyErr_SetString(PyExc_RuntimeError, "the plan is in use by another thread");
        return NULL;
    }
    rc = native_copy_schemas_put(&self->schemas[is_key ? DK_COPY_KEY : DK_COPY_VALUE], Py_None, reader);
    atomic_store(&self->busy, false);
    if (rc < 0)
        return NULL;
    Py_RETURN_NONE;
}
