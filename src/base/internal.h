/* SPDX-License-Identifier: MIT
 *
 * What the files of src share: allocation helpers, error setting, clock, fork guard.
 */
#ifndef DK_BASE_INTERNAL_H
#define DK_BASE_INTERNAL_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "dk/base.h"

/* alloc.c - NULL means libc; sizes are checked for overflow. */
const dk_alloc *dk__alloc_or_libc(const dk_alloc *a);
void *dk__malloc(const dk_alloc *a, size_t n);
void *dk__calloc(const dk_alloc *a, size_t count, size_t size);
void *dk__realloc(const dk_alloc *a, void *p, size_t count, size_t size); /* p is untouched on failure */
void dk__free(const dk_alloc *a, const void *p);
char *dk__strdup(const dk_alloc *a, const char *s);
char *dk__strndup(const dk_alloc *a, const char *s, size_t n); /* n bytes without NUL in them */

/* error.c - fill *err (may be NULL) and return st. dk__error_clear() makes it DK_OK with empty texts. */
dk_status dk__error_set(dk_error *err, dk_status st, const char *fmt, ...) DK_PRINTF(3, 4);
void dk__error_clear(dk_error *err);

/* clock.c - monotonic milliseconds. */
int64_t dk__now_ms(void);
/* What is left of a deadline (-1: none) as a timeout for poll(2): -1, or >= 0, at most slice_ms if slice_ms >= 0. */
int dk__left_ms(int64_t deadline_ms, int slice_ms);
int64_t dk__deadline_ms(int timeout_ms); /* -1 for ever */

/* cond.c - conditions whose waits end by that clock. */
void dk__cond_init(pthread_cond_t *cond);
/* Wait, with the lock held, until signalled (or by chance) or the deadline (-1: none). Returns false at the deadline.
 */
bool dk__cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ms);

/* guard.c - fork generation. A handle remembers dk__fork_generation() at birth; dk__forked() says whether this
 * process is a fork of the one that made it. */
unsigned dk__fork_generation(void);
bool dk__forked(unsigned generation);

/* topic_name.c - letters, digits, dots, underscores and dashes, at most so many, and not "." or "..". NULL is none.
 */
#define DK__TOPIC_NAME_MAX 249
bool dk__is_topic_char(char c);
bool dk__is_topic_name(const char *name);

/* thread.c - a thread that runs fn(arg) with all signals blocked: signals are for the threads of the application.
 * `whose` is for the error's text. DK_ENOMEM if there can be none. */
DK_MUST_CHECK dk_status dk__thread_start(pthread_t *out, void *(*fn)(void *arg), void *arg, const char *whose,
                                         dk_error *err);

#endif
