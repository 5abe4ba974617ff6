/* SPDX-License-Identifier: MIT
 *
 * A batch: the messages of one fetch, the walk over them, and the outcome of each.
 *
 * The walk takes no lock. The owner writes an outcome and then moves the cursor; whoever holds the consumer's lock may
 * read outcomes below the cursor and tell them to the trackers (settle). A rebalance closes a partition's gate and then
 * reads what is in hand, the walk says what it takes in hand and then reads the gate: one of the two sees the other.
 */
#include "kafka/consumer/internal.h"

#define SPARE_MAX 4

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static dk_batch *
take_spare(dk_consumer *c)
{
    dk_batch *b;

    pthread_mutex_lock(&c->spare_lock);
    b = c->spare;
    if (b != NULL) {
        c->spare = b->next;
        c->n_spare--;
    }
    pthread_mutex_unlock(&c->spare_lock);
    return b;
}

static void
free_memory(dk_batch *b)
{
    const dk_alloc *alloc = b->c->alloc;

    dk__free(alloc, b->entries);
    dk__free(alloc, b);
}

static void
put_spare(dk_batch *b)
{
    dk_consumer *c = b->c;
    bool kept;

    pthread_mutex_lock(&c->spare_lock);
    kept = c->n_spare < SPARE_MAX;
    if (kept) {
        b->next = c->spare;
        c->spare = b;
        c->n_spare++;
    }
    pthread_mutex_unlock(&c->spare_lock);
    if (!kept)
        free_memory(b);
}

static bool
reserve_entries(dk_consumer *c, dk_batch *b, uint32_t cap)
{
    dk__entry *grown;

    if (b->cap >= cap)
        return true;
    grown = dk__realloc(c->alloc, b->entries, cap, sizeof *grown);
    if (grown == NULL)
        return false;
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
    if (!reserve_entries(c, b, cap)) {
        put_spare(b);
        return NULL;
    }
    atomic_init(&b->refs, 1);
    atomic_init(&b->cursor, 0);
    atomic_init(&b->hand, -1);
    atomic_init(&b->cut, false);
    b->len = b->settled = b->seen_cursor = 0;
    b->seen_ms = 0;
    b->closed = false;
    b->next = NULL;
    dk__consumer_ref(c);
    return b;
}

void
dk__batch_unref(dk_batch *b)
{
    dk_consumer *c = b->c;

    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < b->len; i++) {
        dk__entry *e = &b->entries[i];

        if (e->owner == b)
            rd_kafka_message_destroy(e->msg);
        else
            dk__batch_unref(e->owner);
    }
    b->len = 0;
    put_spare(b);
    dk__consumer_unref(c);
}

void
dk__batches_free(dk_consumer *c)
{
    dk_batch *b;

    while ((b = take_spare(c)) != NULL)
        free_memory(b);
}

/* ---- walk -------------------------------------------------------------------------------------------------------- */

static inline bool
ends_early(const dk_batch *b)
{
    return atomic_load_explicit(&b->c->stopping, memory_order_relaxed) ||
           atomic_load_explicit(&b->cut, memory_order_relaxed);
}

/* The outcome of an entry that must not be handed out, or DK__NEW. */
static uint8_t
pass_over(const dk__entry *e)
{
    dk__part *part = e->part;

    if (atomic_load(&part->generation) != e->generation)
        return DK__STALE;
    if (part->back || atomic_load(&part->gate) != 0)
        return DK__KEPT;
    return DK__NEW;
}

/* Entries below `cursor` have their outcome; entry `hand` (-1: none) is about to be handed out. */
static void
move_on(dk_batch *b, uint32_t cursor, int hand)
{
    atomic_store_explicit(&b->cursor, cursor, memory_order_release);
    atomic_store(&b->hand, hand); /* sequentially consistent: see the top of the file */
    if (atomic_load(&b->c->draining)) {
        pthread_mutex_lock(&b->c->lock);
        pthread_cond_broadcast(&b->c->changed);
        pthread_mutex_unlock(&b->c->lock);
    }
}

/* Write the outcome of the message in hand, if there is one. */
static uint32_t
finish_hand(dk_batch *b)
{
    int hand = atomic_load_explicit(&b->hand, memory_order_relaxed);
    uint32_t cursor = atomic_load_explicit(&b->cursor, memory_order_relaxed);

    if (hand < 0)
        return cursor;
    b->entries[hand].outcome = b->outcome;
    return (uint32_t)hand + 1;
}

