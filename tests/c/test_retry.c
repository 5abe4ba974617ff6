/* SPDX-License-Identifier: MIT
 *
 * Tests of src/engine/retry.c.
 */
#include <math.h>
#include <stdlib.h>

#include "base/internal.h"
#include "dk/retry.h"
#include "dk_test.h"

static dk_retry_policy
policy(int32_t max_retries, int64_t delay_ms, bool backoff)
{
    dk_retry_policy p;

    dk_retry_policy_init(&p);
    p.max_retries = max_retries;
    p.delay_ms = delay_ms;
    p.backoff = backoff;
    return p;
}

/* ---- the policy ------------------------------------------------------------------------------------------------ */

DK_TEST(retry_policy_default)
{
    dk_retry_policy p;

    dk_retry_policy_init(&p);
    CHECK_OK(dk_retry_policy_check(&p, NULL));
    CHECK(dk_retry_exceeded(&p, 1));
}

static void
check_refused(dk_retry_policy p, const char *text)
{
    dk_error err;

    CHECK_STATUS(dk_retry_policy_check(&p, &err), DK_ECONFIG);
    CHECK_STR(err.text, text);
}

DK_TEST(retry_policy_refused)
{
    dk_retry_policy p;
    dk_error err;

    check_refused(policy(-2, 1, false), "max_retries must be greater than -1");
    check_refused(policy(1, 0, false), "delay must be greater than zero");
    check_refused(policy(1, -5, false), "delay must be greater than zero");
    p = policy(1, 1000, true);
    p.max_delay_ms = 999;
    check_refused(p, "max_delay must not be less than delay");
    p.max_delay_ms = 1000;
    CHECK_OK(dk_retry_policy_check(&p, &err));
    p.jitter = 1.01;
    check_refused(p, "jitter must be between 0 and 1");
    p.jitter = -0.01;
    check_refused(p, "jitter must be between 0 and 1");
    p.jitter = (double)NAN;
    check_refused(p, "jitter must be between 0 and 1");
    p.jitter = 1;
    CHECK_OK(dk_retry_policy_check(&p, &err));
    p.size = 3;
    CHECK_STATUS(dk_retry_policy_check(&p, &err), DK_EINVAL);
    CHECK_STATUS(dk_retry_policy_check(NULL, &err), DK_EINVAL);
}

DK_TEST(retry_counts_tries)
{
    dk_retry_policy p = policy(3, 1, false);

    CHECK(!dk_retry_exceeded(&p, 1));
    CHECK(!dk_retry_exceeded(&p, 3));
    CHECK(dk_retry_exceeded(&p, 4));
    p.max_retries = 0;
    CHECK(dk_retry_exceeded(&p, 1));
    p.max_retries = -1;
    CHECK(!dk_retry_exceeded(&p, INT32_MAX));
}

/* ---- delays ---------------------------------------------------------------------------------------------------- */

DK_TEST(retry_delay_plain)
{
    dk_retry_policy p = policy(-1, 1500, false);
    int i;

    for (i = 1; i < 100; i++)
        CHECK_EQ(dk_retry_delay_ms(&p, i, 7), 1500);
}

DK_TEST(retry_delay_doubles)
{
    dk_retry_policy p = policy(-1, 1500, true);

    CHECK_EQ(dk_retry_delay_ms(&p, 1, 0), 1500);
    CHECK_EQ(dk_retry_delay_ms(&p, 2, 0), 3000);
    CHECK_EQ(dk_retry_delay_ms(&p, 5, 0), 24000);
    p.max_delay_ms = 20000;
    CHECK_EQ(dk_retry_delay_ms(&p, 4, 0), 12000);
    CHECK_EQ(dk_retry_delay_ms(&p, 5, 0), 20000);
    CHECK_EQ(dk_retry_delay_ms(&p, 1000000, 0), 20000);
}

