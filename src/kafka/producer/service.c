/* SPDX-License-Identifier: MIT
 *
 * The producer's own thread: it serves librdkafka's main queue, counts delivery reports, resolves the tickets of
 * copies that were delivered and queues the reports that somebody waits for.
 */
#include <time.h>

#include "kafka/producer/internal.h"

#define RETRY_MS 10     /* between two tries to get memory for reports */
#define POLL_MS 1000    /* the thread is woken to quit; this is only its longest sleep */
#define GIVE_UP_MS 5000 /* how long freeing waits for the reports of what it has purged */

static void
reject_copies(const rd_kafka_message_t *const *msgs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dk__is_copy(msgs[i]->_private) && msgs[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            dk_ticket ticket = dk__copy_ticket(msgs[i]->_private);

            dk_ticket_reject(&ticket, 0);
        }
    }
}

/* Queue the reports somebody waits for. Without memory, wait for some: an opaque must come back. */
static void
queue_reports(dk_producer *p, const rd_kafka_message_t *const *msgs, size_t n)
{
    while (!dk__reports_push(p->events, msgs, n)) {
        if (atomic_load(&p->quit)) {
            reject_copies(msgs, n);
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    }
}

static size_t
serve_reports(dk_producer *p, rd_kafka_event_t *rkev)
{
    const rd_kafka_message_t *msgs[DK__MAX_REPORTS];
    size_t n, total = 0;

    while ((n = rd_kafka_event_message_array(rkev, msgs, DK__MAX_REPORTS)) > 0) {
        size_t failed = 0, wanted = 0, copies = 0;

        for (size_t i = 0; i < n; i++) {
            bool is_failed = msgs[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR, is_copy = dk__is_copy(msgs[i]->_private);

            failed += is_failed;
            copies += is_copy;
            if (is_copy && !is_failed)
                dk__copy_confirmed(msgs[i]->_private);
            else
                wanted += msgs[i]->_private != NULL;
        }
        atomic_fetch_add_explicit(&p->failed, failed, memory_order_relaxed);
        atomic_fetch_add_explicit(&p->delivered, n - failed, memory_order_relaxed);
        if (wanted + failed > 0)
            queue_reports(p, msgs, n);
        atomic_fetch_sub(&p->copies, copies);
        atomic_fetch_add(&p->reported, n);
        total += n;
    }
    return total;
}

static void
serve(dk_producer *p, rd_kafka_event_t *rkev)
{
    size_t n = 0;

    if (rd_kafka_event_type(rkev) == RD_KAFKA_EVENT_DR)
        n = serve_reports(p, rkev);
    else
        dk__events_push_rd_event(p->events, p->rk, rkev);
    rd_kafka_event_destroy(rkev);
    if (n == 0)
        return;
    atomic_fetch_add(&p->settled, n);
    if (atomic_load(&p->room_waiters) > 0)
        dk__wake_raise(&p->room_wake);
}

static void *
service_main(void *arg)
{
    dk_producer *p = arg;

    while (!atomic_load_explicit(&p->quit, memory_order_relaxed)) {
        rd_kafka_event_t *rkev = rd_kafka_queue_poll(p->queue, POLL_MS);

        if (rkev != NULL)
            serve(p, rkev);
    }
    return NULL;
}

dk_status
dk__service_start(dk_producer *p, dk_error *err)
{
    dk_status st = dk__thread_start(&p->thread, service_main, p, "producer", err);

    p->thread_started = st == DK_OK;
    return st;
}

void
dk__service_stop(dk_producer *p)
{
    if (!p->thread_started)
        return;
    atomic_store(&p->quit, true);
    rd_kafka_queue_yield(p->queue);
    pthread_join(p->thread, NULL);
    p->thread_started = false;
}

void
dk__service_give_up_copies(dk_producer *p)
{
    int64_t deadline = dk__deadline_ms(GIVE_UP_MS);

    if (atomic_load(&p->copies) == 0)
        return;
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (atomic_load(&p->copies) > 0 && dk__left_ms(deadline, -1) > 0) {
        rd_kafka_event_t *rkev = rd_kafka_queue_poll(p->queue, dk__left_ms(deadline, -1));

        if (rkev != NULL)
            serve(p, rkev);
    }
}