static int32_t
advance(dk_batch *b, uint8_t outcome)
{
    uint32_t i;

    if (b->closed)
        return -1;
    for (i = finish_hand(b); i < b->len && !ends_early(b); i++) {
        dk__entry *e = &b->entries[i];
        uint8_t why;

        move_on(b, i, (int)i);
        why = pass_over(e);
        if (why == DK__NEW) {
            b->outcome = outcome;
            return (int32_t)i;
        }
        e->outcome = why;
        if (why == DK__KEPT)
            e->part->back = true;
    }
    move_on(b, i, -1);
    return -1;
}

int32_t
dk_batch_next(dk_batch *b)
{
    return advance(b, DK__DONE);
}

int32_t
dk_batch_take(dk_batch *b)
{
    return advance(b, DK__TAKEN);
}

int32_t
dk_batch_peek(dk_batch *b)
{
    int hand = atomic_load_explicit(&b->hand, memory_order_relaxed);
    uint32_t i = hand >= 0 ? (uint32_t)hand + 1 : atomic_load_explicit(&b->cursor, memory_order_relaxed);

    if (b->closed || ends_early(b))
        return -1;
    for (; i < b->len; i++)
        if (pass_over(&b->entries[i]) == DK__NEW)
            return (int32_t)i;
    return -1;
}

bool
dk_batch_is_cut(const dk_batch *b)
{
    return atomic_load_explicit(&b->cut, memory_order_relaxed);
}

int32_t
dk_batch_current(const dk_batch *b)
{
    return atomic_load_explicit(&b->hand, memory_order_relaxed);
}

dk_status
dk_batch_fail(dk_batch *b, int64_t delay_ms)
{
    int32_t hand = dk_batch_current(b);
    dk__part *part;

    if (hand < 0 || b->closed)
        return DK_ESTATE;
    part = b->entries[hand].part;
    b->outcome = DK__KEPT;
    pthread_mutex_lock(&b->c->lock);
    if (atomic_load(&part->generation) == b->entries[hand].generation) {
        part->back = true;
        part->due_ms = delay_ms > 0 ? dk__now_ms() + delay_ms : 0;
    }
    b->c->counters.failed++;
    pthread_mutex_unlock(&b->c->lock);
    return DK_OK;
}

/* ---- notes ------------------------------------------------------------------------------------------------------- */

dk_status
dk_batch_note(dk_batch *b, const char *text)
{
    dk_consumer *c = b->c;
    int32_t hand = dk_batch_current(b);
    dk__entry *e;
    char *copy;
    bool current;

    if (hand < 0 || b->closed)
        return DK_ESTATE;
    copy = dk__strdup(c->alloc, text);
    if (copy == NULL)
        return DK_ENOMEM;
    e = &b->entries[hand];
    pthread_mutex_lock(&c->lock);
    current = atomic_load(&e->part->generation) == e->generation;
    if (current) {
        dk__part_note_new(c, e->part, copy, e->msg->offset);
    }
    pthread_mutex_unlock(&c->lock);
    if (!current)
        dk__free(c->alloc, copy);
    else if (dk__commits(c))
        dk__commit_finished(c, NULL, false);
    return DK_OK;
}

const char *
dk_batch_note_of(dk_batch *b, uint32_t i)
{
    dk__entry *e = &b->entries[i];
    dk__part *part = e->part;
    bool found;

    pthread_mutex_lock(&b->c->lock);
    found =
        part->note != NULL && part->note_offset == e->msg->offset && atomic_load(&part->generation) == e->generation;
    if (found) {
        strncpy(b->note, part->note, sizeof b->note - 1);
        b->note[sizeof b->note - 1] = '\0';
    }
    pthread_mutex_unlock(&b->c->lock);
    return found ? b->note : NULL;
}

/* ---- tickets ----------------------------------------------------------------------------------------------------- */

