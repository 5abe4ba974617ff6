/* SPDX-License-Identifier: MIT
 *
 * Settings of the sanitizers, so that a finding ends the test even where nobody set the environment; and what
 * ThreadSanitizer needs to follow librdkafka, which is built without it.
 */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#endif

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);

const char *
__asan_default_options(void)
{
    return "detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1";
}

const char *
__ubsan_default_options(void)
{
    return "halt_on_error=1:print_stacktrace=1";
}

const char *
__tsan_default_options(void)
{
    return "halt_on_error=1:second_deadlock_stack=1:history_size=4";
}

/* librdkafka's own loads and stores are not seen, so its atomics order nothing for TSan: what it copies, frees, locks
 * and destroys by itself would look like a race. Our code under its callbacks is not suppressed. */
const char *
__tsan_default_suppressions(void)
{
    return "called_from_lib:librdkafka.so\n"    /* the system's */
           "called_from_lib:librdkafka-*.so.\n" /* that of a wheel; a pattern may fit one library only */
           "race_top:librdkafka\n"
           "race_top:pthread_mutex_init\n"
           "race_top:pthread_mutex_lock\n"
           "race_top:pthread_mutex_destroy\n"
           "deadlock:librdkafka\n"
           "mutex:librdkafka\n"
           "thread:librdkafka\n"
           "signal:librdkafka\n";
}

/* TSan follows pthread_...() but not C11's threads, which packaged librdkafkas use. In glibc and musl a mtx_t is a
 * pthread_mutex_t with another name, and so on: so under TSan the calls are led over to what it follows. */
#ifdef UNDER_TSAN
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t),
               "C11 threads are not made of POSIX threads here");

typedef struct starter {
    thrd_start_t run;
    void *arg;
} starter;

static void *
start(void *p)
{
    starter s = *(starter *)p;

    free(p);
    return (void *)(intptr_t)s.run(s.arg);
}

int
thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    starter *s = malloc(sizeof *s);

    if (s == NULL)
        return thrd_nomem;
    *s = (starter){run, arg};
    if (pthread_create((pthread_t *)thread, NULL, start, s) == 0)
        return thrd_success;
    free(s);
    return thrd_error;
}

int
thrd_join(thrd_t thread, int *result)
{
    void *value;

    if (pthread_join((pthread_t)thread, &value) != 0)
        return thrd_error;
    if (result != NULL)
        *result = (int)(intptr_t)value;
    return thrd_success;
}

int
mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attr;
    int rc;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    rc = pthread_mutex_init((pthread_mutex_t *)mutex, &attr);
    pthread_mutexattr_destroy(&attr);
    return rc == 0 ? thrd_success : thrd_error;
}

void
mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int
mtx_lock(mtx_t *mutex)
{
    return pthread_mutex_lock((pthread_mutex_t *)mutex) == 0 ? thrd_success : thrd_error;
}

int
mtx_trylock(mtx_t *mutex)
{
    int rc = pthread_mutex_trylock((pthread_mutex_t *)mutex);

    return rc == 0 ? thrd_success : rc == EBUSY ? thrd_busy : thrd_error;
}

int
mtx_unlock(mtx_t *mutex)
{
    return pthread_mutex_unlock((pthread_mutex_t *)mutex) == 0 ? thrd_success : thrd_error;
}

int
cnd_init(cnd_t *cond)
{
    return pthread_cond_init((pthread_cond_t *)cond, NULL) == 0 ? thrd_success : thrd_error;
}

void
cnd_destroy(cnd_t *cond)
{
    pthread_cond_destroy((pthread_cond_t *)cond);
}

int
cnd_signal(cnd_t *cond)
{
    return pthread_cond_signal((pthread_cond_t *)cond) == 0 ? thrd_success : thrd_error;
}

int
cnd_broadcast(cnd_t *cond)
{
    return pthread_cond_broadcast((pthread_cond_t *)cond) == 0 ? thrd_success : thrd_error;
}

int
cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    return pthread_cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex) == 0 ? thrd_success : thrd_error;
}

int
cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    int rc = pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until);

    return rc == 0 ? thrd_success : rc == ETIMEDOUT ? thrd_timedout : thrd_error;
}
#endif
