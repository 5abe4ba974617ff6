/* SPDX-License-Identifier: MIT
 *
 * Waiting: for room in the queue, for deliveries, for events.
 */
#include "kafka/producer/internal.h"

#define FLUSH_SLICE_MS 1000
#define ROOM_SLICE_MS 50 /* several threads may wait for room, the pipe wakes one of them */

static bool
has_room(dk_producer *p)
{
    return atomic_load(&p->settled) != atomic_load(&p->full_at) && !dk__reports_full(p);
}

dk_status
dk_producer_wait_room(dk_producer *p, int timeout_ms)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    dk_status st = dk__producer_enter(p, NULL);

    if (st != DK_OK)
        return st;
    st = DK_ETIMEOUT;
    atomic_fetch_add(&p->room_waiters, 1);
    for (;;) {
        int left = dk__left_ms(deadline, ROOM_SLICE_MS);
        int64_t before = dk__now_ms();

        if (has_room(p)) {
            st = DK_OK;
            break;
        }
        if (left == 0 || dk__events_reports(p->events) > 0)
            break;
        /* Back too early without having been woken: a signal. */
        if (!dk__wake_wait(&p->room_wake, left) && dk__now_ms() - before < left - 1)
            break;
    }
    atomic_fetch_sub(&p->room_waiters, 1);
    return st;
}

/* Records whose outcome is not known, or not queued as an event yet. */
static uint64_t
pending(dk_producer *p)
{
    uint64_t reported = atomic_load(&p->reported), produced = atomic_load(&p->produced);

    return produced > reported ? produced - reported : 0;
}

size_t
dk_producer_len(dk_producer *p)
{
    if (dk__producer_enter(p, NULL) != DK_OK)
        return 0;
    return (size_t)pending(p) + dk__events_reports(p->events);
}

dk_status
dk_producer_flush(dk_producer *p, int timeout_ms, size_t *left, dk_error *err)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    dk_status st = dk__producer_enter(p, err);
    rd_kafka_resp_err_t rkerr;
    uint64_t n;
    int slice;

    if (left != NULL)
        *left = 0;
    if (st != DK_OK)
        return st;
    do {
        slice = dk__left_ms(deadline, FLUSH_SLICE_MS);
        rkerr = rd_kafka_flush(p->rk, slice);
    } while (rkerr == RD_KAFKA_RESP_ERR__TIMED_OUT && slice > 0);
    n = pending(p);
    if (left != NULL)
        *left = n;
    if (rkerr == RD_KAFKA_RESP_ERR_NO_ERROR || n == 0)
        return DK_OK;
    if (rkerr != RD_KAFKA_RESP_ERR__TIMED_OUT)
        return dk__kafka_error(err, rkerr, "flush");
    return dk__error_set(err, DK_ETIMEOUT, "%llu messages are not delivered yet after %d ms", (unsigned long long)n,
                         timeout_ms);
}

dk_status
dk_producer_purge(dk_producer *p, bool queue, bool inflight, bool blocking, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);
    rd_kafka_resp_err_t rkerr;

    if (st != DK_OK)
        return st;
    if (!queue && !inflight)
        return DK_OK;
    rkerr = rd_kafka_purge(p->rk, (queue ? RD_KAFKA_PURGE_F_QUEUE : 0) | (inflight ? RD_KAFKA_PURGE_F_INFLIGHT : 0) |
                                      (blocking ? 0 : RD_KAFKA_PURGE_F_NON_BLOCKING));
    return rkerr == RD_KAFKA_RESP_ERR_NO_ERROR ? DK_OK : dk__kafka_error(err, rkerr, "purge");
}

dk_status
dk_producer_wait_event(dk_producer *p, int timeout_ms)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    dk_status st = dk__producer_enter(p, NULL);
    int left;

    if (st != DK_OK)
        return st;
    do {
        if (!dk__events_empty(p->events))
            return DK_OK;
        left = dk__left_ms(deadline, -1);
    } while (left != 0 && dk__wake_wait(&p->event_wake, left));
    return dk__events_empty(p->events) ? DK_ETIMEOUT : DK_OK;
}
