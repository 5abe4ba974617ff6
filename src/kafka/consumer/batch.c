/* SPDX-License-Identifier: MIT
 *
 * The memory of batches: made, used again, dropped, and the lends of their messages.
 *
 * The structs themselves are kept until the consumer goes, so that a ticket that was answered long ago can still be
 * recognised; of the room for entries only what a few batches need is kept.
 */
#include "kafka/consumer/handle.h"

#define SPARE_MAX 4 /* batches that keep their room for entries */

static void
free_room(dk_batch *b)
{
    dk__free(b->c->alloc, b->entries);
    dk__free(b->c->alloc, b->slips);
    dk__free(b->c->alloc, b->note);
    b->entries = NULL;
    b->slips = NULL;
    b->note = NULL;
    b->cap = 0;
}

/* Those with room are in front. */
static dk_batch *
take_spare(dk_consumer *c)
{
    dk_batch *b;

    pthread_mutex_lock(&c->spare_lock);
    b = c->spare;
    if (b != NULL) {
        c->spare = b->next;
        if (b->cap > 0)
            c->n_spare--;
    }
    pthread_mutex_unlock(&c->spare_lock);
    return b;
}

static void
put_spare(dk_batch *b)
{
    dk_consumer *c = b->c;
    dk_batch **at = &c->spare;

    atomic_fetch_add_explicit(&b->serial, 1, memory_order_relaxed);
    pthread_mutex_lock(&c->spare_lock);
    if (c->n_spare >= SPARE_MAX) {
        free_room(b);
        while (*at != NULL && (*at)->cap > 0)
            at = &(*at)->next;
    } else if (b->cap > 0) {
        c->n_spare++;
    }
    b->next = *at;
    *at = b;
    pthread_mutex_unlock(&c->spare_lock);
}

static bool
reserve(dk_consumer *c, dk_batch *b, uint32_t cap)
{
    dk__entry *grown;

    if (b->cap >= cap)
        return true;
    grown = dk__realloc(c->alloc, b->entries, cap, sizeof *grown);
    if (grown == NULL)
        return false;
    dk__free(c->alloc, b->slips);
    b->slips = NULL;
    b->entries = grown;
    b->cap = cap;
    return true;
}

dk_batch *
dk__batch_get(dk_consumer *c, uint32_t cap)
{
    dk_batch *b = take_spare(c);

    if (b == NULL) {
        b = dk__calloc(c->alloc, 1, sizeof *b);
        if (b == NULL)
            return NULL;
        b->c = c;
    }
    if (!reserve(c, b, cap)) {
        put_spare(b);
        return NULL;
    }
    b->refs = 1;
    atomic_init(&b->cursor, 0);
    atomic_init(&b->hand, -1);
    atomic_init(&b->hand_end, 0);
    atomic_init(&b->cut, false);
    b->len = b->settled = b->seen_cursor = 0;
    b->seen_ms = 0;
    b->closed = b->claimed = b->unread = false;
    b->next = NULL;
    dk__consumer_ref(c);
    return b;
}

dk_status
dk__batch_slips(dk_batch *b)
{
    if (b->slips == NULL)
        b->slips = dk__calloc(b->c->alloc, b->cap, sizeof *b->slips);
    return b->slips == NULL ? DK_ENOMEM : DK_OK;
}

/* Lock held: a ticket that was answered may be looked at meanwhile. True: it was the last reference, and with it goes
 * one to the consumer. */
static bool
unref(dk_batch *b)
{
    if (--b->refs > 0)
        return false;
    b->len = 0;
    put_spare(b);
    return true;
}

/* ---- lends ----------------------------------------------------------------------------------------------------- */

void
dk__lend(dk_batch *b, uint32_t i)
{
    b->entries[i].lends++;
    b->refs++;
}

static void
let_go(dk__entry *e)
{
    if (e->home != NULL)
        dk__lend_end(e->home, e->home_index);
    else
        dk__message_free(e->msg);
    e->msg = NULL;
}

void
dk__lend_end(dk_batch *b, uint32_t i)
{
    dk_consumer *c = b->c;
    dk__entry *e = &b->entries[i];

    assert(e->lends > 0);
    e->lends--;
    if (b->unread && e->lends == 0)
        let_go(e);
    if (unref(b))
        dk__consumer_unref(c);
}

/* What nobody needs but the reader is freed by it; what belongs to another batch goes back there. Lock held. */
static void
part_with(dk_batch *b)
{
    b->unread = true;
    for (uint32_t i = 0; i < b->len; i++) {
        dk__entry *e = &b->entries[i];

        e->own = e->lends == 0 && e->home == NULL;
        if (e->lends == 0 && e->home != NULL)
            let_go(e);
    }
}

void
dk__batch_drop(dk_batch *b)
{
    dk_consumer *c = b->c;
    bool last;

    pthread_mutex_lock(&c->lock);
    part_with(b);
    pthread_mutex_unlock(&c->lock);
    for (uint32_t i = 0; i < b->len; i++)
        if (b->entries[i].own)
            dk__message_free(b->entries[i].msg);
    pthread_mutex_lock(&c->lock);
    last = unref(b);
    pthread_mutex_unlock(&c->lock);
    if (last)
        dk__consumer_unref(c);
}

void
dk__batches_free(dk_consumer *c)
{
    dk_batch *b;

    while ((b = take_spare(c)) != NULL) {
        free_room(b);
        dk__free(c->alloc, b);
    }
}
