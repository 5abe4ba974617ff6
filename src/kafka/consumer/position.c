/* SPDX-License-Identifier: MIT
 *
 * Where a consumer is and where it should go on: pause, resume, seek, position, and the broker's view of offsets.
 */
#include "kafka/consumer/internal.h"

/* Do `act` to each assigned partition of the list; the others get an error of their own. */
static dk_status
each_part(dk_consumer *c, dk_partitions *parts, void (*act)(dk_consumer *, dk__part *, dk_partition *), dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < parts->len; i++) {
        dk_partition *p = &parts->items[i];
        dk__part *part = dk__part_find(c, p->topic, p->partition);

        p->kafka_err = part != NULL && part->assigned ? 0 : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
        if (p->kafka_err == 0)
            act(c, part, p);
    }
    pthread_mutex_unlock(&c->lock);
    return DK_OK;
}

static void
pause_part(dk_consumer *c, dk__part *part, dk_partition *p)
{
    (void)c;
    (void)p;
    atomic_fetch_or(&part->gate, DK__GATE_PAUSED);
}

static void
resume_part(dk_consumer *c, dk__part *part, dk_partition *p)
{
    (void)p;
    atomic_fetch_and(&part->gate, ~DK__GATE_PAUSED);
    part->due_ms = 0;
    dk__wake_raise(&c->wake);
}

dk_status
dk_consumer_pause(dk_consumer *c, dk_partitions *parts, dk_error *err)
{
    return each_part(c, parts, pause_part, err);
}

dk_status
dk_consumer_resume(dk_consumer *c, dk_partitions *parts, dk_error *err)
{
    return each_part(c, parts, resume_part, err);
}

/* ---- position ------------------------------------------------------------------------------------------------------- */

static void
position_part(dk_consumer *c, dk__part *part, dk_partition *p)
{
    dk_batch *b = part->busy;
    int hand = b == NULL ? -1 : atomic_load(&b->hand);

    (void)c;
    p->offset = part->position;
    if (hand >= 0 && hand < (int)b->len && b->entries[hand].part == part)
        p->offset = b->entries[hand].msg->offset + 1;
}

dk_status
dk_consumer_position(dk_consumer *c, dk_partitions *parts, dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    pthread_mutex_lock(&c->lock);
    dk__batches_settle(c);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < parts->len; i++)
        parts->items[i].offset = DK_OFFSET_INVALID;
    return each_part(c, parts, position_part, err);
}

/* ---- seek ----------------------------------------------------------------------------------------------------------- */

static void
shut_for_seek(dk_consumer *c, dk__part *part, dk_partition *p)
{
    (void)c;
    (void)p;
    atomic_fetch_or(&part->gate, DK__GATE_SEEKING);
}

/* A partition that was moved starts anew; one that could not be moved goes on where it was, nothing dropped. */
static void
end_seek(dk_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        dk__part *part = dk__part_find(c, p->topic, p->partition);

        if (part == NULL || !part->assigned)
            continue;
        if (!p->err)
            dk__part_seek(c, part, p->offset);
        atomic_store(&part->ready, true);
        atomic_fetch_and(&part->gate, ~DK__GATE_SEEKING);
    }
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
}

dk_status
dk_consumer_seek(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_error_t *rderr;
    dk_status st = each_part(c, parts, shut_for_seek, err);

    if (st == DK_OK)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    rderr = rd_kafka_seek_partitions(c->rk, list, timeout_ms);
    if (rderr != NULL) {
        for (int i = 0; i < list->cnt; i++)
            if (!list->elems[i].err)
                list->elems[i].err = rd_kafka_error_code(rderr);
        st = dk__rd_error(err, rderr, "seek");
    }
    end_seek(c, list);
    if (st == DK_OK)
        st = dk__from_rd_list(list, parts);
    else if (dk__from_rd_list(list, parts) != DK_OK)
        st = DK_ENOMEM;
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

/* ---- the broker's view ------------------------------------------------------------------------------------------------ */

dk_status
dk_consumer_watermarks(dk_consumer *c, const char *topic, int32_t partition, bool cached, int timeout_ms,
                       int64_t *low, int64_t *high, dk_error *err)
{
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    rkerr = cached ? rd_kafka_get_watermark_offsets(c->rk, topic, partition, low, high)
                   : rd_kafka_query_watermark_offsets(c->rk, topic, partition, low, high, timeout_ms);
    return rkerr ? dk__kafka_error(err, rkerr, "watermark offsets") : DK_OK;
}

dk_status
dk_consumer_offsets_for_times(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    rkerr = rd_kafka_offsets_for_times(c->rk, list, timeout_ms);
    st = rkerr ? dk__kafka_error(err, rkerr, "offsets for times") : dk__from_rd_list(list, parts);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}
