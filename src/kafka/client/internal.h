/* SPDX-License-Identifier: MIT
 *
 * What src/kafka/client gives to consumer and producer, and its files to one another. src/kafka is the only folder
 * that sees rdkafka.h, and only through rdk.h.
 */
#ifndef DK_KAFKA_CLIENT_INTERNAL_H
#define DK_KAFKA_CLIENT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/internal.h"
#include "dk/kafka.h"
#include "dk/tokens.h"
#include "kafka/client/rdk.h"

/* ---- conf.c ---------------------------------------------------------------------------------------------------- */

typedef enum dk__client { DK__CONSUMER, DK__PRODUCER } dk__client;

/* What conf.c found out of the pairs, for the engine. */
typedef struct dk__conf_info {
    bool auto_commit;            /* enable.auto.commit, default true */
    int auto_commit_interval_ms; /* default 5000 */
    int max_poll_interval_ms;    /* default 300000 */
    int session_timeout_ms;      /* default 45000 */
    bool cooperative;            /* partition.assignment.strategy is cooperative-sticky, or group.protocol=consumer */
    bool consumer_protocol;      /* group.protocol=consumer */
    bool partition_eof;          /* enable.partition.eof */
    bool has_group;              /* group.id was given and is not empty */
    int64_t reset_offset;        /* auto.offset.reset, default latest: where a partition begins of which nothing is
                                    committed; RD_KAFKA_OFFSET_INVALID: that is an error */
    size_t ahead_bytes;          /* consumer: what the engine may hold read ahead, besides librdkafka; by */
    uint64_t ahead_messages;     /* queued.max.messages.kbytes and queued.min.messages */
    int message_timeout_ms;      /* producer: delivery.timeout.ms / message.timeout.ms, default 300000 */
    int max_message_bytes;       /* producer: message.max.bytes, default 1000000 */
    int queue_max_messages;      /* producer: queue.buffering.max.messages, default 100000 */
    bool wants_tokens;           /* SASL/OAUTHBEARER, and librdkafka gets no tokens by itself */
    const char *token_config;    /* sasl.oauthbearer.config, the caller's pair; valid while the client is made */
} dk__conf_info;

/* dk__conf_new - pairs to rd_kafka_conf_t, with the engine's defaults and forced values. On DK_OK *out is yours
 * (rd_kafka_new() takes it). Errors: DK_ECONFIG with a text that names the key, the value and what to do; a key that
 * is unknown to this librdkafka is named together with its version and, if there is one, the nearest right name. */
DK_MUST_CHECK dk_status dk__conf_new(dk__client kind, const dk_pair *pairs, size_t n, rd_kafka_conf_t **out,
                                     dk__conf_info *info, dk_error *err);
/* dk__client_new - rd_kafka_new(): takes conf, whether it succeeds or not. Errors: DK_ECONFIG (settings that do not
 * go together; librdkafka's words), DK_EKAFKA (no threads, no memory). */
DK_MUST_CHECK dk_status dk__client_new(dk__client kind, rd_kafka_conf_t *conf, rd_kafka_t **out, dk_error *err);

/* ---- suggest.c ------------------------------------------------------------------------------------------------- */

#define DK__CONF_KEY_SIZE 64
/* The known key that is at most a third of its letters away from this one. False: there is none. */
bool dk__conf_nearest(const char *key, char out[DK__CONF_KEY_SIZE]);

/* ---- events.c -------------------------------------------------------------------------------------------------- */

/* A bounded FIFO of events with its own lock. LOG, STATS, THROTTLE and ERRORs that are not fatal are dropped (and
 * counted) when it is full, others never. */
typedef struct dk__events dk__events;

DK_MUST_CHECK dk_status dk__events_new(const dk_alloc *alloc, dk__events **out);
void dk__events_free(dk__events *q);
/* notify is called (from any thread, with no lock held) after something was queued. */
void dk__events_notify(dk__events *q, void (*notify)(void *ctx), void *ctx);
dk_event *dk__events_take(dk__events *q);
/* Queue an event, which is taken. NULL stands for one for which there was no memory: the reserve is queued in its
 * place, unless it may be dropped. */
void dk__events_push(dk__events *q, dk_event *ev, bool droppable);
bool dk__events_empty(const dk__events *q); /* cheap: one atomic load */
uint64_t dk__events_dropped(const dk__events *q);
void dk__events_count_dropped(dk__events *q, size_t n);
const dk_alloc *dk__events_alloc(const dk__events *q);
/* Reports of failures that nobody waits for are bounded: do n more have room? */
bool dk__events_has_room(dk__events *q, size_t n);

