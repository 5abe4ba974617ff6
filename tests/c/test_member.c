/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/member.c: stories of heartbeats that were lost, told look by look.
 */
#include "dk_test.h"
#include "kafka/consumer/handle.h"

typedef struct story {
    dk__member m;
    int64_t now_ms;
    int rejoins;
} story;

/* Look every 250 ms for so long. `lost`: a heartbeat has timed out just before the first look. */
static void
look(story *s, int32_t epoch, bool lost, int64_t ms)
{
    for (int64_t end = s->now_ms + ms; s->now_ms < end; s->now_ms += 250, lost = false)
        s->rejoins += dk__member_missed(&s->m, epoch, lost, s->now_ms);
}

static story
joined(int32_t epoch)
{
    story s = {.now_ms = 1000};

    look(&s, 0, false, 1000);
    s.m.epoch_told = epoch;
    look(&s, epoch, false, 5000);
    return s;
}

DK_TEST(member_without_losses_never_rejoins)
{
    story s = joined(3);

    for (int32_t epoch = 4; epoch < 50; epoch++) /* others come and go, its own partitions stay */
        look(&s, epoch, false, 2000);
    CHECK_EQ(s.rejoins, 0);
}

DK_TEST(member_that_was_not_told_rejoins_once)
{
    story s = joined(3);

    look(&s, 3, true, 1000);
    look(&s, 5, false, 2500);
    CHECK_EQ(s.rejoins, 0); /* it may yet come */
    look(&s, 5, false, 60000);
    CHECK_EQ(s.rejoins, 1);
}

DK_TEST(member_sees_loss_and_epoch_in_one_look)
{
    story s = joined(3);

    look(&s, 4, true, 10000);
    CHECK_EQ(s.rejoins, 1);
}

DK_TEST(member_that_is_told_stays)
{
    story s = joined(3);

    look(&s, 3, true, 1000);
    look(&s, 4, false, 1000);
    s.m.epoch_told = 4; /* the assignment comes a little later */
    look(&s, 4, false, 60000);
    CHECK_EQ(s.rejoins, 0);
    look(&s, 4, true, 500);
    s.m.epoch_told = 5; /* with the epoch */
    look(&s, 5, false, 60000);
    CHECK_EQ(s.rejoins, 0);
}

/* What was told before the epoch moved says nothing of what came with it. */
DK_TEST(member_told_of_something_older_rejoins)
{
    story s = joined(3);

    look(&s, 3, true, 500);
    s.m.epoch_told = 3;
    look(&s, 4, false, 10000);
    CHECK_EQ(s.rejoins, 1);
}

DK_TEST(member_that_lost_nothing_of_weight_stays)
{
    story s = joined(3);

    look(&s, 3, true, 40000);  /* the epoch did not move */
    look(&s, 4, false, 10000); /* much later it does */
    CHECK_EQ(s.rejoins, 0);
}

DK_TEST(member_that_was_fenced_rejoins_by_itself)
{
    story s = joined(3);

    look(&s, 3, true, 1000);
    look(&s, 0, false, 1000);
    look(&s, 7, false, 10000);
    CHECK_EQ(s.rejoins, 0);
}

DK_TEST(member_does_not_rejoin_all_the_time)
{
    story s = joined(3);

    for (int32_t epoch = 4; epoch < 24; epoch++) /* 20 losses, 100 seconds */
        look(&s, epoch, true, 5000);
    CHECK(s.rejoins >= 5 && s.rejoins <= 10);
}
