/* SPDX-License-Identifier: MIT
 *
 * Ranges in hand: taken, finished, given back or left; what of them counts, and when.
 */
#include <pthread.h>

#include "brokerless.h"
#include "kafka/consumer/ledger_private.h"

static const dk_range nothing_left = {.n = 0};

/* Two partitions of n messages each, of which a batch has all. */
static dk_batch *
two_partitions(brokerless *x, int n)
{
    CHECK(bl_open(x, 2));
    bl_receive_run(x, 0, 0, n);
    bl_receive_run(x, 1, 0, n);
    return bl_must_fetch(x, 2 * (uint32_t)n, 2 * (uint32_t)n);
}

static void
claim(dk_batch *b, uint32_t max, bool one, uint32_t first, uint32_t n)
{
    dk_range range;

    CHECK_OK(dk_batch_claim(b, max, one, &range));
    CHECK_EQ(range.first, first);
    CHECK_EQ(range.n, n);
}

static void
check_marks(brokerless *x, int64_t first, int64_t second)
{
    CHECK_EQ(bl_mark(x, 0), first);
    CHECK_EQ(bl_mark(x, 1), second);
}

/* ---- taken and finished ---------------------------------------------------------------------------------------- */

DK_TEST(claim_whole_batch_counts_when_it_is_finished)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);

    claim(b, 100, false, 0, 6);
    for (uint32_t i = 0; i < 6; i++)
        CHECK(dk_batch_is_claimed(b, i));
    CHECK(!dk_batch_is_claimed(b, 6)); /* there is none */
    CHECK(dk_batch_claim_counts(b));
    check_marks(&x, 0, 0);
    CHECK_OK(dk_batch_claim_finish(b));
    CHECK(!dk_batch_is_claimed(b, 0));
    CHECK(!dk_batch_claim_counts(b));
    check_marks(&x, 3, 3);
    CHECK_STATUS(dk_batch_claim_finish(b), DK_ESTATE);
    claim(b, 100, false, 6, nothing_left.n);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    bl_close(&x);
}

DK_TEST(claim_runs_of_one_partition)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);

    claim(b, 2, true, 0, 2);
    check_marks(&x, 0, 0);
    claim(b, 2, true, 2, 1); /* the next one finishes it */
    check_marks(&x, 2, 0);
    claim(b, 100, true, 3, 3);
    check_marks(&x, 3, 0);
    CHECK_EQ(dk_batch_next(b), -1); /* moving on finishes it too */
    check_marks(&x, 3, 3);
    dk_batch_free(b);
    bl_close(&x);
}

/* Single messages and claims in turns. */
DK_TEST(claim_goes_with_a_walk)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 4);
    dk_ticket ticket;

    CHECK_EQ(dk_batch_next(b), 0);
    claim(b, 2, false, 1, 2); /* and 0 is handled */
    check_marks(&x, 1, 0);
    CHECK_STATUS(dk_batch_fail(b, 0), DK_ESTATE); /* no single message is in hand */
    CHECK_STATUS(dk_batch_defer(b, &ticket), DK_ESTATE);
    CHECK_STATUS(dk_batch_note(b, "x"), DK_ESTATE);
    CHECK_EQ(dk_batch_peek(b), 3);
    CHECK_EQ(dk_batch_take(b), 3);
    check_marks(&x, 3, 0);
    CHECK_STATUS(dk_batch_claim_finish(b), DK_ESTATE); /* nothing is claimed */
    CHECK_STATUS(dk_batch_claim_return(b, 0), DK_ESTATE);
    CHECK_STATUS(dk_batch_claim_fail(b, 3, 0), DK_ESTATE);
    CHECK_STATUS(dk_batch_claim_defer(b, 3, &ticket), DK_ESTATE);
    claim(b, 100, false, 4, 4); /* 3 was taken: it is finished by a store */
    check_marks(&x, 3, 0);
    CHECK_OK(dk_batch_claim_finish(b));
    dk_batch_free(b);
    check_marks(&x, 3, 4);
    bl_close(&x);
}

DK_TEST(claim_of_nothing_is_none)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 1);
    dk_range range;

    CHECK_STATUS(dk_batch_claim(b, 0, false, &range), DK_EINVAL);
    bl_pause(&x, 0, true);
    claim(b, 1, false, 1, 1); /* what is paused is passed over */
    CHECK_OK(dk_batch_claim_finish(b));
    dk_batch_close(b);
    CHECK_STATUS(dk_batch_claim(b, 1, false, &range), DK_ESTATE);
    CHECK_EQ(range.n, 0);
    dk_batch_free(b);
    bl_pause(&x, 0, false);
    CHECK_EQ(dk__ledger_waiting(x.parts[0].ledger), 1);
    bl_close(&x);
}

