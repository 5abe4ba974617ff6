/* SPDX-License-Identifier: MIT
 *
 * A configuration dict, as confluent_kafka takes it.
 */
#ifndef DK_BINDING_BASE_CONFIG_H
#define DK_BINDING_BASE_CONFIG_H

#include <stdbool.h>

#include "base/state.h"

#include "dk/kafka.h"

#define NATIVE_CALLBACK_MAP(XX)                                                                                      \
    XX(error_cb)                                                                                                     \
    XX(stats_cb)                                                                                                     \
    XX(throttle_cb)                                                                                                  \
    XX(oauth_cb)                                                                                                     \
    XX(on_commit)                                                                                                    \
    XX(on_delivery)

typedef struct native_callbacks {
#define XX(name) PyObject *name;
    NATIVE_CALLBACK_MAP(XX)
#undef XX
    PyObject *logger;
} native_callbacks;

int native_callbacks_visit(native_callbacks *cbs, visitproc visit, void *arg);
void native_callbacks_clear(native_callbacks *cbs);

int native_logger(PyObject *value, PyObject **slot); /* keep a logger; None leaves the slot alone */

typedef struct native_config {
    dk_pair *pairs;
    size_t n;
    bool only_errors; /* delivery.report.only.error */
    PyObject *keep;   /* list that owns the strings of the pairs */
    bool auto_store;
} native_config;

/* The arguments of a client's __init__(): a configuration dict, or its keys as keywords, or both, then keywords win.
 * Returns a tuple of the configuration alone, and the keywords that are not part of it (`own`, ends with NULL). NULL
 * with TypeError. */
PyObject *native_config_args(PyObject *args, PyObject *kwargs, const char *const *own, PyObject **options);

/* A configuration dict into pairs and callables. -1 with ConfigError or TypeError; native_config_fini() in any case.
 */
int native_config_parse(native_state *state, PyObject *dict, native_callbacks *cbs, native_config *out);
void native_config_fini(native_config *conf);

#endif
