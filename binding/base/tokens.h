/* SPDX-License-Identifier: MIT
 *
 * The tokens of a client: one when it is made, the next ones in the background.
 */
#ifndef DK_BINDING_BASE_TOKENS_H
#define DK_BINDING_BASE_TOKENS_H

#include "base/client.h"

typedef native_client (*native_client_of)(PyObject *op);

/* At the end of a client's __init__(): its first token, then a thread that asks oauth_cb for the others. op supports
 * weak references: it may be dropped meanwhile. Nothing is done for a client that needs no tokens. -1 with what
 * oauth_cb raised, or with ConfigError if there is none. */
int native_tokens_begin(PyObject *op, native_client_of client_of);
/* End all these threads: nothing of Python's may be called any more. Waits for those that are inside, for a while. */
void native_tokens_end(native_state *state);

#endif
