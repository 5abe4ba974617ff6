/* SPDX-License-Identifier: MIT
 *
 * Tests of src/base/cond.c.
 */
#include "base/internal.h"
#include "dk_test.h"

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool set;
} flag;

static void *
set_flag(void *arg)
{
    flag *f = arg;

    pthread_mutex_lock(&f->lock);
    f->set = true;
    pthread_cond_signal(&f->cond);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void
init_flag(flag *f)
{
    pthread_mutex_init(&f->lock, NULL);
    dk__cond_init(&f->cond);
    f->set = false;
}

static void
destroy_flag(flag *f)
{
    pthread_cond_destroy(&f->cond);
    pthread_mutex_destroy(&f->lock);
}

DK_TEST(cond_wait_ends_at_the_deadline_and_not_before)
{
    flag f;
    int64_t deadline = dk__now_ms() + 20;

    init_flag(&f);
    pthread_mutex_lock(&f.lock);
    while (dk__cond_wait(&f.cond, &f.lock, deadline))
        ;
    pthread_mutex_unlock(&f.lock);
    CHECK(dk__now_ms() >= deadline);
    destroy_flag(&f);
}

DK_TEST(cond_wait_with_a_deadline_that_is_over_returns)
{
    flag f;

    init_flag(&f);
    pthread_mutex_lock(&f.lock);
    CHECK(!dk__cond_wait(&f.cond, &f.lock, 0));
    CHECK(!dk__cond_wait(&f.cond, &f.lock, dk__now_ms()));
    pthread_mutex_unlock(&f.lock);
    destroy_flag(&f);
}

DK_TEST(cond_wait_ends_when_it_is_signalled)
{
    const int64_t deadlines[] = {-1, dk__now_ms() + 60000};

    for (size_t i = 0; i < sizeof deadlines / sizeof deadlines[0]; i++) {
        flag f;
        pthread_t thread;

        init_flag(&f);
        pthread_mutex_lock(&f.lock);
        CHECK(pthread_create(&thread, NULL, set_flag, &f) == 0);
        while (!f.set)
            CHECK(dk__cond_wait(&f.cond, &f.lock, deadlines[i]));
        pthread_mutex_unlock(&f.lock);
        pthread_join(thread, NULL);
        destroy_flag(&f);
    }
}
