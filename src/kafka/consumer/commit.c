/* SPDX-License-Identifier: MIT
 *
 * Committing: the end of each partition's contiguous run of finished messages, by interval, after a batch, before a
 * partition is given back, or on request; and what is committed or stored by hand.
 */
#include "kafka/consumer/internal.h"

bool
dk__commits(const dk_consumer *c)
{
    return c->opts.commit_interval_ms != DK_COMMIT_NEVER && c->info.has_group;
}

/* ---- results ------------------------------------------------------------------------------------------------------ */

/* The broker has the note, or it has to be sent again. An answer to an older one says nothing. */
static void
note_answered(dk__part *part, const rd_kafka_topic_partition_t *p, bool accepted)
{
    size_t n = strlen(part->note);

    if (!accepted)
        part->note_dirty = true;
    else if (p->metadata_size == n && memcmp(p->metadata, part->note, n) == 0)
        part->note_pending = false;
}

static void
note_result(dk_consumer *c, rd_kafka_resp_err_t rkerr, const rd_kafka_topic_partition_list_t *parts)
{
    pthread_mutex_lock(&c->lock);
    if (rkerr)
        c->counters.commit_errors++;
    else
        c->counters.commits++;
    for (int i = 0; parts != NULL && i < parts->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &parts->elems[i];
        dk__part *part = dk__part_find(c, p->topic, p->partition);

        if (part == NULL || !part->assigned)
            continue;
        if (!rkerr && !p->err)
            part->offsets.committed = p->offset;
        if (part->note != NULL && part->note_offset == p->offset)
            note_answered(part, p, !rkerr && !p->err);
    }
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
}

/* Served on the engine thread, or, for a synchronous commit, on the thread that waits for it. */
static void
committed(rd_kafka_t *rk, rd_kafka_resp_err_t rkerr, rd_kafka_topic_partition_list_t *parts, void *opaque)
{
    dk_consumer *c = rd_kafka_opaque(rk);
    rd_kafka_topic_partition_list_t **result = opaque;

    note_result(c, rkerr, parts);
    if (result != NULL) {
        if (parts != NULL)
            *result = rd_kafka_topic_partition_list_copy(parts);
        return;
    }
    if (rkerr == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    dk__events_push_partitions(c->events, DK_EVENT_COMMIT, rkerr, parts);
}

/* ---- what is finished ---------------------------------------------------------------------------------------------- */

static bool
wanted(const rd_kafka_topic_partition_list_t *only, const dk__part *part)
{
    return only == NULL || rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)only, part->topic,
                                                              part->partition) != NULL;
}

static void
add_mark(dk_consumer *c, rd_kafka_topic_partition_list_t *list, dk__part *part)
{
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, part->topic, part->partition);

    p->offset = part->offsets.mark;
    if (part->note != NULL && part->note_offset < part->offsets.mark)
        dk__part_note(c, part, NULL, DK_OFFSET_INVALID);
    if (part->note == NULL || part->note_offset != part->offsets.mark)
        return;
    p->metadata = dk__strdup(dk__alloc_or_libc(NULL), part->note); /* librdkafka frees it with free() */
    p->metadata_size = p->metadata == NULL ? 0 : strlen(part->note);
    part->note_dirty = p->metadata == NULL;
}

/* Can a note be sent that the broker does not have? Those before its message may have to be finished first. */
static bool
note_to_send(const dk__part *part)
{
    return part->assigned && part->note_dirty && part->note_offset == part->offsets.mark;
}

bool
dk__notes_to_send(const dk_consumer *c)
{
    for (size_t i = 0; i < c->n_parts; i++)
        if (note_to_send(c->parts[i]))
            return true;
    return false;
}

static bool
has_news(const dk__part *part)
{
    const dk__offsets *o = &part->offsets;

    return part->assigned && o->mark >= 0 && (o->mark != o->committed || note_to_send(part));
}

static rd_kafka_topic_partition_list_t *
collect(dk_consumer *c, const rd_kafka_topic_partition_list_t *only)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    pthread_mutex_lock(&c->lock);
    dk__batches_settle(c);
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part *part = c->parts[i];

        if (has_news(part) && wanted(only, part))
            add_mark(c, list, part);
    }
    pthread_mutex_unlock(&c->lock);
    return list;
}

