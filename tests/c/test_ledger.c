/* SPDX-License-Identifier: MIT
 *
 * The ledger of a partition: what comes in and is handed out, and which verb each state of an entry allows.
 */
#include "brokerless.h"
#include "kafka/consumer/ledger_private.h"

/* ---- transitions ----------------------------------------------------------------------------------------------- */

typedef enum verb { FAIL_IT, GIVE_BACK, DEFER, UNDEFER, FINISH, REJECT, VERBS } verb;

#define NO (-1) /* refused */

static const char *const verb_names[VERBS] = {"fail", "give_back", "defer", "undefer", "answer: finished", "answer"};

/* What becomes of an entry in this state. */
static const int becomes[][VERBS] = {
    [DK__QUEUED] = {NO, DK__BACK, NO, NO, NO, NO},
    [DK__HANDED] = {DK__HELD, DK__BACK, DK__TICKETED, NO, NO, NO},
    [DK__DONE] = {NO, NO, NO, NO, NO, NO},
    [DK__TAKEN] = {NO, NO, NO, NO, NO, NO},
    [DK__HELD] = {DK__HELD, DK__BACK, NO, NO, NO, NO},
    [DK__BACK] = {NO, NO, NO, NO, NO, NO},
    [DK__TICKETED] = {NO, NO, NO, DK__HANDED, DK__ANSWERED, DK__ANSWERED},
    [DK__ANSWERED] = {NO, NO, NO, NO, NO, NO},
    [DK__STALE] = {NO, NO, NO, NO, NO, NO},
};

enum { STATES = sizeof becomes / sizeof *becomes };

/* A batch of two whose first entry is in this state. */
static dk_batch *
entry_in(brokerless *x, dk__state state)
{
    dk_batch *b;
    dk_ticket ticket;

    bl_receive_run(x, 0, 0, 2);
    b = bl_must_fetch(x, 2, 2);
    if (state == DK__BACK)
        dk_batch_close(b);
    if (state == DK__STALE)
        bl_start_over(x, 0);
    if (state != DK__QUEUED)
        (void)(state == DK__TAKEN ? dk_batch_take(b) : dk_batch_next(b));
    if (state == DK__DONE || state == DK__TAKEN)
        CHECK_EQ(dk_batch_next(b), 1);
    if (state == DK__HELD)
        CHECK_OK(dk_batch_fail(b, 0));
    CHECK_OK(dk__batch_slips(b));
    if (state == DK__TICKETED || state == DK__ANSWERED)
        CHECK_OK(dk_batch_defer(b, &ticket));
    if (state == DK__ANSWERED)
        CHECK_OK(dk_ticket_resolve(&ticket));
    bl_settle(x);
    CHECK_EQ(dk__entry_state(&b->entries[0]), state);
    return b;
}

static dk_status
call(brokerless *x, dk_batch *b, verb v)
{
    dk__ledger *l = x->parts[0].ledger;

    switch (v) {
    case FAIL_IT:
        return dk__ledger_fail(l, &b->entries[0], dk__now_ms() + 60000);
    case GIVE_BACK:
        return dk__ledger_give_back(l, b, 0);
    case DEFER:
        return dk__ledger_defer(l, b, 0, 7);
    case UNDEFER:
        return dk__ledger_undefer(l, b, 0);
    default:
        return dk__ledger_answer(l, b, 0, v == FINISH, dk__now_ms() + 60000);
    }
}

/* All that a verb could have changed. */
typedef struct snapshot {
    dk__ledger ledger;
    dk__ledger_rules rules;
    dk__state state;
    uint32_t lends, refs;
    size_t living;
} snapshot;

static snapshot
look(const brokerless *x, const dk_batch *b)
{
    snapshot s;

    memset(&s, 0, sizeof s); /* the gaps between the fields too */
    memcpy(&s.ledger, x->parts[0].ledger, sizeof s.ledger);
    memcpy(&s.rules, &x->c.rules, sizeof s.rules);
    s.state = dk__entry_state(&b->entries[0]);
    s.lends = b->entries[0].lends;
    s.refs = b->refs;
    s.living = x->living;
    return s;
}

static void
check_transition(dk__state state, verb v)
{
    brokerless x;
    dk_batch *b;
    snapshot before, after;
    dk_status st;
    int want = becomes[state][v];

    CHECK(bl_open(&x, 1));
    b = entry_in(&x, state);
    before = look(&x, b);
    st = call(&x, b, v);
    after = look(&x, b);
    if (want == NO && (st != DK_ESTATE || memcmp(&before, &after, sizeof before) != 0))
        FAIL("state %d, %s: %s, or something has changed", (int)state, verb_names[v], dk_status_name(st));
    if (want != NO && (st != DK_OK || after.state != (dk__state)want))
        FAIL("state %d, %s: %s, and its state is %d", (int)state, verb_names[v], dk_status_name(st),
             (int)after.state);
    if (after.state == DK__TICKETED)
        CHECK_OK(dk__ledger_answer(x.parts[0].ledger, b, 0, true, 0));
    dk_batch_free(b);
    bl_close(&x);
}

