/* SPDX-License-Identifier: MIT
 *
 * The comparison of the model: ledgers, batches and memory against the reference. See ledger_model.h.
 */
#include "ledger_model.h"

/* ---- partitions ------------------------------------------------------------------------------------------------ */

/* The mark is never beyond one that is not finished, but by the word of the application. */
static void
check_mark(lmodel *m, int n)
{
    const ref_part *p = &m->r.parts[n];

    CHECK_EQ(lm_ledger(m, n)->offsets.mark, p->mark);
    for (int i = 0; i < REF_MESSAGES; i++) {
        const ref_msg *msg = &m->r.msgs[i];

        if (msg->used && msg->part == n && (msg->where == REF_OUT || msg->where == REF_BACK) && !msg->forgiven)
            CHECK(p->mark <= msg->offset);
    }
}

static void
check_counts(lmodel *m, int n)
{
    const ref_part *p = &m->r.parts[n];
    dk__ledger_numbers num;
    int64_t oldest_ms;
    uint32_t tickets = ref_tickets(&m->r, n, &oldest_ms);

    dk__ledger_counts(lm_ledger(m, n), &num);
    CHECK_EQ(num.position, p->position);
    CHECK_EQ(num.committed, p->told_committed);
    CHECK_EQ(num.tickets, tickets);
    CHECK_EQ(dk__ledger_tickets(lm_ledger(m, n)), tickets);
    CHECK_EQ(num.oldest_ticket_ms, oldest_ms);
    CHECK_EQ(num.handled, p->handled);
    CHECK_EQ(num.failed, p->failed);
    CHECK_EQ(num.commit_latency_ms, p->latency_ms);
    CHECK_EQ(num.waiting, dk__ledger_waiting(lm_ledger(m, n)));
}

/* Each message that was received is in one place. */
static void
check_part(lmodel *m, int n)
{
    const dk__ledger *l = lm_ledger(m, n);
    const ref_part *p = &m->r.parts[n];
    int read = ref_count(&m->r, n, REF_READ), back = ref_count(&m->r, n, REF_BACK);
    int64_t now = lm_now(m);

    CHECK_EQ(*dk__ledger_generation(l), p->generation);
    CHECK_EQ(l->stock.len, read);
    CHECK_EQ(l->back.len, back);
    CHECK_EQ(l->owed, ref_count(&m->r, n, REF_OUT));
    CHECK(l->back.cap >= l->back.len + l->owed || l->back.cap == 0);
    CHECK_EQ(dk__ledger_has_waiting(l), read + back > 0);
    CHECK_EQ(dk__ledger_due_ms(l), p->due_ms);
    CHECK_EQ(dk__ledger_is_due(l, now), now >= p->due_ms);
    CHECK_EQ(dk__ledger_ready(l, now), ref_ready(&m->r, n, now));
    CHECK_EQ(dk__ledger_to_commit(lm_ledger(m, n), NULL), ref_to_commit(&m->r, n, NULL));
    CHECK_STR(dk__ledger_note_of(l, p->note_offset), ref_note_of(&m->r, n, p->note_offset));
    CHECK(p->mark == p->note_offset || dk__ledger_note_of(l, p->mark) == NULL);
    check_mark(m, n);
    check_counts(m, n);
}

/* ---- batches --------------------------------------------------------------------------------------------------- */

/* What is in hand is claimed or not; what a claim holds of a partition that was taken away does not count. */
static void
check_claim(lmodel *m, const lm_batch *lb)
{
    bool counts = lb->claimed;

    for (int i = 0; i < lb->len; i++) {
        const lm_entry *e = &lb->entries[i];
        bool in_hand = lb->hand >= 0 && i >= lb->hand && i < lb->hand_end && e->state == DK__HANDED;

        CHECK_EQ(dk_batch_is_claimed(lb->b, (uint32_t)i), lb->claimed && in_hand);
        counts &= !in_hand || m->r.parts[e->m->part].generation == e->generation;
    }
    CHECK_EQ(dk_batch_claim_counts(lb->b), counts);
}

/* What was fetched stays readable until the batch is freed. */
static void
check_batch(lmodel *m, const lm_batch *lb)
{
    CHECK_EQ(dk_batch_len(lb->b), lb->len);
    CHECK_EQ(dk_batch_current(lb->b), lb->hand);
    for (int i = 0; i < lb->len; i++) {
        CHECK_EQ(dk__entry_state(&lb->b->entries[i]), lb->entries[i].state);
        lm_check_is(lb->b->entries[i].msg, &m->r, lb->entries[i].m);
    }
    check_claim(m, lb);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* In memory is what waits, what a ticket is out for, and what a batch holds that is not freed. */
static void
check_memory(lmodel *m)
{
    size_t bytes = 0, messages = 0, living = 0;

    for (int i = 0; i < REF_MESSAGES; i++) {
        const ref_msg *msg = &m->r.msgs[i];
        bool waits = msg->used && (msg->where == REF_READ || msg->where == REF_BACK);

        bytes += waits ? msg->weight : 0;
        messages += waits;
        living += msg->used && (waits || msg->readers > 0 || msg->tickets > 0);
    }
    CHECK_EQ(m->x.c.rules.budget.bytes, bytes);
    CHECK_EQ(m->x.c.rules.budget.messages, messages);
    CHECK_EQ(m->x.living, living);
}

void
lm_check(lmodel *m)
{
    for (int n = 0; n < REF_PARTS; n++)
        check_part(m, n);
    for (int i = 0; i < LM_BATCHES; i++)
        if (m->batches[i].b != NULL)
            check_batch(m, &m->batches[i]);
    CHECK_EQ(m->x.c.rules.stale, m->r.stale);
    check_memory(m);
}
