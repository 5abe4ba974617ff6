/* SPDX-License-Identifier: MIT
 *
 * What can be read of the messages of a batch.
 */
#include "kafka/consumer/handle.h"

uint32_t
dk_batch_len(const dk_batch *b)
{
    return b->len;
}

bool
dk_batch_is_full(const dk_batch *b)
{
    return b->full;
}

const char *
dk_batch_topic(const dk_batch *b, uint32_t i)
{
    return b->entries[i].part->topic;
}

uint32_t
dk_batch_topic_id(const dk_batch *b, uint32_t i)
{
    return b->entries[i].part->topic_id;
}

int32_t
dk_batch_partition(const dk_batch *b, uint32_t i)
{
    return b->entries[i].part->partition;
}

int64_t
dk_batch_offset(const dk_batch *b, uint32_t i)
{
    return b->entries[i].msg->offset;
}

int32_t
dk_batch_leader_epoch(const dk_batch *b, uint32_t i)
{
    return dk__message_epoch(b->entries[i].msg);
}

dk_slice
dk_batch_key(const dk_batch *b, uint32_t i)
{
    const rd_kafka_message_t *msg = b->entries[i].msg;

    return (dk_slice){.p = msg->key, .n = msg->key_len};
}

dk_slice
dk_batch_value(const dk_batch *b, uint32_t i)
{
    const rd_kafka_message_t *msg = b->entries[i].msg;

    return (dk_slice){.p = msg->payload, .n = msg->len};
}

int64_t
dk_batch_timestamp(const dk_batch *b, uint32_t i, int *type)
{
    rd_kafka_timestamp_type_t t = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t ms = dk__message_timestamp(b->entries[i].msg, &t);

    *type = (int)t;
    return ms;
}

size_t
dk_batch_headers(const dk_batch *b, uint32_t i)
{
    rd_kafka_headers_t *headers = dk__message_headers(b->entries[i].msg);

    return headers == NULL ? 0 : rd_kafka_header_cnt(headers);
}

bool
dk_batch_header(const dk_batch *b, uint32_t i, size_t k, dk_header *out)
{
    rd_kafka_headers_t *headers = dk__message_headers(b->entries[i].msg);
    const void *value;
    size_t n;

    if (headers == NULL || rd_kafka_header_get_all(headers, k, &out->name, &value, &n) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    out->value = (dk_slice){.p = value, .n = n};
    return true;
}
