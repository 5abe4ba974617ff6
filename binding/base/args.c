/* SPDX-License-Identifier: MIT
 *
 * Arguments of methods that are called without a tuple, and the texts and callables among them.
 */
#include "base/args.h"

#include <stdbool.h>
#include <string.h>

static bool
name_is(PyObject *name, const char *ascii)
{
    size_t n = strlen(ascii);

    return PyUnicode_IS_COMPACT_ASCII(name) && (size_t)PyUnicode_GET_LENGTH(name) == n &&
           memcmp(PyUnicode_1BYTE_DATA(name), ascii, n) == 0;
}

static int
place_keyword(const native_signature *sig, PyObject *name, PyObject *value, PyObject **out, int hint)
{
    /* Keywords mostly come in the order of the signature: begin where the last one was found. */
    for (int i = hint; sig->names[i] != NULL; i++) {
        if (name_is(name, sig->names[i])) {
            if (out[i] != NULL)
                break;
            out[i] = value;
            return i + 1;
        }
    }
    for (int i = 0; sig->names[i] != NULL; i++) {
        if (!name_is(name, sig->names[i]))
            continue;
        if (out[i] == NULL) {
            out[i] = value;
            return i + 1;
        }
        PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", sig->func, name);
        return -1;
    }
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", sig->func, name);
    return -1;
}

int
native_args(const native_signature *sig, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **out)
{
    Py_ssize_t nkw = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    int n = 0, hint;

    for (; sig->names[n] != NULL; n++)
        out[n] = n < nargs ? args[n] : NULL;
    if (nargs > n) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments (%zd given)", sig->func, n, nargs);
        return -1;
    }
    hint = (int)nargs;
    for (Py_ssize_t k = 0; k < nkw; k++) {
        hint = place_keyword(sig, PyTuple_GET_ITEM(kwnames, k), args[nargs + k], out, hint);
        if (hint < 0)
            return -1;
    }
    for (int i = 0; i < sig->required; i++) {
        if (out[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s' (pos %d)", sig->func, sig->names[i],
                         i + 1);
            return -1;
        }
    }
    return 0;
}

int
native_callable(PyObject *obj, const char *what, PyObject **out)
{
    *out = NULL;
    if (obj == NULL || obj == Py_None)
        return 0;
    if (!PyCallable_Check(obj)) {
        PyErr_Format(PyExc_TypeError, "%s expects a callable", what);
        return -1;
    }
    *out = obj;
    return 0;
}

int
native_str(PyObject *obj, const char *what, const char **out)
{
    Py_ssize_t n;

    if (!PyUnicode_Check(obj)) {
        PyErr_Format(PyExc_TypeError, "%s must be str, not %.100s", what, Py_TYPE(obj)->tp_name);
        return -1;
    }
    *out = PyUnicode_AsUTF8AndSize(obj, &n);
    if (*out == NULL)
        return -1;
    if (strlen(*out) != (size_t)n) {
        PyErr_Format(PyExc_ValueError, "%s must not contain NUL characters: %R", what, obj);
        return -1;
    }
    return 0;
}
