/* SPDX-License-Identifier: MIT
 *
 * Waiting on a condition by the monotonic clock, so that a step of the wall clock moves no deadline.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/internal.h"

#ifdef __APPLE__

/* A condition has no clock to choose there, but can be waited on for a time. */
void
dk__cond_init(pthread_cond_t *cond)
{
    pthread_cond_init(cond, NULL);
}

static int
wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ms)
{
    int left = dk__left_ms(deadline_ms, -1);
    struct timespec span = {.tv_sec = left / 1000, .tv_nsec = (long)(left % 1000) * 1000000};

    return pthread_cond_timedwait_relative_np(cond, lock, &span);
}

#else

void
dk__cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

static int
wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ms)
{
    struct timespec at = {.tv_sec = deadline_ms / 1000, .tv_nsec = (deadline_ms % 1000) * 1000000};

    return pthread_cond_timedwait(cond, lock, &at);
}

#endif

bool
dk__cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ms)
{
    if (deadline_ms < 0)
        return pthread_cond_wait(cond, lock) == 0;
    return wait_until(cond, lock, deadline_ms) != ETIMEDOUT;
}
