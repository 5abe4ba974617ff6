/* SPDX-License-Identifier: MIT
 *
 * Threads, and work that a dealloc must not wait for.
 */
#ifndef DK_BINDING_BASE_LATER_H
#define DK_BINDING_BASE_LATER_H

#include <pthread.h>

/* fn(arg) on a thread of its own, with all signals blocked. -1: there can be none, and no exception is set. Who
 * begins a thread joins it, one that is started is detached. */
int native_thread_begin(pthread_t *out, void *(*fn)(void *), void *arg);
int native_thread_start(void *(*fn)(void *), void *arg);

/* fn(arg) on a thread of its own, or here if there can be none. Without the GIL: fn must not touch Python. */
void native_free_later(void (*fn)(void *), void *arg);

#endif
