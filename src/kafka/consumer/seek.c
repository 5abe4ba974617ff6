/* SPDX-License-Identifier: MIT
 *
 * Seeking: what was read is dropped, and what was handed out before counts no longer.
 */
#include "kafka/consumer/handle.h"

/* One partition of a seek, and the assignment that it was begun in: it may be taken away, and given again, meanwhile.
 */
typedef struct target {
    dk__part *part; /* NULL: not ours */
    uint64_t assignment;
} target;

/* Lock held. */
static void
begin(dk_consumer *c, dk_partitions *parts, target *targets)
{
    for (size_t i = 0; i < parts->len; i++) {
        dk_partition *p = &parts->items[i];
        dk__part *part = dk__part_find(c, p->topic, p->partition);

        targets[i] = (target){.part = part != NULL && part->assigned ? part : NULL};
        p->kafka_err = targets[i].part != NULL ? 0 : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
        if (targets[i].part == NULL)
            continue;
        targets[i].assignment = part->assignment;
        dk__part_seek_begin(part);
    }
}

/* A partition that was moved starts over; one that could not be moved goes on where it was, nothing dropped. */
static void
end(dk_consumer *c, const rd_kafka_topic_partition_list_t *list, const target *targets)
{
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < list->cnt; i++) {
        dk__part *part = targets[i].part;

        if (part == NULL || !part->assigned || part->assignment != targets[i].assignment)
            continue;
        dk__part_seek_end(part, !list->elems[i].err, list->elems[i].offset);
    }
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
}

static dk_status
seek(dk_consumer *c, rd_kafka_topic_partition_list_t *list, const target *targets, int timeout_ms, dk_error *err)
{
    rd_kafka_error_t *rderr = rd_kafka_seek_partitions(c->rk, list, timeout_ms);
    dk_status st = DK_OK;

    if (rderr != NULL) {
        for (int i = 0; i < list->cnt; i++)
            if (!list->elems[i].err)
                list->elems[i].err = rd_kafka_error_code(rderr);
        st = dk__rd_error(err, rderr, "seek");
    }
    end(c, list, targets);
    return st;
}

/* Inside the callback of an assignment a seek says where to begin. False: no assignment waits. Lock held. */
static bool
answer_assignment(dk_consumer *c, dk_partitions *parts)
{
    if (!c->assigning)
        return false;
    if (c->answer == NULL)
        c->answer = rd_kafka_topic_partition_list_copy(c->asked);
    for (size_t i = 0; i < parts->len; i++) {
        dk_partition *p = &parts->items[i];
        rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_find(c->answer, p->topic, p->partition);

        p->kafka_err = to != NULL ? 0 : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
        if (to != NULL)
            to->offset = p->offset;
    }
    return true;
}

dk_status
dk_consumer_seek(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    target *targets;
    bool answered;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    targets = dk__calloc(c->alloc, parts->len + 1, sizeof *targets);
    if (targets == NULL) {
        rd_kafka_topic_partition_list_destroy(list);
        return dk__error_set(err, DK_ENOMEM, "no memory for a seek");
    }
    pthread_mutex_lock(&c->lock);
    answered = answer_assignment(c, parts);
    if (!answered)
        begin(c, parts, targets);
    pthread_mutex_unlock(&c->lock);
    if (!answered) {
        st = seek(c, list, targets, timeout_ms, err);
        if (dk__from_rd_list(list, parts) != DK_OK)
            st = DK_ENOMEM;
    }
    dk__free(c->alloc, targets);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}
