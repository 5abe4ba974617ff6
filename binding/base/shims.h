/* SPDX-License-Identifier: MIT
 *
 * CPython's differences from 3.11 to 3.14, and nothing else: the only place of the binding that asks for a version.
 */
#ifndef DK_BINDING_SHIMS_H
#define DK_BINDING_SHIMS_H

#include <stdbool.h>

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#if PY_VERSION_HEX < 0x030b0000
#error "CPython 3.11 or newer is needed"
#endif

/* Lazy fields are filled under the object's lock where there is no GIL. */
#ifndef Py_BEGIN_CRITICAL_SECTION
#define Py_BEGIN_CRITICAL_SECTION(op) {
#define Py_END_CRITICAL_SECTION() }
#endif

/* Reference counts of C structs that several objects share. Free lists belong to the GIL. */
#ifdef Py_GIL_DISABLED
#include <stdatomic.h>
typedef atomic_uint native_refs;
#define NATIVE_REFS_INC(r) ((void)atomic_fetch_add_explicit((r), 1, memory_order_relaxed))
#define NATIVE_REFS_DEC(r) (atomic_fetch_sub_explicit((r), 1, memory_order_acq_rel) == 1)
#define NATIVE_FREELIST 0
#else
typedef unsigned native_refs;
#define NATIVE_REFS_INC(r) ((void)++*(r))
#define NATIVE_REFS_DEC(r) (--*(r) == 0)
#define NATIVE_FREELIST 64
#endif

#if PY_VERSION_HEX < 0x030d0000
/* 1 found, 0 not found, -1 error; *out is a new reference. */
static inline int
PyDict_GetItemRef(PyObject *dict, PyObject *key, PyObject **out)
{
    *out = Py_XNewRef(PyDict_GetItemWithError(dict, key));
    if (*out != NULL)
        return 1;
    return PyErr_Occurred() != NULL ? -1 : 0;
}

static inline int
PyObject_GetOptionalAttrString(PyObject *obj, const char *name, PyObject **out)
{
    *out = PyObject_GetAttrString(obj, name);
    if (*out != NULL)
        return 1;
    if (!PyErr_ExceptionMatches(PyExc_AttributeError))
        return -1;
    PyErr_Clear();
    return 0;
}
#endif

/* Slots of the module that only some versions know. */
#if PY_VERSION_HEX >= 0x030d0000 && defined(DK_FREE_THREADED)
#define NATIVE_MODULE_SLOTS                                                                                          \
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#elif PY_VERSION_HEX >= 0x030d0000
#define NATIVE_MODULE_SLOTS {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#elif PY_VERSION_HEX >= 0x030c0000 /* whose datetime module, which avro/ needs, cannot live under a GIL of its own */
#define NATIVE_MODULE_SLOTS {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED},
#else
#define NATIVE_MODULE_SLOTS
#endif

/* The exception that is set, taken off the thread; put back with native_put_raised(). */
#if PY_VERSION_HEX < 0x030c0000
static inline PyObject *
PyErr_GetRaisedException(void)
{
    PyObject *type, *value, *tb;

    PyErr_Fetch(&type, &value, &tb);
    if (type == NULL)
        return NULL;
    PyErr_NormalizeException(&type, &value, &tb);
    if (tb != NULL) {
        PyException_SetTraceback(value, tb);
        Py_DECREF(tb);
    }
    Py_DECREF(type);
    return value;
}

static inline void
PyErr_SetRaisedException(PyObject *exc)
{
    PyErr_SetObject((PyObject *)Py_TYPE(exc), exc);
    Py_DECREF(exc);
}
#endif

/* Whether a weak reference is to obj, which the caller holds. */
static inline bool
native_weakref_is(PyObject *ref, PyObject *obj)
{
#if PY_VERSION_HEX < 0x030d0000
    return PyWeakref_GET_OBJECT(ref) == obj;
#else
    PyObject *found = NULL;
    bool same = PyWeakref_GetRef(ref, &found) == 1 && found == obj;

    Py_XDECREF(found);
    return same;
#endif
}

/* A new reference to what a weak reference is to; NULL without an exception: it is gone. */
static inline PyObject *
native_weakref_get(PyObject *ref)
{
#if PY_VERSION_HEX < 0x030d0000
    PyObject *found = PyWeakref_GET_OBJECT(ref);

    return found != Py_None ? Py_NewRef(found) : NULL;
#else
    PyObject *found = NULL;

    (void)PyWeakref_GetRef(ref, &found);
    return found;
#endif
}

/* n references to None less. */
static inline void
native_none_less(uint32_t n)
{
#if PY_VERSION_HEX >= 0x030c0000
    (void)n; /* it is immortal */
#elif defined(Py_REF_DEBUG)
    while (n-- > 0)
        Py_DECREF(Py_None);
#else
    Py_SET_REFCNT(Py_None, Py_REFCNT(Py_None) - (Py_ssize_t)n);
#endif
}

/* A dict that is about to get n keys. */
static inline PyObject *
native_dict_sized(Py_ssize_t n)
{
#if PY_VERSION_HEX < 0x030d0000
    return _PyDict_NewPresized(n);
#else
    (void)n;
    return PyDict_New();
#endif
}

/* The same for the n keys of template, in its order. */
static inline PyObject *
native_dict_like(PyObject *template, Py_ssize_t n)
{
#if PY_VERSION_HEX < 0x030d0000
    return _PyDict_NewPresized(n);
#else
    (void)n;
    return PyDict_Copy(template);
#endif
}

#endif
