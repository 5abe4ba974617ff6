/* SPDX-License-Identifier: MIT
 *
 * Columns as Python names them: ("price", "numeric(10,2)", {"nullable": True}).
 */
#include "copy/native_copy.h"

#include <stdlib.h>

/* "(10,2)" and "[]", maybe more than once, behind the kind's name: false if there is something else. */
static bool
read_modifiers(const char *s, dk_pg_column *c)
{
    char *end;
    long v;

    if (*s == '(') {
        v = strtol(s + 1, &end, 10);
        if (end == s + 1 || v <= 0 || v > 10485760)
            return false;
        c->length = c->precision = (uint32_t)v;
        if (*end == ',' && c->kind == DK_PG_NUMERIC)
            c->scale = (int32_t)strtol(end + 1, &end, 10);
        if (*end != ')')
            return false;
        s = end + 1;
        if (c->kind == DK_PG_NUMERIC)
            c->length = 0;
        else if (c->kind == DK_PG_VARCHAR || c->kind == DK_PG_CHAR)
            c->precision = 0;
        else if (c->kind == DK_PG_TIME || c->kind == DK_PG_TIMESTAMP || c->kind == DK_PG_TIMESTAMPTZ)
            c->length = c->precision = 0;
        else
            return false;
    }
    for (; strncmp(s, "[]", 2) == 0 && c->array < UINT8_MAX; s += 2)
        c->array++;
    return *s == '\0';
}

static int
read_type(PyObject *obj, dk_pg_column *c)
{
    const char *text;
    char kind[16];
    size_t n;

    if (native_str(obj, "type", &text) < 0)
        return -1;
    n = strcspn(text, "([");
    if (n < sizeof kind) {
        memcpy(kind, text, n);
        kind[n] = '\0';
        c->kind = dk_pg_kind_of(kind);
        if (c->kind != DK_PG_KIND_COUNT && read_modifiers(text + n, c))
            return 0;
    }
    PyErr_Format(PyExc_ValueError, "a CopyPlan has no columns of type %R", obj);
    return -1;
}

/* The number of a word in a list that begins with what stands for None. */
static int
read_word(PyObject *options, const char *name, const char *const *words, unsigned *out)
{
    PyObject *obj = PyDict_GetItemString(options, name);
    const char *text;

    *out = 0;
    if (obj == NULL || obj == Py_None)
        return 0;
    if (native_str(obj, name, &text) < 0)
        return -1;
    while (words[++*out] != NULL)
        if (strcmp(words[*out], text) == 0)
            return 0;
    PyErr_Format(PyExc_ValueError, "a column's %s is not %R", name, obj);
    return -1;
}

/* 1, 0, or -1 with an exception. */
static int
read_bool(PyObject *options, const char *name)
{
    PyObject *obj = PyDict_GetItemString(options, name);

    return obj == NULL ? 0 : PyObject_IsTrue(obj);
}

static int
read_options(PyObject *options, dk_pg_column *c)
{
    static const char *const forms[] = {"", "base64", "hex", "document", "hstore", NULL};
    static const char *const units[] = {"", "millis", "micros", "nanos", NULL};
    static const char *const names[] = {"nullable", "form", "unit", "narrow", NULL};
    PyObject *key, *value;
    Py_ssize_t at = 0;
    unsigned form, unit;
    int nullable, narrow;

    while (PyDict_Next(options, &at, &key, &value)) {
        int k = 0;

        while (names[k] != NULL && !(PyUnicode_Check(key) && PyUnicode_CompareWithASCIIString(key, names[k]) == 0))
            k++;
        if (names[k] == NULL) {
            PyErr_Format(PyExc_TypeError, "a column has no option %R", key);
            return -1;
        }
    }
    nullable = read_bool(options, "nullable");
    narrow = read_bool(options, "narrow");
    if (nullable < 0 || narrow < 0)
        return -1;
    if (read_word(options, "form", forms, &form) < 0 || read_word(options, "unit", units, &unit) < 0)
        return -1;
    c->nullable = nullable;
    c->narrow = narrow;
    c->form = (dk_pg_form)form;
    c->unit = (dk_pg_unit)unit;
    return 0;
}

int
native_copy_column(PyObject *item, dk_pg_column *out)
{
    PyObject *name, *type, *options = NULL;

    *out = (dk_pg_column){.size = sizeof *out};
    if (!PyTuple_Check(item)) {
        PyErr_Format(PyExc_TypeError, "a column is a tuple (name, type) or (name, type, options), not %.100s",
                     Py_TYPE(item)->tp_name);
        return -1;
    }
    if (!PyArg_ParseTuple(item, "UU|O!:column", &name, &type, &PyDict_Type, &options))
        return -1;
    if (native_str(name, "name", &out->name) < 0 || read_type(type, out) < 0)
        return -1;
    return options == NULL ? 0 : read_options(options, out);
}
