/* SPDX-License-Identifier: MIT
 *
 * The state of the module: its types and exceptions, and what its objects share.
 */
#ifndef DK_BINDING_BASE_STATE_H
#define DK_BINDING_BASE_STATE_H

#include "base/shims.h"

#include "dk/producer.h"

/* Classes of confluent_kafka, imported when one is first needed. */
#define NATIVE_VOCAB_MAP(XX)                                                                                         \
    XX(KafkaError, "confluent_kafka")                                                                                \
    XX(KafkaException, "confluent_kafka")                                                                            \
    XX(TopicPartition, "confluent_kafka")                                                                            \
    XX(ThrottleEvent, "confluent_kafka")                                                                             \
    XX(ClusterMetadata, "confluent_kafka.admin")                                                                     \
    XX(BrokerMetadata, "confluent_kafka.admin")                                                                      \
    XX(TopicMetadata, "confluent_kafka.admin")                                                                       \
    XX(PartitionMetadata, "confluent_kafka.admin")

typedef enum native_class {
#define XX(name, module) NATIVE_##name,
    NATIVE_VOCAB_MAP(XX)
#undef XX
        NATIVE_CLASSES
} native_class;

struct ProducerObject;
struct native_token_thread;
struct MessageObject;

#define NATIVE_EXIT_FLUSH_MS 30000 /* unless Producer.limit_exit_flush() says otherwise */

/* Written by whoever holds the GIL. */
typedef struct native_state {
    PyObject *module; /* borrowed: the state is part of it */
    PyTypeObject *message_type, *batch_type, *claim_type, *ticket_type, *consumer_type, *producer_type, *broker_type,
        *route_type, *copy_plan_type, *copy_result_type, *copy_stream_type, *copy_ahead_type;
    PyObject *config_error, *forked_error, *concurrent_use, *stopped;
    PyObject *kafka_config_error; /* ConfigError that is also a KafkaException; made when first raised */
    PyObject *vocab[NATIVE_CLASSES];
    PyObject *logger;                 /* of clients that were given none; made when first needed */
    PyObject *avro;                   /* AvroCore: what the codec needs of Python (avro/native_avro.h) */
    struct ProducerObject *producers; /* all that are alive, for the flush at exit */
    dk_producer **orphans;            /* of producers that were dropped while records were on their way */
    size_t n_orphans;
    void (*free_orphans)(struct native_state *state); /* NULL: there never was one */
    int exit_flush_ms;                                /* how long the end waits for what is queued */
    long exit_pid;                                    /* process in which the exit hook is registered */
    struct native_token_thread *token_threads;        /* base/tokens.c */
    long token_pid;                                   /* process in which these run */
    bool tokens_over;                                 /* the interpreter ends: no thread is started any more */
    unsigned n_free;
    struct MessageObject *free_messages[NATIVE_FREELIST + 1];
} native_state;

/* Everything but its methods and slots, which PyInit__native() adds. */
extern PyModuleDef native_def;

native_state *native_state_of(PyTypeObject *type); /* of a type of ours, or of a subclass; NULL with an error */

#endif
