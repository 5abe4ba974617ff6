/* SPDX-License-Identifier: MIT
 *
 * Tests of src/base/guard.c.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/internal.h"
#include "dk_test.h"

static int
exit_code_of(pid_t pid)
{
    int status = -1;

    CHECK(pid > 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

DK_TEST(guard_same_process)
{
    unsigned generation = dk__fork_generation();

    CHECK_EQ(dk__fork_generation(), generation);
    CHECK(!dk__forked(generation));
}

DK_TEST(guard_child_sees_it)
{
    unsigned generation = dk__fork_generation();
    pid_t pid = fork();

    if (pid == 0)
        exit(dk__forked(generation) && !dk__forked(dk__fork_generation()) ? 0 : 1);
    CHECK_EQ(exit_code_of(pid), 0);
    CHECK(!dk__forked(generation)); /* the parent goes on */
}

DK_TEST(guard_grandchild_sees_both)
{
    unsigned generation = dk__fork_generation();
    pid_t pid = fork();

    if (pid == 0) {
        unsigned mine = dk__fork_generation();
        pid_t inner = fork();

        if (inner == 0)
            exit(dk__forked(generation) && dk__forked(mine) ? 0 : 1);
        exit(exit_code_of(inner) == 0 && !dk__forked(mine) && dk__forked(generation) ? 0 : 1);
    }
    CHECK_EQ(exit_code_of(pid), 0);
}

static void *
ask(void *arg)
{
    unsigned *out = arg;

    *out = dk__fork_generation();
    return NULL;
}

DK_TEST(guard_threads_agree)
{
    pthread_t threads[8];
    unsigned seen[8];
    int i;

    for (i = 0; i < 8; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, ask, &seen[i]), 0);
    for (i = 0; i < 8; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    for (i = 0; i < 8; i++)
        CHECK_EQ(seen[i], dk__fork_generation());
}
