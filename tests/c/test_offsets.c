/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/consumer/offsets.c: every order of finishing a few offsets.
 */
#include "dk_test.h"
#include "kafka/consumer/offsets.h"

static void
deliver(dk__offsets *o, int64_t offset)
{
    CHECK_OK(dk__offsets_deliver(o, offset));
}

static void
deliver_range(dk__offsets *o, int64_t first, int64_t end)
{
    int64_t i;

    for (i = first; i < end; i++)
        deliver(o, i);
}

DK_TEST(offsets_begin_empty)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    CHECK_EQ(o.mark, DK_OFFSET_INVALID);
    CHECK_EQ(o.committed, DK_OFFSET_INVALID);
    CHECK_EQ(o.last, DK_OFFSET_INVALID);
    CHECK_EQ(dk__offsets_pending(&o), 0);
    CHECK(!dk__offsets_done(&o, 0));
    CHECK(!dk__offsets_done(&o, DK_OFFSET_INVALID));
    CHECK_EQ(dk_test_alloc_count(), 0);
    dk__offsets_fini(&o);
    dk__offsets_fini(&o); /* twice is fine */
}

DK_TEST(offsets_in_order)
{
    dk__offsets o;
    int64_t i;

    dk__offsets_init(&o, dk_test_alloc());
    for (i = 10; i < 1000; i++) {
        deliver(&o, i);
        CHECK_EQ(o.mark, i);
        CHECK_EQ(dk__offsets_pending(&o), 1);
        CHECK(dk__offsets_done(&o, i));
        CHECK_EQ(o.mark, i + 1);
        CHECK_EQ(o.last, i);
    }
    CHECK_EQ(dk_test_alloc_count(), 1);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_hole_holds_the_mark)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    deliver_range(&o, 0, 5);
    CHECK(!dk__offsets_done(&o, 1));
    CHECK(!dk__offsets_done(&o, 4));
    CHECK(!dk__offsets_done(&o, 2));
    CHECK_EQ(o.mark, 0);
    CHECK_EQ(dk__offsets_pending(&o), 2);
    CHECK(dk__offsets_done(&o, 0));
    CHECK_EQ(o.mark, 3);
    CHECK(dk__offsets_done(&o, 3));
    CHECK_EQ(o.mark, 5);
    CHECK_EQ(dk__offsets_pending(&o), 0);
    dk__offsets_fini(&o);
}

/* The note of a message is committed with the offset of that message: so it has to be the mark when all before is
 * done. */
DK_TEST(offsets_mark_passes_over_gaps)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    deliver(&o, 5);
    deliver(&o, 100);
    CHECK(dk__offsets_done(&o, 5));
    CHECK_EQ(o.mark, 100);
    CHECK(dk__offsets_done(&o, 100));
    CHECK_EQ(o.mark, 101);
    deliver(&o, 110);
    CHECK_EQ(o.mark, 110);
    deliver(&o, 112);
    deliver(&o, 115);
    CHECK(!dk__offsets_done(&o, 112));
    CHECK(dk__offsets_done(&o, 110));
    CHECK_EQ(o.mark, 115);
    dk__offsets_fini(&o);
}