/* ---- not finished ---------------------------------------------------------------------------------------------- */

DK_TEST(claim_is_given_back)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);
    int64_t due;

    claim(b, 4, false, 0, 4);
    CHECK_OK(dk_batch_claim_return(b, 5000));
    CHECK(!dk_batch_is_claimed(b, 0));
    CHECK_OK(dk_batch_claim_finish(b)); /* nothing of it is left to finish */
    check_marks(&x, 0, 0);
    claim(b, 9, false, 6, nothing_left.n); /* what is behind it waits with it */
    due = dk__ledger_due_ms(x.parts[0].ledger);
    dk_batch_free(b);
    CHECK(bl_fetch(&x, 9, due - 1000) == NULL);
    b = bl_fetch(&x, 9, due);
    CHECK_EQ(dk_batch_len(b), 6);
    for (uint32_t i = 0; i < 6; i++)
        CHECK_EQ(dk_batch_offset(b, i), i % 3);
    dk_batch_free(b);
    bl_close(&x);
}

/* An exception in the handler: the batch is left with the claim in hand. */
DK_TEST(claim_that_is_left_was_not_handled)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 2);

    claim(b, 9, false, 0, 4);
    dk_batch_close(b);
    CHECK_STATUS(dk_batch_claim_finish(b), DK_ESTATE);
    CHECK_STATUS(dk_batch_claim_return(b, 0), DK_ESTATE);
    CHECK_STATUS(dk_batch_claim_fail(b, 0, 0), DK_ESTATE);
    dk_batch_free(b);
    check_marks(&x, 0, 0);
    b = bl_must_fetch(&x, 9, 4);
    dk_batch_free(b);
    bl_close(&x);
}

/* One fails: it and those of its partition behind it were not handled, the others were. */
DK_TEST(claim_with_one_that_fails)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 4);
    dk__ledger_numbers n;

    claim(b, 7, false, 0, 7);
    CHECK_OK(dk_batch_claim_fail(b, 2, 1000));
    CHECK(dk_batch_is_claimed(b, 1));
    CHECK(!dk_batch_is_claimed(b, 2));
    CHECK(!dk_batch_is_claimed(b, 3));
    CHECK(dk_batch_is_claimed(b, 4));
    CHECK_STATUS(dk_batch_claim_fail(b, 3, 0), DK_ESTATE);
    CHECK_STATUS(dk_batch_claim_fail(b, 7, 0), DK_ESTATE); /* not in the claim */
    CHECK_OK(dk_batch_claim_finish(b));
    check_marks(&x, 2, 3);
    claim(b, 9, false, 7, 1); /* the last one of the other partition */
    dk_batch_free(b);
    dk__ledger_counts(x.parts[0].ledger, &n);
    CHECK_EQ(n.failed, 1);
    CHECK_EQ(n.handled, 2);
    CHECK_EQ(n.waiting, 2);
    CHECK(dk__ledger_due_ms(x.parts[0].ledger) > dk__now_ms());
    CHECK_EQ(dk__ledger_due_ms(x.parts[1].ledger), 0);
    bl_close(&x);
}

DK_TEST(claim_with_one_that_has_a_ticket)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 4);
    dk_ticket ticket, second;

    claim(b, 8, false, 0, 8);
    CHECK_OK(dk_batch_claim_defer(b, 1, &ticket));
    CHECK(!dk_batch_is_claimed(b, 1));
    CHECK_STATUS(dk_batch_claim_defer(b, 1, &second), DK_ESTATE);
    CHECK_STATUS(dk_batch_claim_fail(b, 1, 0), DK_ESTATE);
    CHECK_OK(dk_batch_claim_finish(b));
    dk_batch_free(b);
    check_marks(&x, 1, 4);
    CHECK_OK(dk_ticket_resolve(&ticket));
    check_marks(&x, 4, 4);
    bl_close(&x);
}

