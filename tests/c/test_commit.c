/* SPDX-License-Identifier: MIT
 *
 * Positions and commits: by interval, after each batch, by hand, never.
 */
#include "rig.h"

DK_TEST(position_follows_what_was_handed_out)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, DK_OFFSET_INVALID);
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    CHECK_OK_ERR(dk_consumer_position(c, &p0, &err), &err);
    CHECK_EQ(p0.items[0].offset, DK_OFFSET_INVALID);
    b = rig_fetch_n(c, 0, 10);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(dk_batch_next(b), i);
    CHECK_OK_ERR(dk_consumer_position(c, &p0, &err), &err);
    CHECK_EQ(p0.items[0].offset, 3);
    dk_batch_free(b);
    dk_partitions_fini(&p0);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(commit_by_interval)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;

    rig_open(&r, "t", 1);
    rig_set(&r, "auto.commit.interval.ms", "100");
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(dk_batch_next(b), i);
    /* The batch is still being walked: five messages are finished, the sixth is in hand. */
    WAIT_UNTIL(rig_committed(c, "t", 0) == 5, 20000);
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(commit_after_each_batch)
{
    rig r;
    dk_consumer *c;
    dk_consumer_opts opts;
    dk_batch *b;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    dk_consumer_opts_init(&opts);
    opts.commit_interval_ms = 0;
    c = rig_consumer(&r, &opts);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 10, 20000);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(commit_never)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;

    rig_open(&r, "t", 1);
    rig_set(&r, "enable.auto.commit", "false");
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    rig_end(c);
    c = rig_consumer(&r, NULL);
    CHECK_EQ(rig_committed(c, "t", 0), DK_OFFSET_INVALID);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(commit_given_offsets)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, 7);
    dk_partitions none = rig_list("nowhere", 3, 1);
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    CHECK_STATUS(dk_consumer_commit(c, NULL, true, &err), DK_EKAFKA); /* nothing to commit */
    CHECK_OK_ERR(dk_consumer_commit(c, &p0, true, &err), &err);
    CHECK_EQ(p0.items[0].kafka_err, 0);
    CHECK_EQ(rig_committed(c, "t", 0), 7);
    CHECK_STATUS(dk_consumer_store(c, &none, &err), DK_EKAFKA);
    CHECK(none.items[0].kafka_err != 0);
    CHECK_OK_ERR(dk_consumer_pause(c, &none, &err), &err);
    CHECK(none.items[0].kafka_err != 0);
    dk_partitions_fini(&p0);
    dk_partitions_fini(&none);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(commit_by_hand_is_not_taken_back)
{
    rig r;
    dk_consumer *c;
    dk_partitions p0 = rig_list("t", 0, 7);
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    while (dk_batch_take(b) >= 0) /* handed out, and nothing said about them but the commit */
        ;
    dk_batch_free(b);
    CHECK_OK_ERR(dk_consumer_commit(c, &p0, true, &err), &err);
    rig_end(c); /* commits what is finished */
    c = rig_consumer(&r, NULL);
    CHECK_EQ(rig_committed(c, "t", 0), 7);
    dk_partitions_fini(&p0);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(commit_that_failed_is_told_and_repeated)
{
    static const int errs[] = {16 /* NOT_COORDINATOR */, 15, 22 /* ILLEGAL_GENERATION */, 22, 25};
    rig r;
    dk_consumer *c;
    dk_batch *b;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_set(&r, "auto.commit.interval.ms", "200");
    rig_produce(&r, "t", 0, 0, 10);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    b = rig_fetch_n(c, 0, 10);
    CHECK_OK_ERR(dk_broker_push_errors(r.broker, 8, errs, 5, &err), &err);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    WAIT_UNTIL(rig_committed(c, "t", 0) == 10, 15000);
    rig_end(c);
    rig_close(&r);
}
