/* SPDX-License-Identifier: MIT
 *
 * The module's exceptions and the one mapping of the engine's statuses to exceptions.
 */
#ifndef DK_BINDING_BASE_ERRORS_H
#define DK_BINDING_BASE_ERRORS_H

#include "base/state.h"

#include "dk/base.h"

int native_add_exceptions(PyObject *module, native_state *state);
/* The one mapping of statuses to exceptions. Always returns NULL. err may be NULL. */
PyObject *native_raise(native_state *state, dk_status st, const dk_error *err);
PyObject *native_raise_config(native_state *state, PyObject *key, const char *fmt, ...);

#endif
