/* SPDX-License-Identifier: MIT
 *
 * The types that live beside the module.
 *
 * The binding turns engine objects into Python objects and back and does nothing else. It sees include/dk only. The
 * engine never calls up: its events are taken from queues and their Python callables run here, on the caller's
 * thread.
 */
#ifndef DK_BINDING_NATIVE_H
#define DK_BINDING_NATIVE_H

#include "base/shims.h"

extern PyType_Spec native_broker_spec, native_route_spec;

int native_library_load(void);                 /* -1 with ImportError */
extern PyMethodDef native_library_functions[]; /* of the module: which librdkafka is in use */

#endif
