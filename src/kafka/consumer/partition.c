/* SPDX-License-Identifier: MIT
 *
 * The table of partitions, and the messages of a partition that were fetched but are held back. Runs with the
 * consumer's lock held; never waits.
 */
#include "kafka/consumer/internal.h"

/* ---- held-back messages ------------------------------------------------------------------------------------------ */

dk_status
dk__held_reserve(dk_consumer *c, dk__held *h, uint32_t room)
{
    uint32_t cap = h->cap == 0 ? 16 : h->cap;
    dk__held_msg *ring;

    if (h->cap - h->len >= room)
        return DK_OK;
    while (cap - h->len < room)
        cap *= 2;
    ring = dk__calloc(c->alloc, cap, sizeof *ring);
    if (ring == NULL)
        return DK_ENOMEM;
    c->counters.allocations++;
    for (uint32_t i = 0; i < h->len; i++)
        ring[i] = h->ring[(h->head + i) & (h->cap - 1)];
    dk__free(c->alloc, h->ring);
    *h = (dk__held){.ring = ring, .cap = cap, .head = 0, .len = h->len};
    return DK_OK;
}

void
dk__held_insert(dk__held *h, dk__held_msg m)
{
    uint32_t i = 0;

    /* Nearly always the new one belongs in front: batches give back from their end. */
    assert(h->len < h->cap);
    h->head = (h->head - 1) & (h->cap - 1);
    h->len++;
    for (; i + 1 < h->len; i++) {
        dk__held_msg next = h->ring[(h->head + i + 1) & (h->cap - 1)];

        if (next.msg->offset > m.msg->offset)
            break;
        h->ring[(h->head + i) & (h->cap - 1)] = next;
    }
    h->ring[(h->head + i) & (h->cap - 1)] = m;
}

bool
dk__held_pop(dk__held *h, dk__held_msg *out)
{
    if (h->len == 0)
        return false;
    *out = h->ring[h->head];
    h->head = (h->head + 1) & (h->cap - 1);
    h->len--;
    return true;
}

void
dk__held_release(dk__held_msg m)
{
    if (m.owner != NULL)
        dk__batch_unref(m.owner);
    else
        rd_kafka_message_destroy(m.msg);
}

/* ---- table ------------------------------------------------------------------------------------------------------- */

dk__part *
dk__part_find(const dk_consumer *c, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part *part = c->parts[i];

        if (part->partition == partition && strcmp(part->topic, topic) == 0)
            return part;
    }
    return NULL;
}

static dk_status
intern_topic(dk_consumer *c, const char *topic, uint32_t *id)
{
    for (uint32_t i = 0; i < c->n_topics; i++) {
        if (strcmp(c->topics[i], topic) == 0) {
            *id = i;
            return DK_OK;
        }
    }
    if (c->n_topics == c->cap_topics) {
        uint32_t cap = c->cap_topics == 0 ? 8 : c->cap_topics * 2;
        char **grown = dk__realloc(c->alloc, c->topics, cap, sizeof *grown);

        if (grown == NULL)
            return DK_ENOMEM;
        c->topics = grown;
        c->cap_topics = cap;
    }
    c->topics[c->n_topics] = dk__strdup(c->alloc, topic);
    if (c->topics[c->n_topics] == NULL)
        return DK_ENOMEM;
    *id = c->n_topics++;
    return DK_OK;
}

static dk_status
part_new(dk_consumer *c, const char *topic, int32_t partition, dk__part **out)
{
    dk__part *part;
    uint32_t id;
    dk_status st = intern_topic(c, topic, &id);

    if (st != DK_OK)
        return st;
    if (c->n_parts == c->cap_parts) {
        size_t cap = c->cap_parts == 0 ? 16 : c->cap_parts * 2;
        dk__part **grown = dk__realloc(c->alloc, c->parts, cap, sizeof *grown);

        if (grown == NULL)
            return DK_ENOMEM;
        c->parts = grown;
        c->cap_parts = cap;
    }
    part = dk__calloc(c->alloc, 1, sizeof *part);
    if (part == NULL)
        return DK_ENOMEM;
    part->topic = c->topics[id];
    part->topic_id = id;
    part->partition = partition;
    part->wake = &c->wake;
    part->position = part->read = DK_OFFSET_INVALID;
    dk__offsets_init(&part->offsets, c->alloc);
    c->parts[c->n_parts++] = part;
    *out = part;
    return DK_OK;
}

/* Called by librdkafka, from its threads and with the queue locked, when the queue is no longer empty. */
static void
queue_readable(rd_kafka_t *rk, void *opaque)
{
    dk__part *part = opaque;

    (void)rk;
    atomic_store_explicit(&part->ready, true, memory_order_release);
    dk__wake_raise(part->wake);
}

