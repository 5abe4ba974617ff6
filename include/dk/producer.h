/* SPDX-License-Identifier: MIT
 *
 * The producer: a bounded queue with back-pressure, delivery reports taken as events, served by a thread of its own
 * so that nothing piles up when nobody polls.
 *
 * In a child of the process that made the handle no function takes a lock or changes anything: those that return a
 * status return DK_EFORKED, the others nothing (NULL, 0); free then only forgets the handle.
 */
#ifndef DK_PRODUCER_H
#define DK_PRODUCER_H

#include "dk/kafka.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dk_producer dk_producer;

/* dk_producer_new - make a client. No connection is awaited. enable.idempotence=true and acks=all unless the pairs
 * say otherwise (an explicit enable.idempotence=false switches idempotence off, and so do settings that it cannot go
 * with: acks other than all/-1, max.in.flight above 5, retries=0, another queuing.strategy than fifo). An idempotent
 * producer has one request per broker on its way unless the pairs set max.in.flight (docs/settings.md says why).
 * Ownership: pairs borrowed; *out is yours, dk_producer_free(). Threads: the handle may be used from any thread.
 * Errors: DK_ECONFIG (err->text names the key), DK_ENOMEM, DK_EKAFKA, DK_ELIBRARY.
 */
DK_API DK_MUST_CHECK dk_status dk_producer_new(const dk_alloc *alloc, const dk_pair *pairs, size_t n_pairs,
                                               dk_producer **out, dk_error *err);

/* dk_producer_free - drop the handle; what is still queued is lost, so dk_producer_flush() first. So are the events
 * that nobody took: whoever keeps something alive by way of opaques purges, flushes and takes the events before.
 * Events that were taken stay valid. NULL is fine. */
DK_API void dk_producer_free(dk_producer *p);

typedef struct dk_record {
    const char *topic;
    int32_t partition; /* -1: by key */
    dk_slice key;      /* p == NULL: null */
    dk_slice value;    /* p == NULL: null (a tombstone) */
    int64_t timestamp; /* ms; 0: now; -1: none */
    const dk_header *headers;
    size_t n_headers;
    void *opaque; /* comes back in the DELIVERY event; NULL: no report unless delivery fails. Not at an odd address */
} dk_record;

/* dk_producer_produce - queue one record; the bytes are copied. Never waits.
 * Errors: DK_EQUEUEFULL (take the events, wait with dk_producer_wait_room() and try again; with an opaque also when
 * queue.buffering.max.messages reports wait to be taken), DK_EKAFKA (e.g. _UNKNOWN_PARTITION, MSG_SIZE_TOO_LARGE;
 * err->text says topic and size), DK_EINVAL, DK_EFATAL, DK_EFORKED, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_producer_produce(dk_producer *p, const dk_record *rec, dk_error *err);

/* dk_producer_produce_many - queue n values (keys may be NULL) of one topic; *done says how many were taken before an
 * error. rec gives topic, partition, timestamp, headers and opaque for all. */
DK_API DK_MUST_CHECK dk_status dk_producer_produce_many(dk_producer *p, const dk_record *rec, const dk_slice *values,
                                                        const dk_slice *keys, size_t n, size_t *done, dk_error *err);

/* dk_producer_wait_room - wait at most timeout_ms (-1: for ever) until the queue has room. DK_OK or DK_ETIMEOUT; a
 * signal ends it with DK_ETIMEOUT early, and so do reports with an opaque that wait to be taken. */
DK_API DK_MUST_CHECK dk_status dk_producer_wait_room(dk_producer *p, int timeout_ms);

/* dk_producer_flush - wait at most timeout_ms (-1: for ever) until every record has been delivered or has failed.
 * linger.ms is ignored meanwhile. *left gets the number still queued. DK_OK or DK_ETIMEOUT. */
DK_API DK_MUST_CHECK dk_status dk_producer_flush(dk_producer *p, int timeout_ms, size_t *left, dk_error *err);

/* dk_producer_purge - give up what is queued (queue) and what is on its way (inflight); reports come as failures. */
DK_API DK_MUST_CHECK dk_status dk_producer_purge(dk_producer *p, bool queue, bool inflight, bool blocking,
                                                 dk_error *err);

/* dk_producer_event - take the oldest event or NULL; dk_producer_wait_event - wait at most timeout_ms (-1: for ever)
 * for one; a signal ends it early. Ownership: yours, dk_event_free(). A DELIVERY event of a failed message without an
 * opaque carries no value; of those no more than about a thousand wait, the rest counts in events_dropped. */
DK_API dk_event *dk_producer_event(dk_producer *p);
DK_API DK_MUST_CHECK dk_status dk_producer_wait_event(dk_producer *p, int timeout_ms);

/* dk_producer_len - records queued or on their way, plus reports with an opaque not yet taken. */
DK_API size_t dk_producer_len(dk_producer *p);

/* dk_producer_counters_get - counts since the start. delivered and failed are never more than produced. All zero in a
 * child. Threads: any. */
typedef struct dk_producer_counters {
    uint64_t produced, delivered, failed, events_dropped;
} dk_producer_counters;
DK_API void dk_producer_counters_get(dk_producer *p, dk_producer_counters *out);

/* dk_producer_metadata - what the cluster says of a topic (NULL: of all), within timeout_ms (-1: for ever). Asking
 * for a topic by name may make it. Ownership: *out is yours, dk_metadata_free(). Threads: any. Errors: DK_EKAFKA
 * (err->retriable: no broker answered), DK_EINVAL, DK_EFORKED, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_producer_metadata(dk_producer *p, const char *topic, int timeout_ms,
                                                    dk_metadata **out, dk_error *err);

/* dk_producer_sasl_credentials - user and password for connections made from now on. Ownership: everything is
 * borrowed. Threads: any. Errors: DK_EINVAL, DK_EKAFKA, DK_EFORKED. (OAuth: dk/tokens.h.)
 */
DK_API DK_MUST_CHECK dk_status dk_producer_sasl_credentials(dk_producer *p, const char *username,
                                                            const char *password, dk_error *err);

/* Transactions, as in librdkafka (KIP-98). timeout_ms -1 waits for the transaction's own limit. err->retriable and
 * err->fatal tell what may be done. */
DK_API DK_MUST_CHECK dk_status dk_producer_init_transactions(dk_producer *p, int timeout_ms, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_producer_begin_transaction(dk_producer *p, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_producer_commit_transaction(dk_producer *p, int timeout_ms, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_producer_abort_transaction(dk_producer *p, int timeout_ms, dk_error *err);

#ifdef __cplusplus
}
#endif

#endif
