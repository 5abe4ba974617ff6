/* SPDX-License-Identifier: MIT
 *
 * Questions that the broker or the client answers, and that change nothing here.
 */
#include "kafka/consumer/handle.h"

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

size_t
dk_consumer_member_id(dk_consumer *c, char *buf, size_t cap)
{
    char *id;
    size_t n = 0;

    if (cap > 0)
        buf[0] = '\0';
    if (dk__consumer_enter(c, NULL) != DK_OK)
        return 0;
    id = rd_kafka_memberid(c->rk);
    if (id == NULL)
        return 0;
    n = strlen(id);
    if (cap > 0) {
        strncpy(buf, id, cap - 1);
        buf[cap - 1] = '\0';
    }
    rd_kafka_mem_free(c->rk, id);
    return n;
}

dk_status
dk_consumer_metadata(dk_consumer *c, const char *topic, int timeout_ms, dk_metadata **out, dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    return st != DK_OK ? st : dk__metadata(c->alloc, c->rk, topic, timeout_ms, out, err);
}

dk_tokens *
dk_consumer_tokens(dk_consumer *c)
{
    return dk__consumer_enter(c, NULL) == DK_OK ? dk__tokens_ref(c->tokens) : NULL;
}

dk_status
dk_consumer_sasl_credentials(dk_consumer *c, const char *username, const char *password, dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    return st != DK_OK ? st : dk__sasl_credentials(c->rk, username, password, err);
}
