/* SPDX-License-Identifier: MIT
 *
 * Lines to Python's logging.
 */
#ifndef DK_BINDING_BASE_LOG_H
#define DK_BINDING_BASE_LOG_H

#include "base/state.h"

/* What a callable or logger raised that nobody waits for: an Exception is reported as unraisable, 0. Anything else,
 * KeyboardInterrupt say, stays set: -1. */
int native_pass_over(PyObject *blame);

/* Of several exceptions one can be passed on: the first, or the first that is no Exception. The others are reported.
 * One has to be set; it is taken. */
void native_keep_first(PyObject **first, PyObject *blame);

/* Log a line, at a level of syslog's, to `logger` or, if it is NULL, to "django_kafka.client". Errors of the logger
 * are reported as unraisable. -1 with an exception: one that was set before, or what a handler of a signal raised. */
int native_log(native_state *state, PyObject *logger, int level, const char *fmt, ...);

#endif
