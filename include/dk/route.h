/* SPDX-License-Identifier: MIT
 *
 * Where a failed message goes, and what is written on it: names of retry and dead-letter topics, and their headers.
 * Text only: knows neither Kafka nor the clock.
 */
#ifndef DK_ROUTE_H
#define DK_ROUTE_H

#include "dk/kafka.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- names ----------------------------------------------------------------------------------------------------- */

#define DK_TOPIC_SIZE 250 /* the longest topic name that Kafka takes, and its NUL */

/* What names are made of; borrowed. group is the consumer's own group, also in its retry consumer. */
typedef struct dk_route_names {
    const char *group;
    const char *retry_suffix; /* "retry" */
    const char *dead_suffix;  /* "dlt" */
} dk_route_names;

/* dk_route_check_topic - DK_OK if Kafka takes this as a topic's name, else DK_ECONFIG with a text that says what is
 * wrong. Threads: any. */
DK_API DK_MUST_CHECK dk_status dk_route_check_topic(const char *name, dk_error *err);

/* dk_route_retry_number - n if topic is "<group>.<something>.<retry_suffix>.<n>", a retry topic of this group; -1 for
 * any other topic, whatever it ends with. Threads: any. */
DK_API int32_t dk_route_retry_number(const dk_route_names *names, const char *topic);

/* dk_route_origin_topic - the something of a retry topic of this group, else the topic itself. Borrowed from topic.
 */
DK_API dk_slice dk_route_origin_topic(const dk_route_names *names, const char *topic);

/* dk_route_retry_topic - where a message of this topic waits for its next retry: "<group>.<topic>.<retry_suffix>.1",
 * and from a retry topic the one with the next number. again: use a retry topic again instead (retries without end).
 * Errors: DK_ECONFIG when that is no valid name; err->text says which part is to blame. Threads: any. */
DK_API DK_MUST_CHECK dk_status dk_route_retry_topic(const dk_route_names *names, const char *topic, bool again,
                                                    char out[DK_TOPIC_SIZE], dk_error *err);

/* dk_route_dead_topic - "<group>.<topic>.<dead_suffix>", also from the retry topics of topic. Errors: as above. */
DK_API DK_MUST_CHECK dk_status dk_route_dead_topic(const dk_route_names *names, const char *topic,
                                                   char out[DK_TOPIC_SIZE], dk_error *err);

/* ---- headers --------------------------------------------------------------------------------------------------- */

/* The message that failed. All borrowed. */
typedef struct dk_route_source {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp; /* ms; -1: none */
    const dk_header *headers;
    size_t n_headers;
} dk_route_source;

/* Why. All borrowed; p == NULL: unknown. */
typedef struct dk_route_failure {
    dk_slice summary;   /* the exception's text */
    dk_slice exception; /* its class */
    dk_slice detail;    /* the traceback */
} dk_route_failure;

/* A list of headers that is filled again for each message and keeps its memory. Items borrow from the source, from
 * the failure and from the list itself, until it is filled again; it must not be moved meanwhile. */
typedef struct dk_route_headers {
    const dk_alloc *alloc;
    dk_header *items;
    size_t len, cap;
    char numbers[7][24];
} dk_route_headers;

DK_API void dk_route_headers_init(dk_route_headers *list, const dk_alloc *alloc);
DK_API void dk_route_headers_fini(dk_route_headers *list);

/* dk_route_retry_headers - headers of the copy in a retry topic: all of the source's but those of an earlier retry,
 * then RETRY_MESSAGE (the exception's text), RETRY_TIMESTAMP (due_ms as seconds since 1970, a decimal fraction),
 * RETRY_ATTEMPT, and RETRY_ORIGIN_TOPIC, _PARTITION, _OFFSET, _TIMESTAMP: where the message was before it failed for
 * the first time. dk_route_dead_headers - headers of the dead letter: all of the source's but those of retries and
 * earlier dead letters, then DEAD_LETTER_MESSAGE and DEAD_LETTER_SUMMARY (the exception's text),
 * DEAD_LETTER_MESSAGE_TOPIC, _PARTITION, _OFFSET (of the source), DEAD_LETTER_EXCEPTION, DEAD_LETTER_ORIGIN_TOPIC,
 * _PARTITION, _OFFSET, _TIMESTAMP, and DEAD_LETTER_DETAIL (the traceback).
 * Threads: owner of the list. Errors: DK_ENOMEM, then the list is empty.
 */
DK_API DK_MUST_CHECK dk_status dk_route_retry_headers(dk_route_headers *list, const dk_route_names *names,
                                                      const dk_route_source *source, dk_slice summary,
                                                      int32_t attempt, int64_t due_ms, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_route_dead_headers(dk_route_headers *list, const dk_route_names *names,
                                                     const dk_route_source *source, const dk_route_failure *why,
                                                     dk_error *err);

/* dk_route_attempts - how many retries a message has had: the number in its topic's name, or RETRY_ATTEMPT if that is
 * greater; 0 outside of this group's retry topics. Threads: any. */
DK_API int32_t dk_route_attempts(const dk_route_names *names, const char *topic, const dk_header *headers, size_t n);

#ifdef __cplusplus
}
#endif

#endif
