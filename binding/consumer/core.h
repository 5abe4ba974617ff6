/* SPDX-License-Identifier: MIT
 *
 * A dk_batch that several Python objects share.
 */
#ifndef DK_BINDING_CONSUMER_CORE_H
#define DK_BINDING_CONSUMER_CORE_H

#include "base/state.h"

#include "dk/consumer.h"

/* Interned topic names of a consumer, by the engine's topic id; shared by the consumer and its batches. */
typedef struct native_topics {
    native_refs refs;
    uint32_t cap;
    PyObject **names;
} native_topics;

native_topics *native_topics_new(void);
void native_topics_unref(native_topics *t);

/* A dk_batch with a count: the Batch, the messages read from it and tickets share it, without reference cycles. */
typedef struct native_core {
    native_refs refs;
    native_state *state;
    dk_batch *b;
    native_topics *topics;
} native_core;

native_core *native_core_new(native_state *state, dk_batch *b,
                             native_topics *topics); /* takes b; NULL with MemoryError */
void native_core_unref(native_core *core);
PyObject *native_core_topic(native_core *core, uint32_t index); /* new reference */
/* How many entries from this one on are of its topic, at most max. */
uint32_t native_core_run(const native_core *core, uint32_t first, uint32_t max);

#endif
