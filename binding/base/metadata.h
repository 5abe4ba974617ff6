/* SPDX-License-Identifier: MIT
 *
 * ClusterMetadata and its parts.
 */
#ifndef DK_BINDING_BASE_METADATA_H
#define DK_BINDING_BASE_METADATA_H

#include "base/state.h"

#include "dk/kafka.h"

PyObject *native_metadata(native_state *state, const dk_metadata *meta);

#endif
