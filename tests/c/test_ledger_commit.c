/* SPDX-License-Identifier: MIT
 *
 * The ledger of a partition: how far may be committed, with what epoch and note, and what a seek leaves of that.
 */
#include "brokerless.h"
#include "kafka/consumer/ledger_private.h"

static dk__mark
mark_of(brokerless *x)
{
    dk__mark mark = {.offset = DK_OFFSET_INVALID, .epoch = -1};

    bl_settle(x);
    if (!dk__ledger_to_commit(x->parts[0].ledger, &mark))
        mark.offset = DK_OFFSET_INVALID;
    return mark;
}

static void
check_mark(brokerless *x, int64_t offset, int32_t epoch, const char *note)
{
    dk__mark mark = mark_of(x);

    CHECK_EQ(mark.offset, offset);
    CHECK_EQ(mark.epoch, epoch);
    CHECK_STR(mark.note, note);
}

static void
receive(brokerless *x, int64_t offset, int32_t epoch)
{
    rd_kafka_message_t *msg = bl_message(x, offset, epoch, (dk_slice){NULL, 0});

    CHECK(msg != NULL);
    CHECK_OK(dk__ledger_receive(x->parts[0].ledger, msg));
}

/* Hand out n messages and handle them all. */
static void
handle(brokerless *x, uint32_t n)
{
    dk_batch *b = bl_must_fetch(x, n, n);

    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
}

/* Hand out all that waits; the last one is in hand. */
static dk_batch *
in_hand(brokerless *x, uint32_t n)
{
    dk_batch *b = bl_must_fetch(x, n, n);

    for (uint32_t i = 0; i < n; i++)
        CHECK_EQ(dk_batch_next(b), (int)i);
    return b;
}

static void
answered(brokerless *x, int64_t offset, const char *note, bool accepted)
{
    dk__ledger_committed(x->parts[0].ledger, offset, note, note == NULL ? 0 : strlen(note), accepted, 3);
}

/* ---- marks and epochs ------------------------------------------------------------------------------------------ */

DK_TEST(ledger_mark_waits_for_the_first_unfinished)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;
    dk__ledger_numbers n;

    CHECK(bl_open(&x, 1));
    check_mark(&x, DK_OFFSET_INVALID, -1, NULL); /* nothing is known */
    bl_receive_run(&x, 0, 5, 4);
    b = bl_must_fetch(&x, 4, 4);
    check_mark(&x, 5, -1, NULL);
    answered(&x, 5, NULL, true);
    check_mark(&x, DK_OFFSET_INVALID, -1, NULL); /* the broker has it */
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_OK(dk_batch_defer(b, &ticket));
    CHECK_EQ(dk_batch_next(b), 2);
    CHECK_EQ(dk_batch_next(b), 3);
    check_mark(&x, 6, -1, NULL);
    answered(&x, 6, NULL, false); /* it does not take it: the same is committed again */
    check_mark(&x, 6, -1, NULL);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    check_mark(&x, 6, -1, NULL);
    CHECK_OK(dk_ticket_resolve(&ticket));
    check_mark(&x, 9, -1, NULL);
    answered(&x, 9, NULL, true);
    dk__ledger_counts(x.parts[0].ledger, &n);
    CHECK_EQ(n.position, 9);
    CHECK_EQ(n.committed, 9);
    CHECK_EQ(n.handled, 4);
    CHECK_EQ(n.commit_latency_ms, 3);
    bl_close(&x);
}

/* The epoch is that of the record right before the mark; where that is not known, none is better than a wrong one. */
DK_TEST(ledger_epochs_go_along_where_they_are_exact)
{
    brokerless x;
    dk_batch *b;

    CHECK(bl_open(&x, 1));
    receive(&x, 10, 4);
    receive(&x, 11, 5);
    receive(&x, 20, 6); /* behind a gap */
    b = bl_must_fetch(&x, 3, 3);
    check_mark(&x, 10, -1, NULL);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), 1);
    check_mark(&x, 11, 4, NULL);
    CHECK_EQ(dk_batch_next(b), 2);
    check_mark(&x, 20, -1, NULL); /* 19 is unknown */
    CHECK_EQ(dk_batch_next(b), -1);
    check_mark(&x, 21, 6, NULL);
    dk_batch_free(b);
    dk__ledger_store(x.parts[0].ledger, 12);
    check_mark(&x, 12, -1, NULL);
    dk__ledger_store(x.parts[0].ledger, 21);
    dk__ledger_reach(x.parts[0].ledger, 25, 9);
    check_mark(&x, 25, 9, NULL);
    for (int i = 0; i < 5; i++)
        receive(&x, 25 + i, 10 + i);
    handle(&x, 5);
    check_mark(&x, 30, 14, NULL);
    bl_close(&x);
}

