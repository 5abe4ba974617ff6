/* SPDX-License-Identifier: MIT
 *
 * What poll() and consume() handed out. It is finished when the next is asked for; with
 * enable.auto.offset.store=false it is finished by store_offsets().
 */
#include <string.h>

#include "consumer/consumer.h"

void
native_hand_drop(ConsumerObject *self)
{
    native_core *core = self->hand;

    self->hand = NULL;
    self->pending = -1;
    self->listed = 0;
    for (size_t i = 0; i < self->n_tickets; i++)
        dk_ticket_reject(&self->tickets[i], 0);
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

/* After a stop or a cut the walk gives nothing more, but what consume() handed out has been handled all the same. */
static void
store_listed(ConsumerObject *self)
{
    dk_batch *b = self->hand->b;
    dk_partitions parts;
    dk_error err;

    dk_partitions_init(&parts, NULL);
    for (uint32_t i = 0; i < self->listed; i++) {
        dk_partition p = {.topic = dk_batch_topic(b, i),
                          .partition = dk_batch_partition(b, i),
                          .offset = dk_batch_offset(b, i) + 1,
                          .leader_epoch = -1};
        size_t k = 0;

        while (k < parts.len &&
               (parts.items[k].partition != p.partition || strcmp(parts.items[k].topic, p.topic) != 0))
            k++;
        if (k < parts.len)
            parts.items[k].offset = p.offset;
        else if (dk_partitions_add(&parts, &p) != DK_OK)
            break; /* it comes again, which is allowed */
    }
    if (parts.len > 0 && dk_consumer_store(self->c, &parts, &err) != DK_OK) {
        /* a partition was taken away meanwhile: its messages come again elsewhere */
    }
    dk_partitions_fini(&parts);
}

/* Everything that consume() handed out is finished, but for the last one, which is in hand as after poll(). */
static void
settle_list(ConsumerObject *self)
{
    int32_t i = -1;

    for (size_t k = 0; k < self->n_tickets; k++)
        dk_ticket_resolve(&self->tickets[k]);
    self->n_tickets = 0;
    if (self->hand == NULL || self->listed == 0)
        return;
    while ((i = dk_batch_next(self->hand->b)) >= 0 && (uint32_t)i + 1 < self->listed)
        ;
    if (i < 0 && (dk_consumer_stopping(self->c) || dk_batch_is_cut(self->hand->b)))
        store_listed(self);
    if (i >= 0 && (uint32_t)i >= self->listed)
        self->pending = i;
    self->listed = 0;
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
