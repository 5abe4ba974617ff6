/* SPDX-License-Identifier: MIT
 *
 * Seeking: what was read is dropped, and what was handed out before counts no longer.
 */
#include <limits.h>

#include "kafka/consumer/handle.h"

/* One partition of a seek, and the assignment that it was begun in: it may be taken away, and given again, meanwhile.
 */
typedef struct target {
    dk__part *part;
    uint64_t assignment;
    size_t at; /* its place in the caller's list */
} target;

/* Inside the callback of an assignment a seek says where its partitions begin. False: it is none of them. Lock held.
 */
static bool
answer_assignment(dk_consumer *c, const dk_partition *p)
{
    rd_kafka_topic_partition_t *to;

    if (!c->assigning)
        return false;
    if (c->answer == NULL)
        c->answer = rd_kafka_topic_partition_list_copy(c->asked);
    to = rd_kafka_topic_partition_list_find(c->answer, p->topic, p->partition);
    if (to != NULL)
        to->offset = p->offset;
    return to != NULL;
}

/* Those that are to be sought now go into list, each with its target. Lock held. */
static void
begin(dk_consumer *c, dk_partitions *parts, rd_kafka_topic_partition_list_t *list, target *targets)
{
    for (size_t i = 0; i < parts->len; i++) {
        dk_partition *p = &parts->items[i];
        dk__part *part = dk__part_find(c, p->topic, p->partition);
        rd_kafka_topic_partition_t *to;

        p->kafka_err = 0;
        if (answer_assignment(c, p))
            continue;
        if (part == NULL || !part->assigned) {
            p->kafka_err = RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
            continue;
        }
        targets[list->cnt] = (target){.part = part, .assignment = part->assignment, .at = i};
        to = rd_kafka_topic_partition_list_add(list, p->topic, p->partition);
        to->offset = p->offset;
        dk__rdk_partition_set_leader_epoch(to, p->leader_epoch);
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

        if (!part->assigned || part->assignment != targets[i].assignment)
            continue;
        dk__part_seek_end(part, !list->elems[i].err, list->elems[i].offset);
    }
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
}

/* librdkafka before 2.1 takes the time for microseconds (its pull request 4230): one that gives up early is asked
 * again, in its unit. Partitions that were sought already are sought to the same place. */
static rd_kafka_error_t *
seek_partitions(dk_consumer *c, rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
    int64_t by_ms = dk__now_ms() + timeout_ms, left;
    rd_kafka_error_t *rderr = rd_kafka_seek_partitions(c->rk, list, timeout_ms);

    if (rderr == NULL || timeout_ms <= 0 || rd_kafka_error_code(rderr) != RD_KAFKA_RESP_ERR__TIMED_OUT)
        return rderr;
    left = by_ms - dk__now_ms();
    if (left <= 1) /* its clock and ours */
        return rderr;
    rd_kafka_error_destroy(rderr);
    return rd_kafka_seek_partitions(c->rk, list, left < INT_MAX / 1000 ? (int)left * 1000 : INT_MAX);
}

static dk_status
seek(dk_consumer *c, rd_kafka_topic_partition_list_t *list, const target *targets, int timeout_ms, dk_error *err)
{
    rd_kafka_error_t *rderr = seek_partitions(c, list, timeout_ms);
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

dk_status
dk_consumer_seek(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    target *targets;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    targets = dk__calloc(c->alloc, parts->len + 1, sizeof *targets);
    if (targets == NULL)
        return dk__error_set(err, DK_ENOMEM, "no memory for a seek");
    list = rd_kafka_topic_partition_list_new((int)parts->len);
    pthread_mutex_lock(&c->lock);
    begin(c, parts, list, targets);
    pthread_mutex_unlock(&c->lock);
    if (list->cnt > 0)
        st = seek(c, list, targets, timeout_ms, err);
    for (int i = 0; i < list->cnt; i++)
        parts->items[targets[i].at].kafka_err = list->elems[i].err;
    dk__free(c->alloc, targets);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}
