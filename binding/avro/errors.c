/* SPDX-License-Identifier: MIT
 *
 * What the codec says is wrong becomes an exception.
 */
#include "avro/native_avro.h"

void
native_avro_raise(PyObject *type, const dk_error *err)
{
    PyObject *text, *path = PyUnicode_DecodeUTF8(err->path, (Py_ssize_t)strlen(err->path), "replace"), *pos,
                    *exc = NULL;

    text = PyUnicode_DecodeUTF8(err->text, (Py_ssize_t)strlen(err->text), "replace");
    pos = PyLong_FromSize_t(err->pos);
    if (text != NULL && path != NULL && pos != NULL) {
        if (err->path[0] != '\0')
            Py_SETREF(text, PyUnicode_FromFormat("%U: %U (byte %zu)", path, text, err->pos));
        else
            Py_SETREF(text, PyUnicode_FromFormat("%U (byte %zu)", text, err->pos));
        exc = text == NULL ? NULL : PyObject_CallOneArg(type, text);
    }
    if (exc != NULL && PyObject_SetAttrString(exc, "path", path) == 0 && PyObject_SetAttrString(exc, "pos", pos) == 0)
        PyErr_SetObject(type, exc);
    Py_XDECREF(exc);
    Py_XDECREF(text);
    Py_XDECREF(path);
    Py_XDECREF(pos);
}

void
native_avro_raise_schema(AvroCore *core, dk_status st, const dk_error *err)
{
    if (st == DK_ENOMEM)
        PyErr_NoMemory();
    else
        native_avro_raise(core->schema_error, err);
}

PyObject *
native_avro_raise_decode(AvroCore *core, const dk_error *err)
{
    if (!PyErr_Occurred())
        native_avro_raise(core->decode_error, err);
    return NULL;
}