DK_TEST(retry_delay_does_not_overflow)
{
    dk_retry_policy p = policy(-1, INT64_MAX, true);

    CHECK_EQ(dk_retry_delay_ms(&p, 1, 0), DK_RETRY_DELAY_MAX_MS);
    CHECK_EQ(dk_retry_delay_ms(&p, INT32_MAX, 0), DK_RETRY_DELAY_MAX_MS);
    p.delay_ms = 1;
    CHECK_EQ(dk_retry_delay_ms(&p, INT32_MAX, 0), DK_RETRY_DELAY_MAX_MS);
    p.max_delay_ms = INT64_MAX;
    CHECK_EQ(dk_retry_delay_ms(&p, INT32_MAX, 0), DK_RETRY_DELAY_MAX_MS);
    p.jitter = 1;
    CHECK(dk_retry_delay_ms(&p, INT32_MAX, 0) <= DK_RETRY_DELAY_MAX_MS);
}

/* The jitter stays in its share, spreads over all of it, and is the same for the same message and attempt. */
DK_TEST(retry_jitter)
{
    dk_retry_policy p = policy(-1, 10000, false);
    int64_t d, least = INT64_MAX, most = 0, sum = 0;
    uint64_t rnd = dk_test_seed(), seed;
    int i;

    p.jitter = 0.2;
    for (i = 0; i < 20000; i++) {
        seed = dk_test_random(&rnd);
        d = dk_retry_delay_ms(&p, 1 + i % 5, seed);
        CHECK(d >= 8000 && d <= 12000);
        CHECK_EQ(dk_retry_delay_ms(&p, 1 + i % 5, seed), d);
        least = d < least ? d : least;
        most = d > most ? d : most;
        sum += d;
    }
    CHECK(least < 8050 && most > 11950);
    CHECK(llabs(sum / 20000 - 10000) < 50);
    p.max_delay_ms = 10000; /* the cap holds with jitter too */
    for (i = 0; i < 1000; i++)
        CHECK(dk_retry_delay_ms(&p, 1, (uint64_t)i) <= 10000);
    p = policy(-1, 1, false);
    p.jitter = 1;
    for (i = 0; i < 1000; i++)
        CHECK(dk_retry_delay_ms(&p, 1, (uint64_t)i) >= 1);
}

/* ---- state ----------------------------------------------------------------------------------------------------- */

DK_TEST(retry_failed_until_exhausted)
{
    dk_retry_policy p = policy(2, 100, true);
    dk_retry_state s = {.offset = 9};

    CHECK(dk_retry_failed(&p, &s, 5000, 0));
    CHECK_EQ(s.attempt, 1);
    CHECK_EQ(s.due_ms, 5100);
    CHECK(dk_retry_failed(&p, &s, 5150, 0));
    CHECK_EQ(s.due_ms, 5350);
    CHECK(!dk_retry_failed(&p, &s, 6000, 0));
    CHECK_EQ(s.attempt, 3);
    CHECK_EQ(s.due_ms, 6000);
    CHECK_EQ(s.offset, 9);
}

DK_TEST(retry_failed_for_ever)
{
    dk_retry_policy p = policy(-1, 100, false);
    dk_retry_state s = {.attempt = INT32_MAX - 1};

    CHECK(dk_retry_failed(&p, &s, 0, 0));
    CHECK(dk_retry_failed(&p, &s, 0, 0));
    CHECK_EQ(s.attempt, INT32_MAX); /* stops counting rather than begin anew */
}

DK_TEST(retry_left)
{
    dk_retry_policy p = policy(-1, 1000, true);
    dk_retry_state s = {.attempt = 2, .due_ms = 10000};

    CHECK_EQ(dk_retry_left_ms(&p, &s, 9000), 1000);
    CHECK_EQ(dk_retry_left_ms(&p, &s, 10000), 0);
    CHECK_EQ(dk_retry_left_ms(&p, &s, 20000), 0);
    CHECK_EQ(dk_retry_left_ms(&p, &s, 1000), 2000); /* that clock was nine seconds off */
    s.due_ms = INT64_MAX;
    CHECK_EQ(dk_retry_left_ms(&p, &s, INT64_MIN), 2000);
    p.jitter = 0.5;
    CHECK_EQ(dk_retry_left_ms(&p, &s, 0), 3000);
    p.max_delay_ms = 2500;
    CHECK_EQ(dk_retry_left_ms(&p, &s, 0), 2500);
}

