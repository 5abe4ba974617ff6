/* SPDX-License-Identifier: MIT
 *
 * Confluent's framing: the functions wire_parse() and wire_prefix().
 */
#include "avro/native_avro.h"

PyObject *
native_wire_identity(const dk_wire *wire)
{
    return wire->has_guid ? PyBytes_FromStringAndSize((const char *)wire->guid, 16)
                          : PyLong_FromUnsignedLong(wire->id);
}

PyDoc_STRVAR(wire_parse_doc, "wire_parse(value, header=None)\n--\n\n"
                             "(id or 16 bytes of a GUID, where the payload begins). Raises DecodeError.");

static PyObject *
wire_parse(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"wire_parse", 1, {"value", "header", NULL}};
    native_state *state = PyModule_GetState(module);
    PyObject *in[2] = {NULL, NULL}, *id = NULL;
    Py_buffer value, header = {.buf = NULL};
    dk_slice head = {NULL, 0}, whole;
    dk_wire wire;
    dk_error err;

    if (native_args(&sig, args, nargs, kwnames, in) < 0 || native_avro_bytes(in[0], NULL, &value, &whole) < 0)
        return NULL;
    if (in[1] != NULL && in[1] != Py_None && native_avro_bytes(in[1], NULL, &header, &head) < 0) {
        PyBuffer_Release(&value);
        return NULL;
    }
    if (dk_wire_parse(whole, head, &wire, &err) != DK_OK)
        native_avro_raise(((AvroCore *)state->avro)->decode_error, &err);
    else
        id = native_wire_identity(&wire);
    if (header.buf != NULL)
        PyBuffer_Release(&header);
    PyBuffer_Release(&value);
    return id == NULL ? NULL : Py_BuildValue("Nn", id, (Py_ssize_t)(wire.payload.p - whole.p));
}

PyDoc_STRVAR(wire_prefix_doc, "wire_prefix(schema)\n--\n\n"
                              "The bytes that say which schema: of an id (int) 5, of a GUID (16 bytes) 17.");

static PyObject *
wire_prefix(PyObject *module, PyObject *schema)
{
    uint8_t guid[DK_WIRE_GUID_SIZE], prefix[DK_WIRE_PREFIX];
    unsigned long id;

    if (PyBytes_Check(schema) && PyBytes_GET_SIZE(schema) == 16) {
        dk_wire_write_guid(guid, (const uint8_t *)PyBytes_AS_STRING(schema));
        return PyBytes_FromStringAndSize((const char *)guid, sizeof guid);
    }
    if (!PyLong_Check(schema)) {
        PyErr_SetString(PyExc_TypeError, "wire_prefix() takes a schema id (int) or a GUID (16 bytes)");
        return NULL;
    }
    id = PyLong_AsUnsignedLong(schema);
    if (id == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    if (id > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a schema id has 32 bits");
        return NULL;
    }
    dk_wire_write_id(prefix, (uint32_t)id);
    return PyBytes_FromStringAndSize((const char *)prefix, sizeof prefix);
}

PyMethodDef native_wire_functions[] = {
    {"wire_parse", NATIVE_METHOD(wire_parse), NATIVE_FAST, wire_parse_doc},
    {"wire_prefix", wire_prefix, METH_O, wire_prefix_doc},
    {NULL, NULL, 0, NULL},
};
