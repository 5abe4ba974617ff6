/* SPDX-License-Identifier: MIT
 *
 * The extension itself, in an interpreter of its own: a schema, perhaps a reader's, and the bytes, with 0xFE between
 * them. What AvroSchema.decode() makes of them has to be what the tree of avro_tree.h says; where one refuses, so
 * does the other, at the same place, unless a logical type has a say. Lazy views say the same, and what is encoded is
 * read again.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "avro_tree.h"
#include "fuzz.h"

PyMODINIT_FUNC PyInit__native(void);

static PyObject *module, *schema_type, *decode_error, *encode_error, *schema_error;

/* Whatever the exception is, it ends the run with what it says. */
static void
fail_with_exception(void)
{
    PyErr_Print();
    abort();
}

static PyObject *
sure(PyObject *obj)
{
    if (obj == NULL)
        fail_with_exception();
    return obj;
}

static void
start(void)
{
    PyPreConfig pre;
    PyConfig config;

    PyPreConfig_InitPythonConfig(&pre);
    pre.allocator = PYMEM_ALLOCATOR_MALLOC; /* which the sanitizer knows */
    MUST(!PyStatus_Exception(Py_PreInitialize(&pre)));
    PyConfig_InitPythonConfig(&config);
    config.install_signal_handlers = 0;
    MUST(!PyStatus_Exception(PyConfig_SetBytesString(&config, &config.home, FUZZ_PYTHON_HOME)));
    MUST(PyImport_AppendInittab("_native", PyInit__native) == 0);
    MUST(!PyStatus_Exception(Py_InitializeFromConfig(&config)));
    PyConfig_Clear(&config);
    module = sure(PyImport_ImportModule("_native"));
    schema_type = sure(PyObject_GetAttrString(module, "AvroSchema"));
    decode_error = sure(PyObject_GetAttrString(module, "DecodeError"));
    encode_error = sure(PyObject_GetAttrString(module, "EncodeError"));
    schema_error = sure(PyObject_GetAttrString(module, "SchemaError"));
}

/* The exception, which has to be a `type`, taken off the thread. */
static PyObject *
caught(PyObject *type)
{
    PyObject *kind, *value, *tb;

    if (!PyErr_ExceptionMatches(type))
        fail_with_exception();
    PyErr_Fetch(&kind, &value, &tb);
    PyErr_NormalizeException(&kind, &value, &tb);
    Py_XDECREF(kind);
    Py_XDECREF(tb);
    return value;
}

/* ---- values ---- */

static bool same(const avro_tree *t, PyObject *v);

static bool
same_text(dk_slice s, PyObject *v)
{
    Py_ssize_t n;
    const char *p = PyUnicode_Check(v) ? PyUnicode_AsUTF8AndSize(v, &n) : NULL;

    return p != NULL && (size_t)n == s.n && memcmp(p, s.p, s.n) == 0;
}

static bool
same_list(const avro_tree *t, PyObject *v)
{
    size_t i;

    if (!PyList_CheckExact(v) || (size_t)PyList_GET_SIZE(v) != t->u.of.n)
        return false;
    for (i = 0; i < t->u.of.n; i++)
        if (!same(t->u.of.items[i].value, PyList_GET_ITEM(v, (Py_ssize_t)i)))
            return false;
    return true;
}

static dk_slice
key_of(const avro_tree *t, const avro_item *it)
{
    const char *name;

    if (t->kind == AVRO_MAP)
        return it->key;
    name = t->u.of.type->fields[it->slot].name;
    return (dk_slice){(const uint8_t *)name, strlen(name)};
}

/* Of a map's keys the last of a name wins. */
static bool
same_dict(const avro_tree *t, PyObject *v)
{
    PyObject *seen = sure(PyDict_New());
    bool good = PyDict_CheckExact(v);
    size_t i;

    for (i = t->u.of.n; i > 0 && good; i--) {
        dk_slice s = key_of(t, &t->u.of.items[i - 1]);
        PyObject *key = sure(PyUnicode_DecodeUTF8((const char *)s.p, (Py_ssize_t)s.n, NULL)), *item;

        if (!PyDict_Contains(seen, key)) {
            MUST(PyDict_SetItem(seen, key, Py_None) == 0);
            item = PyDict_GetItemWithError(v, key);
            good = item != NULL && same(t->u.of.items[i - 1].value, item);
        }
        Py_DECREF(key);
    }
    good = good && PyDict_GET_SIZE(seen) == PyDict_GET_SIZE(v);
    Py_DECREF(seen);
    return good;
}