/* *result, if wanted, is a list of what was committed synchronously, or NULL. */
static rd_kafka_resp_err_t
commit_finished(dk_consumer *c, const rd_kafka_topic_partition_list_t *only, bool sync,
                rd_kafka_topic_partition_list_t **result)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t rkerr = RD_KAFKA_RESP_ERR__NO_OFFSET;

    *result = NULL;
    if (!c->info.has_group)
        return RD_KAFKA_RESP_ERR__UNKNOWN_GROUP;
    list = collect(c, only);
    if (list->cnt > 0)
        rkerr = rd_kafka_commit_queue(c->rk, list, sync ? NULL : c->queue, committed, sync ? result : NULL);
    rd_kafka_topic_partition_list_destroy(list);
    return rkerr;
}

rd_kafka_resp_err_t
dk__commit_finished(dk_consumer *c, const rd_kafka_topic_partition_list_t *only, bool sync)
{
    rd_kafka_topic_partition_list_t *result;
    rd_kafka_resp_err_t rkerr = commit_finished(c, only, sync, &result);

    if (result != NULL)
        rd_kafka_topic_partition_list_destroy(result);
    return rkerr;
}

/* ---- by hand -------------------------------------------------------------------------------------------------------- */

/* An offset given by hand moves the mark of a partition that is ours: what lies before it counts as finished, or the next
 * commit of the engine would take the group back. Lock held. */
static bool
move_mark(dk_consumer *c, const dk_partition *p)
{
    dk__part *part = dk__part_find(c, p->topic, p->partition);

    if (part == NULL || !part->assigned)
        return false;
    if (p->offset >= 0)
        dk__offsets_store(&part->offsets, p->offset);
    return true;
}

static dk_status
commit_given(dk_consumer *c, dk_partitions *parts, bool sync, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list, *result = NULL;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__to_rd_list(parts, &list, err);

    if (st != DK_OK)
        return st;
    pthread_mutex_lock(&c->lock);
    dk__batches_settle(c);
    for (size_t i = 0; i < parts->len; i++)
        move_mark(c, &parts->items[i]);
    pthread_mutex_unlock(&c->lock);
    rkerr = rd_kafka_commit_queue(c->rk, list, sync ? NULL : c->queue, committed, sync ? &result : NULL);
    rd_kafka_topic_partition_list_destroy(list);
    if (result != NULL) {
        st = dk__from_rd_list(result, parts);
        rd_kafka_topic_partition_list_destroy(result);
    }
    if (rkerr)
        return dk__kafka_error(err, rkerr, "commit");
    return st;
}

dk_status
dk_consumer_commit(dk_consumer *c, dk_partitions *parts, bool sync, dk_error *err)
{
    rd_kafka_topic_partition_list_t *result;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    if (parts != NULL && parts->len > 0)
        return commit_given(c, parts, sync, err);
    rkerr = commit_finished(c, NULL, sync, &result);
    if (result != NULL) {
        if (parts != NULL)
            st = dk__append_rd_list(result, parts);
        rd_kafka_topic_partition_list_destroy(result);
    }
    return rkerr ? dk__kafka_error(err, rkerr, "commit") : st;
}

/* Metadata of a stored offset is the note of the message at that offset. Lock held. */
static bool
store_note(dk_consumer *c, const dk_partition *p)
{
    char *copy = p->metadata != NULL && p->metadata[0] != '\0' ? dk__strdup(c->alloc, p->metadata) : NULL;

    if (copy != NULL)
        dk__part_note_new(c, dk__part_find(c, p->topic, p->partition), copy, p->offset);
    return copy != NULL;
}

dk_status
dk_consumer_store(dk_consumer *c, dk_partitions *parts, dk_error *err)
{
    bool noted = false;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    pthread_mutex_lock(&c->lock);
    dk__batches_settle(c);
    for (size_t i = 0; i < parts->len; i++) {
        dk_partition *p = &parts->items[i];

        p->kafka_err = move_mark(c, p) ? 0 : RD_KAFKA_RESP_ERR__STATE;
        if (p->kafka_err != 0)
            st = DK_EKAFKA;
        else
            noted |= store_note(c, p);
    }
    pthread_mutex_unlock(&c->lock);
    if (noted && dk__commits(c))
        dk__commit_finished(c, NULL, false);
    if (st != DK_OK)
        return dk__kafka_error(err, RD_KAFKA_RESP_ERR__STATE,
                               "store offsets: a partition is not assigned to this consumer");
    return DK_OK;
}

dk_status
dk_consumer_committed(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    rkerr = rd_kafka_committed(c->rk, list, timeout_ms);
    if (rkerr)
        st = dk__kafka_error(err, rkerr, "committed");
    else
        st = dk__from_rd_list(list, parts);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}
