/* SPDX-License-Identifier: MIT
 *
 * Ticket: an outcome that is told later.
 */
#ifndef DK_BINDING_CONSUMER_TICKET_H
#define DK_BINDING_CONSUMER_TICKET_H

#include "base/state.h"

#include "dk/consumer.h"

PyObject *native_ticket_new(native_state *state, dk_ticket *ticket); /* takes the ticket; NULL: it is rejected */
dk_ticket *native_ticket_of(PyObject *ticket);

extern PyType_Spec native_ticket_spec;

#endif
