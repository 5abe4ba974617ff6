/* SPDX-License-Identifier: MIT
 *
 * What a partition's queue holds besides messages: its errors and its end, told as events.
 */
#include <stdio.h>

#include "kafka/consumer/handle.h"

void
dk__tell_error(dk_consumer *c, rd_kafka_message_t *msg)
{
    if (msg->err == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&c->fatal, true);
    if (msg->err && (msg->err != RD_KAFKA_RESP_ERR__PARTITION_EOF || c->info.partition_eof))
        dk__events_push_message_error(c->events, msg);
    rd_kafka_message_destroy(msg);
}

void
dk__tell_rebalance(dk_consumer *c, dk_event_kind kind, const rd_kafka_topic_partition_list_t *parts)
{
    pthread_mutex_lock(&c->lock);
    c->told++;
    pthread_mutex_unlock(&c->lock);
    dk__events_push_partitions(c->events, kind, 0, parts);
}

void
dk__report(dk_consumer *c, rd_kafka_resp_err_t rkerr, rd_kafka_error_t *rderr, const char *what)
{
    dk_error err;

    if (rderr != NULL)
        dk__rd_error(&err, rderr, what);
    else if (rkerr)
        dk__kafka_error(&err, rkerr, what);
    else
        return;
    dk__events_push_error(c->events, err.kafka, err.fatal, err.text);
}

void
dk__tell_circle(dk_consumer *c, const dk__part *part)
{
    char text[500];
    int64_t end;
    dk_partition place = {.topic = part->topic,
                          .partition = part->partition,
                          .leader_epoch = -1,
                          .kafka_err = RD_KAFKA_RESP_ERR__BAD_MSG};

    (void)dk__ledger_circles(part->ledger, &end);
    place.offset = end + 1;
    snprintf(
        text, sizeof text,
        "%.200s [%d]: the log cannot be read beyond offset %lld. Its beginning is served again and again, so it "
        "holds a "
        "damaged batch, most likely. The partition waits and is tried again in a minute. To pass over the damage, "
        "seek or commit an offset behind it",
        part->topic, (int)part->partition, (long long)end);
    dk__events_push_part_error(c->events, &place, text);
}
