/* SPDX-License-Identifier: MIT
 *
 * The model's batches: walked, claimed, and what is said of the messages in hand. See ledger_model.h.
 */
#include "ledger_model.h"

/* ---- walking --------------------------------------------------------------------------------------------------- */

static dk__state
pass_over(const lmodel *m, const lm_entry *e)
{
    if (m->r.parts[e->m->part].generation != e->generation)
        return DK__STALE;
    return m->back[e->m->part] || m->paused[e->m->part] ? DK__HELD : DK__QUEUED;
}

int
lm_leave_hand(lm_batch *lb)
{
    if (lb->hand < 0)
        return lb->cursor;
    for (int i = lb->hand; i < lb->hand_end; i++)
        if (lb->entries[i].state == DK__HANDED)
            lb->entries[i].state = lb->then;
    lb->claimed = false;
    return lb->hand_end;
}

static void
set_hand(lm_batch *lb, int cursor, int hand, int end)
{
    lb->cursor = cursor;
    lb->hand = hand;
    lb->hand_end = end;
}

/* The next one that is handed out; false: it is passed over. */
static bool
enter(lmodel *m, lm_batch *lb, int i)
{
    lm_entry *e = &lb->entries[i];
    dk__state why = pass_over(m, e);

    e->state = why == DK__QUEUED ? DK__HANDED : why;
    m->back[e->m->part] |= why == DK__HELD;
    return why == DK__QUEUED;
}

void
lm_walk(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 2));
    bool take = lm_chance(m, 10);
    int want = -1, i, peeked;

    if (lb == NULL)
        return;
    peeked = dk_batch_peek(lb->b);
    if (!lb->closed) {
        for (i = lm_leave_hand(lb); want < 0 && i < lb->len && !lb->cut; i++) {
            set_hand(lb, i, i, i + 1);
            if (enter(m, lb, i))
                want = i;
        }
        if (want < 0)
            set_hand(lb, i, -1, i);
        lb->then = take ? DK__TAKEN : DK__DONE;
    }
    CHECK_EQ(peeked, want);
    CHECK_EQ(take ? dk_batch_take(lb->b) : dk_batch_next(lb->b), want);
    CHECK_EQ(dk_batch_current(lb->b), want);
    if (want >= 0)
        lm_check_is(lb->b->entries[want].msg, &m->r, lb->entries[want].m);
}

void
lm_cut(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, false);

    if (lb == NULL)
        return;
    lb->cut = true;
    atomic_store(&lb->b->cut, true);
    CHECK(dk_batch_is_cut(lb->b));
}

/* ---- claims ---------------------------------------------------------------------------------------------------- */

static int
end_of_claim(const lm_batch *lb, int first, int max, bool one)
{
    int i = first;

    while (i < lb->len && i - first < max && (!one || lb->entries[i].m->part == lb->entries[first].m->part))
        i++;
    return i;
}

void
lm_claim(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 2));
    int max = (int)lm_below(m, LM_CAP + 1), first, n = 0;
    bool one = lm_chance(m, 40);
    dk_range range;

    if (lb == NULL)
        return;
    if (lb->closed || max == 0) {
        CHECK_STATUS(dk_batch_claim(lb->b, (uint32_t)max, one, &range), lb->closed ? DK_ESTATE : DK_EINVAL);
        CHECK_EQ(range.n, 0);
        return;
    }
    first = lm_leave_hand(lb);
    while (n == 0 && first < lb->len && !lb->cut) {
        set_hand(lb, first, first, end_of_claim(lb, first, max, one));
        for (int i = first; i < lb->hand_end; i++)
            n += enter(m, lb, i);
        first = lb->hand_end;
    }
    lb->claimed = n > 0;
    lb->then = DK__DONE;
    if (n == 0)
        set_hand(lb, first, -1, first);
    CHECK_OK(dk_batch_claim(lb->b, (uint32_t)max, one, &range));
    CHECK_EQ(range.first, n > 0 ? lb->hand : first);
    CHECK_EQ(range.n, n > 0 ? lb->hand_end - lb->hand : 0);
}

void
lm_claim_hand(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 2));
    int max = 1 + (int)lm_below(m, LM_CAP);
    dk_range range;
    bool is;

    if (lb == NULL)
        return;
    is = !lb->closed && !lb->claimed && lb->hand >= 0 && lb->entries[lb->hand].state == DK__HANDED;
    CHECK_STATUS(dk_batch_claim_hand(lb->b, (uint32_t)max, false, &range), is ? DK_OK : DK_ESTATE);
    if (!is)
        return;
    set_hand(lb, lb->cursor, lb->hand, end_of_claim(lb, lb->hand, max, false));
    for (int i = lb->hand + 1; i < lb->hand_end; i++)
        enter(m, lb, i);
    lb->claimed = true;
    lb->then = DK__DONE;
    CHECK_EQ(range.first, lb->hand);
    CHECK_EQ(range.n, lb->hand_end - lb->hand);
}

static int
pick_in_hand(lmodel *m, const lm_batch *lb)
{
    return lb->hand < 0 ? -1 : lb->hand + (int)lm_below(m, (uint32_t)(lb->hand_end - lb->hand));
}

static void
fail_entry(lmodel *m, lm_batch *lb, int i, int64_t due)
{
    lm_entry *e = &lb->entries[i];

    ref_fail(&m->r, e->m, e->generation, due, e->state == DK__HELD);
    e->state = DK__HELD;
    m->back[e->m->part] = true;
}