/* ---- the note -------------------------------------------------------------------------------------------------- */

static void
check_round_trip(dk_retry_state s)
{
    char buf[DK_RETRY_NOTE_SIZE];
    dk_retry_state back = {-1, -1, -1};
    size_t n = dk_retry_encode(&s, buf);

    CHECK_EQ(n, strlen(buf));
    CHECK(dk_retry_decode(buf, &back));
    CHECK_EQ(back.offset, s.offset);
    CHECK_EQ(back.attempt, s.attempt);
    CHECK_EQ(back.due_ms, s.due_ms);
}

DK_TEST(retry_note)
{
    dk_retry_state s = {.offset = 42, .attempt = 3, .due_ms = 1764000000123};
    char buf[DK_RETRY_NOTE_SIZE];
    uint64_t rnd = dk_test_seed();
    int i;

    CHECK_EQ(dk_retry_encode(&s, buf), 22);
    CHECK_STR(buf, "dk1:42:3:1764000000123");
    check_round_trip((dk_retry_state){0, 0, 0});
    check_round_trip((dk_retry_state){INT64_MAX, INT32_MAX, INT64_MAX});
    for (i = 0; i < 10000; i++)
        check_round_trip((dk_retry_state){(int64_t)(dk_test_random(&rnd) >> (1 + dk_test_below(&rnd, 62))),
                                          (int32_t)(dk_test_random(&rnd) >> (33 + dk_test_below(&rnd, 30))),
                                          (int64_t)(dk_test_random(&rnd) >> (1 + dk_test_below(&rnd, 62)))});
}

DK_TEST(retry_note_of_a_later_version)
{
    dk_retry_state s;

    CHECK(dk_retry_decode("dk1:1:2:3:more:\xFF", &s));
    CHECK_EQ(s.offset, 1);
    CHECK_EQ(s.attempt, 2);
    CHECK_EQ(s.due_ms, 3);
}

DK_TEST(retry_note_of_somebody_else)
{
    static const char *const texts[] = {"",
                                        "dk",
                                        "dk1",
                                        "dk1:",
                                        "dk1::",
                                        "dk1:1",
                                        "dk1:1:",
                                        "dk1:1:2",
                                        "dk1:1:2:",
                                        "dk1:1:2:x",
                                        "dk1:1:2:3x",
                                        "dk1:-1:2:3",
                                        "dk1:1:-2:3",
                                        "dk1:+1:2:3",
                                        "dk1: 1:2:3",
                                        "dk1:1:2:3 ",
                                        "dk2:1:2:3",
                                        "DK1:1:2:3",
                                        "{\"a\":1}",
                                        "dk1:9223372036854775808:2:3",
                                        "dk1:1:2147483648:3",
                                        "dk1:1:2:9223372036854775808",
                                        "dk1:99999999999999999999999:2:3",
                                        "some other client's note"};
    dk_retry_state s = {7, 8, 9};
    size_t i;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (dk_retry_decode(texts[i], &s))
            FAIL("\"%s\" was taken for a note", texts[i]);
    CHECK(!dk_retry_decode(NULL, &s));
    CHECK(s.offset == 7 && s.attempt == 8 && s.due_ms == 9);
}

/* Random damage never gives numbers that were not there: either it is refused or it reads as what it now says. */
DK_TEST(retry_note_damaged)
{
    uint64_t rnd = dk_test_seed();
    char buf[DK_RETRY_NOTE_SIZE];
    dk_retry_state s;
    size_t n;
    int i;

    for (i = 0; i < 100000; i++) {
        s = (dk_retry_state){dk_test_below(&rnd, 100000), (int32_t)dk_test_below(&rnd, 100),
                             dk_test_below(&rnd, 1u << 30)};
        n = dk_retry_encode(&s, buf);
        buf[dk_test_below(&rnd, (uint32_t)n)] = (char)(1 + dk_test_below(&rnd, 255));
        if (dk_retry_decode(buf, &s))
            CHECK(s.offset >= 0 && s.attempt >= 0 && s.due_ms >= 0);
    }
}
