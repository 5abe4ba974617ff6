/* SPDX-License-Identifier: MIT
 *
 * Tests of src/base/clock.c.
 */
#include <limits.h>

#include "base/internal.h"
#include "dk_test.h"

DK_TEST(clock_runs_forward)
{
    int64_t a = dk__now_ms();

    CHECK(a > 0);
    WAIT_UNTIL(dk__now_ms() > a, 1000);
}

DK_TEST(clock_no_deadline)
{
    CHECK_EQ(dk__deadline_ms(-1), -1);
    CHECK_EQ(dk__deadline_ms(INT_MIN), -1);
    CHECK_EQ(dk__left_ms(-1, -1), -1);
    CHECK_EQ(dk__left_ms(-1, 0), 0);
    CHECK_EQ(dk__left_ms(-1, 100), 100);
}

DK_TEST(clock_deadline_passed)
{
    CHECK_EQ(dk__left_ms(dk__now_ms() - 5, -1), 0);
    CHECK_EQ(dk__left_ms(dk__now_ms() - 5, 100), 0);
    CHECK_EQ(dk__left_ms(dk__deadline_ms(0), 100), 0);
}

DK_TEST(clock_slices)
{
    int64_t deadline = dk__deadline_ms(10000);
    int left = dk__left_ms(deadline, -1);

    CHECK(left > 5000 && left <= 10000);
    CHECK_EQ(dk__left_ms(deadline, 100), 100);
    CHECK_EQ(dk__left_ms(deadline, 0), 0);
}

DK_TEST(clock_far_deadline)
{
    CHECK_EQ(dk__left_ms(INT64_MAX, -1), INT_MAX);
    CHECK(dk__left_ms(dk__deadline_ms(INT_MAX), -1) > INT_MAX - 5000);
}
