/* SPDX-License-Identifier: MIT
 *
 * Events that both clients have, to the callables of the user.
 */
#ifndef DK_BINDING_BASE_EVENTS_H
#define DK_BINDING_BASE_EVENTS_H

#include "base/client.h"

/* Run the callable of an event that both clients have (not assignments, deliveries). -1 with the callable's
 * exception. */
int native_event_run(native_client *client, const dk_event *ev);

#endif
