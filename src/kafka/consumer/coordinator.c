/* SPDX-License-Identifier: MIT
 *
 * The group's coordinator moves, starts or loads: what is asked of it is refused now, and answered a moment later.
 */
#include "kafka/consumer/handle.h"

#define ASK_AGAIN_MS 100

bool
dk__coordinator_moves(rd_kafka_resp_err_t rkerr)
{
    switch (rkerr) {
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
        return true;
    default:
        return false;
    }
}

bool
dk__coordinator_wait(dk_consumer *c, rd_kafka_resp_err_t rkerr, int64_t by_ms)
{
    int64_t now = dk__now_ms(), next = now + ASK_AGAIN_MS;
    bool again;

    if (!dk__coordinator_moves(rkerr) || (by_ms >= 0 && next > by_ms))
        return false;
    pthread_mutex_lock(&c->lock);
    while (!dk__consumer_ends(c) && dk__consumer_wait(c, next))
        ;
    again = !dk__consumer_ends(c);
    pthread_mutex_unlock(&c->lock);
    return again;
}
