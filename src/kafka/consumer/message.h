/* SPDX-License-Identifier: MIT
 *
 * A consumed message, as librdkafka's struct: its own, which keeps the whole response of the broker in memory for as
 * long as it lives, or a copy made here, which keeps its own bytes only. Whoever reads one goes through these
 * functions.
 */
#ifndef DK_KAFKA_CONSUMER_MESSAGE_H
#define DK_KAFKA_CONSUMER_MESSAGE_H

#include "kafka/client/internal.h"

/* dk__message_make - a message that stands alone, of this leader's epoch (-1: unknown). Key and value are copied,
 * headers (may be NULL) are taken. NULL without memory, then headers stay the caller's. */
rd_kafka_message_t *dk__message_make(const dk_alloc *alloc, int64_t offset, int32_t epoch, dk_slice key,
                                     dk_slice value, rd_kafka_headers_t *headers);
/* dk__message_copy - a copy with the bytes of msg, which stays the caller's. NULL without memory. */
rd_kafka_message_t *dk__message_copy(const dk_alloc *alloc, const rd_kafka_message_t *msg);
bool dk__message_is_copy(const rd_kafka_message_t *msg);
void dk__message_free(rd_kafka_message_t *msg);

int64_t dk__message_timestamp(const rd_kafka_message_t *msg, rd_kafka_timestamp_type_t *type);
int32_t dk__message_epoch(const rd_kafka_message_t *msg);               /* of the leader; -1: unknown */
rd_kafka_headers_t *dk__message_headers(const rd_kafka_message_t *msg); /* borrowed; NULL: none */

/* What it counts for in the consumer's budget: bytes of key and value. */
static inline size_t
dk__message_weight(const rd_kafka_message_t *msg)
{
    return msg->len + msg->key_len;
}

#endif
