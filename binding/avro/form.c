/* SPDX-License-Identifier: MIT
 *
 * Dicts that all have the same keys, as records have: a copy of a template, whose values are then put in place.
 *
 * CPython copies a dict's table as it is, so a key's value lies at the same place in each copy. Where that is is found
 * out by looking for values that are known, not by knowing how a table is laid out, and it is tried out before it is
 * relied on. Where that fails, dicts are filled key by key as ever, which takes twice as long.
 */
#include "avro/native_avro.h"

/* The versions this was tried with; others fill dicts key by key, until it was. */
#if PY_VERSION_HEX < 0x030e0000 && !defined(Py_GIL_DISABLED)
#define TRIED 1
#else
#define TRIED 0
#endif

#if TRIED
static PyObject **
place_at(PyObject *dict, uint32_t place)
{
    return (PyObject **)(void *)((char *)((PyDictObject *)dict)->ma_keys + place);
}

/* Bytes of a dict's table, 0 when it does not say. */
static size_t
table_size(PyObject *dict)
{
    PyObject *number = PyObject_CallMethod(dict, "__sizeof__", NULL);
    size_t size = number == NULL ? 0 : PyLong_AsSize_t(number), basic = (size_t)Py_TYPE(dict)->tp_basicsize;

    Py_XDECREF(number);
    if (PyErr_Occurred() || size < basic) {
        PyErr_Clear();
        return 0;
    }
    return size - basic;
}

/* Where in the table of dict the only pointer to value is; UINT32_MAX: nowhere, or twice. */
static uint32_t
find_place(PyObject *dict, size_t size, PyObject *value)
{
    uint32_t found = UINT32_MAX;

    for (uint32_t place = 0; place + sizeof value <= size; place += sizeof value) {
        if (*place_at(dict, place) != value)
            continue;
        if (found != UINT32_MAX)
            return UINT32_MAX;
        found = place;
    }
    return found;
}

/* Values that are nowhere else: a list of n objects. */
static PyObject *
make_marks(Py_ssize_t n)
{
    PyObject *marks = PyList_New(n);

    for (Py_ssize_t i = 0; marks != NULL && i < n; i++) {
        PyObject *mark = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);

        if (mark == NULL)
            Py_CLEAR(marks);
        else
            PyList_SET_ITEM(marks, i, mark);
    }
    return marks;
}

/* Gives names[i] the value values[i], or None without values. */
static int
set_all(PyObject *dict, PyObject *const *names, Py_ssize_t n, PyObject *values)
{
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyDict_SetItem(dict, names[i], values == NULL ? Py_None : PyList_GET_ITEM(values, i)) < 0)
            return -1;
    return 0;
}

static bool
find_places(native_form *form, PyObject *const *names, Py_ssize_t n, PyObject *marks)
{
    size_t size;
    bool found = true;

    if (set_all(form->template, names, n, marks) < 0)
        return false;
    size = table_size(form->template);
    for (Py_ssize_t i = 0; i < n && found; i++) {
        form->places[i] = find_place(form->template, size, PyList_GET_ITEM(marks, i));
        found = form->places[i] != UINT32_MAX;
    }
    return set_all(form->template, names, n, NULL) == 0 && found;
}

/* Whether what is put in place in a copy is what the copy then has for each name. */
static bool
places_work(native_form *form, PyObject *const *names, Py_ssize_t n, PyObject *marks)
{
    PyObject *dict = PyDict_Copy(form->template);
    bool good = dict != NULL && ((PyDictObject *)dict)->ma_keys != ((PyDictObject *)form->template)->ma_keys &&
                table_size(dict) == table_size(form->template);

    for (Py_ssize_t i = 0; i < n && good; i++) {
        good = *place_at(dict, form->places[i]) == Py_None;
        if (good)
            native_form_put(form, dict, (uint32_t)i, Py_NewRef(PyList_GET_ITEM(marks, i)));
    }
    for (Py_ssize_t i = 0; i < n && good; i++)
        good = PyDict_GetItemWithError(dict, names[i]) == PyList_GET_ITEM(marks, i);
    Py_XDECREF(dict);
    return good;
}
#endif

int
native_form_init(native_form *form, PyObject *const *names, Py_ssize_t n)
{
    form->places = NULL;
    form->n = n;
    form->template = PyDict_New();
    if (form->template == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyDict_SetItem(form->template, names[i], Py_None) < 0)
            return -1;
#if TRIED
    PyObject *marks = n > 0 && PyDict_GET_SIZE(form->template) == n ? make_marks(n) : NULL;

    if (marks != NULL)
        form->places = PyMem_Calloc((size_t)n, sizeof *form->places);
    if (form->places != NULL && !(find_places(form, names, n, marks) && places_work(form, names, n, marks))) {
        PyMem_Free(form->places);
        form->places = NULL;
    }
    Py_XDECREF(marks);
    PyErr_Clear();
#endif
    return 0;
}

void
native_form_fini(native_form *form)
{
    PyMem_Free(form->places);
    Py_CLEAR(form->template);
}
