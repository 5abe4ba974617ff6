/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/client/convert.c.
 */
#include <stdlib.h>

#include "dk_test.h"
#include "kafka/client/internal.h"

static const dk_partition sample[] = {
    {"orders", 0, 10, -1, NULL, 0},
    {"orders", 3, DK_OFFSET_BEGINNING, 4, "note", 0},
    {"a", 2147483647, DK_OFFSET_INVALID, -1, "", 0},
};

DK_TEST(convert_error_names)
{
    CHECK_STR(dk_kafka_err_name(0), "NO_ERROR");
    CHECK_STR(dk_kafka_err_name(RD_KAFKA_RESP_ERR__TIMED_OUT), "_TIMED_OUT");
    CHECK_STR(dk_kafka_err_name(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), "UNKNOWN_TOPIC_OR_PART");
    CHECK_STR(dk_kafka_err_name(12345), "UNKNOWN");
    CHECK_STR(dk_kafka_err_name(-12345), "UNKNOWN");
    CHECK_CONTAINS(dk_kafka_err_text(RD_KAFKA_RESP_ERR__TIMED_OUT), "Timed out");
    CHECK_STR(dk_kafka_err_text(12345), "unknown Kafka error");
}

DK_TEST(convert_kafka_error)
{
    dk_error err;

    CHECK_STATUS(dk__kafka_error(&err, RD_KAFKA_RESP_ERR__TRANSPORT, "commit"), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__TRANSPORT);
    CHECK(!err.fatal);
    CHECK_CONTAINS(err.text, "commit: ");
    CHECK_STATUS(dk__kafka_error(&err, RD_KAFKA_RESP_ERR__FATAL, "x"), DK_EFATAL);
    CHECK(err.fatal);
    CHECK_STATUS(dk__kafka_error(NULL, RD_KAFKA_RESP_ERR__FATAL, "x"), DK_EFATAL);
}

DK_TEST(convert_rd_error)
{
    dk_error err;

    CHECK_STATUS(dk__rd_error(&err, rd_kafka_error_new(RD_KAFKA_RESP_ERR__STATE, "because %d", 7), "seek"),
                 DK_EKAFKA);
    CHECK_STR(err.text, "seek: because 7");
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__STATE);
    CHECK(!err.retriable && !err.fatal && !err.txn_abort);
    CHECK_STATUS(dk__rd_error(NULL, rd_kafka_error_new(RD_KAFKA_RESP_ERR__STATE, "x"), "seek"), DK_EKAFKA);
}

static dk_status
fill(dk_partitions *list)
{
    for (size_t i = 0; i < sizeof sample / sizeof *sample; i++) {
        dk_status st = dk_partitions_add(list, &sample[i]);

        if (st != DK_OK)
            return st;
    }
    return DK_OK;
}

DK_TEST_FAULT(convert_list_owns_its_strings)
{
    dk_partitions list;
    char topic[] = "changes", note[] = "note";
    dk_partition item = {topic, 1, 2, 3, note, 4};
    size_t len = 0;

    dk_partitions_init(&list, dk_test_alloc());
    for (int i = 0; i < 20; i++) {
        len = list.len;
        if (NOMEM(dk_partitions_add(&list, &item))) {
            CHECK_EQ(list.len, len);
            goto out;
        }
    }
    topic[0] = note[0] = 'X';
    for (size_t i = 0; i < list.len; i++) {
        CHECK_STR(list.items[i].topic, "changes");
        CHECK_STR(list.items[i].metadata, "note");
        CHECK_EQ(list.items[i].leader_epoch, 3);
        CHECK_EQ(list.items[i].kafka_err, 4);
    }
out:
    dk_partitions_fini(&list);
    CHECK_EQ(list.len, 0);
    dk_partitions_fini(&list);
}

DK_TEST(convert_list_refuses_no_topic)
{
    dk_partitions list;

    dk_partitions_init(&list, NULL);
    CHECK_STATUS(dk_partitions_add(&list, &(dk_partition){.topic = NULL}), DK_EINVAL);
    CHECK_EQ(list.len, 0);
    dk_partitions_fini(&list);
}

