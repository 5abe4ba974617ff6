/* SPDX-License-Identifier: MIT
 *
 * Retry rules: how often, after how long, and how that is remembered in the commit metadata of a partition, so that
 * neither a restart nor another group member forgets an attempt or adds one. Pure arithmetic: no clock, no
 * allocation.
 */
#ifndef DK_RETRY_H
#define DK_RETRY_H

#include "dk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Delays stop growing here, a hundred years, so that a due time is always a date that other languages can hold. */
#define DK_RETRY_DELAY_MAX_MS (INT64_C(36525) * 24 * 3600 * 1000)

typedef struct dk_retry_policy {
    size_t size;          /* sizeof(dk_retry_policy) */
    int32_t max_retries;  /* tries after the first one; -1 for ever */
    int64_t delay_ms;     /* until the first retry, > 0 */
    bool backoff;         /* each further delay is twice the one before */
    int64_t max_delay_ms; /* cap of the delay, jitter included; 0: none */
    double jitter;        /* share of the delay, 0 to 1, that is added or taken away by chance; 0: none */
} dk_retry_policy;

/* dk_retry_policy_init - no retries, a delay of a second. dk_retry_policy_check - DK_ECONFIG with a text that names
 * the field when the policy makes no sense. Threads: any. */
DK_API void dk_retry_policy_init(dk_retry_policy *policy);
DK_API DK_MUST_CHECK dk_status dk_retry_policy_check(const dk_retry_policy *policy, dk_error *err);

/* dk_retry_exceeded - whether this many failures are one too many: attempt counts failures, 1 for the first; a policy
 * allows max_retries + 1 tries in all. */
DK_API bool dk_retry_exceeded(const dk_retry_policy *policy, int32_t attempt);

/* dk_retry_delay_ms - how long to wait after failure number attempt (>= 1). Equal arguments give equal delays: seed
 * (of the message, say) and attempt decide the jitter. At least 1, at most DK_RETRY_DELAY_MAX_MS. */
DK_API int64_t dk_retry_delay_ms(const dk_retry_policy *policy, int32_t attempt, uint64_t seed);

/* Where a message stands. */
typedef struct dk_retry_state {
    int64_t offset;  /* of the message */
    int32_t attempt; /* failures so far */
    int64_t due_ms;  /* next try, milliseconds since 1970 */
} dk_retry_state;

/* dk_retry_failed - count one more failure at now_ms. Returns true if there is another try, then state->due_ms says
 * when; false when the policy is exhausted (due_ms is now_ms). */
DK_API bool dk_retry_failed(const dk_retry_policy *policy, dk_retry_state *state, int64_t now_ms, uint64_t seed);

/* dk_retry_left_ms - how long to wait from now_ms on, 0 if due. Never longer than the policy's delay: the clock of
 * the member that set the due time may have been wrong. */
DK_API int64_t dk_retry_left_ms(const dk_retry_policy *policy, const dk_retry_state *state, int64_t now_ms);

/* The state as a short ASCII text: "dk1:<offset>:<attempt>:<due_ms>". */
#define DK_RETRY_NOTE_SIZE 64

/* dk_retry_encode - write the text and its NUL into buf; returns the length. */
DK_API size_t dk_retry_encode(const dk_retry_state *state, char buf[DK_RETRY_NOTE_SIZE]);

/* dk_retry_decode - read what dk_retry_encode() of this or a later version has written (further fields are ignored).
 * Returns false, and leaves *out alone, for NULL and for any other text: metadata may be somebody else's. */
DK_API bool dk_retry_decode(const char *text, dk_retry_state *out);

#ifdef __cplusplus
}
#endif

#endif
