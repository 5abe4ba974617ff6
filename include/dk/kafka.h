/* SPDX-License-Identifier: MIT
 *
 * What consumer and producer share: configuration pairs, topic partitions, metadata, events, library look-up.
 * Configuration names and error numbers are librdkafka's own (CONFIGURATION.md and rdkafka.h of librdkafka).
 */
#ifndef DK_KAFKA_H
#define DK_KAFKA_H

#include "dk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Logical offsets, as librdkafka numbers them. */
#define DK_OFFSET_BEGINNING (-2)
#define DK_OFFSET_END (-1)
#define DK_OFFSET_STORED (-1000)
#define DK_OFFSET_INVALID (-1001)

/* One configuration pair, both strings borrowed for the call. A pair without a value (NULL) is as good as none. */
typedef struct dk_pair {
    const char *key;
    const char *value;
} dk_pair;

/* ---- librdkafka ------------------------------------------------------------------------------------------------ */

/* dk_library_version - version of the librdkafka in use, as 0xMMmmrrxx, and as text ("2.16.0").
 * In a build with plain linking this is the linked one; in the extension build 0 and "" before dk_library_load().
 * Ownership: static strings. Threads: any.
 */
DK_API int dk_library_version(void);
DK_API const char *dk_library_version_text(void);
/* dk_library_path - file of the librdkafka in use, "" with plain linking or before dk_library_load(). */
DK_API const char *dk_library_path(void);

/* dk_library_load - choose the librdkafka of this process (extension build only; a no-op with plain linking).
 * Looks for one that is loaded already (the one of confluent_kafka), then tries path (may be NULL), then the
 * system's librdkafka.so.1. The first call decides; later ones return its result.
 * Ownership: path borrowed. Threads: any. Errors: DK_ELIBRARY, err->text says what was tried and what is needed.
 */
DK_API DK_MUST_CHECK dk_status dk_library_load(const char *path, dk_error *err);

/* Error numbers of librdkafka that its users ask for by name, and kinds of timestamps. */
#define DK_KAFKA_TIMED_OUT (-185)
#define DK_KAFKA_INVALID_ARG (-186)
#define DK_KAFKA_FAIL (-196)
#define DK_KAFKA_NO_OFFSET (-168)
#define DK_TIMESTAMP_NOT_AVAILABLE 0
#define DK_TIMESTAMP_CREATE_TIME 1
#define DK_TIMESTAMP_LOG_APPEND_TIME 2

/* dk_kafka_err_name, dk_kafka_err_text - name ("_TIMED_OUT") and sentence of a librdkafka error number.
 * Ownership: static strings. Threads: any.
 */
DK_API const char *dk_kafka_err_name(int kafka_err);
DK_API const char *dk_kafka_err_text(int kafka_err);

/* ---- topic partitions ------------------------------------------------------------------------------------------ */

typedef struct dk_partition {
    const char *topic; /* borrowed or owned by the list, as the function says */
    int32_t partition;
    int64_t offset;       /* DK_OFFSET_INVALID when it has no meaning */
    int32_t leader_epoch; /* -1 if unknown */
    const char *metadata; /* commit metadata, NULL if none; no embedded NUL */
    int kafka_err;        /* result per partition, 0 for none */
} dk_partition;

/* A growable list that owns the strings of its items. */
typedef struct dk_partitions {
    const dk_alloc *alloc;
    dk_partition *items;
    size_t len;
    size_t cap;
} dk_partitions;

/* dk_partitions_init/_fini - make an empty list in the caller's memory; release its items and strings.
 * Threads: owner.
 */
DK_API void dk_partitions_init(dk_partitions *list, const dk_alloc *alloc);
DK_API void dk_partitions_fini(dk_partitions *list);

/* dk_partitions_add - append a copy of *item, strings included. Errors: DK_ENOMEM (the list is unchanged). */
DK_API DK_MUST_CHECK dk_status dk_partitions_add(dk_partitions *list, const dk_partition *item);

/* ---- cluster metadata ------------------------------------------------------------------------------------------ */

typedef struct dk_meta_partition {
    int32_t id;
    int32_t leader; /* -1: none */
    int kafka_err;
    const int32_t *replicas;
    size_t n_replicas;
    const int32_t *isrs;
    size_t n_isrs;
} dk_meta_partition;

