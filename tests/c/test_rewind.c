/* SPDX-License-Identifier: MIT
 *
 * A log that is served in a circle: told from a new log with the same offsets, and not handed out for ever.
 */
#include "brokerless.h"

static void
receive(brokerless *x, int64_t offset, const char *text)
{
    rd_kafka_message_t *msg = bl_message(x, offset, -1, (dk_slice){(const uint8_t *)text, strlen(text)});

    CHECK(msg != NULL);
    CHECK_OK(dk__ledger_receive(x->parts[0].ledger, msg));
}

/* Offsets 0 to n - 1, all with this value. */
static void
pass(brokerless *x, int n, const char *text)
{
    for (int i = 0; i < n; i++)
        receive(x, i, text);
}

/* Handle all that may be handled; returns how many that were. */
static uint32_t
handle(brokerless *x)
{
    uint32_t n = 0;
    dk_batch *b;

    while ((b = bl_fetch(x, 1000, dk__now_ms())) != NULL) {
        while (dk_batch_next(b) >= 0)
            n++;
        dk_batch_free(b);
    }
    return n;
}

static bool
circles(const brokerless *x, int64_t *end)
{
    return dk__ledger_circles(x->parts[0].ledger, end);
}

/* The same log three times: the third pass shows it, and from then on nothing more comes of it. */
static void
open_circle(brokerless *x)
{
    int64_t end;

    CHECK(bl_open(x, 1));
    for (int i = 0; i < 3; i++) {
        pass(x, 5, "same");
        CHECK_EQ(handle(x), 5);
        CHECK(!circles(x, &end));
    }
    receive(x, 0, "same");
    CHECK(circles(x, &end));
    CHECK_EQ(end, 4);
    CHECK_EQ(handle(x), 0);
    CHECK_EQ(bl_mark(x, 0), 5);
}

DK_TEST(rewind_of_a_log_that_is_served_in_a_circle)
{
    brokerless x;
    int64_t end;

    open_circle(&x);
    for (int i = 1; i < 5; i++)
        receive(&x, i, "same");
    for (int i = 0; i < 10; i++)
        pass(&x, 5, "same");
    CHECK(circles(&x, &end));
    CHECK_EQ(handle(&x), 0);
    CHECK_EQ(x.living, 0);
    CHECK_EQ(bl_mark(&x, 0), 5); /* what was handled is committed */
    bl_close(&x);
}

/* The damage is passed over: the log goes on behind the last message of the circle, and nothing is lost. */
DK_TEST(rewind_ends_where_the_log_goes_on)
{
    brokerless x;
    int64_t end;
    unsigned generation;

    open_circle(&x);
    generation = *x.parts[0].generation;
    for (int i = 1; i < 5; i++)
        receive(&x, i, "same");
    receive(&x, 7, "new");
    receive(&x, 8, "new");
    CHECK(!circles(&x, &end));
    CHECK_EQ(handle(&x), 2);
    CHECK_EQ(*x.parts[0].generation, generation); /* the same log */
    CHECK_EQ(bl_mark(&x, 0), 9);
    bl_close(&x);
}

/* One that begins like the circle and is another log: what it has of its own is handed out. */
DK_TEST(rewind_ends_with_another_log)
{
    brokerless x;
    int64_t end;

    open_circle(&x);
    receive(&x, 1, "same");
    receive(&x, 2, "other");
    receive(&x, 3, "same");
    CHECK(!circles(&x, &end));
    CHECK_EQ(handle(&x), 2);
    CHECK_EQ(bl_mark(&x, 0), 4);
    bl_close(&x);
}

/* A topic that is recreated again and again, each time with something else in it, or longer, or shorter. */
DK_TEST(rewind_of_logs_that_differ)
{
    static const char *const texts[] = {"a", "b", "a", "a", "c", "a"};
    brokerless x;
    int64_t end;

    CHECK(bl_open(&x, 1));
    for (int i = 0; i < 6; i++) {
        pass(&x, 4 + i % 3, texts[i]);
        CHECK_EQ(handle(&x), 4 + (uint32_t)i % 3);
        CHECK(!circles(&x, &end));
    }
    bl_close(&x);
}

/* What of the circle was not handled yet comes as ever; only what is read again is dropped. */
DK_TEST(rewind_drops_nothing_that_is_not_finished)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;
    int64_t end;

    CHECK(bl_open(&x, 1));
    for (int i = 0; i < 5; i++)
        pass(&x, 3, "same"); /* read ahead */
    CHECK(circles(&x, &end));
    CHECK_EQ(dk__ledger_waiting(x.parts[0].ledger), 9);
    b = bl_must_fetch(&x, 100, 3); /* the second log waits for the first one */
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    CHECK(bl_fetch(&x, 100, dk__now_ms()) == NULL);
    CHECK_OK(dk_ticket_reject(&ticket, 0));
    CHECK_EQ(handle(&x), 1 + 3 + 3);
    CHECK_EQ(bl_mark(&x, 0), 3);
    bl_close(&x);
}

DK_TEST(rewind_is_forgotten_by_a_seek)
{
    brokerless x;
    int64_t end;

    open_circle(&x);
    bl_seek(&x, 0, 0);
    CHECK(!circles(&x, &end));
    pass(&x, 5, "same");
    CHECK_EQ(handle(&x), 5);
    bl_close(&x);
}

/* Without memory, and of very long logs, nothing is remembered, so nothing is dropped. */
DK_TEST(rewind_without_memory_drops_nothing)
{
    brokerless x;
    int64_t end;
    rd_kafka_message_t *msg;

    CHECK(bl_open(&x, 1));
    pass(&x, 2, "same");
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(handle(&x), 2);
        msg = bl_message(&x, 0, -1, (dk_slice){(const uint8_t *)"same", 4});
        dk_test_alloc_fail(1, false);
        CHECK_OK(dk__ledger_receive(x.parts[0].ledger, msg));
        dk_test_alloc_fail(0, false);
        receive(&x, 1, "same");
        CHECK(!circles(&x, &end));
    }
    CHECK_EQ(handle(&x), 2);
    bl_close(&x);
}

DK_TEST(rewind_of_a_long_log_drops_nothing)
{
    enum { LONG = 70000 };
    brokerless x;
    int64_t end;

    CHECK(bl_open(&x, 1));
    for (int i = 0; i < 4; i++) {
        pass(&x, LONG, "");
        CHECK(!circles(&x, &end));
        CHECK_EQ(handle(&x), LONG);
    }
    bl_close(&x);
}
