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

/* NULL with an exception. */
static dk_metadata *
ask(const native_client *client, const char *topic, int timeout_ms)
{
    dk_metadata *meta = NULL;
    dk_error err = {.code = DK_OK};
    dk_status st;

    Py_BEGIN_ALLOW_THREADS
    if (client->consumer != NULL)
        st = dk_consumer_metadata(client->consumer, topic, timeout_ms, &meta, &err);
    else
        st = dk_producer_metadata(client->producer, topic, timeout_ms, &meta, &err);
    Py_END_ALLOW_THREADS
    if (st == DK_OK)
        return meta;
    native_raise(client->state, st, &err);
    return NULL;
}

PyObject *
native_client_metadata(const native_client *client, const char *topic, int timeout_ms)
{
    dk_metadata *meta = ask(client, topic, timeout_ms);
    PyObject *result = meta != NULL ? native_metadata(client->state, meta) : NULL;

    dk_metadata_free(meta);
    return result;
}

int
native_cluster_id_args(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, int *ms)
{
    static const native_signature sig = {.func = "cluster_id", .names = {"timeout", NULL}};
    PyObject *a[NATIVE_MAX_ARGS];

    return native_args(&sig, args, nargs, kwnames, a) < 0 ? -1 : native_timeout_ms(a[0], ms);
}

PyObject *
native_client_cluster_id(const native_client *client, int timeout_ms)
{
    dk_metadata *meta = ask(client, NULL, timeout_ms);
    PyObject *result = NULL;

    if (meta != NULL)
        result = meta->cluster_id != NULL ? PyUnicode_FromString(meta->cluster_id) : Py_NewRef(Py_None);
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
