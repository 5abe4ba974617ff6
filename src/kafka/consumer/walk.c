/* SPDX-License-Identifier: MIT
 *
 * The walk over a batch, and its end.
 *
 * The walk takes no lock. The owner writes a state and then moves the cursor; whoever holds the consumer's lock may
 * read states below the cursor and tell them to the ledgers (settle.c). A rebalance closes a partition's gate and
 * then reads what is in hand, the walk says what it takes in hand and then reads the gate: one of the two sees the
 * other.
 */
#include "kafka/consumer/walk_private.h"

#define LONG_MS 1000 /* what waits longer is copied, or it would keep the responses in memory that it came in */

/* Entries below `cursor` have their state; those from `hand` (-1: none) to `end` are about to be handed out. */
void
dk__walk_move_on(dk_batch *b, uint32_t cursor, int hand, uint32_t end)
{
    atomic_store_explicit(&b->cursor, cursor, memory_order_release);
    atomic_store_explicit(&b->hand_end, end, memory_order_relaxed);
    atomic_store(&b->hand, hand); /* sequentially consistent: see the top of the file */
    if (atomic_load(&b->c->draining)) {
        pthread_mutex_lock(&b->c->lock);
        pthread_cond_broadcast(&b->c->changed);
        pthread_mutex_unlock(&b->c->lock);
    }
}

/* Moving on says what becomes of what is in hand, unless that was said before. Returns the entry behind. */
uint32_t
dk__walk_leave_hand(dk_batch *b)
{
    int hand = atomic_load_explicit(&b->hand, memory_order_relaxed);
    uint32_t end = atomic_load_explicit(&b->hand_end, memory_order_relaxed);

    if (hand < 0)
        return atomic_load_explicit(&b->cursor, memory_order_relaxed);
    for (uint32_t i = (uint32_t)hand; i < end; i++)
        if (dk__entry_state(&b->entries[i]) == DK__HANDED)
            dk__entry_set(&b->entries[i], (dk__state)b->then);
    b->claimed = false;
    return end;
}

static int32_t
advance(dk_batch *b, dk__state then)
{
    uint32_t i;

    if (b->closed || dk__walk_is_forked(b))
        return -1;
    for (i = dk__walk_leave_hand(b); i < b->len && !dk__walk_ends_early(b); i++) {
        dk__entry *e = &b->entries[i];
        dk__state why;

        dk__walk_move_on(b, i, (int)i, i + 1);
        why = dk__walk_pass_over(e);
        if (why == DK__QUEUED) {
            b->then = (uint8_t)then;
            dk__entry_set(e, DK__HANDED);
            return (int32_t)i;
        }
        dk__entry_set(e, why);
        if (why == DK__HELD)
            e->part->back = true;
    }
    dk__walk_move_on(b, i, -1, i);
    return -1;
}

int32_t
dk_batch_next(dk_batch *b)
{
    return advance(b, DK__DONE);
}

int32_t
dk_batch_take(dk_batch *b)
{
    return advance(b, DK__TAKEN);
}

int32_t
dk_batch_peek(dk_batch *b)
{
    int hand = atomic_load_explicit(&b->hand, memory_order_relaxed);
    uint32_t i = hand >= 0 ? atomic_load_explicit(&b->hand_end, memory_order_relaxed)
                           : atomic_load_explicit(&b->cursor, memory_order_relaxed);

    if (b->closed || dk__walk_is_forked(b) || dk__walk_ends_early(b))
        return -1;
    for (; i < b->len; i++)
        if (dk__walk_pass_over(&b->entries[i]) == DK__QUEUED)
            return (int32_t)i;
    return -1;
}

bool
dk_batch_is_cut(const dk_batch *b)
{
    return atomic_load_explicit(&b->cut, memory_order_relaxed);
}

int32_t
dk_batch_current(const dk_batch *b)
{
    return dk__walk_is_forked(b) ? -1 : atomic_load_explicit(&b->hand, memory_order_relaxed);
}

