/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/client/rdk.c with plain linking; test_table.c has those of the build that finds librdkafka at
 * run time.
 */
#include <stdlib.h>

#include "dk_test.h"
#include "kafka/client/internal.h"

DK_TEST(rdk_linked_library_is_there)
{
    dk_error err = {.code = DK_EINVAL};

    CHECK_EQ(dk_library_version(), rd_kafka_version());
    CHECK_STR(dk_library_version_text(), rd_kafka_version_str());
    CHECK_OK(dk_library_load("/does/not/matter", &err));
    CHECK_EQ(err.code, DK_OK);
    CHECK_OK(dk_library_load(NULL, NULL));
    CHECK(dk_library_version() >= DK__RDK_MIN_VERSION);
}

DK_TEST(rdk_leader_epochs_where_they_exist)
{
    rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *part = rd_kafka_topic_partition_list_add(parts, "t", 0);

    CHECK_EQ(dk__rdk_partition_leader_epoch(part), -1);
    dk__rdk_partition_set_leader_epoch(part, 5);
    if (DK__RDK_HAS(rd_kafka_topic_partition_set_leader_epoch))
        CHECK_EQ(dk__rdk_partition_leader_epoch(part), 5);
    else
        CHECK_EQ(dk__rdk_partition_leader_epoch(part), -1);
    rd_kafka_topic_partition_list_destroy(parts);
}
