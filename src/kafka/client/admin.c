/* SPDX-License-Identifier: MIT
 *
 * What both clients can ask or tell their cluster: metadata, SASL credentials.
 */
#include <stdio.h>

#include "kafka/client/internal.h"

/* ---- metadata -------------------------------------------------------------------------------------------------- */

/* The public struct is the last of the block's head; everything it points to follows in the same block. */
typedef struct meta_block {
    const dk_alloc *alloc;
    dk_metadata meta;
} meta_block;

/* Hands out the block piece by piece; without a block it only counts. */
typedef struct arena {
    char *p;
    size_t used;
} arena;

static void *
take(arena *a, size_t n)
{
    void *at = a->p != NULL ? a->p + a->used : NULL;

    a->used += (n + 7) & ~(size_t)7;
    return at;
}

static const char *
take_text(arena *a, const char *text)
{
    size_t n = text != NULL ? strlen(text) + 1 : 0;
    char *at;

    if (text == NULL)
        return NULL;
    at = take(a, n);
    if (at != NULL)
        memcpy(at, text, n);
    return at;
}

static const int32_t *
take_ids(arena *a, const int32_t *ids, int n)
{
    int32_t *at = take(a, (size_t)n * sizeof *at);

    if (at != NULL && n > 0)
        memcpy(at, ids, (size_t)n * sizeof *at);
    return at;
}

static void
lay_out_topic(arena *a, const struct rd_kafka_metadata_topic *from, dk_meta_topic *to)
{
    const char *name = take_text(a, from->topic);
    dk_meta_partition *parts = take(a, (size_t)from->partition_cnt * sizeof *parts);

    for (int i = 0; i < from->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *part = &from->partitions[i];
        const int32_t *replicas = take_ids(a, part->replicas, part->replica_cnt);
        const int32_t *isrs = take_ids(a, part->isrs, part->isr_cnt);

        if (parts != NULL)
            parts[i] = (dk_meta_partition){
                part->id, part->leader, part->err, replicas, (size_t)part->replica_cnt, isrs, (size_t)part->isr_cnt};
    }
    if (to != NULL)
        *to = (dk_meta_topic){name, from->err, parts, (size_t)from->partition_cnt};
}

/* Run twice: to measure (a->p NULL) and to copy. */
static meta_block *
lay_out(arena *a, const struct rd_kafka_metadata *from, const char *cluster_id, int32_t controller)
{
    meta_block *block = take(a, sizeof *block);
    dk_meta_broker *brokers = take(a, (size_t)from->broker_cnt * sizeof *brokers);
    dk_meta_topic *topics = take(a, (size_t)from->topic_cnt * sizeof *topics);
    const char *id = take_text(a, cluster_id), *name = take_text(a, from->orig_broker_name);

    for (int i = 0; i < from->broker_cnt; i++) {
        const char *host = take_text(a, from->brokers[i].host);

        if (brokers != NULL)
            brokers[i] = (dk_meta_broker){from->brokers[i].id, from->brokers[i].port, host};
    }
    for (int i = 0; i < from->topic_cnt; i++)
        lay_out_topic(a, &from->topics[i], topics != NULL ? &topics[i] : NULL);
    if (block != NULL)
        block->meta = (dk_metadata){id,
                                    controller,
                                    from->orig_broker_id,
                                    name,
                                    brokers,
                                    (size_t)from->broker_cnt,
                                    topics,
                                    (size_t)from->topic_cnt};
    return block;
}

static dk_status
copy_metadata(const dk_alloc *alloc, rd_kafka_t *rk, const struct rd_kafka_metadata *from, dk_metadata **out)
{
    char *cluster_id = rd_kafka_clusterid(rk, 0);
    int32_t controller = rd_kafka_controllerid(rk, 0);
    arena a = {NULL, 0};
    meta_block *block = NULL;

    lay_out(&a, from, cluster_id, controller);
    a.p = dk__malloc(alloc, a.used);
    if (a.p != NULL) {
        a.used = 0;
        block = lay_out(&a, from, cluster_id, controller);
        block->alloc = alloc;
        *out = &block->meta;
    }
    if (cluster_id != NULL)
        rd_kafka_mem_free(rk, cluster_id);
    return block != NULL ? DK_OK : DK_ENOMEM;
}

static dk_status
metadata_error(dk_error *err, rd_kafka_resp_err_t rkerr, const char *topic)
{
    bool unreached = rkerr == RD_KAFKA_RESP_ERR__TRANSPORT || rkerr == RD_KAFKA_RESP_ERR__TIMED_OUT;
    const char *hint = unreached ? " (no broker of bootstrap.servers answered in time)" : "";
    char what[320] = "metadata of the cluster";

    if (topic != NULL)
        snprintf(what, sizeof what, "metadata of topic \"%.249s\"", topic);
    dk__error_set(err, DK_EKAFKA, "%s: %s%s", what, dk_kafka_err_text(rkerr), hint);
    if (err != NULL) {
        err->kafka = rkerr;
        err->retriable = unreached;
    }
    return DK_EKAFKA;
}

dk_status
dk__metadata(const dk_alloc *alloc, rd_kafka_t *rk, const char *topic, int timeout_ms, dk_metadata **out,
             dk_error *err)
{
    const struct rd_kafka_metadata *from = NULL;
    rd_kafka_topic_t *rkt = NULL;
    rd_kafka_resp_err_t rkerr;
    dk_status st;

    if (topic != NULL && *topic == '\0')
        return dk__error_set(err, DK_EINVAL, "metadata of a topic without a name");
    if (topic != NULL) {
        rkt = rd_kafka_topic_new(rk, topic, NULL);
        if (rkt == NULL)
            return dk__kafka_error(err, rd_kafka_last_error(), "metadata of a topic");
    }
    rkerr = rd_kafka_metadata(rk, rkt == NULL, rkt, &from, timeout_ms);
    if (rkerr != RD_KAFKA_RESP_ERR_NO_ERROR) {
        st = metadata_error(err, rkerr, topic);
    } else {
        st = copy_metadata(dk__alloc_or_libc(alloc), rk, from, out);
        rd_kafka_metadata_destroy(from);
        if (st != DK_OK)
            dk__error_set(err, st, "metadata");
    }
    if (rkt != NULL)
        rd_kafka_topic_destroy(rkt);
    return st;
}

void
dk_metadata_free(dk_metadata *meta)
{
    meta_block *block;

    if (meta == NULL)
        return;
    block = (meta_block *)(void *)((char *)meta - offsetof(meta_block, meta));
    dk__free(block->alloc, block);
}

/* ---- credentials ----------------------------------------------------------------------------------------------- */

dk_status
dk__sasl_credentials(rd_kafka_t *rk, const char *username, const char *password, dk_error *err)
{
    rd_kafka_error_t *rderr;

    if (username == NULL || password == NULL)
        return dk__error_set(err, DK_EINVAL, "SASL credentials need a user name and a password");
    rderr = rd_kafka_sasl_set_credentials(rk, username, password);
    return rderr == NULL ? DK_OK : dk__rd_error(err, rderr, "SASL credentials");
}
