/* SPDX-License-Identifier: MIT
 *
 * Between librdkafka's vocabulary and ours: lists of topic partitions, error numbers and error texts.
 */
#include <stdlib.h>

#include "kafka/client/internal.h"

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours " is " #theirs)
SAME(DK_KAFKA_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT);
SAME(DK_KAFKA_INVALID_ARG, RD_KAFKA_RESP_ERR__INVALID_ARG);
SAME(DK_KAFKA_FAIL, RD_KAFKA_RESP_ERR__FAIL);
SAME(DK_TIMESTAMP_NOT_AVAILABLE, RD_KAFKA_TIMESTAMP_NOT_AVAILABLE);
SAME(DK_TIMESTAMP_CREATE_TIME, RD_KAFKA_TIMESTAMP_CREATE_TIME);
SAME(DK_TIMESTAMP_LOG_APPEND_TIME, RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME);
SAME(DK_OFFSET_BEGINNING, RD_KAFKA_OFFSET_BEGINNING);
SAME(DK_OFFSET_END, RD_KAFKA_OFFSET_END);
SAME(DK_OFFSET_STORED, RD_KAFKA_OFFSET_STORED);
SAME(DK_OFFSET_INVALID, RD_KAFKA_OFFSET_INVALID);

/* ---- error numbers --------------------------------------------------------------------------------------------- */

/* librdkafka names numbers it does not know in a buffer that the next call overwrites; say it once and for all. */
const char *
dk_kafka_err_name(int kafka_err)
{
    const char *name;

    if (dk_library_version() == 0)
        return "UNKNOWN";
    name = rd_kafka_err2name((rd_kafka_resp_err_t)kafka_err);
    return strncmp(name, "ERR_", 4) == 0 && strchr(name, '?') != NULL ? "UNKNOWN" : name;
}

const char *
dk_kafka_err_text(int kafka_err)
{
    const char *text;

    if (dk_library_version() == 0)
        return "unknown Kafka error (librdkafka is not loaded)";
    text = rd_kafka_err2str((rd_kafka_resp_err_t)kafka_err);
    return strncmp(text, "Err-", 4) == 0 ? "unknown Kafka error" : text;
}

dk_status
dk__kafka_error(dk_error *err, rd_kafka_resp_err_t rkerr, const char *what)
{
    dk_status st = rkerr == RD_KAFKA_RESP_ERR__FATAL ? DK_EFATAL : DK_EKAFKA;

    dk__error_set(err, st, "%s: %s", what, dk_kafka_err_text(rkerr));
    if (err != NULL) {
        err->kafka = rkerr;
        err->fatal = st == DK_EFATAL;
    }
    return st;
}

dk_status
dk__rd_error(dk_error *err, rd_kafka_error_t *rderr, const char *what)
{
    dk_status st = rd_kafka_error_is_fatal(rderr) ? DK_EFATAL : DK_EKAFKA;

    dk__error_set(err, st, "%s: %s", what, rd_kafka_error_string(rderr));
    if (err != NULL) {
        err->kafka = rd_kafka_error_code(rderr);
        err->retriable = rd_kafka_error_is_retriable(rderr);
        err->txn_abort = rd_kafka_error_txn_requires_abort(rderr);
        err->fatal = st == DK_EFATAL;
    }
    rd_kafka_error_destroy(rderr);
    return st;
}

/* ---- our list -------------------------------------------------------------------------------------------------- */

void
dk_partitions_init(dk_partitions *list, const dk_alloc *alloc)
{
    *list = (dk_partitions){.alloc = dk__alloc_or_libc(alloc)};
}

void
dk_partitions_fini(dk_partitions *list)
{
    for (size_t i = 0; i < list->len; i++) {
        dk__free(list->alloc, list->items[i].topic);
        dk__free(list->alloc, list->items[i].metadata);
    }
    dk__free(list->alloc, list->items);
    dk_partitions_init(list, list->alloc);
}

static dk_status
grow(dk_partitions *list)
{
    size_t cap = list->cap != 0 ? list->cap * 2 : 8;
    dk_partition *items = dk__realloc(list->alloc, list->items, cap, sizeof *items);

    if (items == NULL)
        return DK_ENOMEM;
    list->items = items;
    list->cap = cap;
    return DK_OK;
}

