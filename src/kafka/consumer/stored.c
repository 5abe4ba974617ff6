/* SPDX-License-Identifier: MIT
 *
 * Offsets that the application stores, commits or asks for by itself.
 */
#include <stdio.h>

#include "kafka/consumer/handle.h"

#define COMMIT_RETRY_MS 5000 /* how long a commit that is waited for is sent again while the coordinator moves */

/* What the last try brought is told: *result, for a sync commit, is the caller's. */
static rd_kafka_resp_err_t
commit_list(dk_consumer *c, rd_kafka_topic_partition_list_t *list, bool sync,
            rd_kafka_topic_partition_list_t **result)
{
    int64_t by_ms = dk__now_ms() + COMMIT_RETRY_MS;
    rd_kafka_resp_err_t rkerr;

    for (;;) {
        dk__commit_how how = {.sync = sync, .by_ms = -1};

        *result = NULL;
        rkerr = list != NULL ? dk__commit_list(c, list, how, sync ? result : NULL)
                             : dk__commit_finished(c, how, sync ? result : NULL);
        if (!dk__coordinator_wait(c, rkerr, by_ms))
            return rkerr;
        if (*result != NULL)
            rd_kafka_topic_partition_list_destroy(*result);
    }
}

/* An offset given by hand moves the mark of a partition that is ours: what lies before it counts as finished, or the
 * next commit of the engine would take the group back. Lock held. */
static dk__part *
move_mark(dk_consumer *c, const dk_partition *p)
{
    dk__part *part = dk__part_find(c, p->topic, p->partition);

    if (part == NULL || !part->assigned)
        return NULL;
    if (p->offset >= 0)
        dk__ledger_store(part->ledger, p->offset);
    return part;
}

static dk_status
commit_given(dk_consumer *c, dk_partitions *parts, bool sync, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list, *result;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__to_rd_list(parts, &list, err);

    if (st != DK_OK)
        return st;
    pthread_mutex_lock(&c->lock);
    dk__settle_open(c);
    for (size_t i = 0; i < parts->len; i++)
        move_mark(c, &parts->items[i]);
    pthread_mutex_unlock(&c->lock);
    rkerr = commit_list(c, list, sync, &result);
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
    rkerr = commit_list(c, NULL, sync, &result);
    if (result != NULL) {
        if (parts != NULL)
            st = dk__append_rd_list(result, parts);
        rd_kafka_topic_partition_list_destroy(result);
    }
    if (!sync && rkerr == RD_KAFKA_RESP_ERR__NO_OFFSET) {
        dk__events_push_partitions(c->events, DK_EVENT_COMMIT, rkerr, NULL);
        return DK_OK;
    }
    return rkerr ? dk__kafka_error(err, rkerr, "commit") : st;
}

/* ---- store ----------------------------------------------------------------------------------------------------- */

static bool
has_note(const dk_partition *p)
{
    return p->metadata != NULL && p->metadata[0] != '\0';
}

/* The notes are copied before anything changes. *out: one for each partition, NULL: none. */
static dk_status
copy_notes(dk_consumer *c, const dk_partitions *parts, char ***out)
{
    char **notes = dk__calloc(c->alloc, parts->len + 1, sizeof *notes);
    dk_status st = notes == NULL ? DK_ENOMEM : DK_OK;

    for (size_t i = 0; st == DK_OK && i < parts->len; i++) {
        if (!has_note(&parts->items[i]) || strlen(parts->items[i].metadata) > c->opts.note_max_bytes)
            continue;
        notes[i] = dk__strdup(c->alloc, parts->items[i].metadata);
        if (notes[i] == NULL)
            st = DK_ENOMEM;
    }
    *out = notes;
    return st;
}

static void
drop_notes(dk_consumer *c, const dk_partitions *parts, char **notes)
{
    for (size_t i = 0; notes != NULL && i < parts->len; i++)
        dk__free(c->alloc, notes[i]);
    dk__free(c->alloc, notes);
}

/* Lock held. Takes *note if it becomes the note of the message at that offset. */
static void
store_one(dk_consumer *c, dk_partition *p, char **note)
{
    dk__part *part = move_mark(c, p);

    if (part == NULL) { /* as librdkafka says: never had, or no longer */
        p->kafka_err = dk__part_find(c, p->topic, p->partition) != NULL ? RD_KAFKA_RESP_ERR__STATE
                                                                        : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
        return;
    }
    p->kafka_err = 0;
    if (!has_note(p))
        return;
    if (*note == NULL) {
        p->kafka_err = RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE;
        return;
    }
    if (p->offset < 0) /* no message is there */
        return;
    dk__ledger_note(part->ledger, p->offset, *note, dk__now_ms());
    *note = NULL;
}

static dk_status
store_result(const dk_partitions *parts, size_t note_max_bytes, dk_error *err)
{
    for (size_t i = 0; i < parts->len; i++) {
        const dk_partition *p = &parts->items[i];
        char what[400];

        if (p->kafka_err == 0)
            continue;
        if (p->kafka_err != RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE)
            return dk__kafka_error(err, p->kafka_err, "store offsets: a partition is not assigned to this consumer");
        snprintf(what, sizeof what,
                 "store offsets: metadata of %zu bytes for %.200s [%d] is too large: brokers take at most %zu bytes "
                 "(offset.metadata.max.bytes). The offset is stored without it",
                 strlen(p->metadata), p->topic, (int)p->partition, note_max_bytes);
        return dk__kafka_error(err, RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, what);
    }
    return DK_OK;
}

dk_status
dk_consumer_store(dk_consumer *c, dk_partitions *parts, dk_error *err)
{
    bool noted = false;
    char **notes;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    st = copy_notes(c, parts, &notes);
    if (st != DK_OK) {
        drop_notes(c, parts, notes);
        return dk__error_set(err, st, "no memory for the metadata of offsets: nothing was stored");
    }
    pthread_mutex_lock(&c->lock);
    dk__settle_open(c);
    for (size_t i = 0; i < parts->len; i++) {
        bool had = notes[i] != NULL;

        store_one(c, &parts->items[i], &notes[i]);
        noted |= had && notes[i] == NULL;
    }
    pthread_mutex_unlock(&c->lock);
    drop_notes(c, parts, notes);
    if (noted && dk__commits(c))
        dk__commit_finished(c, (dk__commit_how){.sync = false}, NULL);
    return store_result(parts, c->opts.note_max_bytes, err);
}

static int
left_ms(int64_t by_ms)
{
    int64_t left = by_ms - dk__now_ms();

    return left > 0 ? (int)left : 0;
}

dk_status
dk_consumer_committed(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    int64_t by_ms = timeout_ms < 0 ? -1 : dk__now_ms() + timeout_ms;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    do
        rkerr = rd_kafka_committed(c->rk, list, by_ms < 0 ? -1 : left_ms(by_ms));
    while (dk__coordinator_wait(c, rkerr, by_ms));
    if (rkerr)
        st = dk__kafka_error(err, rkerr, "committed");
    else
        st = dk__from_rd_list(list, parts);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}