dk_status
dk_batch_defer(dk_batch *b, dk_ticket *out)
{
    int32_t hand = dk_batch_current(b);
    dk__entry *e;

    if (hand < 0 || b->closed)
        return DK_ESTATE;
    e = &b->entries[hand];
    b->outcome = DK__DEFERRED;
    atomic_fetch_add(&b->refs, 1);
    *out = (dk_ticket){.batch = b, .index = (uint32_t)hand};
    pthread_mutex_lock(&b->c->lock);
    if (atomic_load(&e->part->generation) == e->generation)
        e->part->deferred++;
    pthread_mutex_unlock(&b->c->lock);
    return DK_OK;
}

void
dk_batch_undefer(dk_batch *b, dk_ticket *ticket)
{
    dk__entry *e = &b->entries[ticket->index];

    if (b->closed || dk_batch_current(b) != (int32_t)ticket->index) {
        dk_ticket_reject(ticket, 0);
        return;
    }
    b->outcome = DK__DONE;
    pthread_mutex_lock(&b->c->lock);
    if (atomic_load(&e->part->generation) == e->generation)
        e->part->deferred--;
    pthread_mutex_unlock(&b->c->lock);
    ticket->batch = NULL;
    atomic_fetch_sub(&b->refs, 1); /* the owner of the walk has another reference */
}

/* Lock held. False: the partition was taken away, the outcome no longer counts. */
static bool
ticket_counts(dk_consumer *c, dk__entry *e)
{
    if (atomic_load(&e->part->generation) != e->generation) {
        c->counters.stale_dropped++;
        return false;
    }
    e->part->deferred--;
    e->part->owed--;
    return true;
}

static void
ticket_done(dk_ticket *ticket)
{
    dk_consumer *c = ticket->batch->c;

    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
    dk__batch_unref(ticket->batch);
    ticket->batch = NULL;
}

void
dk_ticket_resolve(dk_ticket *ticket)
{
    dk_consumer *c;
    dk__entry *e;

    if (ticket->batch == NULL)
        return;
    c = ticket->batch->c;
    if (dk__forked(c->fork_generation)) { /* the lock may have been held when the process was copied */
        ticket->batch = NULL;
        return;
    }
    e = &ticket->batch->entries[ticket->index];
    pthread_mutex_lock(&c->lock);
    if (ticket_counts(c, e)) {
        dk__offsets_done(&e->part->offsets, e->msg->offset);
        c->counters.finished++;
    }
    ticket_done(ticket);
}

void
dk_ticket_reject(dk_ticket *ticket, int64_t delay_ms)
{
    dk_consumer *c;
    dk__entry *e;

    if (ticket->batch == NULL)
        return;
    c = ticket->batch->c;
    if (dk__forked(c->fork_generation)) { /* the lock may have been held when the process was copied */
        ticket->batch = NULL;
        return;
    }
    e = &ticket->batch->entries[ticket->index];
    pthread_mutex_lock(&c->lock);
    if (ticket_counts(c, e)) {
        atomic_fetch_add(&e->owner->refs, 1);
        dk__held_insert(&e->part->held, (dk__held_msg){.msg = e->msg, .owner = e->owner});
        if (delay_ms > 0)
            e->part->due_ms = dk__now_ms() + delay_ms;
        c->counters.failed++;
    }
    ticket_done(ticket);
}

/* ---- settle, close ----------------------------------------------------------------------------------------------- */

static void
settle_entry(dk_consumer *c, const dk__entry *e)
{
    dk__part *part = e->part;

    if (e->outcome == DK__KEPT || e->outcome == DK__NEW)
        return;
    if (e->outcome == DK__STALE || atomic_load_explicit(&part->generation, memory_order_relaxed) != e->generation) {
        c->counters.stale_dropped++;
        return;
    }
    part->position = e->msg->offset + 1;
    if (e->outcome == DK__DEFERRED)
        return;
    part->owed--;
    if (e->outcome == DK__DONE) {
        dk__offsets_done(&part->offsets, e->msg->offset);
        c->counters.finished++;
    }
}

static void
settle(dk_consumer *c, dk_batch *b)
{
    uint32_t cursor = atomic_load(&b->cursor);

    for (; b->settled < cursor; b->settled++)
        settle_entry(c, &b->entries[b->settled]);
}

void
dk__batches_settle(dk_consumer *c)
{
    for (dk_batch *b = c->open; b != NULL; b = b->next)
        settle(c, b);
}

