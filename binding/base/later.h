/* SPDX-License-Identifier: MIT
 *
 * Threads, and work that a dealloc must not wait for.
 */
#ifndef DK_BINDING_BASE_LATER_H
#define DK_BINDING_BASE_LATER_H

/* fn(arg) on a thread of its own, with all signals blocked. -1: there can be none, and no exception is set. */
int native_thread_start(void *(*fn)(void *), void *arg);

/* fn(arg) on a thread of its own, or here if there can be none. Without the GIL: fn must not touch Python. */
void native_free_later(void (*fn)(void *), void *arg);

#endif
