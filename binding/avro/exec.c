/* SPDX-License-Identifier: MIT
 *
 * The codec's part of the module.
 */
#include "avro/native_avro.h"

static PyTypeObject *
add_type(PyObject *module, PyType_Spec *spec)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);

    if (type != NULL && PyModule_AddType(module, type) < 0)
        Py_CLEAR(type);
    return type;
}

static int
add_types(PyObject *module, AvroCore *core)
{
    PyTypeObject *method;
    PyObject *registered;

    core->schema_type = add_type(module, &native_avro_schema_spec);
    core->record_type = add_type(module, &native_avro_record_spec);
    core->reader_type = add_type(module, &native_avro_reader_spec);
    if (core->schema_type == NULL || core->record_type == NULL || core->reader_type == NULL)
        return -1;
    method = add_type(module, &native_avro_method_spec);
    if (method == NULL)
        return -1;
    Py_DECREF(method);
    registered = PyObject_CallMethod(core->mapping, "register", "O", core->record_type);
    Py_XDECREF(registered);
    return registered == NULL ? -1 : 0;
}

int
native_avro_exec(PyObject *module)
{
    AvroCore *core = native_avro_core(module);

    return core == NULL || add_types(module, core) < 0 ? -1 : PyModule_AddFunctions(module, native_wire_functions);
}
