/* SPDX-License-Identifier: MIT
 *
 * Lines to Python's logging.
 */
#ifndef DK_BINDING_BASE_LOG_H
#define DK_BINDING_BASE_LOG_H

#include "base/state.h"

/* Log a line, at a level of syslog's, to `logger` or, if it is NULL, to "django_kafka.client"; errors of the logger
 * are reported as unraisable. An exception that is set stays. */
void native_log(native_state *state, PyObject *logger, int level, const char *fmt, ...);

#endif
