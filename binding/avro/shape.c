/* SPDX-License-Identifier: MIT
 *
 * What a Python value is, as the encoder sees it: an integer, a mapping with fields.
 */
#include "avro/encode.h"

/* Whether the exception says more than that a value is of the wrong kind, and stays; else it is taken away. */
static bool
stays(void)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError))
        return true;
    PyErr_Clear();
    return false;
}

int
native_shape_index_of(PyObject *v, int64_t *out)
{
    int overflow;
    long long l;

    if (!PyLong_Check(v)) {
        if (!PyIndex_Check(v))
            return 0;
        v = PyNumber_Index(v);
        if (v == NULL)
            return stays() ? -2 : 0;
    } else {
        Py_INCREF(v);
    }
    l = PyLong_AsLongLongAndOverflow(v, &overflow);
    Py_DECREF(v);
    *out = l;
    return overflow != 0 ? -1 : 1;
}

int
native_shape_is_mapping(native_encoding *e, PyObject *v)
{
    int rc;

    if (PyDict_Check(v))
        return 1;
    rc = PyObject_IsInstance(v, e->core->mapping);
    return rc >= 0 ? rc : stays() ? -1 : 0;
}

/* By its get(), as fastavro asks: a defaultdict would grow by being asked for an item. */
int
native_shape_field_of(native_encoding *e, PyObject *v, PyObject *name, PyObject **out)
{
    PyObject *args[3] = {v, name, e->core->missing};

    *out = PyObject_VectorcallMethod(e->core->s_get, args, 3, NULL);
    if (*out == e->core->missing) {
        Py_CLEAR(*out);
        return 0;
    }
    return *out != NULL ? 1 : -1;
}
