/* SPDX-License-Identifier: MIT
 *
 * See message.h.
 */
#include "kafka/consumer/message.h"

typedef struct copy {
    rd_kafka_message_t view; /* first: what the others see. Its _private says that it is a copy */
    const dk_alloc *alloc;
    rd_kafka_headers_t *headers;
    int64_t timestamp;
    rd_kafka_timestamp_type_t timestamp_type;
    int32_t epoch;
    char bytes[]; /* key, value */
} copy;

static const char is_a_copy; /* its address is in no message of librdkafka's */

bool
dk__message_is_copy(const rd_kafka_message_t *msg)
{
    return msg->_private == (const void *)&is_a_copy;
}

static const copy *
copy_of(const rd_kafka_message_t *msg)
{
    return (const copy *)(const void *)msg;
}

static void *
put(char **at, dk_slice bytes)
{
    char *start = *at;

    if (bytes.p == NULL)
        return NULL;
    if (bytes.n > 0)
        memcpy(start, bytes.p, bytes.n);
    *at += bytes.n;
    return start;
}

rd_kafka_message_t *
dk__message_make(const dk_alloc *alloc, int64_t offset, int32_t epoch, dk_slice key, dk_slice value,
                 rd_kafka_headers_t *headers)
{
    copy *m = dk__malloc(alloc, sizeof *m + key.n + value.n + 1); /* one byte more: an empty value is not NULL */
    char *at;

    if (m == NULL)
        return NULL;
    at = m->bytes;
    *m = (copy){.alloc = alloc,
                .headers = headers,
                .timestamp = -1,
                .timestamp_type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE,
                .epoch = epoch};
    m->view.offset = offset;
    m->view.key = put(&at, key);
    m->view.key_len = key.n;
    m->view.payload = put(&at, value);
    m->view.len = value.n;
    m->view._private = (void *)(uintptr_t)&is_a_copy;
    return &m->view;
}

rd_kafka_message_t *
dk__message_copy(const dk_alloc *alloc, const rd_kafka_message_t *msg)
{
    rd_kafka_headers_t *headers = dk__message_headers(msg);
    rd_kafka_message_t *made;
    copy *m;

    if (headers != NULL)
        headers = rd_kafka_headers_copy(headers);
    made = dk__message_make(alloc, msg->offset, dk__message_epoch(msg), (dk_slice){msg->key, msg->key_len},
                            (dk_slice){msg->payload, msg->len}, headers);
    if (made == NULL) {
        if (headers != NULL)
            rd_kafka_headers_destroy(headers);
        return NULL;
    }
    made->partition = msg->partition;
    m = (copy *)(void *)made;
    m->timestamp = dk__message_timestamp(msg, &m->timestamp_type);
    return made;
}

void
dk__message_free(rd_kafka_message_t *msg)
{
    copy *m;

    if (!dk__message_is_copy(msg)) {
        rd_kafka_message_destroy(msg);
        return;
    }
    m = (copy *)(void *)msg;
    if (m->headers != NULL)
        rd_kafka_headers_destroy(m->headers);
    dk__free(m->alloc, m);
}

int64_t
dk__message_timestamp(const rd_kafka_message_t *msg, rd_kafka_timestamp_type_t *type)
{
    if (!dk__message_is_copy(msg))
        return rd_kafka_message_timestamp(msg, type);
    *type = copy_of(msg)->timestamp_type;
    return copy_of(msg)->timestamp;
}

int32_t
dk__message_epoch(const rd_kafka_message_t *msg)
{
    return dk__message_is_copy(msg) ? copy_of(msg)->epoch : dk__rdk_message_leader_epoch(msg);
}

rd_kafka_headers_t *
dk__message_headers(const rd_kafka_message_t *msg)
{
    rd_kafka_headers_t *headers = NULL;

    if (dk__message_is_copy(msg))
        return copy_of(msg)->headers;
    if (rd_kafka_message_headers(msg, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    return headers;
}
