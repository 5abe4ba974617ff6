/* SPDX-License-Identifier: MIT
 *
 * oauth_cb: the token of a client.
 */
#ifndef DK_BINDING_BASE_OAUTH_H
#define DK_BINDING_BASE_OAUTH_H

#include "base/client.h"

/* Ask oauth_cb for a token; `config` is what sasl.oauthbearer.config says. What it raises is logged, and librdkafka
 * asks again; -1 with what is no Exception, as KeyboardInterrupt. */
int native_oauth_run(native_client *client, const char *config);

#endif
