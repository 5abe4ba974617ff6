/* SPDX-License-Identifier: MIT
 *
 * Copies of a consumer's messages: into the queue with them, and how many are on their way.
 */
#include "kafka/producer/internal.h"

dk_status
dk_producer_forward(dk_producer *p, dk_ticket *ticket, const dk_copy *copy, dk_error *err)
{
    dk_record rec;
    const dk__topic *t;
    dk_status st = dk__producer_enter(p, err);
    void *opaque;

    if (st != DK_OK)
        return st;
    opaque = ticket == NULL || copy == NULL ? NULL : dk__copy_opaque(ticket);
    if (opaque == NULL)
        return dk__error_set(err, DK_EINVAL, "a copy needs a ticket that was neither answered nor forwarded");
    rec = (dk_record){.topic = copy->topic,
                      .partition = -1,
                      .key = dk_batch_key(ticket->batch, ticket->index),
                      .value = dk_batch_value(ticket->batch, ticket->index),
                      .timestamp = copy->timestamp,
                      .headers = copy->headers,
                      .n_headers = copy->n_headers,
                      .opaque = opaque};
    atomic_fetch_add(&p->copies, 1);
    st = dk__send_begin(p, &rec, &t, err);
    if (st == DK_OK)
        st = dk__send_one(p, t, &rec, err);
    if (st == DK_OK) {
        ticket->batch = NULL;
        return DK_OK;
    }
    atomic_fetch_sub(&p->copies, 1);
    (void)dk__copy_ticket(opaque); /* the caller's again */
    return st;
}

size_t
dk_producer_copies(dk_producer *p)
{
    size_t copies; /* counted until its report is queued, so one of the two is seen */

    if (dk__producer_enter(p, NULL) != DK_OK)
        return 0;
    copies = atomic_load(&p->copies);
    return copies + dk__events_reports(p->events);
}
