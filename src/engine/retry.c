/* SPDX-License-Identifier: MIT
 *
 * Retry rules: counting, delays, and the note in the commit metadata. Only arithmetic on what it is given.
 */
#include "dk/retry.h"

#include <stdio.h>

#include "base/internal.h"

static const char note_prefix[] = "dk1:";

void
dk_retry_policy_init(dk_retry_policy *policy)
{
    *policy = (dk_retry_policy){.size = sizeof *policy, .delay_ms = 1000};
}

dk_status
dk_retry_policy_check(const dk_retry_policy *policy, dk_error *err)
{
    if (policy == NULL || policy->size != sizeof *policy)
        return dk__error_set(err, DK_EINVAL, "use dk_retry_policy_init() to fill a dk_retry_policy");
    if (policy->max_retries < -1)
        return dk__error_set(err, DK_ECONFIG, "max_retries must be greater than -1");
    if (policy->delay_ms <= 0)
        return dk__error_set(err, DK_ECONFIG, "delay must be greater than zero");
    if (policy->max_delay_ms != 0 && policy->max_delay_ms < policy->delay_ms)
        return dk__error_set(err, DK_ECONFIG, "max_delay must not be less than delay");
    if (!(policy->jitter >= 0 && policy->jitter <= 1)) /* NaN too */
        return dk__error_set(err, DK_ECONFIG, "jitter must be between 0 and 1");
    return DK_OK;
}

bool
dk_retry_exceeded(const dk_retry_policy *policy, int32_t attempt)
{
    return policy->max_retries >= 0 && attempt > policy->max_retries;
}

static int64_t
cap_of(const dk_retry_policy *policy)
{
    if (policy->max_delay_ms > 0 && policy->max_delay_ms < DK_RETRY_DELAY_MAX_MS)
        return policy->max_delay_ms;
    return DK_RETRY_DELAY_MAX_MS;
}

/* delay * 2^(attempt - 1), stopped at the cap before it can overflow. */
static int64_t
delay_without_jitter(const dk_retry_policy *policy, int32_t attempt)
{
    int64_t delay = policy->delay_ms, cap = cap_of(policy);
    int32_t i;

    for (i = 1; policy->backoff && i < attempt && delay < cap; i++)
        delay *= 2;
    return delay < cap ? delay : cap;
}

/* A number in [0, 1) from the seed and the attempt (the finisher of MurmurHash3: every bit of the input counts). */
static double
chance(uint64_t seed, int32_t attempt)
{
    uint64_t x = seed + (uint64_t)attempt * UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ (x >> 33)) * UINT64_C(0xFF51AFD7ED558CCD);
    x = (x ^ (x >> 33)) * UINT64_C(0xC4CEB9FE1A85EC53);
    x ^= x >> 33;
    return (double)(x >> 11) / (double)(UINT64_C(1) << 53);
}

int64_t
dk_retry_delay_ms(const dk_retry_policy *policy, int32_t attempt, uint64_t seed)
{
    int64_t delay = delay_without_jitter(policy, attempt), cap = cap_of(policy);

    if (policy->jitter > 0) {
        delay += (int64_t)((double)delay * policy->jitter * (2 * chance(seed, attempt) - 1));
        if (delay > cap)
            delay = cap;
    }
    return delay > 0 ? delay : 1;
}

bool
dk_retry_failed(const dk_retry_policy *policy, dk_retry_state *state, int64_t now_ms, uint64_t seed)
{
    if (state->attempt < INT32_MAX)
        state->attempt++;
    state->due_ms = now_ms;
    if (dk_retry_exceeded(policy, state->attempt))
        return false;
    state->due_ms += dk_retry_delay_ms(policy, state->attempt, seed);
    return true;
}

int64_t
dk_retry_left_ms(const dk_retry_policy *policy, const dk_retry_state *state, int64_t now_ms)
{
    int64_t left, most = delay_without_jitter(policy, state->attempt), cap = cap_of(policy);

    if (state->due_ms <= now_ms)
        return 0;
    most += (int64_t)((double)most * policy->jitter);
    if (most > cap)
        most = cap;
    if (__builtin_sub_overflow(state->due_ms, now_ms, &left) || left > most)
        return most;
    return left;
}

size_t
dk_retry_encode(const dk_retry_state *state, char buf[DK_RETRY_NOTE_SIZE])
{
    int n = snprintf(buf, DK_RETRY_NOTE_SIZE, "%s%lld:%ld:%lld", note_prefix, (long long)state->offset,
                     (long)state->attempt, (long long)state->due_ms);

    assert(n > 0 && n < DK_RETRY_NOTE_SIZE);
    return (size_t)n;
}

/* A decimal number up to max that ends at ':' or at the end of the text; *at goes behind it. */
static bool
read_number(const char **at, int64_t max, int64_t *out)
{
    const char *p = *at;
    int64_t n = 0;

    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (n > (max - (*p - '0')) / 10)
            return false;
        n = n * 10 + (*p - '0');
    }
    if (*p != '\0' && *p != ':')
        return false;
    *at = p;
    *out = n;
    return true;
}

bool
dk_retry_decode(const char *text, dk_retry_state *out)
{
    const char *p = text;
    int64_t offset, attempt, due;

    if (p == NULL || strncmp(p, note_prefix, sizeof note_prefix - 1) != 0)
        return false;
    p += sizeof note_prefix - 1;
    if (!read_number(&p, INT64_MAX, &offset) || *p++ != ':')
        return false;
    if (!read_number(&p, INT32_MAX, &attempt) || *p++ != ':')
        return false;
    if (!read_number(&p, INT64_MAX, &due))
        return false;
    *out = (dk_retry_state){offset, (int32_t)attempt, due};
    return true;
}
