/* SPDX-License-Identifier: MIT
 *
 * TopicPartition, to and from the engine's.
 */
#ifndef DK_BINDING_BASE_PARTITIONS_H
#define DK_BINDING_BASE_PARTITIONS_H

#include "base/state.h"

#include "dk/kafka.h"

/* A sequence of TopicPartition-like objects into an empty list (fini it also after an error). NULL or None: no items.
 */
int native_partitions_from(PyObject *seq, dk_partitions *out);
int native_partition_add(PyObject *obj, dk_partitions *out);
PyObject *native_partitions_list(native_state *state, const dk_partitions *parts);

#endif
