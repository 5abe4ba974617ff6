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

static int
log_text(native_state *state, PyObject *logger, int level, PyObject *text)
{
    PyObject *done = NULL;

    if (logger == NULL)
        logger = default_logger(state);
    if (logger != NULL)
        done = PyObject_CallMethod(logger, "log", "isO", python_level(level), "%s", text);
    if (done == NULL)
        return native_pass_over(logger);
    Py_DECREF(done);
    return 0;
}

int
native_pass_over(PyObject *blame)
{
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_WriteUnraisable(blame);
    return 0;
}

void
native_keep_first(PyObject **first, PyObject *blame)
{
    PyObject *exc = PyErr_GetRaisedException();

    if (*first == NULL) {
        *first = exc;
        return;
    }
    if (PyErr_GivenExceptionMatches(*first, PyExc_Exception) && !PyErr_GivenExceptionMatches(exc, PyExc_Exception)) {
        PyObject *other = *first;

        *first = exc;
        exc = other;
    }
    PyErr_SetRaisedException(exc);
    PyErr_WriteUnraisable(blame);
}

int
native_log(native_state *state, PyObject *logger, int level, const char *fmt, ...)
{
    PyObject *first = PyErr_GetRaisedException(), *text;
    va_list ap;

    /* A signal that is pending would be handled in the logger, where its exception looks like the logger's own. */
    if (PyErr_CheckSignals() < 0)
        native_keep_first(&first, logger);
    va_start(ap, fmt);
    text = PyUnicode_FromFormatV(fmt, ap);
    va_end(ap);
    if (text == NULL || log_text(state, logger, level, text) < 0)
        native_keep_first(&first, logger);
    Py_XDECREF(text);
    if (first == NULL)
        return 0;
    PyErr_SetRaisedException(first);
    return -1;
}
