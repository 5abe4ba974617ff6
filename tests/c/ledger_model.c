/* SPDX-License-Identifier: MIT
 *
 * The model's batches: filled, settled, closed, freed. See ledger_model.h.
 */
#include "ledger_model.h"

int64_t
lm_now(const lmodel *m)
{
    return dk__now_ms() + m->skew_ms;
}

int64_t
lm_due(lmodel *m, int part, int64_t before, int64_t delay)
{
    int64_t had = m->r.parts[part].due_ms, is = dk__ledger_due_ms(lm_ledger(m, part));

    if (delay == 0 || (is == had && had >= before + delay))
        return had;
    CHECK(is >= before + delay && is <= dk__now_ms() + delay);
    return is;
}

int64_t
lm_note_made(lmodel *m, int part, int64_t before)
{
    int64_t made = lm_ledger(m, part)->note.made_ms;

    CHECK(made >= before && made <= dk__now_ms());
    return made;
}

lm_batch *
lm_some_batch(lmodel *m, bool closed)
{
    uint32_t from = lm_below(m, LM_BATCHES);

    for (uint32_t i = 0; i < LM_BATCHES; i++) {
        lm_batch *lb = &m->batches[(from + i) % LM_BATCHES];

        if (lb->b != NULL && lb->closed == closed)
            return lb;
    }
    return NULL;
}

/* ---- filling --------------------------------------------------------------------------------------------------- */

void
lm_check_is(const rd_kafka_message_t *msg, const reference *r, const ref_msg *want)
{
    int id;

    CHECK(msg->len >= sizeof id);
    memcpy(&id, msg->payload, sizeof id);
    CHECK_EQ(id, want - r->msgs);
    CHECK_EQ(msg->offset, want->offset);
}

static void
take_entry(lmodel *m, lm_batch *lb, int part, ref_msg *want, const dk__handed *handed, int64_t old_end)
{
    dk__entry *e = &lb->b->entries[lb->len];
    bool new_log = want->begins_log && want->where == REF_READ;

    lm_check_is(e->msg, &m->r, want);
    CHECK_EQ(handed->new_log, new_log);
    if (new_log)
        CHECK_EQ(handed->old_end, old_end);
    ref_hand_out(&m->r, want);
    want->readers++;
    lb->entries[lb->len++] = (lm_entry){.m = want, .generation = m->r.parts[part].generation, .state = DK__QUEUED};
    e->part = &m->x.parts[part];
    e->part->busy = lb->b;
    lb->b->len++;
    m->busy[part] = lb;
}

/* One that may be handed out; false: there is none. */
static bool
hand_out(lmodel *m, lm_batch *lb, int part, int64_t now)
{
    bool in_batch = m->busy[part] == lb;
    ref_msg *want = ref_next(&m->r, part, now, in_batch);
    int64_t old_end = m->r.parts[part].last;
    dk__handed handed = {.error = NULL};
    dk__next next = dk__ledger_hand_out(lm_ledger(m, part), now, in_batch, &lb->b->entries[lb->len], &handed);

    if (next == DK__NEXT_NOMEM) {
        CHECK(NOMEM(DK_ENOMEM));
        return false;
    }
    if (want == NULL) {
        CHECK_EQ(next, DK__NEXT_NONE);
        return false;
    }
    if (want->error) {
        CHECK_EQ(next, DK__NEXT_ERROR);
        lm_check_is(handed.error, &m->r, want);
        dk__message_free(handed.error);
        ref_hand_out(&m->r, want);
        return true;
    }
    CHECK_EQ(next, DK__NEXT_MESSAGE);
    take_entry(m, lb, part, want, &handed, old_end);
    return true;
}

static bool
is_open(const lmodel *m, int n, int64_t now)
{
    return !m->paused[n] && m->busy[n] == NULL && m->r.parts[n].due_ms <= now;
}

/* In turns over the partitions, so that their messages come mixed. */
static void
fill(lmodel *m, lm_batch *lb, int cap, int64_t now)
{
    bool open[REF_PARTS], some = true;

    for (int n = 0; n < REF_PARTS; n++)
        open[n] = is_open(m, n, now);
    while (some && lb->len < cap) {
        some = false;
        for (int n = 0; n < REF_PARTS; n++)
            for (uint32_t turn = 1 + lm_below(m, 3); open[n] && turn > 0 && lb->len < cap; turn--)
                some |= open[n] = hand_out(m, lb, n, now);
    }
}

void
lm_fetch(lmodel *m)
{
    int64_t now = lm_now(m);
    lm_batch *lb = NULL;
    uint32_t cap = 1 + lm_below(m, LM_CAP);

    for (int i = 0; i < LM_BATCHES && lb == NULL; i++)
        if (m->batches[i].b == NULL)
            lb = &m->batches[i];
    if (lb == NULL)
        return;
    *lb = (lm_batch){.b = bl_batch(&m->x, cap), .birth = ++m->births, .hand = -1};
    if (lb->b == NULL) {
        CHECK(NOMEM(DK_ENOMEM));
        return;
    }
    for (int n = 0; n < REF_PARTS; n++)
        CHECK_EQ(dk__part_is_open(&m->x.parts[n], now), is_open(m, n, now));
    fill(m, lb, (int)cap, now);
    if (lb->len > 0) {
        bl_batch_open(&m->x, lb->b);
        return;
    }
    dk__batch_drop(lb->b);
    lb->b = NULL;
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

static void
settle(lmodel *m, lm_batch *lb)
{
    for (; lb->settled < lb->cursor; lb->settled++) {
        lm_entry *e = &lb->entries[lb->settled];

        ref_settle(&m->r, e->m, e->generation, e->state);
    }
}

void
lm_settle(lmodel *m)
{
    for (int i = 0; i < LM_BATCHES; i++)
        if (m->batches[i].b != NULL && !m->batches[i].closed)
            settle(m, &m->batches[i]);
}

static void
close_batch(lmodel *m, lm_batch *lb)
{
    dk_batch_close(lb->b);
    CHECK_EQ(dk_batch_next(lb->b), -1);
    if (lb->closed)
        return;
    lb->then = DK__HELD; /* silence means not handled */
    lb->cursor = lm_leave_hand(lb);
    lb->hand = -1;
    settle(m, lb);
    for (int i = 0; i < lb->len; i++) {
        lm_entry *e = &lb->entries[i];

        if (e->state != DK__QUEUED && e->state != DK__HELD)
            continue;
        e->state = m->r.parts[e->m->part].generation == e->generation ? DK__BACK : DK__STALE;
        ref_give_back(&m->r, e->m, e->generation);
    }
    for (int n = 0; n < REF_PARTS; n++)
        if (m->busy[n] == lb) {
            m->busy[n] = NULL;
            m->back[n] = false;
        }
    lb->closed = true;
}

void
lm_close(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 10));

    if (lb != NULL)
        close_batch(m, lb);
}

static void
free_batch(lmodel *m, lm_batch *lb)
{
    if (!lb->closed)
        close_batch(m, lb);
    for (int i = 0; i < lb->len; i++)
        lb->entries[i].m->readers--;
    dk_batch_free(lb->b);
    lb->b = NULL;
}

void
lm_free(lmodel *m)
{
    lm_batch *lb = lm_some_batch(m, lm_chance(m, 70));

    if (lb != NULL)
        free_batch(m, lb);
}

void
lm_end_batches(lmodel *m)
{
    for (int i = 0; i < LM_BATCHES; i++)
        if (m->batches[i].b != NULL)
            free_batch(m, &m->batches[i]);
}
