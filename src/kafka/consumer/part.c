/* SPDX-License-Identifier: MIT
 *
 * See part.h.
 */
#include "kafka/consumer/handle.h"

/* ---- table ----------------------------------------------------------------------------------------------------- */

static dk__topic_parts *
find_topic(const dk_consumer *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_topics; i++)
        if (strcmp(c->topics[i].name, name) == 0)
            return &c->topics[i];
    return NULL;
}

dk__part *
dk__part_find(const dk_consumer *c, const char *topic, int32_t partition)
{
    const dk__topic_parts *t = find_topic(c, topic);

    return t != NULL && partition >= 0 && (uint32_t)partition < t->n_parts ? t->parts[partition] : NULL;
}

static dk__topic_parts *
intern_topic(dk_consumer *c, const char *name)
{
    dk__topic_parts *t = find_topic(c, name);

    if (t != NULL)
        return t;
    if (c->n_topics == c->cap_topics) {
        uint32_t cap = c->cap_topics == 0 ? 8 : c->cap_topics * 2;
        dk__topic_parts *grown = dk__realloc(c->alloc, c->topics, cap, sizeof *grown);

        if (grown == NULL)
            return NULL;
        c->topics = grown;
        c->cap_topics = cap;
    }
    t = &c->topics[c->n_topics];
    *t = (dk__topic_parts){.name = dk__strdup(c->alloc, name)};
    if (t->name == NULL)
        return NULL;
    c->n_topics++;
    return t;
}

static bool
reserve_number(dk_consumer *c, dk__topic_parts *t, int32_t partition)
{
    uint32_t wanted = (uint32_t)partition + 1;
    dk__part **grown;

    if (wanted <= t->n_parts)
        return true;
    grown = dk__realloc(c->alloc, t->parts, wanted, sizeof *grown);
    if (grown == NULL)
        return false;
    for (uint32_t i = t->n_parts; i < wanted; i++)
        grown[i] = NULL;
    t->parts = grown;
    t->n_parts = wanted;
    return true;
}

static bool
reserve_part(dk_consumer *c)
{
    size_t cap = c->cap_parts == 0 ? 16 : c->cap_parts * 2;
    dk__part **grown;

    if (c->n_parts < c->cap_parts)
        return true;
    pthread_mutex_lock(&c->table_lock);
    grown = dk__realloc(c->alloc, c->parts, cap, sizeof *grown);
    if (grown != NULL) {
        c->parts = grown;
        c->cap_parts = cap;
    }
    pthread_mutex_unlock(&c->table_lock);
    return grown != NULL;
}

static dk__part *
part_new(dk_consumer *c, const char *topic, int32_t partition)
{
    dk__topic_parts *t = intern_topic(c, topic);
    dk__part *part;

    if (t == NULL || partition < 0 || !reserve_number(c, t, partition) || !reserve_part(c))
        return NULL;
    part = dk__calloc(c->alloc, 1, sizeof *part);
    if (part == NULL)
        return NULL;
    if (dk__ledger_new(c->alloc, &c->rules, &part->ledger) != DK_OK) {
        dk__free(c->alloc, part);
        return NULL;
    }
    part->generation = dk__ledger_generation(part->ledger);
    part->topic = t->name;
    part->topic_id = (uint32_t)(t - c->topics);
    part->partition = partition;
    part->c = c;
    t->parts[partition] = part;
    pthread_mutex_lock(&c->table_lock);
    c->parts[c->n_parts++] = part;
    pthread_mutex_unlock(&c->table_lock);
    return part;
}

/* ---- queues ---------------------------------------------------------------------------------------------------- */

/* Called by librdkafka, from its threads and with the queue locked, when a queue that is not forwarded is no longer
 * empty: librdkafka unforwards the queues of partitions that it stops. */
static void
queue_readable(rd_kafka_t *rk, void *opaque)
{
    dk__part *part = opaque;

    (void)rk;
    atomic_store_explicit(&part->stray, true, memory_order_relaxed);
    atomic_store_explicit(&part->c->strays, true, memory_order_release);
    dk__wake_raise(&part->c->wake);
}

/* Nothing is lost by it: what is in the queue goes along, in front of what comes. */
static void
forward(dk__part *part)
{
    atomic_store(&part->stray, false);
    rd_kafka_queue_forward(part->queue, part->c->intake);
}

void
dk__part_set_apart(dk__part *part, bool apart)
{
    if (part->apart == apart)
        return;
    part->apart = apart;
    if (apart)
        rd_kafka_queue_forward(part->queue, NULL);
    else if (part->seeks == 0) /* else when the seek has ended */
        forward(part);
}

void
dk__parts_forward_strays(dk_consumer *c)
{
    if (!atomic_load_explicit(&c->strays, memory_order_relaxed) || !atomic_exchange(&c->strays, false))
        return;
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part *part = c->parts[i];

        if (part->assigned && !part->apart && part->seeks == 0 && atomic_load(&part->stray))
            forward(part);
    }
}