/* What is said to be finished is, whatever becomes of the rest. */
DK_TEST(claim_with_some_that_are_done)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 4);

    claim(b, 8, false, 0, 8);
    CHECK_OK(dk_batch_claim_done(b, 0));
    CHECK_OK(dk_batch_claim_done(b, 2));
    CHECK_STATUS(dk_batch_claim_done(b, 2), DK_ESTATE);
    CHECK_STATUS(dk_batch_claim_fail(b, 2, 0), DK_ESTATE);
    CHECK_OK(dk_batch_claim_fail(b, 1, 0)); /* 3 with it */
    CHECK(!dk_batch_is_claimed(b, 3));
    CHECK(dk_batch_is_claimed(b, 4));
    CHECK_OK(dk_batch_claim_done(b, 4));
    dk_batch_close(b); /* as an exception in the handler leaves it */
    CHECK_STATUS(dk_batch_claim_done(b, 5), DK_ESTATE);
    dk_batch_free(b);
    check_marks(&x, 1, 1);
    CHECK_EQ(dk__ledger_waiting(x.parts[0].ledger), 2); /* 1 and 3 */
    CHECK_EQ(dk__ledger_waiting(x.parts[1].ledger), 3);
    bl_close(&x);
}

/* A claim that is given back has not failed. */
DK_TEST(claim_given_back_is_no_failure)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);
    dk__ledger_numbers n;

    claim(b, 6, false, 0, 6);
    CHECK_OK(dk_batch_claim_return(b, 1000));
    dk_batch_free(b);
    dk__ledger_counts(x.parts[0].ledger, &n);
    CHECK_EQ(n.failed, 0);
    CHECK_EQ(n.waiting, 3);
    CHECK(dk__ledger_due_ms(x.parts[0].ledger) > dk__now_ms());
    bl_close(&x);
}

/* The walk has taken the first one in hand before it was known that a claim is wanted. */
DK_TEST(claim_from_the_message_in_hand)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 4);
    dk_range range;

    CHECK_STATUS(dk_batch_claim_hand(b, 9, false, &range), DK_ESTATE);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_STATUS(dk_batch_claim_hand(b, 0, false, &range), DK_EINVAL);
    CHECK_OK(dk_batch_claim_hand(b, 3, false, &range));
    CHECK_EQ(range.first, 0);
    CHECK_EQ(range.n, 3);
    CHECK_STATUS(dk_batch_claim_hand(b, 3, false, &range), DK_ESTATE); /* it is a claim already */
    check_marks(&x, 0, 0);
    CHECK_EQ(dk_batch_next(b), 3);
    check_marks(&x, 3, 0);
    bl_pause(&x, 1, true);
    CHECK_OK(dk_batch_claim_hand(b, 9, false, &range)); /* those of the other one are passed over */
    CHECK_EQ(range.n, 5);
    CHECK(dk_batch_is_claimed(b, 3));
    CHECK(!dk_batch_is_claimed(b, 4));
    CHECK_OK(dk_batch_claim_finish(b));
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    check_marks(&x, 4, 0);
    bl_pause(&x, 1, false);
    bl_close(&x);
}

DK_TEST(claim_takes_a_ticket_back)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);
    dk_ticket ticket;

    claim(b, 6, false, 0, 6);
    CHECK_OK(dk_batch_claim_defer(b, 1, &ticket));
    CHECK_OK(dk_batch_undefer(b, &ticket));
    CHECK(ticket.batch == NULL);
    CHECK(dk_batch_is_claimed(b, 1));
    CHECK_OK(dk_batch_claim_fail(b, 1, 0));
    CHECK_OK(dk_batch_claim_finish(b));
    dk_batch_free(b);
    check_marks(&x, 1, 3);
    bl_close(&x);
}

DK_TEST(claim_notes)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 2);
    char longer[DK_NOTE_MAX_BYTES + 2];

    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    CHECK_STATUS(dk_batch_claim_note(b, 0, "x"), DK_ESTATE);
    claim(b, 3, false, 0, 3);
    CHECK_OK(dk_batch_claim_note(b, 0, "first"));
    CHECK_STATUS(dk_batch_claim_note(b, 2, longer), DK_EINVAL);
    CHECK_STATUS(dk_batch_claim_note(b, 3, "x"), DK_ESTATE);
    CHECK_STR(dk_batch_note_of(b, 0), "first");
    CHECK(dk_batch_note_of(b, 1) == NULL);
    CHECK_OK(dk_batch_claim_return(b, 0));
    dk_batch_free(b);
    bl_close(&x);
}

/* ---- cuts and revocations -------------------------------------------------------------------------------------- */

/* A batch that has kept others waiting ends behind the claim, not in it. */
DK_TEST(claim_is_not_cut)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);

    claim(b, 4, false, 0, 4);
    atomic_store(&b->cut, true);
    CHECK(dk_batch_is_claimed(b, 0) && dk_batch_is_claimed(b, 3));
    CHECK(dk_batch_claim_counts(b));
    CHECK_OK(dk_batch_claim_finish(b));
    check_marks(&x, 3, 1);
    claim(b, 9, false, 4, nothing_left.n);
    dk_batch_free(b);
    CHECK_EQ(dk__ledger_waiting(x.parts[1].ledger), 2);
    bl_close(&x);
}

