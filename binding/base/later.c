/* SPDX-License-Identifier: MIT
 *
 * Threads, and freeing on one of its own.
 */
#include <signal.h>

#include "base/later.h"
#include "base/shims.h"

typedef struct later {
    void (*fn)(void *);
    void *arg;
} later;

static void *
run_later(void *arg)
{
    later job = *(later *)arg;

    PyMem_RawFree(arg);
    job.fn(job.arg);
    return NULL;
}

int
native_thread_begin(pthread_t *out, void *(*fn)(void *), void *arg)
{
    sigset_t all, old;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(out, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? 0 : -1;
}

int
native_thread_start(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    if (native_thread_begin(&thread, fn, arg) < 0)
        return -1;
    pthread_detach(thread);
    return 0;
}

/* Closing a client joins its threads, which a dealloc must not wait for. */
void
native_free_later(void (*fn)(void *), void *arg)
{
    later *job = PyMem_RawMalloc(sizeof *job);

    if (job != NULL) {
        *job = (later){.fn = fn, .arg = arg};
        if (native_thread_start(run_later, job) == 0)
            return;
    }
    PyMem_RawFree(job);
    fn(arg);
}