/* dk__events_push_* never fail loudly: out of memory drops LOG/STATS/THROTTLE, and for the others keeps a
 * preallocated "out of memory" ERROR event. All strings are copied. */
void dk__events_push_log(dk__events *q, int level, const char *fac, const char *text);
/* The connection to the coordinator is broken on purpose: what librdkafka guesses of the cause is not told. */
void dk__events_hush(dk__events *q, bool on);
bool dk__events_hushed(const dk__events *q);
void dk__events_push_error(dk__events *q, int kafka_err, bool fatal, const char *text);
void dk__events_push_text(dk__events *q, dk_event_kind kind, const char *text, int64_t value, int32_t broker_id);
/* COMMIT, ASSIGN, REVOKE, LOST: parts is copied. */
void dk__events_push_partitions(dk__events *q, dk_event_kind kind, int kafka_err,
                                const rd_kafka_topic_partition_list_t *parts);
/* MESSAGE: an error message taken from a consumer queue. */
/* An error of a partition: kafka_err, with its place. */
void dk__events_push_part_error(dk__events *q, const dk_partition *part, const char *text);
void dk__events_push_message_error(dk__events *q, const rd_kafka_message_t *msg);
/* Reports with an opaque that wait to be taken: one atomic load. */
size_t dk__events_reports(const dk__events *q);

/* ---- callbacks.c ----------------------------------------------------------------------------------------------- */

/* An ERROR, STATS or LOG event that came from rd_kafka_queue_poll() (which serves those as events even where
 * there are callbacks); others are ignored. rkev stays the caller's. */
void dk__events_push_rd_event(dk__events *q, rd_kafka_t *rk, rd_kafka_event_t *rkev);

/* dk__events_callbacks - put log, error, stats and throttle callbacks into conf. They find their queue through
 * the opaque, which must be the client's struct, whose first member must be a dk__events *. */
void dk__events_callbacks(rd_kafka_conf_t *conf, dk__client kind);

/* ---- convert.c: partitions lists, errors ----------------------------------------------------------------------- */

DK_MUST_CHECK dk_status dk__to_rd_list(const dk_partitions *in, rd_kafka_topic_partition_list_t **out, dk_error *err);
/* Copy offsets, metadata and errors of a result list back into the matching items. */
DK_MUST_CHECK dk_status dk__from_rd_list(const rd_kafka_topic_partition_list_t *in, dk_partitions *out);
/* Append all of in to out. */
DK_MUST_CHECK dk_status dk__append_rd_list(const rd_kafka_topic_partition_list_t *in, dk_partitions *out);
/* DK_EKAFKA (or DK_EFATAL) with the number and "<what>: <librdkafka's text>". Returns the status. */
dk_status dk__kafka_error(dk_error *err, rd_kafka_resp_err_t rkerr, const char *what);
/* The same from an rd_kafka_error_t, which it destroys. */
dk_status dk__rd_error(dk_error *err, rd_kafka_error_t *rderr, const char *what);

/* ---- tokens.c -------------------------------------------------------------------------------------------------- */

/* Before the client is made: tokens are asked for on a queue of their own. events: what else conf wants as events. */
void dk__tokens_enable(rd_kafka_conf_t *conf, int events);
DK_MUST_CHECK dk_status dk__tokens_new(const dk_alloc *alloc, rd_kafka_t *rk, const dk__conf_info *info,
                                       dk_tokens **out);
dk_tokens *dk__tokens_ref(dk_tokens *t); /* NULL is fine */
/* Before rk is destroyed: wait until nobody uses it, and give the client's reference back; NULL is fine. */
void dk__tokens_end(dk_tokens *t);

/* ---- admin.c: questions that both clients can ask (metadata, SASL) --------------------------------------------- */

DK_MUST_CHECK dk_status dk__metadata(const dk_alloc *alloc, rd_kafka_t *rk, const char *topic, int timeout_ms,
                                     dk_metadata **out, dk_error *err);
DK_MUST_CHECK dk_status dk__sasl_credentials(rd_kafka_t *rk, const char *username, const char *password,
                                             dk_error *err);

/* ---- wake.c: a pipe that poll(2) waits on ---------------------------------------------------------------------- */

typedef struct dk__wake {
    int fd[2];
    atomic_bool raised; /* up by any thread, down by the one that waits */
} dk__wake;

DK_MUST_CHECK dk_status dk__wake_init(dk__wake *w, dk_error *err);
void dk__wake_fini(dk__wake *w);
void dk__wake_raise(dk__wake *w); /* any thread; async-signal-safe; cheap when already raised */
/* Wait until raised (then lower it and return true), timeout_ms passed (-1: never) or a signal came (false). */
bool dk__wake_wait(dk__wake *w, int timeout_ms);

#endif
