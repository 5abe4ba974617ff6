/* SPDX-License-Identifier: MIT
 *
 * The handle: who may enter, who has a reference, waiting on it.
 */
#include "kafka/consumer/handle.h"

dk_status
dk__consumer_enter(const dk_consumer *c, dk_error *err)
{
    if (dk__forked(c->fork_generation))
        return dk__error_set(err, DK_EFORKED,
                             "this consumer was made before fork(); make a new one in the child process");
    if (atomic_load_explicit(&c->closed, memory_order_acquire))
        return dk__error_set(err, DK_ECLOSED, "the consumer is closed");
    dk__error_clear(err);
    return DK_OK;
}

void
dk__consumer_ref(dk_consumer *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void
dk__consumer_unref(dk_consumer *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        c->destroy(c);
}

void
dk__consumer_yield(dk_consumer *c)
{
    rd_kafka_queue_yield(c->queue);
}

bool
dk__consumer_wait(dk_consumer *c, int64_t deadline_ms)
{
    return dk__cond_wait(&c->changed, &c->lock, deadline_ms);
}

bool
dk__consumer_ends(const dk_consumer *c)
{
    return c->closing || c->quit;
}

void
dk_consumer_stop(dk_consumer *c)
{
    if (dk__forked(c->fork_generation))
        return;
    atomic_store(&c->stopping, true);
    dk__wake_raise(&c->wake);
}

bool
dk_consumer_stopping(const dk_consumer *c)
{
    return atomic_load(&c->stopping);
}

void
dk_consumer_wake(dk_consumer *c)
{
    if (dk__forked(c->fork_generation))
        return;
    atomic_store(&c->woken, true);
    dk__wake_raise(&c->wake);
}

static bool
is_rebalance(const dk_event *ev)
{
    dk_event_kind kind = dk_event_kind_of(ev);

    return kind == DK_EVENT_ASSIGN || kind == DK_EVENT_REVOKE || kind == DK_EVENT_LOST;
}

dk_event *
dk_consumer_event(dk_consumer *c)
{
    dk_event *ev = dk__forked(c->fork_generation) ? NULL : dk__events_take(c->events);

    if (ev != NULL && is_rebalance(ev)) {
        pthread_mutex_lock(&c->lock);
        c->taken++;
        pthread_mutex_unlock(&c->lock);
    }
    return ev;
}
