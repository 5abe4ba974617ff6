/* SPDX-License-Identifier: MIT
 *
 * Monotonic time in milliseconds, and deadlines cut into timeouts for poll(2).
 */
#include <limits.h>
#include <time.h>

#include "base/internal.h"

int64_t
dk__now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail: the clock exists and ts is ours */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int
dk__left_ms(int64_t deadline_ms, int slice_ms)
{
    int64_t left;

    if (deadline_ms < 0)
        return slice_ms >= 0 ? slice_ms : -1;
    left = deadline_ms - dk__now_ms();
    if (left < 0)
        left = 0;
    if (slice_ms >= 0 && left > slice_ms)
        left = slice_ms;
    return left > INT_MAX ? INT_MAX : (int)left;
}

int64_t
dk__deadline_ms(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : dk__now_ms() + timeout_ms;
}