DK_TEST(ledger_each_state_allows_its_verbs_only)
{
    for (int state = 0; state < STATES; state++)
        for (int v = 0; v < VERBS; v++)
            check_transition((dk__state)state, (verb)v);
}

/* The partition was taken away meanwhile: the verb is allowed, and does nothing to the ledger but count. */
static void
check_stale(dk__state state, verb v, int want, uint64_t counted)
{
    brokerless x;
    dk_batch *b;
    dk__ledger before;

    CHECK(bl_open(&x, 1));
    b = entry_in(&x, state);
    bl_start_over(&x, 0);
    bl_receive(&x, 0, 5);
    memcpy(&before, x.parts[0].ledger, sizeof before);
    CHECK_OK(call(&x, b, v));
    CHECK_EQ(dk__entry_state(&b->entries[0]), want);
    CHECK_EQ(x.c.rules.stale, counted);
    CHECK_MEM(x.parts[0].ledger, sizeof before, &before, sizeof before);
    if (want == DK__TICKETED)
        CHECK_OK(dk__ledger_answer(x.parts[0].ledger, b, 0, false, 0));
    dk_batch_free(b);
    bl_close(&x);
}

DK_TEST(ledger_outcomes_of_an_earlier_generation_do_not_count)
{
    check_stale(DK__HANDED, FAIL_IT, DK__HELD, 0); /* counted when it is given back */
    check_stale(DK__QUEUED, GIVE_BACK, DK__STALE, 1);
    check_stale(DK__HANDED, GIVE_BACK, DK__STALE, 1);
    check_stale(DK__HELD, GIVE_BACK, DK__STALE, 1);
    check_stale(DK__HANDED, DEFER, DK__TICKETED, 0);
    check_stale(DK__TICKETED, UNDEFER, DK__HANDED, 0);
    check_stale(DK__TICKETED, FINISH, DK__ANSWERED, 1);
    check_stale(DK__TICKETED, REJECT, DK__ANSWERED, 1);
}

/* Whether the walk had moved on from it before or after. */
DK_TEST(ledger_counts_a_stale_outcome_once)
{
    brokerless x;
    dk_batch *b;
    dk_ticket tickets[2];

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 4);
    b = bl_must_fetch(&x, 4, 4);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &tickets[0]));
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_OK(dk_batch_defer(b, &tickets[1]));
    CHECK_EQ(dk_batch_next(b), 2);
    CHECK_OK(dk_ticket_resolve(&tickets[1]));
    bl_start_over(&x, 0);
    CHECK_OK(dk_ticket_resolve(&tickets[0]));
    CHECK_EQ(x.c.rules.stale, 1);
    dk_batch_free(b); /* the one in hand, and the one behind it */
    CHECK_EQ(x.c.rules.stale, 3);
    bl_close(&x);
}

DK_TEST(ledger_counts_a_failed_message_once)
{
    brokerless x;
    dk_batch *b;
    dk__ledger_numbers n;

    CHECK(bl_open(&x, 1));
    bl_receive(&x, 0, 0);
    b = bl_must_fetch(&x, 1, 1);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_fail(b, 0));
    CHECK_OK(dk_batch_fail(b, 0));
    dk_batch_free(b);
    dk__ledger_counts(x.parts[0].ledger, &n);
    CHECK_EQ(n.failed, 1);
    CHECK_EQ(n.handled, 0);
    CHECK_EQ(n.waiting, 1);
    bl_close(&x);
}

/* ---- in and out ------------------------------------------------------------------------------------------------ */

static void
check_offsets(const dk_batch *b, const int *want)
{
    for (uint32_t i = 0; i < dk_batch_len(b); i++)
        CHECK_EQ(dk_batch_offset(b, i), want[i]);
}

DK_TEST(ledger_hands_out_what_came_back_first)
{
    brokerless x;
    dk_batch *b, *kept;
    dk_ticket early, late;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 10, 3);
    bl_receive_run(&x, 0, 20, 2); /* a gap */
    kept = b = bl_must_fetch(&x, 9, 5);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &early));
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_EQ(dk_batch_next(b), 2);
    CHECK_OK(dk_batch_defer(b, &late));
    CHECK_EQ(dk_batch_next(b), 3);
    dk_batch_close(b); /* 20 and 21 go back */
    bl_receive(&x, 0, 30);
    CHECK_OK(dk_ticket_reject(&late, 0));
    CHECK_OK(dk_ticket_reject(&early, 0));
    b = bl_must_fetch(&x, 9, 5);
    check_offsets(b, (const int[]){10, 12, 20, 21, 30});
    check_offsets(kept, (const int[]){10, 11, 12, 20, 21});
    dk_batch_free(kept);
    check_offsets(b, (const int[]){10, 12, 20, 21, 30});
    dk_batch_free(b);
    bl_close(&x);
}

