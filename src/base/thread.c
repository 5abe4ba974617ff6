/* SPDX-License-Identifier: MIT
 *
 * Threads of the engine.
 */
#include <pthread.h>
#include <signal.h>

#include "base/internal.h"

dk_status
dk__thread_start(pthread_t *out, void *(*fn)(void *arg), void *arg, const char *whose, dk_error *err)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(out, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return dk__error_set(err, DK_ENOMEM, "the %s's thread could not be started (error %d)", whose, rc);
    return DK_OK;
}
