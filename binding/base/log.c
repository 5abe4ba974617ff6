/* SPDX-License-Identifier: MIT
 *
 * Lines to Python's logging.
 */
#include "base/log.h"

/* Python's levels of syslog's 0..7, as confluent_kafka maps them. */
static int
python_level(int syslog)
{
    static const int levels[] = {50, 50, 50, 40, 30, 20, 20, 10};

    return levels[syslog < 0 ? 0 : syslog > 7 ? 7 : syslog];
}

static PyObject *
default_logger(native_state *state)
{
    if (state->logger == NULL) {
        PyObject *logging = PyImport_ImportModule("logging");

        if (logging == NULL)
            return NULL;
        state->logger = PyObject_CallMethod(logging, "getLogger", "s", "django_kafka.client");
        Py_DECREF(logging);
    }
    return state->logger;
}

static void
log_text(native_state *state, PyObject *logger, int level, PyObject *text)
{
    PyObject *done = NULL;

    if (logger == NULL)
        logger = default_logger(state);
    if (logger != NULL)
        done = PyObject_CallMethod(logger, "log", "isO", python_level(level), "%s", text);
    if (done == NULL)
        PyErr_WriteUnraisable(logger);
    Py_XDECREF(done);
}

void
native_log(native_state *state, PyObject *logger, int level, const char *fmt, ...)
{
    PyObject *saved = PyErr_GetRaisedException(), *text;
    va_list ap;

    va_start(ap, fmt);
    text = PyUnicode_FromFormatV(fmt, ap);
    va_end(ap);
    if (text != NULL)
        log_text(state, logger, level, text);
    else
        PyErr_WriteUnraisable(NULL);
    Py_XDECREF(text);
    if (saved != NULL)
        PyErr_SetRaisedException(saved);
}