/* Some leaders back is too far: of more the ledger keeps none. */
DK_TEST(ledger_forgets_the_epochs_of_long_ago)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;

    CHECK(bl_open(&x, 1));
    for (int i = 0; i < 6; i++)
        receive(&x, i, i);
    b = bl_must_fetch(&x, 6, 6);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(dk_batch_next(b), i);
        if (i == 1)
            CHECK_OK(dk_batch_defer(b, &ticket));
    }
    check_mark(&x, 1, -1, NULL); /* written under epoch 0; 2 to 5 are known */
    CHECK_OK(dk_ticket_resolve(&ticket));
    check_mark(&x, 5, 4, NULL);
    dk_batch_free(b);
    bl_close(&x);
}

/* ---- what comes to nobody -------------------------------------------------------------------------------------- */

DK_TEST(ledger_reach_needs_all_to_be_finished)
{
    brokerless x;
    dk__ledger *l;
    dk_batch *b;
    dk_ticket ticket;

    CHECK(bl_open(&x, 1));
    l = x.parts[0].ledger;
    dk__ledger_reach(l, 7, 1); /* where the group stands is not known */
    check_mark(&x, DK_OFFSET_INVALID, -1, NULL);
    dk__ledger_adopt(l, 5, NULL);
    dk__ledger_reach(l, 5, 1);
    check_mark(&x, DK_OFFSET_INVALID, -1, NULL);
    dk__ledger_reach(l, 7, 1); /* marks of transactions from the beginning on */
    check_mark(&x, 7, 1, NULL);
    receive(&x, 8, 2);
    CHECK(!dk__ledger_is_idle(l));
    dk__ledger_reach(l, 20, 2); /* it waits here */
    check_mark(&x, 7, 1, NULL);
    b = in_hand(&x, 1);
    CHECK_OK(dk_batch_defer(b, &ticket));
    dk_batch_free(b);
    dk__ledger_reach(l, 20, 2); /* its ticket is out */
    check_mark(&x, 8, -1, NULL);
    CHECK_OK(dk_ticket_resolve(&ticket));
    CHECK(dk__ledger_is_idle(l));
    dk__ledger_reach(l, 8, 2); /* lower */
    check_mark(&x, 9, 2, NULL);
    dk__ledger_reach(l, 20, 3);
    check_mark(&x, 20, 3, NULL);
    receive(&x, 20, 3);
    handle(&x, 1);
    check_mark(&x, 21, 3, NULL);
    bl_close(&x);
}

/* What was taken and not stored is not finished. */
DK_TEST(ledger_reach_does_not_pass_over_what_was_taken)
{
    brokerless x;
    dk_batch *b;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 3, 2);
    b = bl_must_fetch(&x, 2, 2);
    while (dk_batch_take(b) >= 0)
        ;
    dk_batch_free(b);
    dk__ledger_reach(x.parts[0].ledger, 9, -1);
    check_mark(&x, 3, -1, NULL);
    dk__ledger_store(x.parts[0].ledger, 5);
    dk__ledger_reach(x.parts[0].ledger, 9, -1);
    check_mark(&x, 9, -1, NULL);
    bl_close(&x);
}

/* The application wants to see these again after a restart: the position of librdkafka says nothing against it. */
DK_TEST(ledger_reach_leaves_what_was_stored_back)
{
    brokerless x;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 10);
    handle(&x, 10);
    dk__ledger_store(x.parts[0].ledger, 3);
    dk__ledger_reach(x.parts[0].ledger, 12, -1);
    check_mark(&x, 3, -1, NULL);
    bl_close(&x);
}

/* After a topic was recreated librdkafka's position may be the old log's. */
DK_TEST(ledger_reach_waits_for_a_seek_after_another_log)
{
    brokerless x;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 5, 1);
    bl_receive_run(&x, 0, 0, 1);
    handle(&x, 1);
    handle(&x, 1);
    dk__ledger_reach(x.parts[0].ledger, 6, -1);
    check_mark(&x, 1, -1, NULL);
    bl_seek(&x, 0, 1);
    bl_receive(&x, 0, 1);
    handle(&x, 1);
    dk__ledger_reach(x.parts[0].ledger, 6, -1);
    check_mark(&x, 6, -1, NULL);
    bl_close(&x);
}

