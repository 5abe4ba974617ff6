/* SPDX-License-Identifier: MIT
 *
 * Arguments of methods that are called without a tuple, and the texts and callables among them.
 */
#ifndef DK_BINDING_BASE_ARGS_H
#define DK_BINDING_BASE_ARGS_H

#include "base/shims.h"

#define NATIVE_FAST (METH_FASTCALL | METH_KEYWORDS)
#define NATIVE_METHOD(f) ((PyCFunction)(void (*)(void))(f))

#define NATIVE_MAX_ARGS 12

typedef struct native_signature {
    const char *func;
    int required;
    const char *names[NATIVE_MAX_ARGS + 1]; /* ends with NULL */
} native_signature;

/* Arguments by position or name into out[] (borrowed, NULL where absent). -1 with TypeError. */
int native_args(const native_signature *sig, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                PyObject **out);
int native_callable(PyObject *obj, const char *what, PyObject **out); /* borrowed; None and NULL give NULL */
int native_str(PyObject *obj, const char *what, const char **out);    /* borrowed; no embedded NUL */

#endif