DK_TEST(ledger_errors_wait_until_the_batch_was_walked)
{
    brokerless x;
    dk__handed handed;
    dk__entry e;
    dk__ledger *l;

    CHECK(bl_open(&x, 1));
    l = x.parts[0].ledger;
    CHECK_OK(dk__ledger_receive(l, bl_error(&x, 3)));
    bl_receive(&x, 0, 4);
    CHECK_EQ(dk__ledger_waiting(l), 2);
    CHECK_EQ(dk__ledger_hand_out(l, 0, true, &e, &handed), DK__NEXT_NONE);
    CHECK_EQ(dk__ledger_hand_out(l, 0, false, &e, &handed), DK__NEXT_ERROR);
    CHECK_EQ(handed.error->err, RD_KAFKA_RESP_ERR__TRANSPORT);
    dk__message_free(handed.error);
    CHECK_EQ(dk__ledger_waiting(l), 1);
    bl_close(&x);
}

/* Offsets that do not grow: the topic was recreated. What is handed out of the old log is waited for. */
DK_TEST(ledger_another_log_waits_for_the_old_one)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;
    dk__ledger *l;

    CHECK(bl_open(&x, 1));
    l = x.parts[0].ledger;
    bl_receive_run(&x, 0, 5, 2);
    bl_receive_run(&x, 0, 6, 2); /* the same number begins it */
    b = bl_must_fetch(&x, 9, 2);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    CHECK(!dk__ledger_ready(l, dk__now_ms()));
    CHECK(bl_fetch(&x, 9, dk__now_ms()) == NULL);
    CHECK_OK(dk_ticket_reject(&ticket, 0));
    b = bl_must_fetch(&x, 9, 1); /* the old log's first */
    CHECK_EQ(dk_batch_offset(b, 0), 5);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    CHECK_EQ(bl_mark(&x, 0), 7);
    b = bl_must_fetch(&x, 9, 2);
    check_offsets(b, (const int[]){6, 7});
    CHECK_EQ(*dk__ledger_generation(l), 1);
    CHECK_EQ(bl_mark(&x, 0), 6); /* of the new log */
    dk_batch_free(b);
    bl_close(&x);
}

/* librdkafka has passed over marks of transactions up to 10; then a record 8 can only be another log's. */
DK_TEST(ledger_another_log_may_begin_behind_the_last_message)
{
    brokerless x;
    dk_batch *b;
    dk__ledger *l;

    CHECK(bl_open(&x, 1));
    l = x.parts[0].ledger;
    bl_receive_run(&x, 0, 5, 1);
    b = bl_must_fetch(&x, 9, 1);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    dk__ledger_reach(l, 10, -1);
    CHECK_EQ(bl_mark(&x, 0), 10);
    bl_receive(&x, 0, 8);
    b = bl_must_fetch(&x, 9, 1);
    CHECK_EQ(*dk__ledger_generation(l), 1);
    CHECK_EQ(bl_mark(&x, 0), 8); /* it is not finished */
    dk_batch_free(b);
    bl_close(&x);
}

DK_TEST(ledger_another_log_without_memory_changes_nothing)
{
    brokerless x;
    dk_batch *b;
    dk__handed handed;
    dk__entry e;
    dk__ledger *l;

    CHECK(bl_open(&x, 1));
    l = x.parts[0].ledger;
    dk__ledger_store(l, 10); /* 5 is finished beforehand, and needs no room */
    bl_receive(&x, 0, 5);
    bl_receive(&x, 0, 3);
    b = bl_must_fetch(&x, 1, 1);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    dk_test_alloc_fail(1, false);
    CHECK_EQ(dk__ledger_hand_out(l, 0, false, &e, &handed), DK__NEXT_NOMEM);
    CHECK_EQ(*dk__ledger_generation(l), 0);
    CHECK_EQ(bl_mark(&x, 0), 10);
    CHECK_EQ(dk__ledger_hand_out(l, 0, false, &e, &handed), DK__NEXT_MESSAGE);
    CHECK(handed.new_log);
    CHECK_EQ(handed.old_end, 5);
    dk__message_free(e.msg);
    bl_close(&x);
}

