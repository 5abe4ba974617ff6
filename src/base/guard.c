/* SPDX-License-Identifier: MIT
 *
 * The fork generation: a number that the child of a fork() finds changed. librdkafka's threads do not exist in the
 * child, so a handle made before the fork must be refused there instead of hanging.
 *
 * These two are the engine's only mutable globals (besides the table of rdk.c in the extension build).
 */
#include <pthread.h>
#include <unistd.h>

#include "base/internal.h"

/* 0 means that no fork handler could be registered: the process id is the generation then. */
static atomic_uint fork_generation = 1;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void
on_fork_child(void)
{
    if (atomic_fetch_add_explicit(&fork_generation, 1, memory_order_relaxed) + 1 == 0)
        atomic_store_explicit(&fork_generation, 1, memory_order_relaxed); /* wrapped round */
}

static void
register_handler(void)
{
    if (pthread_atfork(NULL, NULL, on_fork_child) != 0)
        atomic_store_explicit(&fork_generation, 0, memory_order_relaxed);
}

static unsigned
current(void)
{
    unsigned generation = atomic_load_explicit(&fork_generation, memory_order_relaxed);

    return generation != 0 ? generation : (unsigned)getpid();
}

unsigned
dk__fork_generation(void)
{
    pthread_once(&fork_once, register_handler);
    return current();
}

/* The handler was registered when the generation was asked for; so this is a load and a comparison. */
bool
dk__forked(unsigned generation)
{
    return generation != current();
}
