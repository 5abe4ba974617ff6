/* SPDX-License-Identifier: MIT
 *
 * Who keeps a message in memory: its batch, until that is freed, and then only whoever waits for it. What waits for
 * long keeps its own bytes, not the responses of the broker that it came in.
 */
#include "brokerless.h"
#include "rig.h"

/* ---- lends ----------------------------------------------------------------------------------------------------- */

/* Of a batch that is freed only what is waited for stays. */
DK_TEST(lend_keeps_one_message_of_its_batch)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 100);
    b = bl_must_fetch(&x, 100, 100);
    for (int i = 0; i < 99; i++) {
        CHECK_EQ(dk_batch_next(b), i);
        if (i == 40)
            CHECK_OK(dk_batch_defer(b, &ticket));
    }
    dk_batch_close(b);       /* 98 and 99 go back */
    CHECK_EQ(x.living, 100); /* still readable */
    dk_batch_free(b);
    CHECK_EQ(x.living, 3);
    CHECK_OK(dk_ticket_resolve(&ticket));
    CHECK_EQ(x.living, 2);
    b = bl_must_fetch(&x, 100, 2);
    CHECK_EQ(x.living, 2);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    CHECK_EQ(x.living, 0);
    bl_close(&x);
}

/* A message that is handed out by one batch after the other, while readers keep some of them. */
DK_TEST(lend_of_a_message_in_several_batches)
{
    brokerless x;
    dk_batch *kept[5], *b;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 2);
    for (int i = 0; i < 5; i++) {
        kept[i] = bl_must_fetch(&x, 2, 2);
        CHECK_EQ(dk_batch_next(kept[i]), 0);
        CHECK_OK(dk_batch_fail(kept[i], 0));
        dk_batch_close(kept[i]);
    }
    b = bl_must_fetch(&x, 2, 2);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    CHECK_EQ(x.living, 2);
    dk_batch_free(kept[0]); /* whose messages they are */
    dk_batch_free(kept[3]);
    for (uint32_t i = 0; i < 2; i++)
        CHECK_EQ(rig_number(kept[4], i), (int)i);
    dk_batch_free(kept[1]);
    dk_batch_free(kept[4]);
    CHECK_EQ(x.living, 2);
    dk_batch_free(kept[2]);
    CHECK_EQ(x.living, 0);
    bl_close(&x);
}

/* The room of a batch is used again; of many at once only that of a few is kept, and what a ticket needs. */
DK_TEST(lend_lets_the_room_of_batches_go)
{
    enum { BATCHES = 20, KEPT = 4 };
    brokerless x;
    dk_batch *b[BATCHES];
    dk_ticket tickets[BATCHES];
    size_t empty;

    CHECK(bl_open(&x, 1));
    empty = dk_test_alloc_live();
    for (int i = 0; i < BATCHES; i++) {
        bl_receive_run(&x, 0, i, 1);
        b[i] = bl_must_fetch(&x, 1, 1);
        CHECK_EQ(dk_batch_next(b[i]), 0);
        CHECK_OK(dk_batch_defer(b[i], &tickets[i]));
        dk_batch_close(b[i]);
    }
    for (int i = 0; i < BATCHES; i++)
        dk_batch_free(b[i]);
    CHECK_EQ(x.living, BATCHES);
    CHECK_OK(dk_tickets_answer(tickets, BATCHES, true, 0));
    CHECK_EQ(x.living, 0);
    /* The structs stay, and entries and slips of some; besides, the ledger has its tracker, its heap and its queue.
     */
    CHECK(dk_test_alloc_live() <= empty + BATCHES + 2 * KEPT + 3);
    bl_close(&x);
}

/* ---- own copies ------------------------------------------------------------------------------------------------ */

enum { N = 20 };

static const dk_header header = {"trace", {(const uint8_t *)"abc", 3}};

static void
produce(rig *r, int i)
{
    char key[8], value[8];
    int n_key = snprintf(key, sizeof key, "k%d", i), n_value = snprintf(value, sizeof value, "%d", i);
    dk_record rec = {.topic = "t",
                     .partition = 0,
                     .key = {(const uint8_t *)key, (size_t)n_key},
                     .value = {(const uint8_t *)value, (size_t)n_value},
                     .timestamp = 1000 + i,
                     .headers = &header,
                     .n_headers = i % 2 == 0 ? 1 : 0};
    dk_error err;

    CHECK_OK_ERR(dk_producer_produce(r->producer, &rec, &err), &err);
}

/* A consumer of messages with keys, times and, every other one, headers; the first batch has them all. */
static dk_batch *
open_full(rig *r, dk_consumer **c)
{
    size_t left;

    rig_open(r, "t", 1);
    rig_set(r, "enable.auto.commit", "false");
    rig_produce(r, "t", 0, 0, 0); /* makes the producer */
    for (int i = 0; i < N; i++)
        produce(r, i);
    CHECK_OK(dk_producer_flush(r->producer, 10000, &left, NULL));
    *c = rig_consumer(r, NULL);
    rig_assign(*c, "t", 1);
    return rig_fetch_n(*c, 0, N);
}

