/* SPDX-License-Identifier: MIT
 *
 * Copies of a consumer's messages in other topics, retry and dead-letter topics above all: the message is finished
 * when the broker has confirmed its copy, and nobody need be there to see it.
 */
#ifndef DK_FORWARD_H
#define DK_FORWARD_H

#include "dk/consumer.h"
#include "dk/producer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a copy has of its own; key and value are the message's. */
typedef struct dk_copy {
    const char *topic;
    int64_t timestamp; /* ms; 0: now */
    const dk_header *headers;
    size_t n_headers;
} dk_copy;

/* dk_producer_forward - queue a copy of the ticket's message. When the broker has confirmed it the ticket is
 * resolved, on a thread of the producer. If delivery fails a DELIVERY event comes with the ticket, see
 * dk_event_ticket(). Never waits. Ownership: copy is borrowed; on DK_OK the ticket is the producer's (and
 * ticket->batch NULL), else it stays yours. Threads: any. Errors: as dk_producer_produce(); DK_EINVAL for a ticket
 * that was answered.
 */
DK_API DK_MUST_CHECK dk_status dk_producer_forward(dk_producer *p, dk_ticket *ticket, const dk_copy *copy,
                                                   dk_error *err);

/* dk_producer_copies - copies that are not confirmed, those whose failure waits as an event included. */
DK_API size_t dk_producer_copies(dk_producer *p);

/* dk_event_ticket - of the i-th report of a DELIVERY event, if it is that of a copy that failed: its ticket, to be
 * answered or forwarded again. false for any other report, and when the ticket was taken before. Freeing the event
 * rejects the tickets that nobody took. dk_event_headers - the headers of that copy, borrowed from the event.
 */
DK_API bool dk_event_ticket(dk_event *ev, size_t i, dk_ticket *out);
DK_API const dk_header *dk_event_headers(const dk_event *ev, size_t i, size_t *n);

#ifdef __cplusplus
}
#endif

#endif
