/* SPDX-License-Identifier: MIT
 *
 * A value that does not fit its type.
 */
#include "avro/encode.h"

bool
native_unfit(native_encoding *e, const char *fmt, ...)
{
    va_list ap;

    e->err->code = DK_EAVRO;
    e->err->path[0] = '\0';
    e->err->pos = e->out->n - e->start;
    va_start(ap, fmt);
    PyOS_vsnprintf(e->err->text, sizeof e->err->text, fmt, ap);
    va_end(ap);
    return false;
}

bool
native_unfit_type(native_encoding *e, const char *want, PyObject *v)
{
    return native_unfit(e, "%s is wanted, not %.100s", want, Py_TYPE(v)->tp_name);
}

bool
native_unfit_raised(native_encoding *e, const char *want, PyObject *v)
{
    if (!PyErr_ExceptionMatches(PyExc_TypeError) && !PyErr_ExceptionMatches(PyExc_ValueError) &&
        !PyErr_ExceptionMatches(PyExc_ArithmeticError) && !PyErr_ExceptionMatches(PyExc_AttributeError))
        return false;
    PyErr_Clear();
    return native_unfit_type(e, want, v);
}
