/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/consumer/member.c: when the connection is broken under a heartbeat, so that librdkafka asks for
 * all of the assignment.
 */
#include "dk_test.h"
#include "kafka/consumer/handle.h"

/* A heartbeat is sent and comes to this end. Was its connection to be broken? */
static bool
beat(dk__member *m, rd_kafka_resp_err_t rkerr)
{
    bool broken = dk__member_breaks(m);

    dk__member_answered(m, rkerr);
    return broken;
}

static dk__member
joined(void)
{
    dk__member m = {0};

    beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR);
    return m;
}

DK_TEST(member_without_losses_breaks_nothing)
{
    dk__member m = joined();

    for (int i = 0; i < 50; i++)
        CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
}

DK_TEST(member_breaks_once_after_a_lost_answer)
{
    dk__member m = joined();

    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT));
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR)); /* the full request */
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
}

DK_TEST(member_breaks_again_when_the_answer_was_quicker)
{
    dk__member m = joined();

    beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT);
    CHECK(beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
}

/* librdkafka sends full requests until one is answered. */
DK_TEST(member_breaks_no_full_request)
{
    dk__member m = joined();

    beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT);
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT));
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT));
}

DK_TEST(member_breaks_again_when_the_broken_one_timed_out)
{
    dk__member m = joined();

    beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT);
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT));
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
}

DK_TEST(member_knows_no_answer_to_be_lost_that_nobody_gave)
{
    dk__member m = joined();

    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__DESTROY));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
}

DK_TEST(member_leaves_to_librdkafka_what_it_does_itself)
{
    dk__member m = joined();

    beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT);
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
    beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT);
    dk__member_answered(&m, RD_KAFKA_RESP_ERR__TRANSPORT); /* before another one is sent */
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
}

DK_TEST(member_takes_any_other_end_for_a_loss)
{
    dk__member m = joined();

    beat(&m, RD_KAFKA_RESP_ERR__SSL);
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT));
    beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR);
    beat(&m, RD_KAFKA_RESP_ERR__BAD_MSG);
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT));
}

/* Its last heartbeat says that it leaves. */
DK_TEST(member_that_leaves_breaks_nothing)
{
    dk__member m = joined();

    beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT);
    atomic_store(&m.leaves, true);
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
}

/* Until it has heard something librdkafka sends full requests anyway. */
DK_TEST(member_that_has_not_joined_breaks_nothing)
{
    dk__member m = {0};

    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR_NO_ERROR));
    CHECK(!beat(&m, RD_KAFKA_RESP_ERR__TIMED_OUT));
    CHECK(beat(&m, RD_KAFKA_RESP_ERR__TRANSPORT));
}
