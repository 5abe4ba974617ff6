/* SPDX-License-Identifier: MIT
 *
 * Random histories of a consumer's partitions, step by step beside a naive reference: what comes in, is handed out,
 * handled, failed, deferred, answered, claimed, stored, noted, committed, sought and taken away; with gaps, errors,
 * logs that begin again, batches that are kept, tickets that are answered twice, and allocations that fail.
 *
 * DK_TEST_STEPS=10000000 dk-test --seed 7 -t 3600 ledger_model_random   as many steps as you like
 */
#include <stdlib.h>

#include "ledger_model.h"

/* ---- what comes in --------------------------------------------------------------------------------------------- */

static int64_t
next_offset(lmodel *m, int n)
{
    const ref_part *p = &m->r.parts[n];

    if (p->read < 0)
        return m->start[n] + (lm_chance(m, 20) ? lm_below(m, 3) : 0);
    if (lm_chance(m, 1))
        return lm_below(m, (uint32_t)p->read + 1); /* another log */
    return p->read + 1 + (lm_chance(m, 25) ? lm_below(m, 4) : 0);
}

static rd_kafka_message_t *
make(lmodel *m, const ref_msg *msg, int64_t offset, int32_t epoch, bool error)
{
    struct {
        int id;
        uint64_t order; /* no two are the same, or they would be taken for a log that is served in a circle */
        uint8_t more[40];
    } value = {.id = (int)(msg - m->r.msgs), .order = m->r.order + 1};
    size_t n = offsetof(__typeof__(value), more) + lm_below(m, sizeof value.more);
    rd_kafka_message_t *made;

    made = bl_message(&m->x, offset, epoch, (dk_slice){(const uint8_t *)&value, n});
    if (made != NULL && error)
        made->err = RD_KAFKA_RESP_ERR__PARTITION_EOF;
    return made;
}

static void
receive(lmodel *m)
{
    int n = (int)lm_below(m, REF_PARTS);
    ref_msg *msg = ref_spare(&m->r);
    bool error = lm_chance(m, 3);
    int64_t offset = next_offset(m, n);
    int32_t epoch = (int32_t)(offset / 7) - 1;
    rd_kafka_message_t *made;

    if (msg == NULL)
        return;
    made = make(m, msg, offset, epoch, error);
    if (made == NULL) {
        CHECK(NOMEM(DK_ENOMEM));
        return;
    }
    if (NOMEM(dk__ledger_receive(lm_ledger(m, n), made)))
        dk__message_free(made);
    else
        ref_receive(&m->r, msg, n, offset, epoch, dk__message_weight(made), error);
}

static void
receive_run(lmodel *m)
{
    for (uint32_t i = lm_below(m, 6); i > 0; i--)
        receive(m);
}

/* ---- tickets --------------------------------------------------------------------------------------------------- */

static void
keep_copy(lmodel *m, const dk_ticket *ticket)
{
    uint32_t at = m->n_answered < LM_TICKETS ? (uint32_t)m->n_answered++ : lm_below(m, LM_TICKETS);

    m->answered[at] = *ticket;
}

/* The ticket at k has its answer. */
static void
answered(lmodel *m, int k, bool finished, int64_t before, int64_t delay)
{
    lm_ticket *t = &m->tickets[k];
    int n = t->m->part;
    bool counts = m->r.parts[n].generation == t->generation;

    if (t->batch->birth == t->birth && t->batch->b != NULL)
        t->batch->entries[t->index].state = DK__ANSWERED;
    ref_answer(&m->r, t->m, t->generation, finished, lm_due(m, n, before, counts && !finished ? delay : 0));
    *t = m->tickets[--m->n_tickets];
}

static void
answer(lmodel *m)
{
    int k = m->n_tickets == 0 ? -1 : (int)lm_below(m, (uint32_t)m->n_tickets);
    bool finished = lm_chance(m, 60);
    int64_t before = dk__now_ms(), delay = lm_delay(m);
    dk_ticket *ticket, copy;

    if (k < 0 || lm_chance(m, m->lazy))
        return;
    ticket = &m->tickets[k].ticket;
    copy = *ticket;
    CHECK_OK(finished ? dk_ticket_resolve(ticket) : dk_ticket_reject(ticket, delay));
    CHECK(ticket->batch == NULL);
    CHECK_STATUS(dk_ticket_resolve(ticket), DK_ESTATE);
    answered(m, k, finished, before, delay);
    keep_copy(m, &copy);
}

