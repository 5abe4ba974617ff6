/* SPDX-License-Identifier: MIT
 *
 * oauth_cb: the token of a client.
 */
#ifndef DK_BINDING_BASE_OAUTH_H
#define DK_BINDING_BASE_OAUTH_H

#include "base/client.h"

/* Ask oauth_cb for a token, which librdkafka gets. -1 with the exception that there is none for; librdkafka knows,
 * and asks again. */
int native_oauth_answer(const native_client *client);

#endif