DK_TEST(claim_says_when_it_no_longer_counts)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 2);

    claim(b, 9, false, 0, 4);
    CHECK(dk_batch_claim_counts(b));
    bl_start_over(&x, 1); /* taken away */
    CHECK(!dk_batch_claim_counts(b));
    CHECK_OK(dk_batch_claim_finish(b));
    CHECK_EQ(bl_mark(&x, 0), 2);
    CHECK_EQ(bl_mark(&x, 1), DK_OFFSET_INVALID);
    CHECK_EQ(x.c.rules.stale, 2);
    dk_batch_free(b);
    bl_close(&x);
}

typedef struct drainer {
    brokerless *x;
    atomic_bool done;
    pthread_t thread;
} drainer;

static void *
drain(void *arg)
{
    drainer *d = arg;

    pthread_mutex_lock(&d->x->c.lock);
    dk__drain(&d->x->c, dk__now_ms() + 60000);
    pthread_mutex_unlock(&d->x->c.lock);
    atomic_store(&d->done, true);
    return NULL;
}

/* As a revocation of partition n does. */
static void
begin_drain(drainer *d, brokerless *x, int n)
{
    *d = (drainer){.x = x};
    pthread_mutex_lock(&x->c.lock);
    dk__part_shut(&x->parts[n], DK__GATE_REVOKING);
    pthread_mutex_unlock(&x->c.lock);
    CHECK_EQ(pthread_create(&d->thread, NULL, drain, d), 0);
}

static void
must_end(drainer *d)
{
    WAIT_UNTIL(atomic_load(&d->done), 10000);
    pthread_join(d->thread, NULL);
}

DK_TEST(claim_is_waited_for_by_a_revocation)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);
    drainer d;

    claim(b, 5, false, 0, 5);
    begin_drain(&d, &x, 1);
    WAIT_UNTIL(atomic_load(&x.c.draining), 10000);
    CHECK(!atomic_load(&d.done));
    CHECK(dk_batch_claim_counts(b));
    CHECK_OK(dk_batch_claim_finish(b));
    must_end(&d);
    check_marks(&x, 3, 2);
    claim(b, 9, false, 6, nothing_left.n); /* the last one is of the partition that goes */
    dk_batch_free(b);
    bl_close(&x);
}

/* What is done of a claim is not known to its ledger before the claim ends. */
DK_TEST(claim_that_is_partly_done_is_waited_for)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 2);
    drainer d;

    claim(b, 4, false, 0, 4);
    CHECK_OK(dk_batch_claim_done(b, 2));
    CHECK_OK(dk_batch_claim_done(b, 3));
    begin_drain(&d, &x, 1);
    WAIT_UNTIL(atomic_load(&x.c.draining), 10000);
    CHECK(!atomic_load(&d.done));
    CHECK_OK(dk_batch_claim_return(b, 0));
    CHECK_OK(dk_batch_claim_finish(b));
    must_end(&d);
    check_marks(&x, 0, 2);
    dk_batch_free(b);
    bl_close(&x);
}

/* What of a claim is passed over, or failed, is not in hand: nobody waits for the rest of it. */
DK_TEST(claim_without_the_partition_that_goes_is_not_waited_for)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);
    drainer d;

    pthread_mutex_lock(&x.c.lock);
    dk__part_shut(&x.parts[0], DK__GATE_REVOKING);
    pthread_mutex_unlock(&x.c.lock);
    claim(b, 6, false, 0, 6); /* three of them, of partition 1 */
    CHECK(!dk_batch_is_claimed(b, 0));
    begin_drain(&d, &x, 0);
    must_end(&d);
    CHECK_OK(dk_batch_claim_finish(b));
    dk_batch_free(b);
    bl_close(&x);
}

DK_TEST(claim_that_fails_is_no_longer_waited_for)
{
    brokerless x;
    dk_batch *b = two_partitions(&x, 3);
    drainer d;

    claim(b, 6, false, 0, 6);
    begin_drain(&d, &x, 0);
    WAIT_UNTIL(atomic_load(&x.c.draining), 10000);
    CHECK_OK(dk_batch_claim_fail(b, 0, 0));
    must_end(&d);
    CHECK_OK(dk_batch_claim_finish(b));
    dk_batch_free(b);
    bl_close(&x);
}
