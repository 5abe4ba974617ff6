/* SPDX-License-Identifier: MIT
 *
 * oauth_cb: the token of a client.
 */
#include "base/oauth.h"

#include <string.h>

#include "base/args.h"
#include "base/log.h"
#include "base/times.h"

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
    out->expiry_ms = native_ms(expiry);
    return extensions != NULL ? read_extensions(extensions, out) : 0;
}

/* The callable failed, which may pass: librdkafka is told and asks again. Logged, not raised. */
static int
oauth_raised(native_client *client)
{
    PyObject *exc = PyErr_GetRaisedException(), *text = exc != NULL ? PyObject_Str(exc) : NULL;
    const char *reason = text != NULL ? PyUnicode_AsUTF8(text) : NULL;

    PyErr_Clear();
    if (exc != NULL && !PyErr_GivenExceptionMatches(exc, PyExc_Exception)) { /* KeyboardInterrupt and the like */
        native_client_oauth_failure(client, "interrupted");
        Py_XDECREF(text);
        PyErr_SetRaisedException(exc);
        return -1;
    }
    native_client_oauth_failure(client,
                                reason != NULL && reason[0] != '\0' ? reason : "oauth_cb raised an exception");
    native_log(client->state, client->cbs->logger, 3, "oauth_cb failed: %S", exc != NULL ? exc : Py_None);
    Py_XDECREF(text);
    Py_XDECREF(exc);
    return 0;
}

int
native_oauth_run(native_client *client, const char *text)
{
    PyObject *cb = client->cbs->oauth_cb, *config, *result;
    oauth_answer answer;
    dk_error err = {.code = DK_OK};
    dk_status st;
    int rc = -1;

    if (cb == NULL) {
        native_client_oauth_failure(client, "no oauth_cb is configured");
        return 0;
    }
    config = PyUnicode_DecodeUTF8(text != NULL ? text : "", text != NULL ? (Py_ssize_t)strlen(text) : 0, "replace");
    if (config == NULL)
        return -1;
    Py_INCREF(cb);
    result = PyObject_CallOneArg(cb, config);
    Py_DECREF(cb);
    Py_DECREF(config);
    if (result == NULL)
        return oauth_raised(client);
    if (read_answer(result, &answer) < 0) {
        native_client_oauth_failure(client, "oauth_cb returned something else than (token, expiry)");
    } else {
        st = native_client_oauth_token(client, answer.token, answer.expiry_ms, answer.principal, answer.extensions,
                                       answer.n_extensions, &err);
        rc = 0;
        if (st != DK_OK) {
            native_client_oauth_failure(client, err.text);
            native_log(client->state, client->cbs->logger, 3, "the token that oauth_cb returned was refused: %s",
                       err.text);
        }
    }
    Py_DECREF(result);
    return rc;
}
