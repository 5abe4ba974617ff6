/* SPDX-License-Identifier: MIT
 *
 * Tests of src/base/thread.c.
 */
#include <signal.h>

#include "base/internal.h"
#include "dk_test.h"

static void *
look_at_signals(void *arg)
{
    sigset_t *mask = arg;

    pthread_sigmask(SIG_SETMASK, NULL, mask);
    return mask;
}

DK_TEST(thread_blocks_all_signals)
{
    sigset_t mask, before, after;
    pthread_t thread;
    void *result;
    dk_error err;

    sigemptyset(&mask);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    CHECK_OK_ERR(dk__thread_start(&thread, look_at_signals, &mask, "test", &err), &err);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == &mask);
    CHECK(sigismember(&mask, SIGINT) && sigismember(&mask, SIGTERM) && sigismember(&mask, SIGALRM));
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    CHECK_EQ(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}