/* What is stored by hand is what is committed, until more is finished. */
DK_TEST(offsets_stored_mark_stays_in_a_gap)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    deliver_range(&o, 0, 3);
    CHECK(dk__offsets_store(&o, 3));
    CHECK(dk__offsets_store(&o, 1)); /* the application wants to see these again after a restart */
    deliver(&o, 10);
    CHECK_EQ(o.mark, 1);
    CHECK(dk__offsets_store(&o, 7));
    CHECK_EQ(o.mark, 7);
    CHECK(dk__offsets_done(&o, 10));
    CHECK_EQ(o.mark, 11);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_unknown_and_finished_are_ignored)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    deliver(&o, 5);
    deliver(&o, 8);
    deliver(&o, 9);
    CHECK(!dk__offsets_done(&o, 4));  /* before */
    CHECK(!dk__offsets_done(&o, 6));  /* in a gap */
    CHECK(!dk__offsets_done(&o, 10)); /* not yet delivered */
    CHECK(!dk__offsets_done(&o, 9));
    CHECK(!dk__offsets_done(&o, 9)); /* twice */
    CHECK_EQ(dk__offsets_pending(&o), 2);
    CHECK(dk__offsets_done(&o, 5));
    CHECK(!dk__offsets_done(&o, 5));
    CHECK_EQ(o.mark, 8);
    CHECK(dk__offsets_done(&o, 8));
    CHECK_EQ(o.mark, 10);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_redelivery_is_ignored)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    deliver_range(&o, 0, 4);
    CHECK(dk__offsets_done(&o, 0));
    CHECK(!dk__offsets_done(&o, 2));
    deliver_range(&o, 1, 4); /* handed back and out again */
    CHECK_EQ(dk__offsets_pending(&o), 2);
    CHECK_EQ(o.last, 3);
    CHECK(dk__offsets_done(&o, 1));
    CHECK_EQ(o.mark, 3);
    deliver(&o, 0);
    CHECK(!dk__offsets_done(&o, 0));
    CHECK_EQ(o.mark, 3);
    CHECK(dk__offsets_done(&o, 3));
    CHECK_EQ(o.mark, 4);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_store_forward)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    deliver_range(&o, 0, 6);
    CHECK(!dk__offsets_done(&o, 3));
    CHECK(dk__offsets_store(&o, 2));
    CHECK_EQ(o.mark, 2);
    CHECK(!dk__offsets_store(&o, 2));
    CHECK(dk__offsets_store(&o, 3)); /* 3 was finished before: the run goes on to 4 */
    CHECK_EQ(o.mark, 4);
    CHECK_EQ(dk__offsets_pending(&o), 2);
    CHECK(dk__offsets_store(&o, 6));
    CHECK_EQ(o.mark, 6);
    CHECK_EQ(dk__offsets_pending(&o), 0);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_store_beyond_what_was_delivered)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    deliver_range(&o, 0, 3);
    CHECK(dk__offsets_store(&o, 10));
    CHECK_EQ(o.mark, 10);
    CHECK_EQ(dk__offsets_pending(&o), 0);
    deliver(&o, 3); /* below the mark: finished beforehand */
    CHECK_EQ(dk__offsets_pending(&o), 0);
    CHECK(!dk__offsets_done(&o, 3));
    CHECK_EQ(o.mark, 10);
    deliver_range(&o, 9, 12);
    CHECK_EQ(dk__offsets_pending(&o), 2);
    CHECK(dk__offsets_done(&o, 10));
    CHECK_EQ(o.mark, 11);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_store_before_the_first)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    CHECK(dk__offsets_store(&o, 7));
    CHECK_EQ(o.mark, 7);
    deliver(&o, 7);
    CHECK(dk__offsets_done(&o, 7));
    CHECK_EQ(o.mark, 8);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_store_backward)
{
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    deliver_range(&o, 0, 8);
    CHECK(dk__offsets_store(&o, 6));
    CHECK(!dk__offsets_done(&o, 7));
    CHECK(dk__offsets_store(&o, 3));
    CHECK_EQ(o.mark, 3);
    CHECK_EQ(dk__offsets_pending(&o), 1);
    CHECK(dk__offsets_done(&o, 6)); /* 7 is still known to be finished */
    CHECK_EQ(o.mark, 8);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_reset_keeps_the_memory)
{
    dk__offsets o;
    size_t count;

    dk__offsets_init(&o, dk_test_alloc());
    deliver_range(&o, 0, 500);
    CHECK(!dk__offsets_done(&o, 9));
    o.committed = 1;
    count = dk_test_alloc_count();
    dk__offsets_reset(&o);
    CHECK_EQ(o.mark, DK_OFFSET_INVALID);
    CHECK_EQ(o.committed, DK_OFFSET_INVALID);
    CHECK_EQ(dk__offsets_pending(&o), 0);
    deliver_range(&o, 3, 503);
    CHECK(dk__offsets_done(&o, 3));
    CHECK_EQ(o.mark, 4);
    CHECK_EQ(dk_test_alloc_count(), count);
    dk__offsets_fini(&o);
}

