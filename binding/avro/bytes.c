/* SPDX-License-Identifier: MIT
 *
 * Arguments that are bytes.
 */
#include "avro/native_avro.h"

int
native_avro_bytes(PyObject *data, PyObject *start, Py_buffer *view, dk_slice *out)
{
    Py_ssize_t from = start == NULL ? 0 : PyNumber_AsSsize_t(start, PyExc_OverflowError);

    if (from == -1 && PyErr_Occurred())
        return -1;
    view->obj = NULL;
    if (PyBytes_CheckExact(data)) { /* whoever called holds it */
        view->buf = PyBytes_AS_STRING(data);
        view->len = PyBytes_GET_SIZE(data);
    } else if (PyObject_GetBuffer(data, view, PyBUF_SIMPLE) < 0) {
        return -1;
    }
    if (from < 0 || from > view->len) {
        PyErr_Format(PyExc_ValueError, "start is %zd, but there are %zd bytes", from, view->len);
        PyBuffer_Release(view);
        return -1;
    }
    out->p = (const uint8_t *)view->buf + from;
    out->n = (size_t)(view->len - from);
    return 0;
}