/* What was not handled goes back to its partition, last first, so that each lands in front. */
static void
give_back(dk_consumer *c, dk_batch *b)
{
    uint32_t cursor = atomic_load(&b->cursor);

    for (uint32_t i = b->len; i-- > 0;) {
        dk__entry *e = &b->entries[i];
        dk__part *part = e->part;

        if (part->busy == b) {
            part->busy = NULL;
            part->back = false;
        }
        if (i < cursor && e->outcome != DK__KEPT)
            continue;
        if (atomic_load(&part->generation) != e->generation) {
            c->counters.stale_dropped++;
            continue;
        }
        part->owed--;
        atomic_fetch_add(&e->owner->refs, 1);
        dk__held_insert(&part->held, (dk__held_msg){.msg = e->msg, .owner = e->owner});
    }
}

static void
unlink_open(dk_consumer *c, dk_batch *b)
{
    for (dk_batch **at = &c->open; *at != NULL; at = &(*at)->next) {
        if (*at == b) {
            *at = b->next;
            return;
        }
    }
}

void
dk_batch_close(dk_batch *b)
{
    dk_consumer *c = b->c;

    if (b->closed || dk__forked(c->fork_generation))
        return;
    /* The message in hand was not moved on from: what the owner said of it counts, silence means not handled. */
    if (dk_batch_current(b) >= 0 && (b->outcome == DK__KEPT || b->outcome == DK__DEFERRED))
        atomic_store(&b->cursor, finish_hand(b));
    pthread_mutex_lock(&c->lock);
    b->closed = true;
    atomic_store(&b->hand, -1);
    settle(c, b);
    give_back(c, b);
    unlink_open(c, b);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (c->opts.commit_interval_ms == 0)
        dk__commit_finished(c, NULL, false);
}

void
dk_batch_free(dk_batch *b)
{
    if (b == NULL || dk__forked(b->c->fork_generation))
        return;
    dk_batch_close(b);
    dk__batch_unref(b);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

uint32_t
dk_batch_len(const dk_batch *b)
{
    return b->len;
}

const char *
dk_batch_topic(const dk_batch *b, uint32_t i)
{
    return b->entries[i].part->topic;
}

uint32_t
dk_batch_topic_id(const dk_batch *b, uint32_t i)
{
    return b->entries[i].part->topic_id;
}

int32_t
dk_batch_partition(const dk_batch *b, uint32_t i)
{
    return b->entries[i].part->partition;
}

int64_t
dk_batch_offset(const dk_batch *b, uint32_t i)
{
    return b->entries[i].msg->offset;
}

int32_t
dk_batch_leader_epoch(const dk_batch *b, uint32_t i)
{
    return dk__rdk_message_leader_epoch(b->entries[i].msg);
}

dk_slice
dk_batch_key(const dk_batch *b, uint32_t i)
{
    const rd_kafka_message_t *msg = b->entries[i].msg;

    return (dk_slice){.p = msg->key, .n = msg->key_len};
}

dk_slice
dk_batch_value(const dk_batch *b, uint32_t i)
{
    const rd_kafka_message_t *msg = b->entries[i].msg;

    return (dk_slice){.p = msg->payload, .n = msg->len};
}

int64_t
dk_batch_timestamp(const dk_batch *b, uint32_t i, int *type)
{
    rd_kafka_timestamp_type_t t = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t ms = rd_kafka_message_timestamp(b->entries[i].msg, &t);

    *type = (int)t;
    return ms;
}

static rd_kafka_headers_t *
headers_of(const dk_batch *b, uint32_t i)
{
    rd_kafka_headers_t *headers = NULL;

    if (rd_kafka_message_headers(b->entries[i].msg, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    return headers;
}

size_t
dk_batch_headers(const dk_batch *b, uint32_t i)
{
    rd_kafka_headers_t *headers = headers_of(b, i);

    return headers == NULL ? 0 : rd_kafka_header_cnt(headers);
}

bool
dk_batch_header(const dk_batch *b, uint32_t i, size_t k, dk_header *out)
{
    rd_kafka_headers_t *headers = headers_of(b, i);
    const void *value;
    size_t n;

    if (headers == NULL || rd_kafka_header_get_all(headers, k, &out->name, &value, &n) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    out->value = (dk_slice){.p = value, .n = n};
    return true;
}
