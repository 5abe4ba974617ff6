/* SPDX-License-Identifier: MIT
 *
 * Tickets: outcomes that are told later, by any thread, and notes, which stay with a message until it has one.
 */
#include "kafka/consumer/handle.h"

/* ---- tickets --------------------------------------------------------------------------------------------------- */

/* DK_ESTATE: no single message is in hand. */
static dk_status
in_hand(const dk_batch *b, uint32_t *i)
{
    int32_t hand = dk_batch_current(b);

    if (dk__forked(b->c->fork_generation))
        return DK_EFORKED;
    *i = (uint32_t)hand;
    return hand < 0 || b->closed || b->claimed ? DK_ESTATE : DK_OK;
}

static dk_status
defer(dk_batch *b, uint32_t i, dk_ticket *out)
{
    dk_status st = dk__batch_slips(b);

    if (st != DK_OK)
        return st;
    pthread_mutex_lock(&b->c->lock);
    st = dk__ledger_defer(b->entries[i].part->ledger, b, i, dk__now_ms());
    pthread_mutex_unlock(&b->c->lock);
    if (st == DK_OK)
        *out = (dk_ticket){.batch = b, .index = i, .serial = b->serial};
    return st;
}

dk_status
dk_batch_defer(dk_batch *b, dk_ticket *out)
{
    uint32_t i;
    dk_status st = in_hand(b, &i);

    *out = (dk_ticket){.batch = NULL};
    return st != DK_OK ? st : defer(b, i, out);
}

dk_status
dk_batch_claim_defer(dk_batch *b, uint32_t i, dk_ticket *out)
{
    *out = (dk_ticket){.batch = NULL};
    if (dk__forked(b->c->fork_generation))
        return DK_EFORKED;
    return b->closed || !dk_batch_is_claimed(b, i) ? DK_ESTATE : defer(b, i, out);
}

/* Lock held. NULL: it is of an earlier use of the batch, was answered, or is a producer's. */
static dk__entry *
entry_of(const dk_ticket *ticket)
{
    dk_batch *b = ticket->batch;
    dk__entry *e;

    if (b->serial != ticket->serial || ticket->index >= b->len)
        return NULL;
    e = &b->entries[ticket->index];
    return dk__entry_state(e) == DK__TICKETED && e->forwarded == NULL ? e : NULL;
}

/* Lock held. */
static dk_status
answer(const dk_ticket *ticket, bool finished, int64_t due_ms)
{
    dk__entry *e = entry_of(ticket);

    if (e == NULL)
        return DK_ESTATE;
    return dk__ledger_answer(e->part->ledger, ticket->batch, ticket->index, finished, due_ms);
}

static void
answers_end(dk_consumer *c)
{
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
    dk__consumer_unref(c);
}

static void
answers_begin(dk_consumer *c)
{
    dk__consumer_ref(c); /* the last ticket may be the last reference */
    pthread_mutex_lock(&c->lock);
}

dk_status
dk_tickets_answer(dk_ticket *tickets, size_t n, bool finished, int64_t delay_ms)
{
    int64_t due_ms = !finished && delay_ms > 0 ? dk__now_ms() + delay_ms : 0;
    dk_consumer *c = NULL;
    dk_status st = DK_OK;

    for (size_t i = 0; i < n; i++) {
        dk_batch *b = tickets[i].batch;

        if (b == NULL)
            continue;
        if (dk__forked(b->c->fork_generation)) { /* the lock may have been held when the process was copied */
            tickets[i].batch = NULL;
            st = DK_EFORKED;
            continue;
        }
        if (b->c != c) {
            if (c != NULL)
                answers_end(c);
            c = b->c;
            answers_begin(c);
        }
        if (answer(&tickets[i], finished, due_ms) != DK_OK && st == DK_OK)
            st = DK_ESTATE;
        tickets[i].batch = NULL;
    }
    if (c != NULL)
        answers_end(c);
    return st;
}

dk_status
dk_ticket_resolve(dk_ticket *ticket)
{
    return ticket->batch == NULL ? DK_ESTATE : dk_tickets_answer(ticket, 1, true, 0);
}

dk_status
dk_ticket_reject(dk_ticket *ticket, int64_t delay_ms)
{
    return ticket->batch == NULL ? DK_ESTATE : dk_tickets_answer(ticket, 1, false, delay_ms);
}

