/* SPDX-License-Identifier: MIT
 *
 * Notes: short texts that stay with a message until it is finished, in the commit metadata of its partition.
 */
#include "kafka/client/rdk.h"
#include "rig.h"

/* The next batch's message in hand is number n, with this note. */
static void
check_note(dk_consumer *c, int n, const char *note)
{
    dk_batch *b = rig_fetch(c, 0, 25000);
    int32_t i;

    CHECK(b != NULL);
    i = dk_batch_next(b);
    CHECK(i >= 0);
    CHECK_EQ(rig_number(b, (uint32_t)i), n);
    CHECK_STR(dk_batch_note_of(b, (uint32_t)i), note);
    CHECK_OK(dk_batch_fail(b, 0));
    dk_batch_free(b);
}

/* That another owner of the partition finds the note is shown with real groups (tests/py, tests/live): the mock
 * cluster of librdkafka 2.0.2 does not let a member follow another one. */
DK_TEST(note_is_committed_at_once)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_partitions list = rig_list("t", 0, DK_OFFSET_INVALID);
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 5);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 5);
    CHECK_STATUS(dk_batch_note(b, "x"), DK_ESTATE);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK(dk_batch_note_of(b, 1) == NULL);
    CHECK_OK(dk_batch_note(b, "attempt 1"));
    CHECK_OK(dk_batch_fail(b, 0));
    dk_batch_free(b);
    check_note(c, 1, "attempt 1");
    WAIT_UNTIL(dk_consumer_committed(c, &list, 5000, &err) == DK_OK && list.items[0].offset == 1, 30000);
    CHECK_STR(list.items[0].metadata, "attempt 1");
    b = rig_fetch_n(c, 0, 4);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    CHECK_OK_ERR(dk_consumer_commit(c, NULL, true, &err), &err);
    CHECK_OK_ERR(dk_consumer_committed(c, &list, 5000, &err), &err);
    CHECK_EQ(list.items[0].offset, 5);
    CHECK(list.items[0].metadata == NULL || list.items[0].metadata[0] == '\0'); /* gone with its message */
    dk_partitions_fini(&list);
    rig_end(c);
    rig_close(&r);
}

/* Nobody may try again before the broker knows of the attempt that failed: the next owner of the partition would not.
 */
DK_TEST(note_is_waited_for)
{
    enum { REFUSALS = 4 };
    const int refuse[REFUSALS] = {28, 28, 28, 28}; /* InvalidCommitOffsetSize: nothing that librdkafka tries again */
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_partitions list = rig_list("t", 0, DK_OFFSET_INVALID);
    dk_counters counters;
    dk_error err;

    rig_open(&r, "t", 2);
    rig_produce(&r, "t", 0, 0, 3);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 2);
    b = rig_fetch_n(c, 0, 3);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK_ERR(dk_broker_push_errors(r.broker, 8, refuse, REFUSALS, &err), &err);
    CHECK_OK(dk_batch_note(b, "attempt 1"));
    CHECK_OK(dk_batch_fail(b, 0));
    dk_batch_free(b);
    rig_produce(&r, "t", 1, 7, 1);
    b = rig_fetch(c, 0, 30000); /* other partitions go on */
    CHECK(b != NULL);
    CHECK_EQ(dk_batch_partition(b, 0), 1);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    check_note(c, 0, "attempt 1");
    dk_consumer_counters(c, &counters);
    CHECK_EQ(counters.commit_errors, REFUSALS);
    CHECK_OK_ERR(dk_consumer_committed(c, &list, 5000, &err), &err);
    CHECK_STR(list.items[0].metadata, "attempt 1");
    dk_partitions_fini(&list);
    rig_end(c);
    rig_close(&r);
}

/* For a message that was polled: the note is stored with its offset, and stays with it when the partition is sought
 * back. */
DK_TEST(note_is_stored_and_survives_a_seek)
{
    enum { NO_OFFSET = -168 };
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_partitions list = rig_list("t", 0, 1), noted = rig_list("t", 0, 1), other = rig_list("t", 1, 5);
    char text[] = "attempt 1";
    dk_status st;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 3);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 3);
    CHECK_EQ(dk_batch_take(b), 0);
    CHECK_EQ(dk_batch_take(b), 1);
    noted.items[0].metadata = text;
    other.items[0].metadata = text;
    CHECK_OK_ERR(dk_consumer_store(c, &noted, &err), &err);
    CHECK_STATUS(dk_consumer_store(c, &other, &err), DK_EKAFKA); /* not ours: no note of it either */
    CHECK_OK_ERR(dk_consumer_seek(c, &list, 5000, &err), &err);
    dk_batch_free(b);
    b = rig_fetch(c, 0, 30000);
    CHECK(b != NULL);
    CHECK_EQ(dk_batch_take(b), 0);
    CHECK_EQ(dk_batch_offset(b, 0), 1);
    CHECK_STR(dk_batch_note_of(b, 0), "attempt 1");
    st = dk_consumer_commit(c, NULL, true, &err); /* as the timer does while it is handled again */
    CHECK(st == DK_OK || err.kafka == NO_OFFSET);
    CHECK_OK_ERR(dk_consumer_committed(c, &list, 5000, &err), &err);
    CHECK_EQ(list.items[0].offset, 1);
    CHECK_STR(list.items[0].metadata, "attempt 1");
    dk_batch_free(b);
    list.items[0].offset = 2; /* elsewhere it is of no use */
    CHECK_OK_ERR(dk_consumer_seek(c, &list, 5000, &err), &err);
    b = rig_fetch(c, 0, 30000);
    CHECK(b != NULL);
    CHECK_EQ(dk_batch_take(b), 0);
    CHECK(dk_batch_note_of(b, 0) == NULL);
    dk_batch_free(b);
    noted.items[0].metadata = other.items[0].metadata = NULL;
    dk_partitions_fini(&list);
    dk_partitions_fini(&noted);
    dk_partitions_fini(&other);
    rig_end(c);
    rig_close(&r);
}

