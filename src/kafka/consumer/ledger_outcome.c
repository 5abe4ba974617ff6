/* SPDX-License-Identifier: MIT
 *
 * A ledger: what becomes of the messages that were handed out. See ledger.h.
 */
#include "kafka/consumer/ledger_private.h"

static bool
is_current(const dk__ledger *l, const dk__entry *e)
{
    return atomic_load_explicit(&l->generation, memory_order_relaxed) == e->generation;
}

/* Each outcome that no longer counts is counted once. */
static bool
is_stale(dk__ledger *l, const dk__entry *e)
{
    if (is_current(l, e))
        return false;
    l->rules->stale++;
    return true;
}

/* ---- outcomes -------------------------------------------------------------------------------------------------- */

static void
finish(dk__ledger *l, const dk__entry *e)
{
    dk__offsets_done(&l->offsets, e->msg->offset);
    COUNT(l, handled);
}

void
dk__ledger_settle(dk__ledger *l, const dk__entry *e)
{
    dk__state state = dk__entry_state(e);

    if (state == DK__HELD || state == DK__BACK || state == DK__QUEUED || state == DK__HANDED)
        return;
    if (state == DK__TICKETED || state == DK__ANSWERED) { /* the ticket's answer counts, or not */
        if (is_current(l, e))
            PUBLISH(l, position, e->msg->offset + 1);
        return;
    }
    if (is_stale(l, e))
        return;
    PUBLISH(l, position, e->msg->offset + 1);
    l->owed--;
    if (state == DK__DONE)
        finish(l, e);
}

static void
hold_back(dk__ledger *l, int64_t due_ms)
{
    if (due_ms > l->due_ms)
        l->due_ms = due_ms;
}

dk_status
dk__ledger_fail(dk__ledger *l, dk__entry *e, int64_t due_ms)
{
    dk__state state = dk__entry_state(e);

    if (state != DK__HANDED && state != DK__HELD)
        return DK_ESTATE;
    dk__entry_set(e, DK__HELD);
    if (!is_current(l, e))
        return DK_OK; /* counted when it is given back */
    hold_back(l, due_ms);
    if (state == DK__HANDED)
        COUNT(l, failed);
    return DK_OK;
}

static void
come_back(dk__ledger *l, dk_batch *b, uint32_t i)
{
    dk__entry *e = &b->entries[i];
    dk__held item = {.offset = e->msg->offset, .msg = e->msg, .home = b, .home_index = i};

    if (e->home != NULL) {
        item.home = e->home;
        item.home_index = e->home_index;
    }
    dk__lend(item.home, item.home_index);
    dk__back_push(&l->back, item);
    dk__ledger_spend(l, e->msg);
    l->owed--;
}

dk_status
dk__ledger_give_back(dk__ledger *l, dk_batch *b, uint32_t i)
{
    dk__entry *e = &b->entries[i];
    dk__state state = dk__entry_state(e);

    if (state != DK__QUEUED && state != DK__HANDED && state != DK__HELD)
        return DK_ESTATE;
    if (is_stale(l, e)) {
        dk__entry_set(e, DK__STALE);
        return DK_OK;
    }
    dk__entry_set(e, DK__BACK);
    come_back(l, b, i);
    return DK_OK;
}

/* ---- tickets --------------------------------------------------------------------------------------------------- */

static void
put_slip(dk__ledger *l, dk__slip *s, int64_t now_ms)
{
    *s = (dk__slip){.prev = l->newest, .since_ms = now_ms};
    if (l->newest != NULL)
        l->newest->next = s;
    else
        l->oldest = s;
    l->newest = s;
    l->tickets++;
    dk__ledger_publish_tickets(l);
}

static void
take_slip(dk__ledger *l, dk__slip *s)
{
    if (s->prev != NULL)
        s->prev->next = s->next;
    else
        l->oldest = s->next;
    if (s->next != NULL)
        s->next->prev = s->prev;
    else
        l->newest = s->prev;
    l->tickets--;
    dk__ledger_publish_tickets(l);
}

dk_status
dk__ledger_defer(dk__ledger *l, dk_batch *b, uint32_t i, int64_t now_ms)
{
    dk__entry *e = &b->entries[i];

    if (dk__entry_state(e) != DK__HANDED)
        return DK_ESTATE;
    dk__entry_set(e, DK__TICKETED);
    dk__lend(b, i);
    if (is_current(l, e))
        put_slip(l, &b->slips[i], now_ms);
    return DK_OK;
}

dk_status
dk__ledger_undefer(dk__ledger *l, dk_batch *b, uint32_t i)
{
    dk__entry *e = &b->entries[i];

    if (dk__entry_state(e) != DK__TICKETED)
        return DK_ESTATE;
    dk__entry_set(e, DK__HANDED);
    if (is_current(l, e))
        take_slip(l, &b->slips[i]);
    dk__lend_end(b, i);
    return DK_OK;
}

dk_status
dk__ledger_answer(dk__ledger *l, dk_batch *b, uint32_t i, bool finished, int64_t due_ms)
{
    dk__entry *e = &b->entries[i];

    if (dk__entry_state(e) != DK__TICKETED)
        return DK_ESTATE;
    dk__entry_set(e, DK__ANSWERED);
    if (is_stale(l, e)) {
        dk__lend_end(b, i);
        return DK_OK;
    }
    take_slip(l, &b->slips[i]);
    if (finished) {
        finish(l, e);
        l->owed--;
    } else {
        come_back(l, b, i);
        hold_back(l, due_ms);
        COUNT(l, failed);
    }
    dk__lend_end(b, i);
    return DK_OK;
}

uint32_t
dk__ledger_tickets(const dk__ledger *l)
{
    return l->tickets;
}