DK_TEST(ledger_latest_due_time_wins)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;
    dk__ledger *l;
    int64_t now = dk__now_ms(), due;

    CHECK(bl_open(&x, 1));
    l = x.parts[0].ledger;
    bl_receive_run(&x, 0, 0, 3);
    b = bl_must_fetch(&x, 3, 3);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_OK(dk_batch_fail(b, 5000));
    due = dk__ledger_due_ms(l);
    CHECK(due >= now + 5000);
    CHECK_OK(dk_batch_fail(b, 100)); /* the same message, earlier */
    CHECK_EQ(dk__ledger_due_ms(l), due);
    CHECK_OK(dk_ticket_reject(&ticket, 100));
    CHECK_EQ(dk__ledger_due_ms(l), due);
    CHECK_EQ(dk_batch_next(b), -1); /* 2 waits with them */
    dk_batch_free(b);
    CHECK(bl_fetch(&x, 3, due - 1) == NULL);
    b = bl_fetch(&x, 3, due);
    check_offsets(b, (const int[]){0, 1, 2});
    dk_batch_free(b);
    bl_close(&x);
}

/* So many of a partition are in batches and tickets together. */
DK_TEST(ledger_has_a_bound_of_tickets)
{
    brokerless x;
    dk_batch *b, *second;
    dk_ticket tickets[3];

    CHECK(bl_open(&x, 1));
    x.c.rules.tickets_max = 3;
    bl_receive_run(&x, 0, 0, 9);
    b = bl_must_fetch(&x, 9, 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(dk_batch_next(b), i);
        CHECK_OK(dk_batch_defer(b, &tickets[i]));
    }
    dk_batch_free(b);
    CHECK(bl_fetch(&x, 9, dk__now_ms()) == NULL);
    CHECK_OK(dk_ticket_resolve(&tickets[1]));
    second = bl_must_fetch(&x, 9, 1);
    CHECK_OK(dk_tickets_answer(tickets, 3, true, 0)); /* {NULL} is passed over */
    CHECK_EQ(dk_batch_next(second), 0);
    CHECK_EQ(dk_batch_next(second), -1);
    dk_batch_free(second);
    b = bl_must_fetch(&x, 9, 3);
    CHECK_EQ(dk_batch_offset(b, 0), 4);
    dk_batch_free(b);
    bl_close(&x);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

DK_TEST(ledger_budget_is_what_waits)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;
    const dk__budget *budget = &x.c.rules.budget;

    CHECK(bl_open(&x, 2));
    bl_receive_run(&x, 0, 10, 4); /* values of two bytes */
    bl_receive_run(&x, 1, 100, 2);
    CHECK_EQ(budget->messages, 6);
    CHECK_EQ(budget->bytes, 4 * 2 + 2 * 3);
    CHECK_EQ(dk__ledger_waiting_bytes(x.parts[1].ledger), 6);
    b = bl_must_fetch(&x, 6, 6);
    CHECK_EQ(budget->messages, 0);
    CHECK_EQ(budget->bytes, 0);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    dk_batch_free(b);
    CHECK_EQ(budget->messages, 5);
    CHECK_OK(dk_ticket_reject(&ticket, 0));
    CHECK_EQ(budget->bytes, 4 * 2 + 2 * 3);
    bl_start_over(&x, 0);
    CHECK_EQ(budget->bytes, 2 * 3);
    bl_close(&x);
}

static void
walk_some(brokerless *x)
{
    dk_batch *b = bl_batch(x, 4);
    dk__handed handed;
    dk_ticket ticket;

    if (b == NULL && NOMEM(DK_ENOMEM))
        return;
    for (dk__next next = DK__NEXT_MESSAGE; b->len < 4 && next == DK__NEXT_MESSAGE;) {
        next = dk__ledger_hand_out(x->parts[0].ledger, 0, b->len > 0, &b->entries[b->len], &handed);
        if (next == DK__NEXT_NOMEM)
            CHECK(NOMEM(DK_ENOMEM));
        b->entries[b->len].part = &x->parts[0];
        b->len += next == DK__NEXT_MESSAGE;
    }
    bl_batch_open(x, b);
    if (dk_batch_next(b) >= 0 && !NOMEM(dk_batch_defer(b, &ticket)))
        CHECK_OK(dk_ticket_reject(&ticket, 0));
    if (dk_batch_next(b) >= 0)
        (void)NOMEM(dk_batch_note(b, "again"));
    dk_batch_free(b);
}

DK_TEST_FAULT(ledger_fault)
{
    brokerless x;

    if (!bl_open(&x, 1)) {
        CHECK(NOMEM(DK_ENOMEM));
        return;
    }
    for (int i = 0; i < 100; i++) {
        rd_kafka_message_t *msg = bl_message(&x, i, -1, (dk_slice){NULL, 0});

        if (msg == NULL && NOMEM(DK_ENOMEM))
            break;
        if (!NOMEM(dk__ledger_receive(x.parts[0].ledger, msg)))
            continue;
        dk__message_free(msg);
        break;
    }
    walk_some(&x);
    walk_some(&x);
    bl_close(&x);
}
