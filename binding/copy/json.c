/* SPDX-License-Identifier: MIT
 *
 * CopyPlan.add_json(): keys or values of a plan are JSON.
 */
#include "copy/native_copy.h"

/* The names in a sequence, borrowed from *fast, which keeps them: NULL with n == 0, or with an exception set. */
static const char **
read_names(PyObject *obj, const char *what, PyObject **fast, size_t *n)
{
    const char **names;
    Py_ssize_t i;

    *n = 0;
    if (obj == NULL || obj == Py_None)
        return NULL;
    if (PyUnicode_Check(obj)) { /* a sequence too, but of letters */
        PyErr_Format(PyExc_TypeError, "%s has to be a sequence of names", what);
        return NULL;
    }
    *fast = PySequence_Tuple(obj);
    if (*fast == NULL || PyTuple_GET_SIZE(*fast) == 0)
        return NULL;
    names = PyMem_Malloc((size_t)PyTuple_GET_SIZE(*fast) * sizeof *names);
    if (names == NULL)
        PyErr_NoMemory();
    for (i = 0; names != NULL && i < PyTuple_GET_SIZE(*fast); i++) {
        if (native_str(PyTuple_GET_ITEM(*fast, i), what, &names[i]) < 0) {
            PyMem_Free(names);
            return NULL;
        }
    }
    *n = names == NULL ? 0 : (size_t)PyTuple_GET_SIZE(*fast);
    return names;
}

static int
read_connect(PyObject *obj, dk_copy_connect *out)
{
    int yes;

    if (obj == NULL || obj == Py_None)
        return 0;
    yes = PyObject_IsTrue(obj);
    *out = yes > 0 ? DK_COPY_CONNECT_ALWAYS : DK_COPY_CONNECT_NEVER;
    return yes < 0 ? -1 : 0;
}

static dk_copy_reader *
make_reader(CopyPlanObject *plan, dk_copy_side side, PyObject **in)
{
    dk_copy_json_options o = {.size = sizeof o};
    PyObject *ignored_fast = NULL, *refused_fast = NULL;
    const char **ignored = read_names(in[3], "ignored", &ignored_fast, &o.nignored), **refused = NULL;
    dk_copy_reader *reader = NULL;
    int others = in[5] == NULL ? 0 : PyObject_IsTrue(in[5]);
    dk_error err;

    if (!PyErr_Occurred())
        refused = read_names(in[4], "refused", &refused_fast, &o.nrefused);
    o.ignored = ignored;
    o.refused = refused;
    o.ignore_others = others > 0;
    if (!PyErr_Occurred() && others >= 0 && read_connect(in[2], &o.connect) == 0 &&
        dk_copy_reader_json(plan->plan, side, &o, &reader, &err) != DK_OK) {
        reader = NULL;
        if (err.code == DK_ENOMEM)
            PyErr_NoMemory();
        else
            PyErr_SetString(PyExc_ValueError, err.text);
    }
    PyMem_Free(ignored);
    PyMem_Free(refused);
    Py_XDECREF(ignored_fast);
    Py_XDECREF(refused_fast);
    return reader;
}

PyObject *
native_copy_add_json(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        "add_json", 1, {"side", "id", "connect", "ignored", "refused", "ignore_others", NULL}};
    CopyPlanObject *self = (CopyPlanObject *)op;
    PyObject *in[6] = {NULL};
    dk_copy_reader *reader;
    dk_copy_side side;
    int rc;

    if (native_args(&sig, args, nargs, kwnames, in) < 0 || native_copy_side(in[0], &side) < 0)
        return NULL;
    reader = make_reader(self, side, in);
    if (reader == NULL)
        return NULL;
    if (native_copy_enter(self) < 0) {
        dk_copy_reader_free(reader);
        return NULL;
    }
    rc = native_copy_schemas_put(&self->schemas[side], in[1] == NULL ? Py_None : in[1], reader);
    native_copy_leave(self);
    if (rc < 0)
        return NULL;
    Py_RETURN_NONE;
}
