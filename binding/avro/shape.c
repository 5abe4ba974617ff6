/* SPDX-License-Identifier: MIT
 *
 * What a Python value is, as the encoder sees it: an integer, a mapping with fields.
 */
#include "avro/encode.h"

int
native_shape_index_of(PyObject *v, int64_t *out)
{
    int overflow;
    long long l;

    if (!PyLong_Check(v)) {
        if (!PyIndex_Check(v))
            return 0;
        v = PyNumber_Index(v);
        if (v == NULL) {
            PyErr_Clear();
            return 0;
        }
    } else {
        Py_INCREF(v);
    }
    l = PyLong_AsLongLongAndOverflow(v, &overflow);
    Py_DECREF(v);
    *out = l;
    return overflow != 0 ? -1 : 1;
}

bool
native_shape_is_mapping(native_encoding *e, PyObject *v)
{
    int rc;

    if (PyDict_Check(v))
        return true;
    rc = PyObject_IsInstance(v, e->core->mapping);
    if (rc < 0)
        PyErr_Clear();
    return rc > 0;
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