/* ---- notes ----------------------------------------------------------------------------------------------------- */

static void
note(brokerless *x, int64_t offset, const char *text, int64_t now_ms)
{
    dk__ledger_note(x->parts[0].ledger, offset, dk__strdup(dk_test_alloc(), text), now_ms);
}

/* A message with a note is not handed out before the broker has the note, or has not taken it for 30 seconds. */
DK_TEST(ledger_note_is_waited_for)
{
    brokerless x;
    dk__ledger *l;
    dk_batch *b;

    CHECK(bl_open(&x, 1));
    x.c.rules.notes_wait = true;
    l = x.parts[0].ledger;
    bl_receive_run(&x, 0, 0, 2);
    b = in_hand(&x, 2);
    note(&x, 1, "one", 1000);
    CHECK_OK(dk__ledger_fail(l, &b->entries[1], 0));
    CHECK(dk__ledger_note_to_send(l) == false); /* not before 0 is finished */
    dk_batch_free(b);
    CHECK(dk__ledger_note_to_send(l));
    CHECK(!dk__ledger_ready(l, 1000));
    check_mark(&x, 1, 0 - 1, "one");
    CHECK(!dk__ledger_note_to_send(l));
    answered(&x, 1, "one", false);
    CHECK(dk__ledger_note_to_send(l)); /* again */
    check_mark(&x, 1, -1, "one");
    note(&x, 1, "two", 2000);
    answered(&x, 1, "one", true); /* says nothing of the new one */
    CHECK(!dk__ledger_ready(l, 2000));
    CHECK(!dk__ledger_ready(l, 2000 + DK__NOTE_WAIT_MS - 1));
    CHECK(dk__ledger_ready(l, 2000 + DK__NOTE_WAIT_MS));
    CHECK_EQ(dk__ledger_wakes_ms(l), 2000 + DK__NOTE_WAIT_MS); /* who waits for messages wakes then */
    check_mark(&x, 1, -1, "two");
    answered(&x, 1, "two", true);
    CHECK(dk__ledger_ready(l, 2000));
    CHECK_EQ(dk__ledger_wakes_ms(l), 0);
    CHECK_STR(dk__ledger_note_of(l, 1), "two");
    CHECK(dk__ledger_note_of(l, 0) == NULL);
    handle(&x, 1);
    check_mark(&x, 2, -1, NULL); /* gone with its message */
    CHECK(dk__ledger_note_of(l, 1) == NULL);
    bl_close(&x);
}

/* A broker whose limit is lower gets the offset without it, and nobody waits. */
DK_TEST(ledger_note_is_refused)
{
    brokerless x;
    dk__ledger *l;
    dk_batch *b;

    CHECK(bl_open(&x, 1));
    x.c.rules.notes_wait = true;
    l = x.parts[0].ledger;
    bl_receive(&x, 0, 4);
    b = in_hand(&x, 1);
    answered(&x, 4, NULL, true);
    note(&x, 4, "long", 0);
    CHECK_OK(dk__ledger_fail(l, &b->entries[0], 0));
    dk_batch_free(b);
    check_mark(&x, 4, -1, "long");
    dk__ledger_note_refused(l, 3); /* of another offset */
    CHECK_STR(dk__ledger_note_of(l, 4), "long");
    dk__ledger_note_refused(l, 4);
    CHECK(dk__ledger_note_of(l, 4) == NULL);
    CHECK(dk__ledger_ready(l, 0));
    check_mark(&x, 4, -1, NULL);
    bl_close(&x);
}

DK_TEST(ledger_note_of_an_earlier_owner)
{
    brokerless x;
    dk__ledger *l;
    dk_batch *b;

    CHECK(bl_open(&x, 1));
    l = x.parts[0].ledger;
    x.c.rules.notes_wait = true;
    dk__ledger_adopt(l, 7, dk__strdup(dk_test_alloc(), "theirs"));
    bl_receive_run(&x, 0, 7, 1);
    b = in_hand(&x, 1); /* nothing is waited for: the broker has it */
    CHECK_STR(dk_batch_note_of(b, 0), "theirs");
    check_mark(&x, DK_OFFSET_INVALID, -1, NULL);
    dk_batch_free(b);
    bl_start_over(&x, 0);
    CHECK(dk__ledger_note_of(l, 7) == NULL);
    bl_close(&x);
}