DK_TEST(offsets_no_memory_changes_nothing)
{
    dk__offsets o;
    int64_t i = 0;

    dk__offsets_init(&o, dk_test_alloc());
    dk_test_alloc_fail(1, true);
    CHECK_STATUS(dk__offsets_deliver(&o, 5), DK_ENOMEM);
    CHECK_EQ(o.mark, DK_OFFSET_INVALID);
    CHECK_EQ(o.last, DK_OFFSET_INVALID);
    dk_test_alloc_fail(0, false);
    deliver(&o, i);
    dk_test_alloc_fail(1, true);
    while (dk__offsets_deliver(&o, i + 1) == DK_OK)
        i++;
    CHECK(!dk__offsets_done(&o, i + 1)); /* was not taken */
    CHECK_EQ(o.last, i);
    CHECK_EQ(dk__offsets_pending(&o), i + 1);
    CHECK(dk__offsets_done(&o, 0));
    deliver(&o, i + 1); /* there is room again */
    CHECK_EQ(o.last, i + 1);
    dk__offsets_fini(&o);
}

DK_TEST_FAULT(offsets_fault)
{
    dk__offsets o;
    int64_t i;

    dk__offsets_init(&o, dk_test_alloc());
    for (i = 0; i < 2000; i++)
        if (NOMEM(dk__offsets_deliver(&o, i)))
            break;
    CHECK_EQ(dk__offsets_pending(&o), i);
    CHECK_EQ(o.mark, i > 0 ? 0 : DK_OFFSET_INVALID);
    dk__offsets_fini(&o);
}

/* ---- every order ----------------------------------------------------------------------------------------------- */

enum { MOST = 7 };

/* By definition: the first one that is not finished, else the end. */
static int64_t
mark_of(const int64_t *offsets, const bool *finished, int n)
{
    int i;

    for (i = 0; i < n && finished[i]; i++)
        ;
    return i < n ? offsets[i] : offsets[n - 1] + 1;
}

static void
finish_in_order(const int64_t *offsets, const int *order, int n, dk__offsets *o)
{
    bool finished[MOST] = {false};
    int64_t before, after;
    int i;

    dk__offsets_reset(o);
    for (i = 0; i < n; i++)
        deliver(o, offsets[i]);
    for (i = 0; i < n; i++) {
        before = mark_of(offsets, finished, n);
        finished[order[i]] = true;
        after = mark_of(offsets, finished, n);
        CHECK_EQ(dk__offsets_done(o, offsets[order[i]]), after != before);
        CHECK_EQ(o->mark, after);
        CHECK_EQ(dk__offsets_pending(o), n - i - 1);
    }
}

/* All orders of the elements from k on. */
static void
permute(const int64_t *offsets, int *order, int k, int n, dk__offsets *o)
{
    int i, t;

    if (k == n) {
        finish_in_order(offsets, order, n, o);
        return;
    }
    for (i = k; i < n; i++) {
        t = order[k], order[k] = order[i], order[i] = t;
        permute(offsets, order, k + 1, n, o);
        t = order[k], order[k] = order[i], order[i] = t;
    }
}

DK_TEST(offsets_every_order_with_every_gap)
{
    int64_t offsets[MOST];
    int order[MOST], n, i;
    unsigned gaps;
    dk__offsets o;

    dk__offsets_init(&o, dk_test_alloc());
    for (n = 1; n <= MOST; n++)
        for (gaps = 0; gaps < 1u << (n - 1); gaps++) {
            for (i = 0; i < n; i++) {
                order[i] = i;
                offsets[i] = i == 0 ? 40 : offsets[i - 1] + (gaps >> (i - 1) & 1 ? 5 : 1);
            }
            permute(offsets, order, 0, n, &o);
        }
    dk__offsets_fini(&o);
}