/* Whether v is what t says. What a logical type makes of a value is not looked into. */
static bool
same(const avro_tree *t, PyObject *v)
{
    double f;

    switch (t->kind) {
    case AVRO_NULL:
        return v == Py_None;
    case AVRO_BOOL:
        return v == (t->u.truth ? Py_True : Py_False);
    case AVRO_LONG:
        return !PyLong_Check(v) || PyLong_AsLongLong(v) == t->u.number;
    case AVRO_DOUBLE:
        f = PyFloat_AsDouble(v);
        return PyFloat_CheckExact(v) && (memcmp(&f, &t->u.real, sizeof f) == 0 || f != f);
    case AVRO_BYTES:
        return !PyBytes_Check(v) || ((size_t)PyBytes_GET_SIZE(v) == t->u.bytes.n &&
                                     memcmp(PyBytes_AS_STRING(v), t->u.bytes.p, t->u.bytes.n) == 0);
    case AVRO_TEXT:
        return !PyUnicode_Check(v) || same_text(t->u.bytes, v);
    case AVRO_ENUM:
        return PyUnicode_Check(v) && PyUnicode_CompareWithASCIIString(v, t->u.e.type->symbols[t->u.e.symbol]) == 0;
    case AVRO_ARRAY:
        return same_list(t, v);
    case AVRO_MAP:
    case AVRO_RECORD:
        return same_dict(t, v);
    }
    return false;
}

static bool
same_repr(PyObject *a, PyObject *b)
{
    PyObject *first = sure(PyObject_Repr(a)), *second = sure(PyObject_Repr(b));
    bool good = PyUnicode_Compare(first, second) == 0;

    Py_DECREF(first);
    Py_DECREF(second);
    return good;
}

/* ---- what is compared ---- */

/* Only what Python has no value for may be refused here and not by the tree. */
static bool
is_about_logical(PyObject *exc)
{
    static const char *const texts[] = {"outside the years", "not within a day", "not a UUID", "cannot be a decimal",
                                        "a decimal of"};
    PyObject *text = sure(PyObject_Str(exc));
    const char *s = PyUnicode_AsUTF8(text);
    bool found = false;
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        found = found || strstr(s, texts[i]) != NULL;
    Py_DECREF(text);
    return found;
}

static void
check_refusal(PyObject *exc, const avro_tree *t, const dk_error *err, size_t n)
{
    PyObject *pos = sure(PyObject_GetAttrString(exc, "pos")), *path = sure(PyObject_GetAttrString(exc, "path"));
    bool logical = is_about_logical(exc);

    MUST(PyLong_AsSize_t(pos) <= n);
    MUST(t == NULL || logical);
    if (!logical) {
        MUST(PyLong_AsSize_t(pos) == err->pos);
        MUST(PyUnicode_CompareWithASCIIString(path, err->path) == 0 || strchr(err->path, '"') != NULL);
    }
    Py_DECREF(pos);
    Py_DECREF(path);
}

/* A view of the value: all of its fields read, last to first, are the value; what is wrong with it is found. */
static void
check_view(PyObject *schema, PyObject *bytes, PyObject *v)
{
    PyObject *view = PyObject_CallMethod(schema, "decode", "OiO", bytes, 0, Py_True), *dict;

    if (view != NULL && PyObject_HasAttrString(view, "to_dict")) {
        if (v != NULL) {
            PyObject *keys = sure(PySequence_List(v));

            for (Py_ssize_t i = PyList_GET_SIZE(keys); i > 0; i--) {
                PyObject *item = sure(PyObject_GetItem(view, PyList_GET_ITEM(keys, i - 1)));

                MUST(same_repr(item, PyDict_GetItemWithError(v, PyList_GET_ITEM(keys, i - 1))));
                Py_DECREF(item);
            }
            Py_DECREF(keys);
        }
        dict = PyObject_CallMethod(view, "to_dict", NULL);
        Py_SETREF(view, dict);
    }
    if (view == NULL) {
        MUST(v == NULL);
        Py_DECREF(caught(decode_error));
        return;
    }
    MUST(v != NULL && same_repr(view, v));
    Py_DECREF(view);
}

/* Whether a union has to choose, so that what is written may be another of its types. */
static bool
has_choice(const dk_avro_code *c)
{
    uint32_t i;

    for (i = 0; i < c->nops; i++)
        if (c->ops[i].code == DK_OP_UNION || c->ops[i].code == DK_OP_OPTION)
            return true;
    return false;
}