dk_status
dk_partitions_add(dk_partitions *list, const dk_partition *item)
{
    dk_partition copy = *item;

    if (item->topic == NULL)
        return DK_EINVAL;
    if (list->len == list->cap && grow(list) != DK_OK)
        return DK_ENOMEM;
    copy.topic = dk__strdup(list->alloc, item->topic);
    copy.metadata = item->metadata != NULL ? dk__strdup(list->alloc, item->metadata) : NULL;
    if (copy.topic == NULL || (copy.metadata == NULL && item->metadata != NULL)) {
        dk__free(list->alloc, copy.topic);
        dk__free(list->alloc, copy.metadata);
        return DK_ENOMEM;
    }
    list->items[list->len++] = copy;
    return DK_OK;
}

/* ---- to librdkafka --------------------------------------------------------------------------------------------- */

/* librdkafka frees the metadata of its lists itself, so it must come from its allocator. */
static dk_status
set_metadata(rd_kafka_topic_partition_t *part, const char *metadata)
{
    size_t n = metadata != NULL ? strlen(metadata) : 0;

    if (n == 0)
        return DK_OK;
    part->metadata = rd_kafka_mem_malloc(NULL, n);
    if (part->metadata == NULL)
        return DK_ENOMEM;
    memcpy(part->metadata, metadata, n);
    part->metadata_size = n;
    return DK_OK;
}

dk_status
dk__to_rd_list(const dk_partitions *in, rd_kafka_topic_partition_list_t **out, dk_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)in->len);

    if (list == NULL)
        return dk__error_set(err, DK_ENOMEM, "list of %zu topic partitions", in->len);
    for (size_t i = 0; i < in->len; i++) {
        const dk_partition *from = &in->items[i];
        rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(list, from->topic, from->partition);

        to->offset = from->offset;
        if (from->leader_epoch >= 0)
            dk__rdk_partition_set_leader_epoch(to, from->leader_epoch);
        if (set_metadata(to, from->metadata) != DK_OK) {
            rd_kafka_topic_partition_list_destroy(list);
            return dk__error_set(err, DK_ENOMEM, "list of %zu topic partitions", in->len);
        }
    }
    *out = list;
    return DK_OK;
}

/* ---- from librdkafka ------------------------------------------------------------------------------------------- */

/* Kafka's commit metadata is bytes with a length; ours is a string. NULL for none. */
static dk_status
copy_metadata(const dk_alloc *alloc, const rd_kafka_topic_partition_t *from, char **out)
{
    size_t n = from->metadata != NULL ? strnlen(from->metadata, from->metadata_size) : 0;
    char *copy = NULL;

    if (n > 0) {
        copy = dk__malloc(alloc, n + 1);
        if (copy == NULL)
            return DK_ENOMEM;
        memcpy(copy, from->metadata, n);
        copy[n] = '\0';
    }
    *out = copy;
    return DK_OK;
}

static bool
same_partition(const dk_partition *a, const rd_kafka_topic_partition_t *b)
{
    return a->partition == b->partition && strcmp(a->topic, b->topic) == 0;
}

/* The item for the i-th result: mostly librdkafka keeps the order of the question. */
static dk_partition *
find_item(dk_partitions *list, const rd_kafka_topic_partition_t *part, size_t i)
{
    if (i < list->len && same_partition(&list->items[i], part))
        return &list->items[i];
    for (i = 0; i < list->len; i++)
        if (same_partition(&list->items[i], part))
            return &list->items[i];
    return NULL;
}

dk_status
dk__from_rd_list(const rd_kafka_topic_partition_list_t *in, dk_partitions *out)
{
    for (int i = 0; i < in->cnt; i++) {
        const rd_kafka_topic_partition_t *from = &in->elems[i];
        dk_partition *to = find_item(out, from, (size_t)i);
        char *metadata;

        if (to == NULL)
            continue;
        if (copy_metadata(out->alloc, from, &metadata) != DK_OK)
            return DK_ENOMEM;
        dk__free(out->alloc, to->metadata);
        to->metadata = metadata;
        to->offset = from->offset;
        to->leader_epoch = dk__rdk_partition_leader_epoch(from);
        to->kafka_err = from->err;
    }
    return DK_OK;
}

dk_status
dk__append_rd_list(const rd_kafka_topic_partition_list_t *in, dk_partitions *out)
{
    for (int i = 0; i < in->cnt; i++) {
        const rd_kafka_topic_partition_t *from = &in->elems[i];
        char *metadata;
        dk_status st = copy_metadata(out->alloc, from, &metadata);

        if (st == DK_OK) {
            st = dk_partitions_add(out, &(dk_partition){.topic = from->topic,
                                                        .partition = from->partition,
                                                        .offset = from->offset,
                                                        .leader_epoch = dk__rdk_partition_leader_epoch(from),
                                                        .metadata = metadata,
                                                        .kafka_err = from->err});
            dk__free(out->alloc, metadata);
        }
        if (st != DK_OK)
            return st;
    }
    return DK_OK;
}