/* Alone or in a claim. */
static bool
is_in_hand(const dk_batch *b, uint32_t i)
{
    int hand = dk_batch_current(b);

    return !b->closed && hand >= 0 && i >= (uint32_t)hand &&
           i < atomic_load_explicit(&b->hand_end, memory_order_relaxed);
}

dk_status
dk_batch_undefer(dk_batch *b, dk_ticket *ticket)
{
    uint32_t i = ticket->index;
    dk_status st;

    if (dk__forked(b->c->fork_generation))
        return DK_EFORKED;
    if (ticket->batch != b || ticket->serial != b->serial)
        return DK_ESTATE;
    if (!is_in_hand(b, i))
        return dk_ticket_reject(ticket, 0);
    pthread_mutex_lock(&b->c->lock);
    st = entry_of(ticket) == NULL ? DK_ESTATE : dk__ledger_undefer(b->entries[i].part->ledger, b, i);
    pthread_mutex_unlock(&b->c->lock);
    ticket->batch = NULL;
    return st;
}

/* ---- copies ---------------------------------------------------------------------------------------------------- */

dk__entry *
dk__ticket_forward(const dk_ticket *ticket)
{
    dk_batch *b = ticket->batch;
    dk__entry *e;

    if (b == NULL || dk__forked(b->c->fork_generation))
        return NULL;
    pthread_mutex_lock(&b->c->lock);
    e = entry_of(ticket);
    if (e != NULL)
        e->forwarded = b;
    pthread_mutex_unlock(&b->c->lock);
    return e;
}

dk_ticket
dk__ticket_return(dk__entry *e)
{
    dk_batch *b = e->forwarded; /* it stays: the ticket is out */
    dk_ticket ticket = {.batch = b, .index = (uint32_t)(e - b->entries), .serial = b->serial};

    pthread_mutex_lock(&b->c->lock);
    e->forwarded = NULL;
    pthread_mutex_unlock(&b->c->lock);
    return ticket;
}

/* ---- notes ----------------------------------------------------------------------------------------------------- */

static dk_status
keep_note(dk_batch *b, uint32_t i, const char *text)
{
    dk_consumer *c = b->c;
    dk__entry *e = &b->entries[i];
    char *copy = dk__strdup(c->alloc, text);
    bool current;

    if (copy == NULL)
        return DK_ENOMEM;
    pthread_mutex_lock(&c->lock);
    current = atomic_load(e->part->generation) == e->generation;
    if (current)
        dk__ledger_note(e->part->ledger, e->msg->offset, copy, dk__now_ms());
    pthread_mutex_unlock(&c->lock);
    if (!current)
        dk__free(c->alloc, copy);
    else if (dk__commits(c))
        dk__commit_finished(c, (dk__commit_how){.sync = false}, NULL);
    return DK_OK;
}

dk_status
dk_batch_note(dk_batch *b, const char *text)
{
    uint32_t i;
    dk_status st = in_hand(b, &i);

    if (st == DK_OK && strlen(text) > b->c->opts.note_max_bytes)
        st = DK_EINVAL;
    return st == DK_OK ? keep_note(b, i, text) : st;
}

dk_status
dk_batch_claim_note(dk_batch *b, uint32_t i, const char *text)
{
    if (dk__forked(b->c->fork_generation))
        return DK_EFORKED;
    if (b->closed || !dk_batch_is_claimed(b, i))
        return DK_ESTATE;
    return strlen(text) > b->c->opts.note_max_bytes ? DK_EINVAL : keep_note(b, i, text);
}

const char *
dk_batch_note_of(dk_batch *b, uint32_t i)
{
    dk_consumer *c = b->c;
    dk__entry *e = &b->entries[i];
    const char *note;

    if (dk__forked(c->fork_generation))
        return NULL;
    dk__free(c->alloc, b->note);
    b->note = NULL;
    pthread_mutex_lock(&c->lock);
    note = atomic_load(e->part->generation) == e->generation ? dk__ledger_note_of(e->part->ledger, e->msg->offset)
                                                             : NULL;
    if (note != NULL)
        b->note = dk__strdup(c->alloc, note);
    pthread_mutex_unlock(&c->lock);
    return b->note;
}
