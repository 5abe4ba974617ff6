/* SPDX-License-Identifier: MIT
 *
 * What a producer knows of the copies that answer tickets: an opaque that says so, without memory of its own. It
 * points to the message's entry in its batch, which the ticket keeps alive, and is marked by the lowest bit, which no
 * pointer of a caller has set.
 */
#include "kafka/consumer/batch.h"
#include "kafka/producer/internal.h"

_Static_assert(_Alignof(dk__entry) > 1, "the lowest bit is free for the mark");

bool
dk__is_copy(const void *opaque)
{
    return ((uintptr_t)opaque & 1) != 0;
}

void *
dk__copy_opaque(const dk_ticket *ticket)
{
    dk__entry *e = dk__ticket_forward(ticket);

    return e == NULL ? NULL : (char *)e + 1;
}

dk_ticket
dk__copy_ticket(void *opaque)
{
    return dk__ticket_return((dk__entry *)(void *)((char *)opaque - 1));
}

void
dk__copy_confirmed(void *opaque)
{
    dk_ticket ticket = dk__copy_ticket(opaque);

    dk_ticket_resolve(&ticket);
}