static void
check_message(const dk_batch *b, uint32_t i, int number, bool copy)
{
    char key[8];
    int n_key = snprintf(key, sizeof key, "k%d", number), type;
    dk_header h;

    CHECK_EQ(dk__message_is_copy(b->entries[i].msg), copy);
    CHECK_EQ(dk_batch_offset(b, i), number);
    CHECK_EQ(rig_number(b, i), number);
    CHECK_MEM(dk_batch_key(b, i).p, dk_batch_key(b, i).n, key, (size_t)n_key);
    CHECK_EQ(dk_batch_timestamp(b, i, &type), 1000 + number);
    CHECK_EQ(type, DK_TIMESTAMP_CREATE_TIME);
    CHECK_EQ(dk_batch_headers(b, i), number % 2 == 0);
    if (number % 2 == 0) {
        CHECK(dk_batch_header(b, i, 0, &h));
        CHECK_STR(h.name, "trace");
        CHECK_MEM(h.value.p, h.value.n, "abc", 3);
    }
}

static void
close_full(rig *r, dk_consumer *c, dk_batch *b, int from, bool copies)
{
    CHECK(b != NULL);
    CHECK_EQ(dk_batch_len(b), N - from);
    for (uint32_t i = 0; i < dk_batch_len(b); i++)
        check_message(b, i, from + (int)i, copies);
    dk_batch_free(b);
    rig_end(c);
    rig_close(r);
}

/* What failed waits for more than a moment. */
DK_TEST(own_copies_of_what_waits_for_its_time)
{
    rig r;
    dk_consumer *c;
    dk_batch *b = open_full(&r, &c);

    for (int i = 0; i < 5; i++)
        CHECK_EQ(dk_batch_next(b), i);
    CHECK_OK(dk_batch_fail(b, 1500));
    dk_batch_close(b);
    check_message(b, 4, 4, false); /* of which this batch has its own */
    dk_batch_free(b);
    close_full(&r, c, rig_fetch(c, 0, 20000), 4, true);
}

/* For a moment no copies are made. */
DK_TEST(own_copies_are_not_made_for_a_moment)
{
    rig r;
    dk_consumer *c;
    dk_batch *b = open_full(&r, &c);

    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_fail(b, 10));
    dk_batch_free(b);
    close_full(&r, c, rig_fetch(c, 0, 20000), 0, false);
}

DK_TEST(own_copies_of_what_is_paused)
{
    rig r;
    dk_consumer *c;
    dk_batch *b = open_full(&r, &c);
    dk_partitions list = rig_list("t", 0, DK_OFFSET_INVALID);
    dk_error err;

    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK_ERR(dk_consumer_pause(c, &list, &err), &err);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    CHECK_OK_ERR(dk_consumer_resume(c, &list, &err), &err);
    dk_partitions_fini(&list);
    close_full(&r, c, rig_fetch(c, 0, 20000), 1, true);
}

/* A pause of a partition that no batch has: what was read ahead is copied at once. */
DK_TEST(own_copies_of_what_was_read_ahead)
{
    rig r;
    dk_consumer *c;
    dk_batch *b = open_full(&r, &c);
    dk_partitions list = rig_list("t", 0, DK_OFFSET_INVALID);
    dk_error err;

    dk_batch_free(b);
    b = rig_fetch(c, 6, 10000); /* the rest stays in the ledger */
    CHECK_EQ(dk_batch_len(b), 6);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    CHECK_OK_ERR(dk_consumer_pause(c, &list, &err), &err);
    CHECK_OK_ERR(dk_consumer_resume(c, &list, &err), &err);
    dk_partitions_fini(&list);
    close_full(&r, c, rig_fetch(c, 0, 20000), 6, true);
}

/* Without memory some stay as they came; none is lost. */
DK_TEST(own_copies_without_memory)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_partitions list = rig_list("t", 0, DK_OFFSET_INVALID);
    int copies = 0;
    dk_error err;

    dk_batch_free(open_full(&r, &c));
    rig_end(c);
    CHECK_OK_ERR(dk_consumer_new(dk_test_alloc(), r.pairs, r.n_pairs, NULL, &c, &err), &err);
    rig_assign(c, "t", 1);
    dk_batch_free(rig_fetch_n(c, 0, N));
    dk_test_alloc_fail(8, true);
    CHECK_OK_ERR(dk_consumer_pause(c, &list, &err), &err);
    dk_test_alloc_fail(0, false);
    CHECK_OK_ERR(dk_consumer_resume(c, &list, &err), &err);
    b = rig_fetch(c, 0, 20000);
    CHECK_EQ(dk_batch_len(b), N);
    for (uint32_t i = 0; i < N; i++) {
        copies += dk__message_is_copy(b->entries[i].msg);
        check_message(b, i, (int)i, dk__message_is_copy(b->entries[i].msg));
    }
    CHECK_EQ(copies, 7);
    dk_batch_free(b);
    dk_partitions_fini(&list);
    rig_end(c);
    rig_close(&r);
}