DK_TEST_FAULT(convert_there_and_back)
{
    rd_kafka_topic_partition_list_t *rd = NULL;
    dk_partitions list, back;
    dk_error err;

    dk_partitions_init(&list, dk_test_alloc());
    dk_partitions_init(&back, dk_test_alloc());
    if (NOMEM(fill(&list)))
        goto out;
    CHECK_OK_ERR(dk__to_rd_list(&list, &rd, &err), &err);
    CHECK_EQ(rd->cnt, 3);
    CHECK_STR(rd->elems[1].topic, "orders");
    CHECK_MEM(rd->elems[1].metadata, rd->elems[1].metadata_size, "note", 4);
    CHECK_EQ(rd->elems[2].metadata_size, 0);
    if (NOMEM(dk__append_rd_list(rd, &back)))
        goto out;
    CHECK_EQ(back.len, 3);
    for (size_t i = 0; i < back.len; i++) {
        CHECK_STR(back.items[i].topic, sample[i].topic);
        CHECK_EQ(back.items[i].partition, sample[i].partition);
        CHECK_EQ(back.items[i].offset, sample[i].offset);
    }
    CHECK_STR(back.items[0].metadata, NULL);
    CHECK_STR(back.items[1].metadata, "note");
    CHECK_STR(back.items[2].metadata, NULL); /* Kafka makes no difference between none and empty */
    if (DK__RDK_HAS(rd_kafka_message_leader_epoch))
        CHECK_EQ(back.items[1].leader_epoch, 4);
    else
        CHECK_EQ(back.items[1].leader_epoch, -1);
out:
    if (rd != NULL)
        rd_kafka_topic_partition_list_destroy(rd);
    dk_partitions_fini(&list);
    dk_partitions_fini(&back);
}

static void
set_note(rd_kafka_topic_partition_t *part, const char *bytes, size_t n)
{
    part->metadata = malloc(n);
    CHECK(part->metadata != NULL);
    memcpy(part->metadata, bytes, n);
    part->metadata_size = n;
}

/* Results come in another order, some are missing, some are of partitions that nobody asked for. */
DK_TEST_FAULT(convert_results_find_their_items)
{
    rd_kafka_topic_partition_list_t *rd = rd_kafka_topic_partition_list_new(3);
    dk_partitions list;

    dk_partitions_init(&list, dk_test_alloc());
    rd_kafka_topic_partition_list_add(rd, "a", 2147483647)->offset = 5;
    rd_kafka_topic_partition_list_add(rd, "orders", 9)->offset = 6;
    rd_kafka_topic_partition_list_add(rd, "orders", 3)->err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    set_note(&rd->elems[0], "up to \0here", 11);
    if (NOMEM(fill(&list)))
        goto out;
    if (NOMEM(dk__from_rd_list(rd, &list)))
        goto out;
    CHECK_EQ(list.len, 3);
    CHECK_EQ(list.items[0].offset, 10);
    CHECK_EQ(list.items[0].kafka_err, 0);
    CHECK_EQ(list.items[1].kafka_err, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    CHECK_STR(list.items[1].metadata, NULL);
    CHECK_EQ(list.items[2].offset, 5);
    CHECK_STR(list.items[2].metadata, "up to ");
out:
    rd_kafka_topic_partition_list_destroy(rd);
    dk_partitions_fini(&list);
}

DK_TEST(convert_empty_lists)
{
    rd_kafka_topic_partition_list_t *rd;
    dk_partitions list;

    dk_partitions_init(&list, dk_test_alloc());
    CHECK_OK(dk__to_rd_list(&list, &rd, NULL));
    CHECK_EQ(rd->cnt, 0);
    CHECK_OK(dk__append_rd_list(rd, &list));
    CHECK_OK(dk__from_rd_list(rd, &list));
    CHECK_EQ(list.len, 0);
    rd_kafka_topic_partition_list_destroy(rd);
    dk_partitions_fini(&list);
}