/* Whatever became of a wake-up: nothing stays unread for longer than the time between two calls. */
void
dk__parts_look_again(dk_consumer *c)
{
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part *part = c->parts[i];

        if (part->assigned && !part->apart && part->seeks == 0)
            forward(part);
    }
    atomic_store(&c->readable, true);
    dk__wake_raise(&c->wake);
}

int64_t
dk__part_position(const dk__part *part, int32_t *epoch)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
    int64_t offset = DK_OFFSET_INVALID;

    *epoch = -1;
    if (rd_kafka_position(part->c->rk, list) == RD_KAFKA_RESP_ERR_NO_ERROR && !p->err && p->offset >= 0) {
        offset = p->offset;
        *epoch = dk__rdk_partition_leader_epoch(p);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

dk_status
dk__part_assign(dk_consumer *c, const char *topic, int32_t partition)
{
    dk__part *part = dk__part_find(c, topic, partition);

    if (part == NULL)
        part = part_new(c, topic, partition);
    if (part == NULL)
        return DK_ENOMEM;
    if (part->assigned)
        return DK_OK;
    part->queue = rd_kafka_queue_get_partition(c->rk, topic, partition);
    if (part->queue == NULL)
        return DK_ENOMEM;
    atomic_store(&part->gate, DK__GATE_CLOSED);
    part->seeks = 0;
    part->circle_ms = 0;
    part->damage_due_ms = 0;
    part->damage_again = false;
    part->assignment = ++c->assignments;
    /* Before the assignment starts the fetcher: a queue that the application has (un)forwarded stays as it is. */
    part->apart = true;
    rd_kafka_queue_forward(part->queue, NULL);
    rd_kafka_queue_cb_event_enable(part->queue, queue_readable, part);
    part->assigned = true;
    return DK_OK;
}

void
dk__part_distrust_position(dk__part *part)
{
    int32_t epoch;

    part->stale_position = dk__part_position(part, &epoch);
}

void
dk__part_begin(dk__part *part)
{
    dk__part_distrust_position(part);
    dk__part_set_apart(part, false);
    dk__part_unshut(part, DK__GATE_CLOSED);
}

void
dk__part_drop_popped(dk__part *part)
{
    dk_consumer *c = part->c;
    uint32_t kept = 0;

    for (uint32_t i = c->at_popped; i < c->n_popped; i++) {
        rd_kafka_message_t *msg = c->popped[i];

        if (msg->partition == part->partition && msg->rkt != NULL &&
            strcmp(rd_kafka_topic_name(msg->rkt), part->topic) == 0)
            rd_kafka_message_destroy(msg);
        else
            c->popped[kept++] = msg;
    }
    c->at_popped = 0;
    c->n_popped = kept;
}

void
dk__part_seek_begin(dk__part *part)
{
    part->seeks++;
    dk__part_shut(part, DK__GATE_SEEKING);
    rd_kafka_queue_forward(part->queue, NULL);
}

void
dk__part_seek_end(dk__part *part, bool moved, int64_t offset)
{
    if (moved) {
        dk__part_drop_popped(part);
        dk__ledger_seek(part->ledger, offset);
        if (part->damage_due_ms != 0)
            part->apart = false;
        part->damage_due_ms = 0;
    }
    if (--part->seeks > 0)
        return;
    dk__part_distrust_position(part);
    if (!part->apart)
        forward(part);
    dk__part_unshut(part, DK__GATE_SEEKING);
}

void
dk__part_revoke(dk__part *part)
{
    if (!part->assigned)
        return;
    part->assigned = false;
    rd_kafka_queue_cb_event_enable(part->queue, NULL, NULL);
    rd_kafka_queue_destroy(part->queue);
    part->queue = NULL;
    dk__part_drop_popped(part);
    dk__ledger_start_over(part->ledger);
    atomic_store(&part->gate, 0);
}

void
dk__part_shut(dk__part *part, unsigned gate)
{
    atomic_fetch_or(&part->gate, gate);
}

void
dk__part_unshut(dk__part *part, unsigned gate)
{
    atomic_fetch_and(&part->gate, ~gate);
}

bool
dk__part_is_open(const dk__part *part, int64_t now_ms)
{
    return part->assigned && part->busy == NULL && atomic_load(&part->gate) == 0 &&
           dk__ledger_is_due(part->ledger, now_ms);
}

void
dk__parts_fini(dk_consumer *c)
{
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part_revoke(c->parts[i]);
        dk__ledger_free(c->parts[i]->ledger);
        dk__free(c->alloc, c->parts[i]);
    }
    dk__free(c->alloc, c->parts);
    for (uint32_t i = 0; i < c->n_topics; i++) {
        dk__free(c->alloc, c->topics[i].name);
        dk__free(c->alloc, c->topics[i].parts);
    }
    dk__free(c->alloc, c->topics);
    c->parts = NULL;
    c->topics = NULL;
    c->n_parts = c->n_topics = 0;
}
