/* SPDX-License-Identifier: MIT
 *
 * Waiting for what is in hand, before a partition is given back.
 */
#include "kafka/consumer/handle.h"

/* Queued: the walk is about to look at the gate. Done: its ledger will know when the walk moves on. */
static bool
is_being_handled(const dk__entry *e)
{
    dk__state state = dk__entry_state(e);

    return state == DK__HANDED || state == DK__QUEUED || state == DK__DONE;
}

/* Is a message of a partition whose gate is closed still being handled, or waiting for its confirmation? Who closes
 * the consumer has left the handler. Lock held. */
static bool
in_hand(dk_consumer *c)
{
    for (dk_batch *b = c->closing ? NULL : c->open; b != NULL; b = b->next) {
        int hand = atomic_load(&b->hand);
        uint32_t end = atomic_load(&b->hand_end);

        for (uint32_t i = (uint32_t)hand; hand >= 0 && i < end && i < b->len; i++)
            if (is_being_handled(&b->entries[i]) && (atomic_load(&b->entries[i].part->gate) & DK__GATE_REVOKING))
                return true;
    }
    for (size_t i = 0; i < c->n_parts; i++)
        if ((atomic_load(&c->parts[i]->gate) & DK__GATE_REVOKING) && dk__ledger_tickets(c->parts[i]->ledger) > 0)
            return true;
    return false;
}

void
dk__drain(dk_consumer *c, int64_t deadline_ms)
{
    atomic_store(&c->draining, true);
    while (in_hand(c) && !c->quit && dk__consumer_wait(c, deadline_ms))
        ;
    atomic_store(&c->draining, false);
}
