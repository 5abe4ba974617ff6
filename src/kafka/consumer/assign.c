/* SPDX-License-Identifier: MIT
 *
 * The assignment that the application sets by hand, or as its answer to what the group gives.
 */
#include "kafka/consumer/handle.h"

dk_status
dk__assign_give(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    dk_status st = DK_OK;

    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < parts->cnt && st == DK_OK; i++)
        st = dk__part_assign(c, parts->elems[i].topic, parts->elems[i].partition);
    pthread_mutex_unlock(&c->lock);
    return st;
}

void
dk__assign_begin(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < parts->cnt; i++) {
        dk__part *part = dk__part_find(c, parts->elems[i].topic, parts->elems[i].partition);

        if (part != NULL && part->assigned && (atomic_load(&part->gate) & DK__GATE_CLOSED))
            dk__part_begin(part);
    }
    pthread_mutex_unlock(&c->lock);
    dk__wake_raise(&c->wake);
}

void
dk__assign_forget(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    for (int i = 0; i < parts->cnt; i++) {
        dk__part *part = dk__part_find(c, parts->elems[i].topic, parts->elems[i].partition);

        if (part != NULL)
            dk__part_revoke(part);
    }
}

/* ---- by hand --------------------------------------------------------------------------------------------------- */

/* Those that are assigned now: all, or those in `only`. */
static rd_kafka_topic_partition_list_t *
assigned_now(dk_consumer *c, const rd_kafka_topic_partition_list_t *only)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_parts; i++) {
        const dk__part *part = c->parts[i];

        if (part->assigned &&
            (only == NULL || rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)only, part->topic,
                                                                part->partition) != NULL))
            rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
    }
    pthread_mutex_unlock(&c->lock);
    return list;
}

/* The caller's own thread may have a message in hand, so nothing is waited for. */
static void
take_back(dk_consumer *c, const rd_kafka_topic_partition_list_t *parts)
{
    if (parts->cnt == 0)
        return;
    if (dk__commits(c))
        dk__commit_finished(
            c, (dk__commit_how){.only = parts, .sync = true, .by_ms = dk__now_ms() + c->opts.drain_ms}, NULL);
    pthread_mutex_lock(&c->lock);
    dk__assign_forget(c, parts);
    pthread_mutex_unlock(&c->lock);
}

static void
add_to(rd_kafka_topic_partition_list_t *to, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        rd_kafka_topic_partition_t *had = rd_kafka_topic_partition_list_find(to, p->topic, p->partition);

        if (had == NULL)
            had = rd_kafka_topic_partition_list_add(to, p->topic, p->partition);
        had->offset = p->offset;
        dk__rdk_partition_set_leader_epoch(had, dk__rdk_partition_leader_epoch(p));
    }
}

/* Is this the answer to an assignment that waits for one? Takes list (may be NULL: none of them) if so. add: besides
 * what was answered before. */
static bool
answer(dk_consumer *c, rd_kafka_topic_partition_list_t *list, bool add)
{
    bool answered;

    pthread_mutex_lock(&c->lock);
    answered = c->assigning;
    if (answered && list == NULL)
        list = rd_kafka_topic_partition_list_new(1);
    if (answered && add && c->answer != NULL) {
        add_to(c->answer, list);
        rd_kafka_topic_partition_list_destroy(list);
    } else if (answered) {
        if (c->answer != NULL)
            rd_kafka_topic_partition_list_destroy(c->answer);
        c->answer = list;
    }
    pthread_mutex_unlock(&c->lock);
    return answered;
}

static bool
is_closing(dk_consumer *c)
{
    bool closing;

    pthread_mutex_lock(&c->lock);
    closing = c->closing;
    pthread_mutex_unlock(&c->lock);
    return closing;
}

/* While the consumer is closed librdkafka takes any of these calls, whatever the protocol of the group, for one that
 * gives all back. */
static dk_status
give_all_back(dk_consumer *c, dk_error *err)
{
    rd_kafka_topic_partition_list_t *ours = assigned_now(c, NULL);
    rd_kafka_error_t *rderr = NULL;
    rd_kafka_resp_err_t rkerr = RD_KAFKA_RESP_ERR_NO_ERROR;

    take_back(c, ours);
    if (!atomic_load(&c->incremental))
        rkerr = rd_kafka_assign(c->rk, NULL);
    else if (ours->cnt > 0)
        rderr = rd_kafka_incremental_unassign(c->rk, ours);
    rd_kafka_topic_partition_list_destroy(ours);
    if (rderr != NULL)
        return dk__rd_error(err, rderr, "incremental unassign");
    return rkerr ? dk__kafka_error(err, rkerr, "unassign") : DK_OK;
}

static dk_status
assign_all(dk_consumer *c, rd_kafka_topic_partition_list_t *list, dk_error *err)
{
    rd_kafka_topic_partition_list_t *old = assigned_now(c, NULL);
    rd_kafka_resp_err_t rkerr;

    take_back(c, old);
    rd_kafka_topic_partition_list_destroy(old);
    if (list != NULL && dk__assign_give(c, list) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "no memory for the assignment");
    rkerr = rd_kafka_assign(c->rk, list);
    if (rkerr)
        return dk__kafka_error(err, rkerr, "assign");
    if (list != NULL)
        dk__assign_begin(c, list);
    return DK_OK;
}

dk_status
dk_consumer_assign(dk_consumer *c, const dk_partitions *parts, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK && parts != NULL && parts->len > 0)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    if (answer(c, list, false))
        return DK_OK;
    st = is_closing(c) ? give_all_back(c, err) : assign_all(c, list, err);
    if (list != NULL)
        rd_kafka_topic_partition_list_destroy(list);
    return st;
}

/* Those that are ours already move to where they should begin: librdkafka takes no partition twice. */
static dk_status
assign_more(dk_consumer *c, rd_kafka_topic_partition_list_t *list, dk_error *err)
{
    rd_kafka_topic_partition_list_t *ours = assigned_now(c, list);
    rd_kafka_error_t *rderr = NULL;

    if (ours->cnt > 0) {
        take_back(c, ours);
        rderr = rd_kafka_incremental_unassign(c->rk, ours);
    }
    rd_kafka_topic_partition_list_destroy(ours);
    if (rderr == NULL && dk__assign_give(c, list) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "no memory for the assignment");
    if (rderr == NULL)
        rderr = rd_kafka_incremental_assign(c->rk, list);
    if (rderr != NULL)
        return dk__rd_error(err, rderr, "incremental assign");
    dk__assign_begin(c, list);
    return DK_OK;
}

dk_status
dk_consumer_incremental_assign(dk_consumer *c, const dk_partitions *parts, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    if (answer(c, list, true))
        return DK_OK;
    st = is_closing(c) ? give_all_back(c, err) : assign_more(c, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

static dk_status
assign_less(dk_consumer *c, const rd_kafka_topic_partition_list_t *list, dk_error *err)
{
    rd_kafka_error_t *rderr;

    take_back(c, list);
    rderr = rd_kafka_incremental_unassign(c->rk, list);
    return rderr != NULL ? dk__rd_error(err, rderr, "incremental unassign") : DK_OK;
}

dk_status
dk_consumer_incremental_unassign(dk_consumer *c, const dk_partitions *parts, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    dk_status st = dk__consumer_enter(c, err);

    if (st == DK_OK)
        st = dk__to_rd_list(parts, &list, err);
    if (st != DK_OK)
        return st;
    st = is_closing(c) ? give_all_back(c, err) : assign_less(c, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}
