/* SPDX-License-Identifier: MIT
 *
 * Events of the engine to the callables of the user, on the thread that asked for messages or reports.
 */
#include <string.h>

#include "native.h"

/* ---- logging ------------------------------------------------------------------------------------------------------ */

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

/* ---- callables ---------------------------------------------------------------------------------------------------- */

/* cb(arg), where arg is a new reference that is taken. */
static int
call_one(PyObject *cb, PyObject *arg)
{
    PyObject *result;

    if (arg == NULL)
        return -1;
    Py_INCREF(cb); /* the callable may replace itself */
    result = PyObject_CallOneArg(cb, arg);
    Py_DECREF(cb);
    Py_DECREF(arg);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyObject *
decode(const char *text)
{
    return PyUnicode_DecodeUTF8(text != NULL ? text : "", text != NULL ? (Py_ssize_t)strlen(text) : 0, "replace");
}

/* ERROR, and MESSAGE where no one takes it as a message. */
static int
run_error(native_client *client, const dk_event *ev)
{
    int code = dk_event_kafka_err(ev);
    const char *text = dk_event_text(ev);

    if (client->cbs->error_cb != NULL)
        return call_one(client->cbs->error_cb,
                        native_kafka_error(client->state, code, text != NULL && text[0] != '\0' ? text : NULL,
                                           dk_event_fatal(ev), dk_event_retriable(ev), false));
    native_log(client->state, client->cbs->logger, dk_event_fatal(ev) ? 2 : 3, "%s: %s", dk_kafka_err_name(code),
               text != NULL && text[0] != '\0' ? text : dk_kafka_err_text(code));
    return 0;
}

static int
run_throttle(native_client *client, const dk_event *ev)
{
    PyObject *cls = native_vocab(client->state, NATIVE_ThrottleEvent);

    if (cls == NULL)
        return -1;
    return call_one(client->cbs->throttle_cb,
                    PyObject_CallFunction(cls, "sid", dk_event_text(ev), (int)dk_event_broker_id(ev),
                                          (double)dk_event_value(ev) / 1000.0));
}

static int
run_commit(native_client *client, const dk_event *ev)
{
    PyObject *cb = client->cbs->on_commit;
    PyObject *error = native_kafka_error_or_none(client->state, dk_event_kafka_err(ev), dk_event_text(ev));
    PyObject *parts = native_partitions_list(client->state, dk_event_partitions(ev)), *result = NULL;

    Py_INCREF(cb);
    if (error != NULL && parts != NULL)
        result = PyObject_CallFunctionObjArgs(cb, error, parts, NULL);
    Py_DECREF(cb);
    Py_XDECREF(error);
    Py_XDECREF(parts);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* ---- OAuth -------------------------------------------------------------------------------------------------------- */

#define MAX_EXTENSIONS 32

/* What oauth_cb returned: (token, expiry in seconds since the epoch[, principal[, extensions]]). */
typedef struct oauth_answer {
    const char *token, *principal;
    int64_t expiry_ms;
    dk_pair extensions[MAX_EXTENSIONS];
    size_t n_extensions;
} oauth_answer;

static int
read_extensions(PyObject *dict, oauth_answer *out)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(dict, &at, &key, &value)) {
        dk_pair *pair = &out->extensions[out->n_extensions];

        if (out->n_extensions == MAX_EXTENSIONS) {
            PyErr_Format(PyExc_ValueError, "oauth_cb returned more than %d extensions", MAX_EXTENSIONS);
            return -1;
        }
        if (native_str(key, "an OAuth extension's name", &pair->key) < 0 ||
            native_str(value, "an OAuth extension's value", &pair->value) < 0)
            return -1;
        out->n_extensions++;
    }
    return 0;
}

static int
read_answer(PyObject *answer, oauth_answer *out)
{
    PyObject *extensions = NULL;
    double expiry;

    *out = (oauth_answer){.principal = ""};
    if (!PyTuple_Check(answer)) {
        PyErr_SetString(PyExc_TypeError, "expect returned value from oauth_cb to be (token_str, expiry_time) tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(answer, "sd|sO!;oauth_cb has to return (token, expiry[, principal[, extensions]])",
                          &out->token, &expiry, &out->principal, &PyDict_Type, &extensions))
        return -1;
    out->expiry_ms = (int64_t)(expiry * 1000.0);
    return extensions != NULL ? read_extensions(extensions, out) : 0;
}

