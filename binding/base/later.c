/* SPDX-License-Identifier: MIT
 *
 * Freeing on a thread of its own.
 */
#include <pthread.h>
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

/* Closing a client joins its threads, which a dealloc must not wait for. */
void
native_free_later(void (*fn)(void *), void *arg)
{
    later *job = PyMem_RawMalloc(sizeof *job);
    sigset_t all, old;
    pthread_t thread;
    int rc = -1;

    if (job != NULL) {
        *job = (later){.fn = fn, .arg = arg};
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        rc = pthread_create(&thread, NULL, run_later, job);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    if (rc == 0) {
        pthread_detach(thread);
        return;
    }
    PyMem_RawFree(job);
    fn(arg);
}