/* Several in one call, perhaps with one of them twice. */
static void
answer_many(lmodel *m)
{
    dk_ticket many[LM_TICKETS + 1];
    size_t n = m->n_tickets == 0 ? 0 : 1 + lm_below(m, (uint32_t)m->n_tickets);
    bool finished = lm_chance(m, 60), twice = n > 0 && lm_chance(m, 20);
    int64_t before = dk__now_ms(), delay = lm_delay(m);

    if (lm_chance(m, m->lazy))
        return;
    for (size_t i = 0; i < n; i++)
        many[i] = m->tickets[(size_t)m->n_tickets - 1 - i].ticket;
    many[n] = many[0];
    CHECK_STATUS(dk_tickets_answer(many, n + twice, finished, delay), twice ? DK_ESTATE : DK_OK);
    for (size_t i = 0; i < n; i++) {
        CHECK(many[i].batch == NULL);
        keep_copy(m, &m->tickets[m->n_tickets - 1].ticket);
        answered(m, m->n_tickets - 1, finished, before, delay);
    }
}

static void
answer_again(lmodel *m)
{
    dk_ticket copy;

    if (m->n_answered == 0)
        return;
    copy = m->answered[lm_below(m, (uint32_t)m->n_answered)];
    CHECK(dk__ticket_forward(&copy) == NULL);
    CHECK_STATUS(lm_chance(m, 50) ? dk_ticket_resolve(&copy) : dk_ticket_reject(&copy, 99999), DK_ESTATE);
}

/* ---- commits --------------------------------------------------------------------------------------------------- */

static void
settle_open(lmodel *m)
{
    dk__settle_open(&m->x.c);
    lm_settle(m);
}

static void
commit(lmodel *m)
{
    int n = (int)lm_below(m, REF_PARTS);
    dk__mark mark = {.note = NULL};
    ref_mark want = {.note = NULL};
    bool some;

    if (m->n_flight == LM_FLIGHT)
        return;
    settle_open(m);
    some = ref_to_commit(&m->r, n, &want);
    CHECK_EQ(dk__ledger_to_commit(lm_ledger(m, n), &mark), some);
    if (!some)
        return;
    CHECK_EQ(mark.offset, want.offset);
    CHECK_STR(mark.note, want.note);
    if (want.epoch_known)
        CHECK_EQ(mark.epoch, want.epoch);
    m->flight[m->n_flight] = (lm_flight){.part = n, .offset = mark.offset};
    snprintf(m->flight[m->n_flight++].note, REF_NOTE, "%s", mark.note == NULL ? "" : mark.note);
}

static void
commit_answer(lmodel *m)
{
    uint32_t how = lm_below(m, 10);
    lm_flight f;
    int k;

    if (m->n_flight == 0)
        return;
    k = (int)lm_below(m, (uint32_t)m->n_flight);
    f = m->flight[k];
    m->flight[k] = m->flight[--m->n_flight];
    if (how == 0) {
        dk__ledger_note_refused(lm_ledger(m, f.part), f.offset);
        ref_note_refused(&m->r, f.part, f.offset);
        return;
    }
    dk__ledger_committed(lm_ledger(m, f.part), f.offset, f.note[0] == '\0' ? NULL : f.note, strlen(f.note), how > 2,
                         (int)how);
    ref_committed(&m->r, f.part, f.offset, f.note, how > 2, (int)how);
}

static void
reach(lmodel *m)
{
    int n = (int)lm_below(m, REF_PARTS);
    const ref_part *p = &m->r.parts[n];
    int64_t next = (p->mark >= 0 ? p->mark : p->committed) + (int64_t)lm_below(m, 5) - 1;
    int32_t epoch = (int32_t)lm_below(m, 9);

    dk__ledger_reach(lm_ledger(m, n), next, epoch);
    ref_reach(&m->r, n, next, epoch);
}

/* By hand, perhaps with a note, beyond what was delivered or back. */
static void
store(lmodel *m)
{
    int n = (int)lm_below(m, REF_PARTS);
    const ref_part *p = &m->r.parts[n];
    int64_t next = (p->mark >= 0 ? p->mark : 0) + (int64_t)lm_below(m, 14) - 3, before = dk__now_ms();
    char text[REF_NOTE];
    dk_partition item = {.topic = "t", .partition = n, .offset = next < 0 ? 0 : next, .leader_epoch = -1};
    dk_partitions list = {.items = &item, .len = 1};
    dk_error err;

    if (p->n_slots < REF_SLOTS / 2 && lm_chance(m, 60)) /* seldom, unless much is left to it by dk_batch_take() */
        return;
    snprintf(text, sizeof text, "stored %u", ++m->notes);
    item.metadata = lm_chance(m, 40) ? text : NULL;
    if (NOMEM_ERR(dk_consumer_store(&m->x.c, &list, &err), &err))
        return;
    lm_settle(m);
    ref_store(&m->r, n, item.offset);
    if (item.metadata != NULL)
        ref_note(&m->r, n, item.offset, text, lm_note_made(m, n, before));
}