typedef struct dk_meta_topic {
    const char *name;
    int kafka_err;
    const dk_meta_partition *partitions;
    size_t n_partitions;
} dk_meta_topic;

typedef struct dk_meta_broker {
    int32_t id;
    int32_t port;
    const char *host;
} dk_meta_broker;

typedef struct dk_metadata {
    const char *cluster_id; /* may be NULL */
    int32_t controller_id;  /* -1 if unknown */
    int32_t orig_broker_id;
    const char *orig_broker_name;
    const dk_meta_broker *brokers;
    size_t n_brokers;
    const dk_meta_topic *topics;
    size_t n_topics;
} dk_metadata;

/* dk_metadata_free - release what dk_consumer_metadata() or dk_producer_metadata() gave; NULL is fine. */
DK_API void dk_metadata_free(dk_metadata *meta);

/* ---- events ---------------------------------------------------------------------------------------------------- */

/* What happened besides messages. Handles queue events; the owner takes them with dk_{consumer,producer}_event().
 * LOG        level (syslog's 0..7), fac, text           a line of the client's log
 * ERROR      kafka_err, fatal, text                     a client-wide error; informational unless fatal
 * STATS      text = JSON                                every statistics.interval.ms
 * THROTTLE   text = broker, value = ms, broker_id
 * COMMIT     kafka_err, partitions                      result of an asynchronous or interval commit
 * ASSIGN, REVOKE, LOST   partitions                     the assignment changed
 * MESSAGE    kafka_err, text, partitions[0]             an error of one partition, or of the group (no partition)
 * DELIVERY   (producer) delivery report of a message that was produced with an opaque, or that failed
 */
#define DK_EVENT_MAP(XX)                                                                                             \
    XX(LOG)                                                                                                          \
    XX(ERROR)                                                                                                        \
    XX(STATS)                                                                                                        \
    XX(THROTTLE)                                                                                                     \
    XX(COMMIT)                                                                                                       \
    XX(ASSIGN)                                                                                                       \
    XX(REVOKE)                                                                                                       \
    XX(LOST)                                                                                                         \
    XX(MESSAGE)                                                                                                      \
    XX(DELIVERY)

typedef enum dk_event_kind {
#define XX(name) DK_EVENT_##name,
    DK_EVENT_MAP(XX)
#undef XX
} dk_event_kind;

typedef struct dk_event dk_event;

typedef struct dk_delivery { /* all borrowed from the event */
    void *opaque;            /* as given to dk_producer_produce(); NULL if none */
    const char *topic;
    int32_t partition;
    int64_t offset;
    dk_slice key, value;
    int64_t timestamp;  /* ms; -1 if none */
    int timestamp_type; /* DK_TIMESTAMP_* */
    int64_t latency_us; /* -1 if unknown */
    int kafka_err;
    const char *errstr; /* NULL if delivered */
} dk_delivery;

/* Accessors. Everything returned is borrowed from the event. Threads: owner of the event. */
DK_API dk_event_kind dk_event_kind_of(const dk_event *ev);
DK_API int dk_event_level(const dk_event *ev);
DK_API const char *dk_event_fac(const dk_event *ev);
DK_API const char *dk_event_text(const dk_event *ev);
DK_API int dk_event_kafka_err(const dk_event *ev);
DK_API bool dk_event_fatal(const dk_event *ev);
DK_API int64_t dk_event_value(const dk_event *ev);
DK_API int32_t dk_event_broker_id(const dk_event *ev);
DK_API const dk_partitions *dk_event_partitions(const dk_event *ev);

/* dk_event_deliveries, dk_event_delivery - number of reports in a DELIVERY event, and the i-th. */
DK_API size_t dk_event_deliveries(const dk_event *ev);
DK_API void dk_event_delivery(const dk_event *ev, size_t i, dk_delivery *out);

/* dk_event_free - release an event; NULL is fine. */
DK_API void dk_event_free(dk_event *ev);

/* ---- headers of a message -------------------------------------------------------------------------------------- */

typedef struct dk_header {
    const char *name; /* borrowed, NUL terminated */
    dk_slice value;   /* p == NULL: null value */
} dk_header;

#ifdef __cplusplus
}
#endif

#endif