/* ---- not handled ----------------------------------------------------------------------------------------------- */

/* Entry i of those in hand was not handled: lock held. */
dk_status
dk__walk_fail(dk_batch *b, uint32_t i, int64_t due_ms)
{
    dk__entry *e = &b->entries[i];
    dk_status st = dk__ledger_fail(e->part->ledger, e, due_ms);

    if (st != DK_OK)
        return st;
    e->part->back = true;
    return DK_OK;
}

int64_t
dk__walk_due_in(int64_t delay_ms)
{
    return delay_ms > 0 ? dk__now_ms() + delay_ms : 0;
}

dk_status
dk_batch_fail(dk_batch *b, int64_t delay_ms)
{
    int32_t hand = dk_batch_current(b);
    dk_status st;

    if (dk__walk_is_forked(b))
        return DK_EFORKED;
    if (hand < 0 || b->closed || b->claimed)
        return DK_ESTATE;
    pthread_mutex_lock(&b->c->lock);
    st = dk__walk_fail(b, (uint32_t)hand, dk__walk_due_in(delay_ms));
    pthread_mutex_unlock(&b->c->lock);
    return st;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static bool
was_not_handled(const dk__entry *e)
{
    dk__state state = dk__entry_state(e);

    return state == DK__QUEUED || state == DK__HELD;
}

/* What was not handled goes back, the first one first: each is then the last of its heap. */
static bool
give_back(dk_batch *b)
{
    bool some = false;

    for (uint32_t i = 0; i < b->len; i++)
        if (was_not_handled(&b->entries[i]))
            some |= dk__ledger_give_back(b->entries[i].part->ledger, b, i) == DK_OK;
    return some;
}

/* The partitions may give messages to the next batch. */
static void
release_parts(dk_batch *b)
{
    int64_t late = dk__now_ms() + LONG_MS;

    for (uint32_t i = 0; i < b->len; i++) {
        dk__part *part = b->entries[i].part;

        if (part->busy != b)
            continue;
        part->busy = NULL;
        part->back = false;
        if (dk__ledger_due_ms(part->ledger) > late || (atomic_load(&part->gate) & DK__GATE_PAUSED))
            dk__ledger_own(part->ledger);
    }
}

static void
unlink_open(dk_consumer *c, dk_batch *b)
{
    for (dk_batch **at = &c->open; *at != NULL; at = &(*at)->next) {
        if (*at == b) {
            *at = b->next;
            return;
        }
    }
}

/* What is in hand was not moved on from: what its owner said of it counts, silence means not handled. */
static void
drop_hand(dk_batch *b)
{
    int32_t hand = dk_batch_current(b);
    uint32_t end = atomic_load_explicit(&b->hand_end, memory_order_relaxed);

    if (hand < 0)
        return;
    for (uint32_t i = (uint32_t)hand; i < end; i++)
        if (dk__entry_state(&b->entries[i]) == DK__HANDED)
            dk__entry_set(&b->entries[i], DK__HELD);
    atomic_store(&b->cursor, end);
}

void
dk_batch_close(dk_batch *b)
{
    dk_consumer *c = b->c;
    bool some;

    if (b->closed || dk__walk_is_forked(b))
        return;
    drop_hand(b);
    pthread_mutex_lock(&c->lock);
    b->closed = true;
    atomic_store(&b->hand, -1);
    dk__settle(b);
    some = give_back(b);
    release_parts(b);
    unlink_open(c, b);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (some || atomic_load(&c->fetching)) /* another thread may wait for its partitions */
        dk__wake_raise(&c->wake);
    if (c->opts.commit_interval_ms == 0)
        dk__commit_finished(c, (dk__commit_how){.sync = false}, NULL);
}

void
dk_batch_free(dk_batch *b)
{
    if (b == NULL || dk__walk_is_forked(b))
        return;
    dk_batch_close(b);
    dk__batch_drop(b);
}
