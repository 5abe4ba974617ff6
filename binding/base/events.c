/* SPDX-License-Identifier: MIT
 *
 * Events of the engine to the callables of the user, on the thread that asked for messages or reports.
 */
#include "base/events.h"

#include <string.h>

#include "base/log.h"
#include "base/partitions.h"
#include "base/vocab.h"

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
                                           dk_event_fatal(ev), false, false));
    return native_log(client->state, client->cbs->logger, dk_event_fatal(ev) ? 2 : 3, "%s: %s",
                      dk_kafka_err_name(code), text != NULL && text[0] != '\0' ? text : dk_kafka_err_text(code));
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
    PyObject *cb = Py_NewRef(client->cbs->on_commit); /* before anything that runs Python */
    PyObject *error = native_kafka_error_or_none(client->state, dk_event_kafka_err(ev), dk_event_text(ev));
    PyObject *parts = native_partitions_list(client->state, dk_event_partitions(ev)), *result = NULL;

    if (error != NULL && parts != NULL)
        result = PyObject_CallFunctionObjArgs(cb, error, parts, NULL);
    Py_DECREF(cb);
    Py_XDECREF(error);
    Py_XDECREF(parts);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

int
native_event_run(native_client *client, const dk_event *ev)
{
    native_callbacks *cbs = client->cbs;

    switch (dk_event_kind_of(ev)) {
    case DK_EVENT_LOG:
        return native_log(client->state, cbs->logger, dk_event_level(ev), "%s: %s", dk_event_fac(ev),
                          dk_event_text(ev));
    case DK_EVENT_ERROR:
    case DK_EVENT_MESSAGE:
        return run_error(client, ev);
    case DK_EVENT_STATS:
        return cbs->stats_cb != NULL ? call_one(cbs->stats_cb, decode(dk_event_text(ev))) : 0;
    case DK_EVENT_THROTTLE:
        return cbs->throttle_cb != NULL ? run_throttle(client, ev) : 0;
    case DK_EVENT_COMMIT:
        if (cbs->on_commit != NULL)
            return run_commit(client, ev);
        if (dk_event_kafka_err(ev) != 0 && dk_event_kafka_err(ev) != DK_KAFKA_NO_OFFSET)
            return native_log(client->state, cbs->logger, 3, "offsets could not be committed: %s",
                              dk_kafka_err_text(dk_event_kafka_err(ev)));
        return 0;
    default:
        return 0;
    }
}
