/* SPDX-License-Identifier: MIT
 *
 * oauth_cb: the token of a client.
 */
#include "base/oauth.h"

#include <string.h>

#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"

#define MAX_EXTENSIONS 32
#define MAX_EXPIRY 1e12 /* seconds since 1970 */

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
    if (!(expiry > 0 && expiry < MAX_EXPIRY)) {
        PyErr_SetString(PyExc_ValueError,
                        "the expiry time that oauth_cb returned must be a number of seconds since 1970");
        return -1;
    }
    out->expiry_ms = native_ms(expiry);
    return extensions != NULL ? read_extensions(extensions, out) : 0;
}

static int
set_token(const native_client *client, const oauth_answer *answer)
{
    dk_error err = {.code = DK_OK};
    dk_status st = dk_tokens_set(client->tokens, answer->token, answer->expiry_ms, answer->principal,
                                 answer->extensions, answer->n_extensions, &err);

    if (st == DK_OK)
        return 0;
    native_raise(client->state, st, &err);
    return -1;
}

/* The exception stays set. */
static void
tell_failure(const native_client *client)
{
    PyObject *exc = PyErr_GetRaisedException(), *text = PyObject_Str(exc);
    const char *reason = text != NULL ? PyUnicode_AsUTF8(text) : NULL;

    PyErr_Clear();
    dk_tokens_fail(client->tokens, reason != NULL && reason[0] != '\0' ? reason : Py_TYPE(exc)->tp_name);
    Py_XDECREF(text);
    PyErr_SetRaisedException(exc);
}

int
native_oauth_answer(const native_client *client)
{
    const char *text = dk_tokens_config(client->tokens);
    PyObject *config = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace"), *cb, *result = NULL;
    oauth_answer answer;
    int rc = -1;

    if (config != NULL) {
        cb = Py_NewRef(client->cbs->oauth_cb); /* the callable may end the client */
        result = PyObject_CallOneArg(cb, config);
        Py_DECREF(cb);
    }
    if (result != NULL && read_answer(result, &answer) == 0)
        rc = set_token(client, &answer);
    if (rc < 0)
        tell_failure(client);
    Py_XDECREF(config);
    Py_XDECREF(result);
    return rc;
}
