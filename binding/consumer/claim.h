/* SPDX-License-Identifier: MIT
 *
 * Claim: several messages of a batch in hand at once, as a sequence. For other parts of the binding: the bytes of a
 * sequence's messages, without an object for each.
 */
#ifndef DK_BINDING_CONSUMER_CLAIM_H
#define DK_BINDING_CONSUMER_CLAIM_H

#include "consumer/core.h"

/* Takes nothing. The claim is open in the engine already; NULL with MemoryError. */
PyObject *native_claim_new(native_core *core, dk_range range);
bool native_claim_is_open(PyObject *claim);
/* The batch is closed, or begins another claim: messages that somebody keeps get their own bytes. Keeps the current
 * exception. */
void native_claim_end(PyObject *claim);
/* A ticket for the only message of this claim, which is in hand. -1 with RuntimeError. */
int native_claim_defer(PyObject *claim, dk_ticket *out);

/* A message's bytes and place. `p` of key and value is NULL where there is none. */
typedef struct native_claimed {
    const char *topic;
    int32_t partition;
    int64_t offset;
    dk_slice key, value;
    const dk_batch *batch; /* with index, for headers and timestamp: dk_batch_headers(batch, index). NULL: detached */
    uint32_t index;
} native_claimed;

/* Message i of a Claim, or of a list or tuple of Messages (what consume_batch() is called with). False, without an
 * exception: it is no Message of ours, or something else than bytes was set on it: use its methods. Borrowed until
 * the sequence or the message changes. Threads: with the GIL; the bytes may be read without it, as long as the caller
 * holds the sequence and no Python code runs. */
bool native_claim_part(const native_state *state, PyObject *seq, Py_ssize_t i, native_claimed *out);
/* The entries of a batch that a Claim is, without messages that somebody has changed; NULL, without an exception: it
 * is none, or has some. Borrowed from the claim, which keeps the batch. */
const uint32_t *native_claim_entries(const native_state *state, PyObject *seq, const dk_batch **batch, Py_ssize_t *n);
/* How many there are; -1, without an exception: seq is nothing of the kind. */
Py_ssize_t native_claim_len(const native_state *state, PyObject *seq);

extern PyType_Spec native_claim_spec;

#endif
