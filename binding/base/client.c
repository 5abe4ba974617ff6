/* SPDX-License-Identifier: MIT
 *
 * What consumer and producer have in common: both are clients of a cluster.
 */
#include "base/client.h"

#include "base/args.h"
#include "base/errors.h"
#include "base/metadata.h"
#include "base/times.h"

int
native_metadata_args(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char **topic, int *ms)
{
    static const native_signature sig = {.func = "list_topics", .names = {"topic", "timeout", NULL}};
    PyObject *a[NATIVE_MAX_ARGS];

    *topic = NULL;
    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], ms) < 0)
        return -1;
    return a[0] != NULL && a[0] != Py_None ? native_str(a[0], "topic", topic) : 0;
}

PyObject *
native_client_metadata(const native_client *client, const char *topic, int timeout_ms)
{
    dk_metadata *meta = NULL;
    dk_error err = {.code = DK_OK};
    PyObject *result;
    dk_status st;

    Py_BEGIN_ALLOW_THREADS
    if (client->consumer != NULL)
        st = dk_consumer_metadata(client->consumer, topic, timeout_ms, &meta, &err);
    else
        st = dk_producer_metadata(client->producer, topic, timeout_ms, &meta, &err);
    Py_END_ALLOW_THREADS
    if (st != DK_OK)
        return native_raise(client->state, st, &err);
    result = native_metadata(client->state, meta);
    dk_metadata_free(meta);
    return result;
}

int
native_sasl_args(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char *pair[2])
{
    static const native_signature sig = {
        .func = "set_sasl_credentials", .required = 2, .names = {"username", "password", NULL}};
    PyObject *a[NATIVE_MAX_ARGS];

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_str(a[0], "username", &pair[0]) < 0)
        return -1;
    return native_str(a[1], "password", &pair[1]);
}

PyObject *
native_client_sasl(const native_client *client, const char *const pair[2])
{
    dk_error err = {.code = DK_OK};
    dk_status st = client->consumer != NULL ? dk_consumer_sasl_credentials(client->consumer, pair[0], pair[1], &err)
                                            : dk_producer_sasl_credentials(client->producer, pair[0], pair[1], &err);

    return st != DK_OK ? native_raise(client->state, st, &err) : Py_NewRef(Py_None);
}

void
native_client_oauth_failure(const native_client *client, const char *reason)
{
    if (client->consumer != NULL)
        dk_consumer_oauth_failure(client->consumer, reason);
    else
        dk_producer_oauth_failure(client->producer, reason);
}

dk_status
native_client_oauth_token(const native_client *client, const char *token, int64_t expiry_ms, const char *principal,
                          const dk_pair *extensions, size_t n_extensions, dk_error *err)
{
    if (client->consumer != NULL)
        return dk_consumer_oauth_token(client->consumer, token, expiry_ms, principal, extensions, n_extensions, err);
    return dk_producer_oauth_token(client->producer, token, expiry_ms, principal, extensions, n_extensions, err);
}
