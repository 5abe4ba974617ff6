/* SPDX-License-Identifier: MIT
 *
 * A member that may have missed an assignment asks for all of it (group.protocol=consumer).
 *
 * With this protocol the coordinator tells a member of a change in the answer to a heartbeat, and considers it told.
 * A member that has lost an answer has to send a full request, whose answer has its whole assignment. librdkafka
 * (seen with 2.12 and 2.16) does so when the connection broke under a heartbeat. When the answer came later than the
 * next heartbeat was due, it drops the answer and goes on: the partitions in it have no owner until the group
 * changes, however long that takes. Nothing shows it: what another member gives back later comes without a new epoch.
 *
 * So the connection is broken, here, under the heartbeat after the one whose answer was lost. That costs a
 * connection, and no rebalance. Leaving the group and joining it again would take all partitions from their handlers.
 *
 * All on librdkafka's threads but dk__member_watch(): its interceptors see each request and each answer.
 */
#include <sys/socket.h>

#include "kafka/consumer/handle.h"

#define NAME "django-kafka"
#define HEARTBEAT 68 /* the number of ConsumerGroupHeartbeat in the protocol */

bool
dk__member_breaks(const dk__member *m)
{
    return atomic_load(&m->missed) && !atomic_load(&m->leaves);
}

void
dk__member_answered(dk__member *m, rd_kafka_resp_err_t rkerr)
{
    switch (rkerr) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: /* says nothing of an answer that was lost before */
        atomic_store(&m->plain, true);
        break;
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE: /* it was never sent */
    case RD_KAFKA_RESP_ERR__DESTROY:
        break;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
        atomic_store(&m->plain, false);
        atomic_store(&m->missed, false);
        break;
    default: /* the next request is a full one if this one was */
        if (atomic_load(&m->plain))
            atomic_store(&m->missed, true);
    }
}

/* ---- librdkafka's interceptors --------------------------------------------------------------------------------- */

/* On the thread that owns the socket, so it is open, and nobody reads the answer meanwhile. The sending half stays:
 * what is sent with the heartbeat should not fail by a broken pipe, which librdkafka tells as an error. */
static rd_kafka_resp_err_t
on_request(rd_kafka_t *rk, int fd, const char *broker, int32_t broker_id, int16_t api, int16_t version, int32_t id,
           size_t size, void *opaque)
{
    dk_consumer *c = opaque;

    if (api != HEARTBEAT || !dk__member_breaks(&c->member))
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    dk__events_push_log(c->events, 6, "MEMBER",
                        "the answer to a heartbeat was lost, and perhaps an assignment with it: asking for all of "
                        "the assignment, over a new connection to the coordinator");
    dk__events_hush(c->events, true);
    shutdown(fd, SHUT_RD);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_answer(rd_kafka_t *rk, int fd, const char *broker, int32_t broker_id, int16_t api, int16_t version, int32_t id,
          size_t size, int64_t rtt, rd_kafka_resp_err_t rkerr, void *opaque)
{
    dk_consumer *c = opaque;

    if (api == HEARTBEAT) {
        dk__events_hush(c->events, false);
        dk__member_answered(&c->member, rkerr);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why, size_t why_size)
{
    rd_kafka_resp_err_t rkerr = rd_kafka_interceptor_add_on_request_sent(rk, NAME, on_request, opaque);

    return rkerr ? rkerr : rd_kafka_interceptor_add_on_response_received(rk, NAME, on_answer, opaque);
}

void
dk__member_watch(dk_consumer *c, rd_kafka_conf_t *conf)
{
    if (c->info.consumer_protocol)
        rd_kafka_conf_interceptor_add_on_new(conf, NAME, on_new, c);
}
