/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/client/wake.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dk_test.h"
#include "kafka/client/internal.h"

DK_TEST(wake_raise_before_wait)
{
    dk__wake w;

    CHECK_OK(dk__wake_init(&w, NULL));
    CHECK(!dk__wake_wait(&w, 0));
    dk__wake_raise(&w);
    dk__wake_raise(&w); /* once is enough */
    CHECK(dk__wake_wait(&w, -1));
    CHECK(!dk__wake_wait(&w, 0)); /* waiting lowers it */
    dk__wake_raise(&w);
    CHECK(dk__wake_wait(&w, 0));
    dk__wake_fini(&w);
    dk__wake_fini(&w); /* twice is fine */
}

DK_TEST(wake_times_out)
{
    int64_t begin = dk__now_ms();
    dk__wake w;

    CHECK_OK(dk__wake_init(&w, NULL));
    CHECK(!dk__wake_wait(&w, 30));
    CHECK(dk__now_ms() - begin >= 29);
    dk__wake_fini(&w);
}

/* A byte that an earlier raise left in the pipe neither counts as a raise nor ends the wait too early. */
DK_TEST(wake_stale_byte)
{
    int64_t begin = dk__now_ms();
    dk__wake w;

    CHECK_OK(dk__wake_init(&w, NULL));
    CHECK_EQ(write(w.fd[1], "", 1), 1);
    CHECK(!dk__wake_wait(&w, 30));
    CHECK(dk__now_ms() - begin >= 29);
    dk__wake_fini(&w);
}

DK_TEST(wake_keeps_errno)
{
    dk__wake w;

    CHECK_OK(dk__wake_init(&w, NULL));
    errno = ENOTTY;
    dk__wake_raise(&w);
    CHECK_EQ(errno, ENOTTY);
    dk__wake_fini(&w);
}

DK_TEST(wake_is_closed_on_exec)
{
    dk__wake w;
    int i;

    CHECK_OK(dk__wake_init(&w, NULL));
    for (i = 0; i < 2; i++) {
        CHECK(fcntl(w.fd[i], F_GETFD) & FD_CLOEXEC);
        CHECK(fcntl(w.fd[i], F_GETFL) & O_NONBLOCK);
    }
    dk__wake_fini(&w);
}

DK_TEST(wake_too_many_files)
{
    struct rlimit before, none;
    dk_error err;
    dk__wake w;

    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){3, before.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_STATUS(dk__wake_init(&w, &err), DK_ESTATE);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_CONTAINS(err.text, "too many open files");
    dk__wake_fini(&w);
}

static void *
raise_once(void *arg)
{
    dk__wake_raise(arg);
    return NULL;
}

DK_TEST(wake_from_another_thread)
{
    pthread_t thread;
    dk__wake w;

    CHECK_OK(dk__wake_init(&w, NULL));
    CHECK_EQ(pthread_create(&thread, NULL, raise_once, &w), 0);
    CHECK(dk__wake_wait(&w, -1));
    CHECK_EQ(pthread_join(thread, NULL), 0);
    dk__wake_fini(&w);
}

/* ---- signals --------------------------------------------------------------------------------------------------- */

static dk__wake *raised_by_handler;

static void
do_nothing(int sig)
{
    (void)sig;
}

static void
raise_it(int sig)
{
    (void)sig;
    dk__wake_raise(raised_by_handler);
}

typedef struct pest {
    pthread_t victim;
    atomic_bool enough;
} pest;

/* Signals until told to stop: one that comes before poll(2) is entered does not end it. */
static void *
pester(void *arg)
{
    pest *p = arg;

    while (!atomic_load(&p->enough)) {
        pthread_kill(p->victim, SIGUSR1);
        dk_test_pause_ms(1);
    }
    return NULL;
}

static bool
wait_under_signals(dk__wake *w, void (*handler)(int))
{
    struct sigaction sa = {.sa_handler = handler};
    pest p = {.victim = pthread_self()};
    pthread_t thread;
    bool raised;

    CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
    CHECK_EQ(pthread_create(&thread, NULL, pester, &p), 0);
    raised = dk__wake_wait(w, -1);
    atomic_store(&p.enough, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return raised;
}

DK_TEST(wake_signal_interrupts)
{
    dk__wake w;

    CHECK_OK(dk__wake_init(&w, NULL));
    CHECK(!wait_under_signals(&w, do_nothing));
    dk__wake_fini(&w);
}

DK_TEST(wake_raised_by_a_signal_handler)
{
    dk__wake w;
    int i;

    CHECK_OK(dk__wake_init(&w, NULL));
    raised_by_handler = &w;
    for (i = 0; i < 20; i++) /* a signal in the middle of poll(2) interrupts it and leaves the flag up */
        CHECK(wait_under_signals(&w, raise_it) || dk__wake_wait(&w, 0));
    dk__wake_fini(&w);
}

/* ---- many raisers ---------------------------------------------------------------------------------------------- */

enum { RAISERS = 4, ROUNDS = 20000 };

typedef struct crowd {
    dk__wake wake;
    atomic_int produced;
} crowd;

static void *
produce(void *arg)
{
    crowd *c = arg;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&c->produced, 1);
        dk__wake_raise(&c->wake);
    }
    return NULL;
}

/* Whoever looks after each wake-up sees everything: a lost one would leave it waiting for ever. */
DK_TEST(wake_none_is_lost)
{
    pthread_t threads[RAISERS];
    crowd c = {.produced = 0};
    int i, seen = 0;

    CHECK_OK(dk__wake_init(&c.wake, NULL));
    for (i = 0; i < RAISERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, produce, &c), 0);
    while (seen < RAISERS * ROUNDS) {
        CHECK(dk__wake_wait(&c.wake, 20000));
        seen = atomic_load(&c.produced);
    }
    for (i = 0; i < RAISERS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    dk__wake_fini(&c.wake);
}

/* Two threads that wake each other in turn: every single hand-over has to arrive. */
typedef struct table {
    dk__wake ball[2];
} table;

static void *
return_balls(void *arg)
{
    table *t = arg;
    int i;

    for (i = 0; i < ROUNDS / 4; i++) {
        CHECK(dk__wake_wait(&t->ball[0], 20000));
        dk__wake_raise(&t->ball[1]);
    }
    return NULL;
}

DK_TEST(wake_ping_pong)
{
    pthread_t thread;
    table t;
    int i;

    CHECK_OK(dk__wake_init(&t.ball[0], NULL));
    CHECK_OK(dk__wake_init(&t.ball[1], NULL));
    CHECK_EQ(pthread_create(&thread, NULL, return_balls, &t), 0);
    for (i = 0; i < ROUNDS / 4; i++) {
        dk__wake_raise(&t.ball[0]);
        CHECK(dk__wake_wait(&t.ball[1], 20000));
    }
    CHECK_EQ(pthread_join(thread, NULL), 0);
    dk__wake_fini(&t.ball[0]);
    dk__wake_fini(&t.ball[1]);
}