/* ---- large ones ------------------------------------------------------------------------------------------------ */

/* Of letters of two bytes, so that a cut in the middle of one would show. */
static void
fill_text(char *text, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[n] = '\0';
}

/* A consumer with message 0 of "t" in hand. */
static dk_batch *
one_in_hand(rig *r, dk_consumer **c, const dk_consumer_opts *opts)
{
    dk_batch *b;

    rig_open(r, "t", 1);
    rig_produce(r, "t", 0, 0, 3);
    *c = rig_consumer(r, opts);
    rig_assign(*c, "t", 1);
    b = rig_fetch_n(*c, 0, 3);
    CHECK_EQ(dk_batch_next(b), 0);
    return b;
}

/* Refused at once, to the caller, and nothing is noted. */
DK_TEST(note_too_large_is_refused)
{
    char text[DK_NOTE_MAX_BYTES + 3];
    rig r;
    dk_consumer *c;
    dk_batch *b = one_in_hand(&r, &c, NULL);

    fill_text(text, DK_NOTE_MAX_BYTES + 2);
    CHECK_STATUS(dk_batch_note(b, text), DK_EINVAL);
    CHECK(dk_batch_note_of(b, 0) == NULL);
    CHECK_OK(dk_batch_note(b, "small"));
    CHECK_STATUS(dk_batch_note(b, text), DK_EINVAL);
    CHECK_STR(dk_batch_note_of(b, 0), "small");
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(note_limit_is_the_callers)
{
    rig r;
    dk_consumer *c;
    dk_consumer_opts opts;
    dk_batch *b;

    dk_consumer_opts_init(&opts);
    opts.note_max_bytes = 4;
    b = one_in_hand(&r, &c, &opts);
    CHECK_STATUS(dk_batch_note(b, "12345"), DK_EINVAL);
    CHECK_OK(dk_batch_note(b, "1234"));
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

/* The whole text, here and with the next owner of the partition. */
DK_TEST(note_of_the_largest_size_is_never_cut)
{
    char text[DK_NOTE_MAX_BYTES + 1];
    rig r;
    dk_consumer *c;
    dk_batch *b = one_in_hand(&r, &c, NULL);
    dk_partitions list = rig_list("t", 0, DK_OFFSET_INVALID);
    dk_error err;

    fill_text(text, DK_NOTE_MAX_BYTES);
    CHECK_OK(dk_batch_note(b, text));
    CHECK_STR(dk_batch_note_of(b, 0), text);
    CHECK_OK(dk_batch_fail(b, 0));
    dk_batch_free(b);
    check_note(c, 0, text);
    CHECK_OK_ERR(dk_consumer_committed(c, &list, 5000, &err), &err);
    CHECK_STR(list.items[0].metadata, text);
    rig_end(c);
    c = rig_consumer(&r, NULL);
    rig_join(c, "t");
    check_note(c, 0, text);
    rig_end(c);
    dk_partitions_fini(&list);
    rig_close(&r);
}

/* A broker with a lower limit: the offset is committed without it, the message is redelivered at once. */
DK_TEST(note_that_the_broker_refuses)
{
    const int refuse[] = {RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE};
    rig r;
    dk_consumer *c;
    dk_batch *b = one_in_hand(&r, &c, NULL);
    dk_partitions list = rig_list("t", 0, DK_OFFSET_INVALID);
    int64_t begun = dk_test_now_ms();
    dk_error err;

    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_OK_ERR(dk_broker_push_errors(r.broker, 8, refuse, 1, &err), &err);
    CHECK_OK(dk_batch_note(b, "too large for it"));
    CHECK_OK(dk_batch_fail(b, 0));
    dk_batch_free(b);
    check_note(c, 1, NULL);
    CHECK(dk_test_now_ms() - begun < 15000); /* a note is waited for twice as long */
    WAIT_UNTIL(dk_consumer_committed(c, &list, 5000, &err) == DK_OK && list.items[0].offset == 1, 10000);
    CHECK(list.items[0].metadata == NULL || list.items[0].metadata[0] == '\0');
    dk_partitions_fini(&list);
    rig_end(c);
    rig_close(&r);
}

/* The same for metadata that the application stores. */
DK_TEST(note_too_large_is_not_stored_but_its_offset_is)
{
    char text[DK_NOTE_MAX_BYTES + 3];
    rig r;
    dk_consumer *c;
    dk_batch *b = one_in_hand(&r, &c, NULL);
    dk_partitions list = rig_list("t", 0, 2);
    dk_error err;

    fill_text(text, DK_NOTE_MAX_BYTES + 2);
    list.items[0].metadata = text;
    CHECK_STATUS(dk_consumer_store(c, &list, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
    CHECK_EQ(list.items[0].kafka_err, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE);
    CHECK_CONTAINS(err.text, "t [0]");
    CHECK_CONTAINS(err.text, "4098 bytes");
    CHECK_OK_ERR(dk_consumer_commit(c, NULL, true, &err), &err);
    CHECK_EQ(rig_committed(c, "t", 0), 2);
    list.items[0].metadata = NULL;
    dk_partitions_fini(&list);
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}