static void
check_encoded(PyObject *schema, const dk_avro_program *p, PyObject *v)
{
    PyObject *bytes = PyObject_CallMethod(schema, "encode", "O", v), *again;
    avro_memory m = {NULL};
    dk_error err;

    if (bytes == NULL) { /* an int of more than 32 bits, a union that takes no such value */
        Py_DECREF(caught(encode_error));
        return;
    }
    MUST(avro_tree_decode(p, (dk_slice){(const uint8_t *)PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)},
                          NULL, &m, &err) != NULL);
    avro_memory_free(&m);
    again = PyObject_CallMethod(schema, "decode", "O", bytes);
    Py_DECREF(bytes);
    if (again == NULL) {
        PyObject *exc = caught(decode_error);

        MUST(has_choice(dk_avro_program_code(p)) && is_about_logical(exc));
        Py_DECREF(exc);
        return;
    }
    MUST(has_choice(dk_avro_program_code(p)) || same_repr(again, v));
    Py_DECREF(again);
}

static void
check_value(PyObject *schema, const dk_avro_program *p, dk_slice bytes)
{
    PyObject *view = sure(PyMemoryView_FromMemory((char *)(uintptr_t)bytes.p, (Py_ssize_t)bytes.n, PyBUF_READ));
    PyObject *v = PyObject_CallMethod(schema, "decode", "O", view);
    avro_memory m = {NULL};
    dk_error err;
    avro_tree *t = avro_tree_decode(p, bytes, NULL, &m, &err);

    if (v == NULL) {
        PyObject *exc = caught(decode_error);

        check_refusal(exc, t, &err, bytes.n);
        Py_DECREF(exc);
    } else {
        MUST(t != NULL && same(t, v));
        if (!dk_avro_program_code(p)->resolved)
            check_encoded(schema, p, v);
    }
    check_view(schema, view, v);
    avro_memory_free(&m);
    Py_XDECREF(v);
    Py_DECREF(view);
}

/* The schema of a part, as the extension and as the codec have it; false when it is none. */
static bool
read_schema(dk_slice json, PyObject **out, dk_avro_schema **s)
{
    PyObject *text = PyUnicode_DecodeUTF8((const char *)json.p, (Py_ssize_t)json.n, NULL);
    dk_error err;

    *s = NULL;
    *out = NULL;
    if (text == NULL) {
        PyErr_Clear();
        return false;
    }
    *out = PyObject_CallOneArg(schema_type, text);
    Py_DECREF(text);
    MUST((dk_avro_schema_new(NULL, json, NULL, s, &err) == DK_OK) == (*out != NULL));
    if (*out == NULL)
        Py_DECREF(caught(schema_error));
    return *out != NULL;
}

static void
run(dk_slice writer, dk_slice reader, dk_slice bytes)
{
    PyObject *pw, *pr = NULL, *both = NULL;
    dk_avro_schema *w, *r = NULL;
    dk_avro_program *p = NULL;
    dk_error err;

    if (read_schema(writer, &pw, &w) && (reader.p == NULL || read_schema(reader, &pr, &r))) {
        both = pr == NULL ? Py_NewRef(pw) : PyObject_CallMethod(schema_type, "reader", "OO", pw, pr);
        MUST((dk_avro_program_new(NULL, w, r, &p, &err) == DK_OK) == (both != NULL));
        if (both != NULL)
            check_value(both, p, bytes);
        else
            Py_DECREF(caught(schema_error));
    }
    Py_XDECREF(both);
    Py_XDECREF(pw);
    Py_XDECREF(pr);
    dk_avro_program_unref(p);
    dk_avro_schema_unref(w);
    dk_avro_schema_unref(r);
    if (PyErr_Occurred())
        fail_with_exception();
}

int
fuzz_native(const uint8_t *data, size_t n)
{
    dk_slice rest = {data, n}, writer = fuzz_part(&rest), reader = {NULL, 0}, bytes;
    const uint8_t *cut = rest.n > 0 ? memchr(rest.p, 0xFE, rest.n) : NULL;
    uint8_t *copy;

    if (module == NULL)
        start();
    /* A 0xFE may be a part of the bytes: a reader's schema is JSON, which begins so. */
    if (cut != NULL && strchr("{[\"", rest.p[0]) != NULL && rest.p[0] != '\0')
        reader = fuzz_part(&rest);
    copy = fuzz_copy(rest);
    bytes = (dk_slice){copy, rest.n};
    run(writer, reader, bytes);
    free(copy);
    return 0;
}
