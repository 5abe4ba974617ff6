/* SPDX-License-Identifier: MIT
 *
 * What poll() and consume() handed out. It is finished when the next is asked for; with
 * enable.auto.offset.store=false it is finished by store_offsets().
 */
#include "consumer/consumer.h"

void
native_hand_drop(ConsumerObject *self)
{
    native_core *core = self->hand;

    self->hand = NULL;
    self->pending = -1;
    self->listed = false;
    (void)dk_tickets_answer(self->tickets, self->n_tickets, false, 0);
    self->n_tickets = 0;
    if (core != NULL) {
        dk_batch_close(core->b);
        native_core_unref(core);
    }
}

int32_t
native_hand_next(ConsumerObject *self)
{
    return self->auto_store ? dk_batch_next(self->hand->b) : dk_batch_take(self->hand->b);
}

/* Everything that consume() handed out is finished: its tickets, and the claim that completes its list. */
static void
settle_list(ConsumerObject *self)
{
    (void)dk_tickets_answer(self->tickets, self->n_tickets, true, 0);
    self->n_tickets = 0;
    if (self->listed && dk_batch_claim_finish(self->hand->b) != DK_OK) {
        /* closed meanwhile: its messages are redelivered */
    }
    self->listed = false;
}

void
native_hand_move_on(ConsumerObject *self)
{
    settle_list(self);
    if (self->hand == NULL)
        return;
    if (self->pending < 0)
        self->pending = native_hand_next(self);
    if (self->pending < 0)
        native_hand_drop(self);
}

void
native_hand_finish(ConsumerObject *self)
{
    dk_ticket ticket;

    settle_list(self);
    if (self->hand != NULL && self->auto_store && self->pending < 0 &&
        dk_batch_defer(self->hand->b, &ticket) == DK_OK)
        dk_ticket_resolve(&ticket);
}

int
native_hand_take(ConsumerObject *self, dk_batch *b)
{
    self->hand = native_core_new(self->state, b, self->topics);
    return self->hand == NULL ? -1 : 0;
}
