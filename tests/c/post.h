/* SPDX-License-Identifier: MIT
 *
 * What tests of the producer need: an embedded broker with the topic "t", a producer, and a reader of what has
 * arrived. The reader is a bare consumer of librdkafka, so that nothing of ours checks itself.
 */
#ifndef DK_TEST_POST_H
#define DK_TEST_POST_H

#include "dk_test.h"

#include "dk/broker.h"
#include "dk/producer.h"
#include "kafka/client/internal.h"

#define TEN_SECONDS 10000

/* Kafka's numbers. */
enum { API_PRODUCE = 0, NOT_LEADER = 6, TOPIC_DENIED = 29, OUT_OF_ORDER = 45 };

typedef struct post {
    dk_broker *broker;
    dk_producer *producer;
} post;

post post_open(int partitions, const dk_pair *more, size_t n);
#define POST_OPEN(partitions) post_open((partitions), NULL, 0)
#define POST_OPEN_WITH(partitions, ...)                                                                              \
    post_open((partitions), (const dk_pair[]){__VA_ARGS__}, sizeof((const dk_pair[]){__VA_ARGS__}) / sizeof(dk_pair))
void post_close(post *r);
dk_producer *post_producer(const dk_alloc *alloc, const char *bootstrap, const dk_pair *more, size_t n);

dk_slice post_text(const char *s);
/* For partition 0 of "t". */
dk_record post_record(const char *value, void *opaque);
void post_produce(dk_producer *p, const dk_record *rec);
void post_flush(dk_producer *p);
/* The next event of this kind; others are dropped. */
dk_event *post_event(dk_producer *p, dk_event_kind kind);

/* What is on the broker. */
typedef struct reader {
    rd_kafka_t *rk;
} reader;

reader reader_open(const dk_broker *b, const char *topic, int partitions);
rd_kafka_message_t *reader_next(const reader *r);
void reader_close(reader *r);

/* Partition 0 of "t" holds exactly the values "0" .. "n-1", in this order. */
void post_check_numbers(const dk_broker *b, int n);
void post_produce_numbers(dk_producer *p, int from, int n);

#endif
