/* SPDX-License-Identifier: MIT
 *
 * The embedded development broker: librdkafka's mock cluster on a loopback port. Memory only, about 4 MB kept per
 * partition, no transactions, no offsets by time: for demos and tests, not for data.
 *
 * A handle may be used from any thread. It belongs to the process that made it: in a child functions return
 * DK_EFORKED, dk_broker_bootstrap() "", and dk_broker_free() only forgets the handle.
 */
#ifndef DK_BROKER_H
#define DK_BROKER_H

#include "dk/kafka.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dk_broker dk_broker;

/* dk_broker_new - start nodes brokers on free ports of 127.0.0.1. Ownership: *out is yours, dk_broker_free().
 * Threads: any. Errors: DK_EKAFKA, DK_ENOMEM, DK_ELIBRARY. */
DK_API DK_MUST_CHECK dk_status dk_broker_new(const dk_alloc *alloc, int nodes, dk_broker **out, dk_error *err);
/* dk_broker_free - end it; everything in it is gone. NULL is fine. */
DK_API void dk_broker_free(dk_broker *b);

/* dk_broker_bootstrap - "127.0.0.1:port[,...]". Borrowed from the broker. */
DK_API const char *dk_broker_bootstrap(const dk_broker *b);

/* dk_broker_create_topic - with so many partitions; topics that nobody creates appear with 4 on first use. Borrowed.
 * Errors: DK_EINVAL, DK_EKAFKA (it is there already), DK_EFORKED. */
DK_API DK_MUST_CHECK dk_status dk_broker_create_topic(dk_broker *b, const char *topic, int partitions, dk_error *err);

/* Fault injection, for tests: the next n requests of this API key (Kafka's numbers: 0 Produce, 1 Fetch, 8
 * OffsetCommit, 9 OffsetFetch, 10 FindCoordinator, 11 JoinGroup, 12 Heartbeat) fail with these error numbers, which
 * are borrowed. _set_topic_error - all requests for a topic fail; 0 ends it. Errors: DK_EINVAL, DK_EFORKED,
 * DK_ENOMEM. */
DK_API DK_MUST_CHECK dk_status dk_broker_push_errors(dk_broker *b, int16_t api_key, const int *kafka_errs, size_t n,
                                                     dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_broker_set_topic_error(dk_broker *b, const char *topic, int kafka_err,
                                                         dk_error *err);
/* Take a node (1..nodes) down or up; add rtt_ms to every answer of it. Errors: DK_EINVAL, DK_EFORKED, DK_EKAFKA. */
DK_API DK_MUST_CHECK dk_status dk_broker_set_down(dk_broker *b, int32_t node, bool down, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_broker_set_rtt(dk_broker *b, int32_t node, int rtt_ms, dk_error *err);

#ifdef __cplusplus
}
#endif

#endif
