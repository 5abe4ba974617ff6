/* SPDX-License-Identifier: MIT
 *
 * What the consumer asks the group for, and what it has.
 */
#include "kafka/consumer/handle.h"

dk_status
dk_consumer_subscribe(dk_consumer *c, const char *const *topics, size_t n, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    if (n == 0)
        return dk__error_set(err, DK_EINVAL, "subscribe needs at least one topic");
    list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    rkerr = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rkerr ? dk__kafka_error(err, rkerr, "subscribe") : DK_OK;
}

dk_status
dk_consumer_unsubscribe(dk_consumer *c, dk_error *err)
{
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    rkerr = rd_kafka_unsubscribe(c->rk);
    return rkerr ? dk__kafka_error(err, rkerr, "unsubscribe") : DK_OK;
}

/* Called by name, not by address: only calls go through the extension's table (rdk.h). */
static rd_kafka_resp_err_t
ask_subscription(rd_kafka_t *rk, rd_kafka_topic_partition_list_t **out)
{
    return rd_kafka_subscription(rk, out);
}

static rd_kafka_resp_err_t
ask_assignment(rd_kafka_t *rk, rd_kafka_topic_partition_list_t **out)
{
    return rd_kafka_assignment(rk, out);
}

static dk_status
ask_list(dk_consumer *c, rd_kafka_resp_err_t (*ask)(rd_kafka_t *, rd_kafka_topic_partition_list_t **),
         const char *what, dk_partitions *out, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_resp_err_t rkerr;
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    rkerr = ask(c->rk, &list);
    if (rkerr)
        return dk__kafka_error(err, rkerr, what);
    st = dk__append_rd_list(list, out);
    rd_kafka_topic_partition_list_destroy(list);
    return st == DK_OK ? st : dk__error_set(err, st, "no memory for a list of partitions");
}

dk_status
dk_consumer_subscription(dk_consumer *c, dk_partitions *out, dk_error *err)
{
    return ask_list(c, ask_subscription, "subscription", out, err);
}

dk_status
dk_consumer_assignment(dk_consumer *c, dk_partitions *out, dk_error *err)
{
    return ask_list(c, ask_assignment, "assignment", out, err);
}
