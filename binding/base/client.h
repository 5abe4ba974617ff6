/* SPDX-License-Identifier: MIT
 *
 * What consumer and producer have in common: both are clients of a cluster.
 */
#ifndef DK_BINDING_BASE_CLIENT_H
#define DK_BINDING_BASE_CLIENT_H

#include "base/config.h"

#include "dk/consumer.h"
#include "dk/producer.h"
#include "dk/tokens.h"

/* One of the two handles is NULL. */
typedef struct native_client {
    native_state *state;
    native_callbacks *cbs;
    dk_consumer *consumer;
    dk_producer *producer;
    dk_tokens *tokens; /* NULL: it needs none */
} native_client;

/* list_topics(topic=None, timeout=-1): the arguments, then the answer. */
int native_metadata_args(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char **topic, int *ms);
PyObject *native_client_metadata(const native_client *client, const char *topic, int timeout_ms);

/* cluster_id(timeout=-1): likewise. */
int native_cluster_id_args(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, int *ms);
PyObject *native_client_cluster_id(const native_client *client, int timeout_ms);

/* set_sasl_credentials(username, password): likewise. */
int native_sasl_args(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char *pair[2]);
PyObject *native_client_sasl(const native_client *client, const char *const pair[2]);

#endif
