/* SPDX-License-Identifier: MIT
 *
 * What the codec needs of Python: classes, names, exceptions and its own types, once for each module.
 */
#include "avro/decode.h"

PyObject *
native_avro_intern(const char *s)
{
    PyObject *name = PyUnicode_FromString(s);

    if (name != NULL)
        PyUnicode_InternInPlace(&name);
    return name;
}

static int
core_traverse(PyObject *op, visitproc visit, void *arg)
{
    AvroCore *self = (AvroCore *)op;

    Py_VISIT(Py_TYPE(op));
#define XX(type, name) Py_VISIT(self->name);
    NATIVE_AVRO_OBJECTS(XX)
#undef XX
    return 0;
}

static int
core_clear(PyObject *op)
{
    AvroCore *self = (AvroCore *)op;

#define XX(type, name) Py_CLEAR(self->name);
    NATIVE_AVRO_OBJECTS(XX)
#undef XX
    return 0;
}

static void
core_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    (void)core_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyType_Slot core_slots[] = {
    {Py_tp_traverse, core_traverse},
    {Py_tp_clear, core_clear},
    {Py_tp_dealloc, core_dealloc},
    {0, NULL},
};

static PyType_Spec core_spec = {
    .name = "django_kafka._native.AvroCore",
    .basicsize = sizeof(AvroCore),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = core_slots,
};

static int
core_import(const char *module, const char *name, PyObject **out)
{
    PyObject *m = PyImport_ImportModule(module);

    *out = m == NULL ? NULL : PyObject_GetAttrString(m, name);
    Py_XDECREF(m);
    return *out == NULL ? -1 : 0;
}

static int
core_classes(AvroCore *core)
{
    PyObject *safe;

    core->dt = PyCapsule_Import(PyDateTime_CAPSULE_NAME, 0);
    if (core->dt == NULL || core_import("decimal", "Decimal", &core->decimal) < 0 ||
        core_import("decimal", "Context", &core->decimal_context) < 0 ||
        core_import("uuid", "UUID", &core->uuid) < 0 ||
        core_import("collections.abc", "Mapping", &core->mapping) < 0 ||
        core_import("collections.abc", "Sequence", &core->sequence) < 0 ||
        core_import("collections.abc", "KeysView", &core->keys_view) < 0 ||
        core_import("collections.abc", "ValuesView", &core->values_view) < 0 ||
        core_import("collections.abc", "ItemsView", &core->items_view) < 0 ||
        core_import("numbers", "Real", &core->real) < 0 || core_import("uuid", "SafeUUID", &safe) < 0)
        return -1;
    core->uuid_unsafe = PyObject_GetAttrString(safe, "unknown");
    Py_DECREF(safe);
    core->epoch =
        core->dt->DateTime_FromDateAndTime(1970, 1, 1, 0, 0, 0, 0, core->dt->TimeZone_UTC, core->dt->DateTimeType);
    return core->uuid_unsafe == NULL || core->epoch == NULL ? -1 : 0;
}

static int
core_names(AvroCore *core)
{
    core->missing = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
    core->s_get = native_avro_intern("get");
    core->s_int = native_avro_intern("int");
    core->s_is_safe = native_avro_intern("is_safe");
    core->s_to_bytes = native_avro_intern("to_bytes");
    core->s_from_bytes = native_avro_intern("from_bytes");
    core->s_big = native_avro_intern("big");
    core->s_type_hint = native_avro_intern("-type");
    core->s_create_decimal = native_avro_intern("create_decimal");
    core->s_scaleb = native_avro_intern("scaleb");
    core->s_prec = native_avro_intern("prec");
    core->s_utcoffset = native_avro_intern("utcoffset");
    core->s_fromisoformat = native_avro_intern("fromisoformat");
    core->signed_kw = Py_BuildValue("(s)", "signed");
    core->empty_args = PyTuple_New(0);
    return PyErr_Occurred() ? -1 : 0;
}

static int
add_error(PyObject *module, const char *name, const char *doc, PyObject **out)
{
    PyObject *defaults = Py_BuildValue("{s:s,s:i}", "path", "", "pos", 0);

    *out = defaults == NULL ? NULL : PyErr_NewExceptionWithDoc(name, doc, PyExc_ValueError, defaults);
    Py_XDECREF(defaults);
    return *out == NULL ? -1 : PyModule_AddObjectRef(module, strrchr(name, '.') + 1, *out);
}

static int
core_errors(PyObject *module, AvroCore *core)
{
    if (add_error(module, "django_kafka._native.DecodeError",
                  "Bytes that are not a value of the schema: pos is the byte, path the field.",
                  &core->decode_error) < 0 ||
        add_error(module, "django_kafka._native.EncodeError",
                  "A value that does not fit the schema: path is the field.", &core->encode_error) < 0)
        return -1;
    return add_error(module, "django_kafka._native.SchemaError",
                     "A schema that is invalid, or two that do not go together: path is the field.",
                     &core->schema_error);
}

AvroCore *
native_avro_core(PyObject *module)
{
    native_state *state = PyModule_GetState(module);
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_spec, NULL);
    AvroCore *core;

    if (type == NULL)
        return NULL;
    core = (AvroCore *)type->tp_alloc(type, 0);
    Py_DECREF(type);
    if (core == NULL)
        return NULL;
    state->avro = (PyObject *)core;
    native_text_init(core);
    if (core_classes(core) < 0 || core_names(core) < 0 || core_errors(module, core) < 0)
        return NULL;
    return core;
}
