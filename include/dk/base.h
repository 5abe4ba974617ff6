/* SPDX-License-Identifier: MIT
 *
 * The vocabulary that every part of the engine shares: status codes, error detail, borrowed bytes, the allocator.
 * Knows nothing of Kafka, Avro or Python.
 */
#ifndef DK_BASE_H
#define DK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DK_STATIC: the engine is compiled into something else (the CPython extension), which exports nothing of it. */
#if defined(__GNUC__)
#ifdef DK_STATIC
#define DK_API
#else
#define DK_API __attribute__((visibility("default")))
#endif
#define DK_MUST_CHECK __attribute__((warn_unused_result))
#define DK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define DK_API
#define DK_MUST_CHECK
#define DK_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* One list makes the enum, the names and the texts. The range a status is in says what may be done next:
 * usage (-1..-99): the caller broke the contract; record (-200..-299): this message can never pass;
 * transient (-300..-399): the same call may pass later; kafka (-400..-499): Kafka or librdkafka refused, err->kafka
 * says why; fatal (-900..): free the handle.
 */
#define DK_STATUS_MAP(XX)                                                                                            \
    XX(OK, 0, "success")                                                                                             \
    XX(EINVAL, -1, "invalid argument")                                                                               \
    XX(EBUSY, -2, "handle is in use by another thread")                                                              \
    XX(EFORKED, -3, "handle was created before fork()")                                                              \
    XX(ECONFIG, -4, "invalid configuration")                                                                         \
    XX(ECLOSED, -5, "handle is closed")                                                                              \
    XX(ESTATE, -6, "not possible in this state")                                                                     \
    XX(EWIRE, -200, "not Confluent wire format")                                                                     \
    XX(EAVRO, -201, "malformed Avro value")                                                                          \
    XX(ESCHEMA, -203, "invalid or incompatible schema")                                                              \
    XX(ECOLUMN, -204, "value does not fit its column")                                                               \
    XX(EJSON, -205, "malformed JSON")                                                                                \
    XX(ETIMEOUT, -300, "timed out")                                                                                  \
    XX(EQUEUEFULL, -301, "producer queue is full")                                                                   \
    XX(ESTOPPED, -302, "stop was requested")                                                                         \
    XX(EKAFKA, -400, "Kafka error")                                                                                  \
    XX(ENOMEM, -900, "out of memory")                                                                                \
    XX(EFATAL, -901, "fatal Kafka error")                                                                            \
    XX(ELIBRARY, -902, "no usable librdkafka")

typedef enum dk_status {
#define XX(name, value, text) DK_##name = (value),
    DK_STATUS_MAP(XX)
#undef XX
} dk_status;

static inline bool
dk_is_record_error(dk_status st)
{
    return st <= -200 && st > -300;
}

static inline bool
dk_is_transient(dk_status st)
{
    return st <= -300 && st > -400;
}

static inline bool
dk_is_fatal(dk_status st)
{
    return st <= -900;
}

/* Error detail. The caller's, never on the heap; text is empty when there is nothing to add to the status. */
typedef struct dk_error {
    dk_status code;
    int kafka;      /* rd_kafka_resp_err_t when code is DK_EKAFKA or DK_EFATAL, else 0 */
    bool retriable; /* Kafka says that the same request may pass later */
    bool fatal;     /* Kafka says that the client instance is done for */
    bool txn_abort; /* Kafka says that the transaction has to be aborted */
    size_t pos;     /* byte offset in the input, for parsers */
    char path[96];  /* "order.items[3].price", built only on failure */
    char text[512];
} dk_error;

/* dk_status_name, dk_status_text - the symbolic name ("ETIMEOUT") and the sentence of a status.
 * Ownership: static strings. Threads: any. Errors: "UNKNOWN" for a number that is no status.
 */
DK_API const char *dk_status_name(dk_status st);
DK_API const char *dk_status_text(dk_status st);

/* Bytes that somebody else owns; p may be NULL (a Kafka null), which differs from n == 0. */
typedef struct dk_slice {
    const uint8_t *p;
    size_t n;
} dk_slice;

/* The allocator. malloc and realloc may return NULL; free takes NULL. NULL as a `const dk_alloc *` means libc's.
 * The table must outlive everything made with it. Threads: the functions must be callable from any thread.
 */
typedef struct dk_alloc {
    void *(*malloc)(size_t n, void *ctx);
    void *(*realloc)(void *p, size_t n, void *ctx);
    void (*free)(void *p, void *ctx);
    void *ctx;
} dk_alloc;

/* dk_version - the engine's version, as in VERSION. Ownership: static string. Threads: any. */
DK_API const char *dk_version(void);

#ifdef __cplusplus
}
#endif

#endif
