/* SPDX-License-Identifier: MIT
 *
 * Batch: the walk over the messages of one fetch.
 */
#ifndef DK_BINDING_CONSUMER_BATCH_H
#define DK_BINDING_CONSUMER_BATCH_H

#include "consumer/core.h"

PyObject *native_batch_new(native_core *core);           /* takes core */
int native_batch_defer(PyObject *batch, dk_ticket *out); /* -1 with RuntimeError: no message is in hand */

extern PyType_Spec native_batch_spec;

#endif