static void
oauth_failure(native_client *client, const char *reason)
{
    if (client->consumer != NULL)
        dk_consumer_oauth_failure(client->consumer, reason);
    else
        dk_producer_oauth_failure(client->producer, reason);
}

static dk_status
oauth_token(native_client *client, const oauth_answer *a, dk_error *err)
{
    if (client->consumer != NULL)
        return dk_consumer_oauth_token(client->consumer, a->token, a->expiry_ms, a->principal, a->extensions,
                                       a->n_extensions, err);
    return dk_producer_oauth_token(client->producer, a->token, a->expiry_ms, a->principal, a->extensions,
                                   a->n_extensions, err);
}

/* The callable failed, which may pass: librdkafka is told and asks again. Logged, not raised. */
static int
oauth_raised(native_client *client)
{
    PyObject *exc = PyErr_GetRaisedException(), *text = exc != NULL ? PyObject_Str(exc) : NULL;
    const char *reason = text != NULL ? PyUnicode_AsUTF8(text) : NULL;

    PyErr_Clear();
    if (exc != NULL && !PyErr_GivenExceptionMatches(exc, PyExc_Exception)) { /* KeyboardInterrupt and the like */
        oauth_failure(client, "interrupted");
        Py_XDECREF(text);
        PyErr_SetRaisedException(exc);
        return -1;
    }
    oauth_failure(client, reason != NULL && reason[0] != '\0' ? reason : "oauth_cb raised an exception");
    native_log(client->state, client->cbs->logger, 3, "oauth_cb failed: %S", exc != NULL ? exc : Py_None);
    Py_XDECREF(text);
    Py_XDECREF(exc);
    return 0;
}

static int
run_oauth(native_client *client, const dk_event *ev)
{
    PyObject *cb = client->cbs->oauth_cb, *config, *result;
    oauth_answer answer;
    dk_error err = {.code = DK_OK};
    dk_status st;
    int rc = -1;

    if (cb == NULL) {
        oauth_failure(client, "no oauth_cb is configured");
        return 0;
    }
    config = decode(dk_event_text(ev));
    if (config == NULL)
        return -1;
    Py_INCREF(cb);
    result = PyObject_CallOneArg(cb, config);
    Py_DECREF(cb);
    Py_DECREF(config);
    if (result == NULL)
        return oauth_raised(client);
    if (read_answer(result, &answer) < 0) {
        oauth_failure(client, "oauth_cb returned something else than (token, expiry)");
    } else {
        st = oauth_token(client, &answer, &err);
        rc = 0;
        if (st != DK_OK) {
            oauth_failure(client, err.text);
            native_log(client->state, client->cbs->logger, 3, "the token that oauth_cb returned was refused: %s",
                       err.text);
        }
    }
    Py_DECREF(result);
    return rc;
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

int
native_event_run(native_client *client, const dk_event *ev)
{
    native_callbacks *cbs = client->cbs;

    switch (dk_event_kind_of(ev)) {
    case DK_EVENT_LOG:
        native_log(client->state, cbs->logger, dk_event_level(ev), "%s: %s", dk_event_fac(ev), dk_event_text(ev));
        return 0;
    case DK_EVENT_ERROR:
    case DK_EVENT_MESSAGE:
        return run_error(client, ev);
    case DK_EVENT_STATS:
        return cbs->stats_cb != NULL ? call_one(cbs->stats_cb, decode(dk_event_text(ev))) : 0;
    case DK_EVENT_THROTTLE:
        return cbs->throttle_cb != NULL ? run_throttle(client, ev) : 0;
    case DK_EVENT_OAUTH:
        return run_oauth(client, ev);
    case DK_EVENT_COMMIT:
        if (cbs->on_commit != NULL)
            return run_commit(client, ev);
        if (dk_event_kafka_err(ev) != 0)
            native_log(client->state, cbs->logger, 3, "offsets could not be committed: %s",
                       dk_kafka_err_text(dk_event_kafka_err(ev)));
        return 0;
    default:
        return 0;
    }
}
