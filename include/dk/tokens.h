/* SPDX-License-Identifier: MIT
 *
 * OAuth tokens of a client (SASL/OAUTHBEARER): when one is needed, and what it is.
 *
 * A client asks for its first token when it is made, and for the next ones at four fifths of a token's life. Who
 * waits here is told at once, whatever the client's own threads and its user do meanwhile. So a thread of its own
 * should.
 */
#ifndef DK_TOKENS_H
#define DK_TOKENS_H

#include "dk/consumer.h"
#include "dk/producer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dk_tokens dk_tokens;

/* dk_consumer_tokens, dk_producer_tokens - what this client asks for its tokens. NULL: it needs none, because it logs
 * in otherwise, or because librdkafka gets its tokens by itself (OIDC). Ownership: a reference of yours, which may
 * outlive the client. Threads: any.
 */
DK_API dk_tokens *dk_consumer_tokens(dk_consumer *c);
DK_API dk_tokens *dk_producer_tokens(dk_producer *p);
/* dk_tokens_unref - give a reference back; NULL is fine. Threads: any. */
DK_API void dk_tokens_unref(dk_tokens *t);

/* dk_tokens_config - what sasl.oauthbearer.config says, "" if nothing. Ownership: lives as long as t. */
DK_API const char *dk_tokens_config(const dk_tokens *t);

/* dk_tokens_wait - wait at most timeout_ms (-1: for ever) until a token is needed. Answer with dk_tokens_set() or
 * dk_tokens_fail(). Threads: any, one at a time. Errors: DK_ETIMEOUT, DK_ECLOSED (the client is gone, or
 * dk_tokens_stop() was called), DK_EFORKED.
 */
DK_API DK_MUST_CHECK dk_status dk_tokens_wait(dk_tokens *t, int timeout_ms);

/* dk_tokens_set - a token that is good until lifetime_ms (since 1970), with at most 64 extensions. dk_tokens_fail -
 * there is none, and why: it comes as an ERROR event, and librdkafka asks again in ten seconds. Ownership: everything
 * is borrowed. Threads: any. Errors: DK_EINVAL, DK_EKAFKA (refused; err->text says why), DK_ECLOSED, DK_EFORKED.
 */
DK_API DK_MUST_CHECK dk_status dk_tokens_set(dk_tokens *t, const char *token, int64_t lifetime_ms,
                                             const char *principal, const dk_pair *extensions, size_t n,
                                             dk_error *err);
DK_API void dk_tokens_fail(dk_tokens *t, const char *reason);

/* dk_tokens_stop - end the waiting, for good. Threads: any. */
DK_API void dk_tokens_stop(dk_tokens *t);

#ifdef __cplusplus
}
#endif

#endif
