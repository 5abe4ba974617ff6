/* SPDX-License-Identifier: MIT
 *
 * The steps of a walk, for the files that walk: walk.c, and claim.c, which takes several entries at once. The
 * owner's.
 */
#ifndef DK_KAFKA_CONSUMER_WALK_PRIVATE_H
#define DK_KAFKA_CONSUMER_WALK_PRIVATE_H

#include "kafka/consumer/handle.h"

static inline bool
dk__walk_is_forked(const dk_batch *b)
{
    return dk__forked(b->c->fork_generation);
}

static inline bool
dk__walk_ends_early(const dk_batch *b)
{
    return atomic_load_explicit(&b->c->stopping, memory_order_relaxed) ||
           atomic_load_explicit(&b->cut, memory_order_relaxed);
}

/* The state of an entry that must not be handed out, or DK__QUEUED. */
static inline dk__state
dk__walk_pass_over(const dk__entry *e)
{
    const dk__part *part = e->part;

    if (atomic_load(part->generation) != e->generation)
        return DK__STALE;
    if (part->back || atomic_load(&part->gate) != 0)
        return DK__HELD;
    return DK__QUEUED;
}

/* Entries below `cursor` have their state; those from `hand` (-1: none) to `end` are about to be handed out. */
void dk__walk_move_on(dk_batch *b, uint32_t cursor, int hand, uint32_t end);
/* Moving on says what becomes of what is in hand, unless that was said before. Returns the entry behind. */
uint32_t dk__walk_leave_hand(dk_batch *b);
/* Entry i of those in hand was not handled: lock held. */
DK_MUST_CHECK dk_status dk__walk_fail(dk_batch *b, uint32_t i, int64_t due_ms);
int64_t dk__walk_due_in(int64_t delay_ms); /* 0: at once */

#endif