dk_status
dk__part_assign(dk_consumer *c, const char *topic, int32_t partition)
{
    dk__part *part = dk__part_find(c, topic, partition);
    dk_status st;

    if (part == NULL) {
        st = part_new(c, topic, partition, &part);
        if (st != DK_OK)
            return st;
    }
    if (part->assigned)
        return DK_OK;
    part->queue = rd_kafka_queue_get_partition(c->rk, topic, partition);
    if (part->queue == NULL)
        return DK_ENOMEM;
    /* Before the assignment starts the fetcher: a queue that the application has (un)forwarded stays as it is. */
    rd_kafka_queue_forward(part->queue, NULL);
    atomic_store(&part->gate, 0);
    atomic_store(&part->ready, true);
    rd_kafka_queue_cb_event_enable(part->queue, queue_readable, part);
    part->assigned = true;
    return DK_OK;
}

void
dk__part_note(dk_consumer *c, dk__part *part, char *taken, int64_t offset)
{
    dk__free(c->alloc, part->note);
    part->note = taken;
    part->note_offset = offset;
    part->note_dirty = part->note_pending = false;
}

void
dk__part_note_new(dk_consumer *c, dk__part *part, char *taken, int64_t offset)
{
    dk__part_note(c, part, taken, offset);
    part->note_dirty = true;
    part->note_pending = dk__commits(c);
    part->note_ms = dk__now_ms();
}

void
dk__part_reset(dk_consumer *c, dk__part *part)
{
    dk__held_msg m;

    dk__part_note(c, part, NULL, DK_OFFSET_INVALID);
    atomic_fetch_add(&part->generation, 1);
    while (dk__held_pop(&part->held, &m))
        dk__held_release(m);
    if (part->error != NULL)
        rd_kafka_message_destroy(part->error);
    part->error = NULL;
    if (part->anew != NULL)
        rd_kafka_message_destroy(part->anew);
    part->anew = NULL;
    part->read = DK_OFFSET_INVALID;
    dk__offsets_reset(&part->offsets);
    part->due_ms = 0;
    part->deferred = 0;
    part->owed = 0;
    part->position = DK_OFFSET_INVALID;
}

void
dk__part_seek(dk_consumer *c, dk__part *part, int64_t offset)
{
    char *note = part->note;
    bool known = part->offsets.mark == offset; /* all before is finished, so the note can still be committed */
    int64_t committed = part->offsets.committed;
    bool dirty = part->note_dirty, pending = part->note_pending;

    if (part->note_offset != offset) {
        dk__part_reset(c, part);
        return;
    }
    part->note = NULL;
    dk__part_reset(c, part);
    part->note = note;
    part->note_offset = offset;
    part->note_dirty = dirty;
    part->note_pending = pending && known;
    if (known) {
        part->offsets.mark = offset;
        part->offsets.committed = committed;
    }
}

void
dk__part_revoke(dk_consumer *c, dk__part *part)
{
    if (!part->assigned)
        return;
    part->assigned = false;
    rd_kafka_queue_cb_event_enable(part->queue, NULL, NULL);
    rd_kafka_queue_destroy(part->queue);
    part->queue = NULL;
    dk__part_reset(c, part);
    atomic_store(&part->gate, 0);
}

/* What the broker does not know of an attempt, the next owner of the partition would not know either. */
bool
dk__part_awaits_note(const dk__part *part, int64_t offset, int64_t now_ms)
{
    return part->note_pending && part->note_offset == offset && now_ms - part->note_ms < DK__NOTE_WAIT_MS;
}

bool
dk__part_quiet(const dk__part *part)
{
    return part->busy == NULL && part->held.len == 0 && part->owed == 0;
}

bool
dk__part_open(const dk__part *part, int64_t now_ms)
{
    if (!part->assigned || part->busy != NULL || part->due_ms > now_ms || atomic_load(&part->gate) != 0)
        return false;
    return part->held.len == 0 || !dk__part_awaits_note(part, part->held.ring[part->held.head].msg->offset, now_ms);
}

void
dk__parts_fini(dk_consumer *c)
{
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part_revoke(c, c->parts[i]);
        dk__offsets_fini(&c->parts[i]->offsets);
        dk__free(c->alloc, c->parts[i]->held.ring);
        dk__free(c->alloc, c->parts[i]);
    }
    dk__free(c->alloc, c->parts);
    for (uint32_t i = 0; i < c->n_topics; i++)
        dk__free(c->alloc, c->topics[i]);
    dk__free(c->alloc, c->topics);
    c->parts = NULL;
    c->topics = NULL;
    c->n_parts = c->n_topics = 0;
}
