/* SPDX-License-Identifier: MIT
 *
 * Topics of the cluster: look one up without making it, make one. For topics that belong to others, such as the retry
 * and dead-letter topics of a topic.
 */
#ifndef DK_TOPICS_H
#define DK_TOPICS_H

#include "dk/producer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dk_topic_spec {
    const char *name;      /* 1 to 249 of a-z A-Z 0-9 . _ - */
    int32_t partitions;    /* -1: the broker's default (Kafka 2.4 or newer) */
    int16_t replication;   /* copies of each partition; -1: the broker's default (Kafka 2.4 or newer) */
    const dk_pair *config; /* Kafka's topic settings, e.g. {"retention.ms", "86400000"} */
    size_t n_config;
} dk_topic_spec;

typedef struct dk_topic_info {
    bool exists;
    int32_t partitions;  /* 0 if it does not exist */
    int16_t replication; /* the least of all partitions; 0 if it does not exist */
} dk_topic_info;

/* dk_producer_create_topic - make a topic, by the producer's connection. A topic that exists already is no error and
 * needs no permission: *created (may be NULL) tells the difference, nothing is compared. Waits at most timeout_ms
 * (-1: a minute). The embedded broker does not make topics by request, but on first use and with its own number of
 * partitions: this call does that. Threads: any. Ownership: spec is borrowed. Errors: DK_EINVAL (a name or number
 * that cannot be), DK_ETIMEOUT (it may have been made all the same), DK_EKAFKA (err->kafka: not permitted, too few
 * brokers for the replication, refused setting; err->retriable: no broker answered; err->text says what to do),
 * DK_EFORKED, DK_ECLOSED, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_producer_create_topic(dk_producer *p, const dk_topic_spec *spec, int timeout_ms,
                                                        bool *created, dk_error *err);

/* dk_producer_describe_topic - how many partitions and copies a topic has. Asks for the list
 * of all topics, since asking for one by name may make it. Waits at most timeout_ms (-1: a minute).
 * Errors: DK_EKAFKA (err->retriable: no broker answered), DK_EINVAL, DK_EFORKED, DK_ECLOSED, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_producer_describe_topic(dk_producer *p, const char *topic, int timeout_ms,
                                                          dk_topic_info *out, dk_error *err);

#ifdef __cplusplus
}
#endif

#endif
