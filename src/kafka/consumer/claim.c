/* SPDX-License-Identifier: MIT
 *
 * Claims: several messages of a batch in hand at once.
 */
#include "kafka/consumer/walk_private.h"

static uint32_t
end_of_claim(const dk_batch *b, uint32_t first, uint32_t max, bool one_partition)
{
    uint32_t i = first;

    while (i < b->len && i - first < max && (!one_partition || b->entries[i].part == b->entries[first].part))
        i++;
    return i;
}

/* Entries from first to end are in hand, but for those that must not be handed out. Returns how many are. */
static uint32_t
hand_out(dk_batch *b, uint32_t first, uint32_t end)
{
    uint32_t n = 0;

    for (uint32_t i = first; i < end; i++) {
        dk__state why = dk__walk_pass_over(&b->entries[i]);

        dk__entry_set(&b->entries[i], why == DK__QUEUED ? DK__HANDED : why);
        b->entries[i].part->back |= why == DK__HELD;
        n += why == DK__QUEUED;
    }
    return n;
}

dk_status
dk_batch_claim(dk_batch *b, uint32_t max, bool one_partition, dk_range *out)
{
    uint32_t first, end, n = 0;

    *out = (dk_range){0, 0};
    if (dk__walk_is_forked(b))
        return DK_EFORKED;
    if (b->closed || max == 0)
        return b->closed ? DK_ESTATE : DK_EINVAL;
    first = dk__walk_leave_hand(b);
    while (n == 0 && first < b->len && !dk__walk_ends_early(b)) {
        end = end_of_claim(b, first, max, one_partition);
        dk__walk_move_on(b, first, (int)first, end);
        b->then = DK__DONE;
        b->claimed = true;
        n = hand_out(b, first, end);
        *out = (dk_range){.first = first, .n = end - first};
        first = end;
    }
    if (n == 0) {
        b->claimed = false;
        dk__walk_move_on(b, first, -1, first);
        *out = (dk_range){.first = first, .n = 0};
    } else {
        dk__walk_move_on(b, out->first, (int)out->first, first); /* what was passed over is waited for no longer */
    }
    return DK_OK;
}

dk_status
dk_batch_claim_hand(dk_batch *b, uint32_t max, bool one_partition, dk_range *out)
{
    int32_t hand = dk_batch_current(b);
    uint32_t end;

    *out = (dk_range){0, 0};
    if (dk__walk_is_forked(b))
        return DK_EFORKED;
    if (max == 0)
        return DK_EINVAL;
    if (b->closed || b->claimed || hand < 0 || dk__entry_state(&b->entries[hand]) != DK__HANDED)
        return DK_ESTATE;
    end = end_of_claim(b, (uint32_t)hand, max, one_partition);
    dk__walk_move_on(b, (uint32_t)hand, hand, end);
    b->then = DK__DONE;
    b->claimed = true;
    hand_out(b, (uint32_t)hand + 1, end);
    dk__walk_move_on(b, (uint32_t)hand, hand, end); /* what was passed over is waited for no longer */
    *out = (dk_range){.first = (uint32_t)hand, .n = end - (uint32_t)hand};
    return DK_OK;
}

dk_status
dk_batch_claim_finish(dk_batch *b)
{
    uint32_t end;

    if (dk__walk_is_forked(b))
        return DK_EFORKED;
    if (b->closed || !b->claimed)
        return DK_ESTATE;
    end = dk__walk_leave_hand(b);
    dk__walk_move_on(b, end, -1, end);
    return DK_OK;
}

bool
dk_batch_is_claimed(const dk_batch *b, uint32_t i)
{
    int hand = dk_batch_current(b);

    return b->claimed && hand >= 0 && i >= (uint32_t)hand &&
           i < atomic_load_explicit(&b->hand_end, memory_order_relaxed) &&
           dk__entry_state(&b->entries[i]) == DK__HANDED;
}

bool
dk_batch_claim_counts(const dk_batch *b)
{
    int hand = dk_batch_current(b);

    for (uint32_t i = (uint32_t)hand; hand >= 0 && i < atomic_load(&b->hand_end); i++)
        if (dk__entry_state(&b->entries[i]) == DK__HANDED &&
            atomic_load(b->entries[i].part->generation) != b->entries[i].generation)
            return false;
    return hand >= 0 && b->claimed;
}

dk_status
dk_batch_claim_done(dk_batch *b, uint32_t i)
{
    if (dk__walk_is_forked(b))
        return DK_EFORKED;
    if (b->closed || !dk_batch_is_claimed(b, i))
        return DK_ESTATE;
    dk__entry_set(&b->entries[i], DK__DONE);
    return DK_OK;
}

/* Entry `first` of a claim, and those of its partition behind it. */
static dk_status
fail_from(dk_batch *b, uint32_t first, int64_t due_ms)
{
    uint32_t end = atomic_load_explicit(&b->hand_end, memory_order_relaxed);
    dk_status st = dk__walk_fail(b, first, due_ms);

    for (uint32_t i = first + 1; st == DK_OK && i < end; i++)
        if (b->entries[i].part == b->entries[first].part && dk__entry_state(&b->entries[i]) == DK__HANDED)
            dk__entry_set(&b->entries[i], DK__HELD);
    return st;
}

dk_status
dk_batch_claim_fail(dk_batch *b, uint32_t i, int64_t delay_ms)
{
    dk_status st;

    if (dk__walk_is_forked(b))
        return DK_EFORKED;
    if (b->closed || !dk_batch_is_claimed(b, i))
        return DK_ESTATE;
    pthread_mutex_lock(&b->c->lock);
    st = fail_from(b, i, dk__walk_due_in(delay_ms));
    pthread_cond_broadcast(&b->c->changed); /* a revocation may wait for it */
    pthread_mutex_unlock(&b->c->lock);
    return st;
}

dk_status
dk_batch_claim_return(dk_batch *b, int64_t delay_ms)
{
    int32_t hand = dk_batch_current(b);
    uint32_t end = atomic_load_explicit(&b->hand_end, memory_order_relaxed);
    int64_t due_ms = dk__walk_due_in(delay_ms);

    if (dk__walk_is_forked(b))
        return DK_EFORKED;
    if (hand < 0 || b->closed || !b->claimed)
        return DK_ESTATE;
    pthread_mutex_lock(&b->c->lock);
    for (uint32_t i = (uint32_t)hand; i < end; i++)
        if (dk__entry_state(&b->entries[i]) == DK__HANDED) {
            dk__entry_set(&b->entries[i], DK__HELD); /* first: it did not fail */
            if (dk__walk_fail(b, i, due_ms) != DK_OK)
                assert(!"a held entry can be held back");
        }
    pthread_cond_broadcast(&b->c->changed); /* a revocation may wait for it */
    pthread_mutex_unlock(&b->c->lock);
    return DK_OK;
}
