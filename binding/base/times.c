/* SPDX-License-Identifier: MIT
 *
 * Times: Python's seconds, the engine's milliseconds, and deadlines.
 */
#include "base/times.h"

#include <time.h>

#define MAX_SECONDS 2000000.0 /* fits into an int of milliseconds */

int64_t
native_ms(double seconds)
{
    return seconds > 0 && seconds < 0.001 ? 1 : (int64_t)(seconds * 1000.0 + 0.5);
}

int
native_timeout_ms(PyObject *seconds, int *ms)
{
    double s;

    *ms = -1;
    if (seconds == NULL || seconds == Py_None)
        return 0;
    s = PyFloat_AsDouble(seconds);
    if (s == -1.0 && PyErr_Occurred())
        return -1;
    if (s != s) {
        PyErr_SetString(PyExc_ValueError, "timeout must be a number of seconds, not NaN");
        return -1;
    }
    if (s >= 0 && s < MAX_SECONDS)
        *ms = (int)native_ms(s);
    return 0;
}

int
native_delay_ms(PyObject *seconds, const char *what, int64_t *ms)
{
    double s = PyFloat_AsDouble(seconds);

    if (s == -1.0 && PyErr_Occurred())
        return -1;
    if (!(s >= 0.0 && s <= 1e12)) {
        PyErr_Format(PyExc_ValueError, "%s must be a number of seconds from 0 on", what);
        return -1;
    }
    *ms = native_ms(s);
    return 0;
}

int64_t
native_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
native_deadline(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : native_now_ms() + timeout_ms;
}

int
native_left_ms(int64_t deadline, int slice_ms)
{
    int64_t left;

    if (deadline < 0)
        return slice_ms;
    left = deadline - native_now_ms();
    if (left < 0)
        return 0;
    return left < slice_ms ? (int)left : slice_ms;
}
