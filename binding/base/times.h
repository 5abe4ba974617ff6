/* SPDX-License-Identifier: MIT
 *
 * Times: Python's seconds, the engine's milliseconds, and deadlines.
 */
#ifndef DK_BINDING_BASE_TIMES_H
#define DK_BINDING_BASE_TIMES_H

#include "base/shims.h"

/* How long a call of the engine waits before signals and events are looked at. */
#define NATIVE_SLICE_MS 100

/* To the nearest millisecond, but a short time is not no time. The number has to fit. */
int64_t native_ms(double seconds);

/* NULL, None, negative numbers and those that do not fit are -1 (for ever). */
int native_timeout_ms(PyObject *seconds, int *ms);
int native_delay_ms(PyObject *seconds, const char *what, int64_t *ms); /* not negative, no None */

int64_t native_now_ms(void);                        /* of a clock that never goes back */
int64_t native_deadline(int timeout_ms);            /* -1 for ever */
int native_left_ms(int64_t deadline, int slice_ms); /* what is left, at most a slice */

#endif
