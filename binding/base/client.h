/* SPDX-License-Identifier: MIT
 *
 * What consumer and producer have in common: both are clients of a cluster.
 */
#ifndef DK_BINDING_BASE_CLIENT_H
#define DK_BINDING_BASE_CLIENT_H

#include "base/config.h"

#include "dk/consumer.h"
#include "dk/producer.h"

/* One of the two handles is NULL. */
typedef struct native_client {
    native_state *state;
    native_callbacks *cbs;
    dk_consumer *consumer;
    dk_producer *producer;
} native_client;

/* list_topics(topic=None, timeout=-1): the arguments, then the answer. */
int native_metadata_args(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char **topic, int *ms);
PyObject *native_client_metadata(const native_client *client, const char *topic, int timeout_ms);

/* set_sasl_credentials(username, password): likewise. */
int native_sasl_args(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, const char *pair[2]);
PyObject *native_client_sasl(const native_client *client, const char *const pair[2]);

void native_client_oauth_failure(const native_client *client, const char *reason);
dk_status native_client_oauth_token(const native_client *client, const char *token, int64_t expiry_ms,
                                    const char *principal, const dk_pair *extensions, size_t n_extensions,
                                    dk_error *err);

#endif
