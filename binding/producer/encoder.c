/* SPDX-License-Identifier: MIT
 *
 * Encoders: an AvroSchema makes bytes of values on their way into the queue.
 */
#include "producer/encoder.h"

int
native_encoder_of(const ProducerObject *self, PyObject *obj, native_encoder *out)
{
    PyObject *schema, *prefix;

    *out = (native_encoder){.schema = NULL};
    if (obj == NULL || obj == Py_None)
        return 0;
    schema = PyTuple_Check(obj) && PyTuple_GET_SIZE(obj) == 2 ? PyTuple_GET_ITEM(obj, 0) : NULL;
    prefix = schema != NULL ? PyTuple_GET_ITEM(obj, 1) : NULL;
    if (schema == NULL || !PyBytes_Check(prefix) ||
        !Py_IS_TYPE(schema, ((AvroCore *)self->state->avro)->schema_type)) {
        PyErr_SetString(PyExc_TypeError,
                        "an encoder is a tuple of an AvroSchema and the bytes in front of each value");
        return -1;
    }
    out->schema = (AvroSchemaObject *)schema;
    out->prefix = PyBytes_AS_STRING(prefix);
    out->n_prefix = (size_t)PyBytes_GET_SIZE(prefix);
    return 0;
}

int
native_encode_value(const native_encoder *en, PyObject *value, const avro_place *place, dk_buf *out)
{
    dk_buf_put(out, en->prefix, en->n_prefix);
    return native_avro_encode(en->schema, value, place, out);
}

int
native_encode_values(const native_encoder *en, PyObject *tuple, const char *list, dk_buf *buf, dk_slice *out)
{
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    const uint8_t *p;

    for (Py_ssize_t i = 0; i < n; i++) {
        avro_place place = {list, (uint64_t)i};
        size_t start = buf->n;

        out[i] = (dk_slice){.p = NULL};
        if (PyTuple_GET_ITEM(tuple, i) == Py_None)
            continue;
        if (native_encode_value(en, PyTuple_GET_ITEM(tuple, i), &place, buf) < 0)
            return -1;
        out[i] = (dk_slice){(const uint8_t *)"", buf->n - start};
    }
    p = buf->p; /* it moves no more */
    for (Py_ssize_t i = 0; i < n; i++) {
        if (out[i].n == 0)
            continue;
        out[i].p = p;
        p += out[i].n;
    }
    return 0;
}