/* All that is claimed, or one and those of its partition behind it. */
static void
fail_claim(lmodel *m, lm_batch *lb, int one, int64_t before, int64_t delay)
{
    int64_t due[REF_PARTS];

    for (int n = 0; n < REF_PARTS; n++)
        due[n] = lm_due(m, n, before, 0);
    for (int i = one < 0 ? lb->hand : one; i < lb->hand_end; i++) {
        lm_entry *e = &lb->entries[i];
        int n = e->m->part;

        if (e->state != DK__HANDED || (one >= 0 && n != lb->entries[one].m->part))
            continue;
        if (m->r.parts[n].generation == e->generation)
            due[n] = lm_due(m, n, before, delay);
        if (one < 0)
            e->state = DK__HELD; /* given back: it did not fail */
        if (one < 0 || i == one)
            fail_entry(m, lb, i, due[n]);
        e->state = DK__HELD;
    }
}

void
lm_claim_outcome(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 2));
    int i = lb == NULL ? -1 : pick_in_hand(m, lb);
    bool is = i >= 0 && !lb->closed && lb->claimed && lb->entries[i].state == DK__HANDED;
    int64_t before = dk__now_ms(), delay = lm_delay(m);

    if (lb == NULL)
        return;
    if (lm_chance(m, 40) && i >= 0) {
        CHECK_STATUS(dk_batch_claim_fail(lb->b, (uint32_t)i, delay), is ? DK_OK : DK_ESTATE);
        if (is)
            fail_claim(m, lb, i, before, delay);
        return;
    }
    if (lm_chance(m, 30) && i >= 0) {
        CHECK_STATUS(dk_batch_claim_done(lb->b, (uint32_t)i), is ? DK_OK : DK_ESTATE);
        if (is)
            lb->entries[i].state = DK__DONE;
        return;
    }
    is = !lb->closed && lb->claimed;
    if (lm_chance(m, 60)) {
        CHECK_STATUS(dk_batch_claim_finish(lb->b), is ? DK_OK : DK_ESTATE);
        if (is) {
            i = lm_leave_hand(lb);
            set_hand(lb, i, -1, i);
        }
        return;
    }
    CHECK_STATUS(dk_batch_claim_return(lb->b, delay), is ? DK_OK : DK_ESTATE);
    if (is)
        fail_claim(m, lb, -1, before, delay);
}

/* ---- one in hand ----------------------------------------------------------------------------------------------- */

void
lm_fail(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 2));
    int64_t before = dk__now_ms(), delay = lm_delay(m);
    lm_entry *e;
    bool is;

    if (lb == NULL)
        return;
    e = lb->hand < 0 ? NULL : &lb->entries[lb->hand];
    is = e != NULL && !lb->closed && !lb->claimed && (e->state == DK__HANDED || e->state == DK__HELD);
    CHECK_STATUS(dk_batch_fail(lb->b, delay), is ? DK_OK : DK_ESTATE);
    if (!is)
        return;
    if (m->r.parts[e->m->part].generation != e->generation)
        delay = 0;
    fail_entry(m, lb, lb->hand, lm_due(m, e->m->part, before, delay));
}

void
lm_defer(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 2));
    int i = lb == NULL ? -1 : pick_in_hand(m, lb);
    lm_entry *e = i < 0 ? NULL : &lb->entries[i];
    dk_ticket ticket;
    dk_status st;

    if (lb == NULL || m->n_tickets == LM_TICKETS || (lb->claimed && i < 0))
        return;
    st = lb->claimed ? dk_batch_claim_defer(lb->b, (uint32_t)i, &ticket) : dk_batch_defer(lb->b, &ticket);
    if (lb->closed || e == NULL || e->state != DK__HANDED) {
        CHECK(ticket.batch == NULL);
        CHECK(st == DK_ESTATE || NOMEM(st));
        return;
    }
    if (NOMEM(st))
        return;
    e->state = DK__TICKETED;
    ref_defer(&m->r, e->m, e->generation, lb->b->slips[i].since_ms);
    m->tickets[m->n_tickets++] = (lm_ticket){
        .ticket = ticket, .batch = lb, .birth = lb->birth, .index = i, .m = e->m, .generation = e->generation};
}

/* Only of what is in hand; of anything else it is an answer: not handled. */
void
lm_undefer(lmodel *m)
{
    for (int k = 0; k < m->n_tickets; k++) {
        lm_ticket *t = &m->tickets[k];

        if (t->batch->birth != t->birth || t->batch->b == NULL || t->batch->closed || t->batch->hand < 0 ||
            t->index < t->batch->hand || t->index >= t->batch->hand_end)
            continue;
        CHECK_OK(dk_batch_undefer(t->batch->b, &t->ticket));
        CHECK(t->ticket.batch == NULL);
        t->batch->entries[t->index].state = DK__HANDED;
        ref_undefer(&m->r, t->m);
        *t = m->tickets[--m->n_tickets];
        return;
    }
}

void
lm_note(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 2));
    int64_t before = dk__now_ms();
    char text[REF_NOTE];
    lm_entry *e;
    dk_status st;

    if (lb == NULL)
        return;
    snprintf(text, sizeof text, "note %u", ++m->notes);
    st = dk_batch_note(lb->b, text);
    if (lb->hand < 0 || lb->closed || lb->claimed) {
        CHECK_STATUS(st, DK_ESTATE);
        return;
    }
    e = &lb->entries[lb->hand];
    if (!NOMEM(st) && m->r.parts[e->m->part].generation == e->generation)
        ref_note(&m->r, e->m->part, e->m->offset, text, lm_note_made(m, e->m->part, before));
}
