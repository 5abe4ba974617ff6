/* SPDX-License-Identifier: MIT
 *
 * Dicts with the same keys in the same order.
 */
#ifndef DK_BINDING_AVRO_DICT_FORM_H
#define DK_BINDING_AVRO_DICT_FORM_H

#include <stdbool.h>

#include "base/shims.h"

/* Dicts with the same keys in the same order. */
typedef struct native_form {
    PyObject *template; /* dict of the keys, values None */
    uint32_t *places;   /* of each key's value in the table of a copy; NULL: not known */
    Py_ssize_t n;
} native_form;

int native_form_init(native_form *form, PyObject *const *names, Py_ssize_t n); /* -1 with an exception; fini anyway */
void native_form_fini(native_form *form);

/* A dict for native_form_put() of each key, if there are places, else for PyDict_SetItem(). */
static inline PyObject *
native_form_dict(const native_form *form)
{
    return form->places != NULL ? PyDict_Copy(form->template) : native_dict_like(form->template, form->n);
}

/* Takes value. The dict is one that native_form_dict() has just made, with places. */
static inline void
native_form_put(const native_form *form, PyObject *dict, uint32_t i, PyObject *value)
{
    PyObject **at = (PyObject **)(void *)((char *)((PyDictObject *)dict)->ma_keys + form->places[i]), *old = *at;

    *at = value;
    Py_DECREF(old);
    if (PyType_IS_GC(Py_TYPE(value)) && !PyObject_GC_IsTracked(dict))
        PyObject_GC_Track(dict);
}

#endif