/* ---- beginnings and ends --------------------------------------------------------------------------------------- */

static void
seek(lmodel *m)
{
    int n = (int)lm_below(m, REF_PARTS);
    const ref_part *p = &m->r.parts[n];
    int64_t offset = p->note[0] != '\0' && lm_chance(m, 60) ? p->note_offset : lm_below(m, 30);

    dk__ledger_seek(lm_ledger(m, n), offset);
    ref_seek(&m->r, n, offset);
    m->start[n] = offset;
}

/* Taken away, and given again. */
static void
reassign(lmodel *m)
{
    int n = (int)lm_below(m, REF_PARTS);
    int64_t committed = lm_below(m, 40);
    char *note = lm_chance(m, 50) ? dk__strdup(dk_test_alloc(), "theirs") : NULL;

    dk__ledger_start_over(lm_ledger(m, n));
    ref_start_over(&m->r, n);
    if (lm_chance(m, 30)) {
        dk__free(dk_test_alloc(), note);
        return;
    }
    m->start[n] = committed;
    dk__ledger_adopt(lm_ledger(m, n), committed, note);
    ref_adopt(&m->r, n, committed, note);
}

static void
toggle_pause(lmodel *m)
{
    int n = (int)lm_below(m, REF_PARTS);

    m->paused[n] = !m->paused[n];
    bl_pause(&m->x, n, m->paused[n]);
    dk__ledger_own(lm_ledger(m, n));
}

static void
time_passes(lmodel *m)
{
    static const int64_t steps[] = {1, 10, 500, 2000, 46000};

    m->skew_ms += steps[lm_below(m, sizeof steps / sizeof *steps)];
}

/* ---- histories ------------------------------------------------------------------------------------------------- */

static const struct {
    void (*act)(lmodel *m);
    uint32_t weight;
} acts[] = {
    {receive_run, 110},  {lm_fetch, 60},         {lm_walk, 240},      {lm_cut, 3},       {lm_claim, 30},
    {lm_claim_hand, 20}, {lm_claim_outcome, 40}, {lm_fail, 30},       {lm_defer, 70},    {lm_undefer, 8},
    {lm_note, 12},       {lm_close, 40},         {lm_free, 40},       {answer, 50},      {answer_many, 8},
    {answer_again, 10},  {commit, 30},           {commit_answer, 30}, {reach, 25},       {store, 10},
    {seek, 5},           {reassign, 2},          {toggle_pause, 12},  {time_passes, 20}, {settle_open, 20},
};

enum { ACTS = sizeof acts / sizeof *acts };

static void
step(lmodel *m)
{
    static uint32_t total;
    uint32_t at, i = 0;

    for (uint32_t k = 0; total == 0 && k < ACTS; k++)
        i += acts[k].weight;
    total += i;
    at = lm_below(m, total);
    for (i = 0; at >= acts[i].weight; i++)
        at -= acts[i].weight;
    if (m->inject && lm_chance(m, 2))
        dk_test_alloc_fail(1, false);
    acts[i].act(m);
    if (m->inject)
        dk_test_alloc_fail(0, false);
    lm_check(m);
}

static void
end_history(lmodel *m)
{
    m->lazy = 0;
    lm_end_batches(m);
    lm_check(m);
    while (m->n_tickets > 0) {
        answer(m);
        lm_check(m);
    }
    bl_close(&m->x);
}

/* One history after the other, of some hundred steps each. */
static void
histories(uint64_t steps, uint64_t seed, bool inject)
{
    lmodel *m = malloc(sizeof *m);

    CHECK(m != NULL);
    for (uint64_t n = 0; n < steps;) {
        *m = (lmodel){.rnd = seed += n, .inject = inject};
        ref_init(&m->r, lm_chance(m, 50), lm_chance(m, 30) ? 1 + lm_below(m, 8) : 0);
        if (!bl_open(&m->x, REF_PARTS)) {
            CHECK(NOMEM(DK_ENOMEM));
            break;
        }
        m->lazy = lm_chance(m, 30) ? 95 : 0;
        m->x.c.rules.notes_wait = m->r.notes_wait;
        m->x.c.rules.tickets_max = m->r.tickets_max;
        for (uint32_t len = 200 + lm_below(m, 2000); len > 0 && n < steps; len--, n++)
            step(m);
        end_history(m);
    }
    free(m);
}

DK_TEST_SLOW(ledger_model_random, 3600)
{
    const char *text = getenv("DK_TEST_STEPS");

    histories(text != NULL ? strtoull(text, NULL, 10) : 200000, dk_test_seed(), true);
}

/* In the sweep: whatever fails, nothing has changed, and the history goes on. */
DK_TEST_FAULT(ledger_model_fault)
{
    histories(700, 5, false);
}