/* An empty one is a note too; and a commit without metadata is its answer. */
DK_TEST(ledger_note_may_be_empty)
{
    brokerless x;
    dk_batch *b;

    CHECK(bl_open(&x, 1));
    x.c.rules.notes_wait = true;
    bl_receive(&x, 0, 4);
    b = in_hand(&x, 1);
    CHECK_OK(dk_batch_note(b, ""));
    CHECK_STR(dk_batch_note_of(b, 0), "");
    CHECK_OK(dk_batch_fail(b, 0));
    dk_batch_free(b);
    check_mark(&x, 4, -1, "");
    answered(&x, 4, NULL, true);
    CHECK(dk__ledger_ready(x.parts[0].ledger, dk__now_ms()));
    bl_close(&x);
}

DK_TEST(ledger_note_survives_a_seek_to_its_message)
{
    brokerless x;
    dk__ledger *l;

    CHECK(bl_open(&x, 1));
    l = x.parts[0].ledger;
    bl_receive_run(&x, 0, 0, 3);
    handle(&x, 3);
    CHECK_EQ(mark_of(&x).offset, 3);
    answered(&x, 3, NULL, true);
    note(&x, 3, "three", 0);
    bl_seek(&x, 0, 3);
    check_mark(&x, 3, -1, "three"); /* all before it is finished */
    bl_receive(&x, 0, 3);
    CHECK_STR(dk__ledger_note_of(l, 3), "three");
    bl_seek(&x, 0, 2);
    CHECK(dk__ledger_note_of(l, 3) == NULL);
    bl_receive(&x, 0, 2);
    dk_batch_free(in_hand(&x, 1));
    check_mark(&x, 2, -1, NULL);
    bl_close(&x);
}

/* ---- by hand --------------------------------------------------------------------------------------------------- */

static dk_status
store(brokerless *x, int64_t offset, const char *metadata, int *kafka_err)
{
    dk_partition item = {.topic = "t", .offset = offset, .leader_epoch = -1, .metadata = metadata};
    dk_partitions list = {.items = &item, .len = 1};
    dk_error err;
    dk_status st = dk_consumer_store(&x->c, &list, &err);

    *kafka_err = item.kafka_err;
    return st;
}

DK_TEST(ledger_store_finishes_what_lies_before)
{
    brokerless x;
    dk_batch *b;
    int err;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 6);
    b = bl_must_fetch(&x, 6, 6);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(dk_batch_take(b), i);
    CHECK_OK(store(&x, 3, NULL, &err));
    check_mark(&x, 3, -1, NULL);
    CHECK_OK(store(&x, 2, "back", &err));
    check_mark(&x, 2, -1, "back");
    dk_batch_free(b);
    bl_close(&x);
}

/* There is no message at an offset that is none, so there is no note of it. */
DK_TEST(ledger_store_of_no_offset_makes_no_note)
{
    brokerless x;
    int err;

    CHECK(bl_open(&x, 1));
    CHECK_OK(store(&x, DK_OFFSET_INVALID, "text", &err));
    CHECK_EQ(err, 0);
    CHECK(!dk__notes_to_send(&x.c));
    check_mark(&x, DK_OFFSET_INVALID, -1, NULL);
    bl_close(&x);
}

DK_TEST(ledger_store_of_too_much_text_stores_the_offset)
{
    enum { TOO_LARGE = RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE };
    char text[DK_NOTE_MAX_BYTES + 2];
    brokerless x;
    int err;

    CHECK(bl_open(&x, 1));
    memset(text, 'x', sizeof text);
    text[DK_NOTE_MAX_BYTES + 1] = '\0';
    CHECK_STATUS(store(&x, 4, text, &err), DK_EKAFKA);
    CHECK_EQ(err, TOO_LARGE);
    check_mark(&x, 4, -1, NULL);
    text[DK_NOTE_MAX_BYTES] = '\0';
    CHECK_OK(store(&x, 5, text, &err));
    check_mark(&x, 5, -1, text);
    bl_close(&x);
}

DK_TEST(ledger_store_without_memory_stores_nothing)
{
    brokerless x;
    int err;

    CHECK(bl_open(&x, 1));
    for (size_t n = 1; n <= 2; n++) { /* the list of notes, and the note */
        dk_test_alloc_fail(n, false);
        CHECK_STATUS(store(&x, 4, "text", &err), DK_ENOMEM);
        dk_test_alloc_fail(0, false);
        check_mark(&x, DK_OFFSET_INVALID, -1, NULL);
    }
    bl_close(&x);
}
