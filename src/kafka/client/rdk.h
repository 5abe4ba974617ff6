/* SPDX-License-Identifier: MIT
 *
 * The only door to librdkafka. With plain linking it is just its headers; with DK_RDKAFKA_TABLE (the extension build)
 * every call of a function named here goes through a table that dk_library_load() fills from the librdkafka that the
 * process has already. Either way the rest of the engine is written in ordinary rd_kafka_...() calls.
 *
 * A function that is not named below must not be used: in the extension it would stay an undefined symbol. To add
 * one, write it in the list and in the redirections; rdk.c refuses to compile if one of the two is forgotten. The
 * list has only what the engine calls, for the library that is found has to have all of it (tools/check_layers.py).
 * Variadic ones with a va_list protocol of their own (rd_kafka_producev) stay out: use the array form
 * (rd_kafka_produceva).
 */
#ifndef DK_KAFKA_RDK_H
#define DK_KAFKA_RDK_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "dk/base.h"

/* The oldest librdkafka that the engine works with. */
#define DK__RDK_MIN_VERSION 0x020002ff
#define DK__RDK_MIN_VERSION_TEXT "2.0.2"

/* Functions that newer versions have: declared here where the header is too old for them. With plain linking they are
 * weak, so they may be missing at run time as well; always go through the dk__rdk_...() wrappers below. */
#if RD_KAFKA_VERSION < 0x020100ff
int32_t rd_kafka_message_leader_epoch(const rd_kafka_message_t *msg);
int32_t rd_kafka_topic_partition_get_leader_epoch(const rd_kafka_topic_partition_t *part);
void rd_kafka_topic_partition_set_leader_epoch(rd_kafka_topic_partition_t *part, int32_t leader_epoch);
#endif
void rd_kafka_mock_group_initial_rebalance_delay_ms(rd_kafka_mock_cluster_t *mcluster, int32_t delay_ms);

/* clang-format off */
#define DK__RDK_REQUIRED_MAP(XX) \
    XX(rd_kafka_version) XX(rd_kafka_version_str) XX(rd_kafka_mem_malloc) XX(rd_kafka_mem_free) \
    XX(rd_kafka_err2name) XX(rd_kafka_err2str) XX(rd_kafka_last_error) XX(rd_kafka_fatal_error) \
    XX(rd_kafka_error_code) XX(rd_kafka_error_string) XX(rd_kafka_error_is_fatal) XX(rd_kafka_error_is_retriable) \
    XX(rd_kafka_error_txn_requires_abort) XX(rd_kafka_error_destroy) XX(rd_kafka_conf_new) \
    XX(rd_kafka_conf_destroy) XX(rd_kafka_conf_set) XX(rd_kafka_conf_get) XX(rd_kafka_conf_dump) \
    XX(rd_kafka_conf_dump_free) XX(rd_kafka_conf_set_opaque) XX(rd_kafka_conf_set_events) \
    XX(rd_kafka_conf_set_log_cb) XX(rd_kafka_conf_set_error_cb) XX(rd_kafka_conf_set_stats_cb) \
    XX(rd_kafka_conf_set_throttle_cb) XX(rd_kafka_conf_set_rebalance_cb) \
    XX(rd_kafka_conf_enable_sasl_queue) XX(rd_kafka_conf_interceptor_add_on_new) \
    XX(rd_kafka_interceptor_add_on_request_sent) XX(rd_kafka_interceptor_add_on_response_received) \
    XX(rd_kafka_new) XX(rd_kafka_destroy) \
    XX(rd_kafka_destroy_flags) XX(rd_kafka_opaque) XX(rd_kafka_clusterid) XX(rd_kafka_controllerid) \
    XX(rd_kafka_poll_set_consumer) XX(rd_kafka_queue_new) XX(rd_kafka_queue_destroy) XX(rd_kafka_queue_get_main) \
    XX(rd_kafka_queue_get_consumer) XX(rd_kafka_queue_get_partition) XX(rd_kafka_queue_get_sasl) \
    XX(rd_kafka_queue_forward) \
    XX(rd_kafka_queue_yield) XX(rd_kafka_queue_poll) XX(rd_kafka_queue_poll_callback) XX(rd_kafka_queue_cb_event_enable) XX(rd_kafka_event_type) \
    XX(rd_kafka_event_destroy) XX(rd_kafka_event_message_array) \
    XX(rd_kafka_event_error) XX(rd_kafka_event_error_string) XX(rd_kafka_event_error_is_fatal) \
    XX(rd_kafka_event_log) XX(rd_kafka_event_stats) XX(rd_kafka_subscribe) XX(rd_kafka_unsubscribe) \
    XX(rd_kafka_subscription) XX(rd_kafka_assign) XX(rd_kafka_assignment) XX(rd_kafka_incremental_assign) \
    XX(rd_kafka_incremental_unassign) XX(rd_kafka_assignment_lost) XX(rd_kafka_rebalance_protocol) \
    XX(rd_kafka_memberid) XX(rd_kafka_consumer_poll) XX(rd_kafka_consumer_close_queue) XX(rd_kafka_consumer_closed) \
    XX(rd_kafka_consume_batch_queue) XX(rd_kafka_seek_partitions) XX(rd_kafka_position) XX(rd_kafka_committed) XX(rd_kafka_commit_queue) \
    XX(rd_kafka_offsets_for_times) XX(rd_kafka_query_watermark_offsets) XX(rd_kafka_get_watermark_offsets) \
    XX(rd_kafka_topic_partition_list_new) XX(rd_kafka_topic_partition_list_destroy) \
    XX(rd_kafka_topic_partition_list_add) XX(rd_kafka_topic_partition_list_copy) \
    XX(rd_kafka_topic_partition_list_find) XX(rd_kafka_message_destroy) XX(rd_kafka_message_errstr) \
    XX(rd_kafka_message_timestamp) XX(rd_kafka_message_latency) XX(rd_kafka_message_headers) \
    XX(rd_kafka_headers_new) XX(rd_kafka_headers_copy) XX(rd_kafka_headers_destroy) XX(rd_kafka_header_add) XX(rd_kafka_header_cnt) \
    XX(rd_kafka_header_get_all) XX(rd_kafka_topic_new) XX(rd_kafka_topic_destroy) XX(rd_kafka_topic_name) \
    XX(rd_kafka_topic_conf_new) XX(rd_kafka_topic_conf_destroy) XX(rd_kafka_topic_conf_dump) XX(rd_kafka_produce) \
    XX(rd_kafka_produceva) XX(rd_kafka_produce_batch) XX(rd_kafka_flush) XX(rd_kafka_purge) \
    XX(rd_kafka_init_transactions) XX(rd_kafka_begin_transaction) XX(rd_kafka_commit_transaction) \
    XX(rd_kafka_abort_transaction) XX(rd_kafka_metadata) XX(rd_kafka_metadata_destroy) \
    XX(rd_kafka_oauthbearer_set_token) XX(rd_kafka_oauthbearer_set_token_failure) \
    XX(rd_kafka_sasl_set_credentials) XX(rd_kafka_AdminOptions_new) XX(rd_kafka_AdminOptions_destroy) \
    XX(rd_kafka_AdminOptions_set_request_timeout) XX(rd_kafka_AdminOptions_set_operation_timeout) \
    XX(rd_kafka_NewTopic_new) XX(rd_kafka_NewTopic_destroy) XX(rd_kafka_NewTopic_set_config) \
    XX(rd_kafka_CreateTopics) XX(rd_kafka_CreateTopics_result_topics) XX(rd_kafka_event_CreateTopics_result) \
    XX(rd_kafka_topic_result_error) XX(rd_kafka_topic_result_error_string) XX(rd_kafka_mock_cluster_new) \
    XX(rd_kafka_mock_cluster_destroy) XX(rd_kafka_mock_cluster_bootstraps) XX(rd_kafka_mock_topic_create) \
    XX(rd_kafka_mock_topic_set_error) XX(rd_kafka_mock_push_request_errors_array) \
    XX(rd_kafka_mock_broker_set_down) XX(rd_kafka_mock_broker_set_up) XX(rd_kafka_mock_broker_set_rtt)

#define DK__RDK_OPTIONAL_MAP(XX) \
    XX(rd_kafka_message_leader_epoch) XX(rd_kafka_topic_partition_get_leader_epoch) \
    XX(rd_kafka_topic_partition_set_leader_epoch) XX(rd_kafka_mock_group_initial_rebalance_delay_ms)
/* clang-format on */

#ifdef DK_RDKAFKA_TABLE

typedef struct dk__rdk_functions {
#define XX(name) __typeof__(name) *name;
    DK__RDK_REQUIRED_MAP(XX) DK__RDK_OPTIONAL_MAP(XX)
#undef XX
} dk__rdk_functions;

extern dk__rdk_functions dk__rdk_table;

#define rd_kafka_version(...) dk__rdk_table.rd_kafka_version(__VA_ARGS__)
#define rd_kafka_version_str(...) dk__rdk_table.rd_kafka_version_str(__VA_ARGS__)
#define rd_kafka_mem_malloc(...) dk__rdk_table.rd_kafka_mem_malloc(__VA_ARGS__)
#define rd_kafka_mem_free(...) dk__rdk_table.rd_kafka_mem_free(__VA_ARGS__)
#define rd_kafka_err2name(...) dk__rdk_table.rd_kafka_err2name(__VA_ARGS__)
#define rd_kafka_err2str(...) dk__rdk_table.rd_kafka_err2str(__VA_ARGS__)
#define rd_kafka_last_error(...) dk__rdk_table.rd_kafka_last_error(__VA_ARGS__)
#define rd_kafka_fatal_error(...) dk__rdk_table.rd_kafka_fatal_error(__VA_ARGS__)
#define rd_kafka_error_code(...) dk__rdk_table.rd_kafka_error_code(__VA_ARGS__)
#define rd_kafka_error_string(...) dk__rdk_table.rd_kafka_error_string(__VA_ARGS__)
#define rd_kafka_error_is_fatal(...) dk__rdk_table.rd_kafka_error_is_fatal(__VA_ARGS__)
#define rd_kafka_error_is_retriable(...) dk__rdk_table.rd_kafka_error_is_retriable(__VA_ARGS__)
#define rd_kafka_error_txn_requires_abort(...) dk__rdk_table.rd_kafka_error_txn_requires_abort(__VA_ARGS__)
#define rd_kafka_error_destroy(...) dk__rdk_table.rd_kafka_error_destroy(__VA_ARGS__)
#define rd_kafka_conf_new(...) dk__rdk_table.rd_kafka_conf_new(__VA_ARGS__)
#define rd_kafka_conf_destroy(...) dk__rdk_table.rd_kafka_conf_destroy(__VA_ARGS__)
#define rd_kafka_conf_set(...) dk__rdk_table.rd_kafka_conf_set(__VA_ARGS__)
#define rd_kafka_conf_get(...) dk__rdk_table.rd_kafka_conf_get(__VA_ARGS__)
#define rd_kafka_conf_dump(...) dk__rdk_table.rd_kafka_conf_dump(__VA_ARGS__)
#define rd_kafka_conf_dump_free(...) dk__rdk_table.rd_kafka_conf_dump_free(__VA_ARGS__)
#define rd_kafka_conf_set_opaque(...) dk__rdk_table.rd_kafka_conf_set_opaque(__VA_ARGS__)
#define rd_kafka_conf_set_events(...) dk__rdk_table.rd_kafka_conf_set_events(__VA_ARGS__)
#define rd_kafka_conf_set_log_cb(...) dk__rdk_table.rd_kafka_conf_set_log_cb(__VA_ARGS__)
#define rd_kafka_conf_set_error_cb(...) dk__rdk_table.rd_kafka_conf_set_error_cb(__VA_ARGS__)
#define rd_kafka_conf_set_stats_cb(...) dk__rdk_table.rd_kafka_conf_set_stats_cb(__VA_ARGS__)
#define rd_kafka_conf_set_throttle_cb(...) dk__rdk_table.rd_kafka_conf_set_throttle_cb(__VA_ARGS__)
#define rd_kafka_conf_set_rebalance_cb(...) dk__rdk_table.rd_kafka_conf_set_rebalance_cb(__VA_ARGS__)
#define rd_kafka_conf_enable_sasl_queue(...) dk__rdk_table.rd_kafka_conf_enable_sasl_queue(__VA_ARGS__)
#define rd_kafka_conf_interceptor_add_on_new(...) dk__rdk_table.rd_kafka_conf_interceptor_add_on_new(__VA_ARGS__)
#define rd_kafka_interceptor_add_on_request_sent(...)                                                                \
    dk__rdk_table.rd_kafka_interceptor_add_on_request_sent(__VA_ARGS__)
#define rd_kafka_interceptor_add_on_response_received(...)                                                           \
    dk__rdk_table.rd_kafka_interceptor_add_on_response_received(__VA_ARGS__)
#define rd_kafka_new(...) dk__rdk_table.rd_kafka_new(__VA_ARGS__)
#define rd_kafka_destroy(...) dk__rdk_table.rd_kafka_destroy(__VA_ARGS__)
#define rd_kafka_destroy_flags(...) dk__rdk_table.rd_kafka_destroy_flags(__VA_ARGS__)
#define rd_kafka_opaque(...) dk__rdk_table.rd_kafka_opaque(__VA_ARGS__)
#define rd_kafka_clusterid(...) dk__rdk_table.rd_kafka_clusterid(__VA_ARGS__)
#define rd_kafka_controllerid(...) dk__rdk_table.rd_kafka_controllerid(__VA_ARGS__)
#define rd_kafka_poll_set_consumer(...) dk__rdk_table.rd_kafka_poll_set_consumer(__VA_ARGS__)
#define rd_kafka_queue_new(...) dk__rdk_table.rd_kafka_queue_new(__VA_ARGS__)
#define rd_kafka_queue_destroy(...) dk__rdk_table.rd_kafka_queue_destroy(__VA_ARGS__)
#define rd_kafka_queue_get_main(...) dk__rdk_table.rd_kafka_queue_get_main(__VA_ARGS__)
#define rd_kafka_queue_get_consumer(...) dk__rdk_table.rd_kafka_queue_get_consumer(__VA_ARGS__)
#define rd_kafka_queue_get_partition(...) dk__rdk_table.rd_kafka_queue_get_partition(__VA_ARGS__)
#define rd_kafka_queue_get_sasl(...) dk__rdk_table.rd_kafka_queue_get_sasl(__VA_ARGS__)
#define rd_kafka_queue_forward(...) dk__rdk_table.rd_kafka_queue_forward(__VA_ARGS__)
#define rd_kafka_queue_yield(...) dk__rdk_table.rd_kafka_queue_yield(__VA_ARGS__)
#define rd_kafka_queue_poll(...) dk__rdk_table.rd_kafka_queue_poll(__VA_ARGS__)
#define rd_kafka_queue_poll_callback(...) dk__rdk_table.rd_kafka_queue_poll_callback(__VA_ARGS__)
#define rd_kafka_queue_cb_event_enable(...) dk__rdk_table.rd_kafka_queue_cb_event_enable(__VA_ARGS__)
#define rd_kafka_event_type(...) dk__rdk_table.rd_kafka_event_type(__VA_ARGS__)
#define rd_kafka_event_destroy(...) dk__rdk_table.rd_kafka_event_destroy(__VA_ARGS__)
#define rd_kafka_event_message_array(...) dk__rdk_table.rd_kafka_event_message_array(__VA_ARGS__)
#define rd_kafka_event_error(...) dk__rdk_table.rd_kafka_event_error(__VA_ARGS__)
#define rd_kafka_event_error_string(...) dk__rdk_table.rd_kafka_event_error_string(__VA_ARGS__)
#define rd_kafka_event_error_is_fatal(...) dk__rdk_table.rd_kafka_event_error_is_fatal(__VA_ARGS__)
#define rd_kafka_event_log(...) dk__rdk_table.rd_kafka_event_log(__VA_ARGS__)
#define rd_kafka_event_stats(...) dk__rdk_table.rd_kafka_event_stats(__VA_ARGS__)
#define rd_kafka_subscribe(...) dk__rdk_table.rd_kafka_subscribe(__VA_ARGS__)
#define rd_kafka_unsubscribe(...) dk__rdk_table.rd_kafka_unsubscribe(__VA_ARGS__)
#define rd_kafka_subscription(...) dk__rdk_table.rd_kafka_subscription(__VA_ARGS__)
#define rd_kafka_assign(...) dk__rdk_table.rd_kafka_assign(__VA_ARGS__)
#define rd_kafka_assignment(...) dk__rdk_table.rd_kafka_assignment(__VA_ARGS__)
#define rd_kafka_incremental_assign(...) dk__rdk_table.rd_kafka_incremental_assign(__VA_ARGS__)
#define rd_kafka_incremental_unassign(...) dk__rdk_table.rd_kafka_incremental_unassign(__VA_ARGS__)
#define rd_kafka_assignment_lost(...) dk__rdk_table.rd_kafka_assignment_lost(__VA_ARGS__)
#define rd_kafka_rebalance_protocol(...) dk__rdk_table.rd_kafka_rebalance_protocol(__VA_ARGS__)
#define rd_kafka_memberid(...) dk__rdk_table.rd_kafka_memberid(__VA_ARGS__)
#define rd_kafka_consumer_poll(...) dk__rdk_table.rd_kafka_consumer_poll(__VA_ARGS__)
#define rd_kafka_consumer_close_queue(...) dk__rdk_table.rd_kafka_consumer_close_queue(__VA_ARGS__)
#define rd_kafka_consumer_closed(...) dk__rdk_table.rd_kafka_consumer_closed(__VA_ARGS__)
#define rd_kafka_consume_batch_queue(...) dk__rdk_table.rd_kafka_consume_batch_queue(__VA_ARGS__)
#define rd_kafka_seek_partitions(...) dk__rdk_table.rd_kafka_seek_partitions(__VA_ARGS__)
#define rd_kafka_position(...) dk__rdk_table.rd_kafka_position(__VA_ARGS__)
#define rd_kafka_committed(...) dk__rdk_table.rd_kafka_committed(__VA_ARGS__)
#define rd_kafka_commit_queue(...) dk__rdk_table.rd_kafka_commit_queue(__VA_ARGS__)
#define rd_kafka_offsets_for_times(...) dk__rdk_table.rd_kafka_offsets_for_times(__VA_ARGS__)
#define rd_kafka_query_watermark_offsets(...) dk__rdk_table.rd_kafka_query_watermark_offsets(__VA_ARGS__)
#define rd_kafka_get_watermark_offsets(...) dk__rdk_table.rd_kafka_get_watermark_offsets(__VA_ARGS__)
#define rd_kafka_topic_partition_list_new(...) dk__rdk_table.rd_kafka_topic_partition_list_new(__VA_ARGS__)
#define rd_kafka_topic_partition_list_destroy(...) dk__rdk_table.rd_kafka_topic_partition_list_destroy(__VA_ARGS__)
#define rd_kafka_topic_partition_list_add(...) dk__rdk_table.rd_kafka_topic_partition_list_add(__VA_ARGS__)
#define rd_kafka_topic_partition_list_copy(...) dk__rdk_table.rd_kafka_topic_partition_list_copy(__VA_ARGS__)
#define rd_kafka_topic_partition_list_find(...) dk__rdk_table.rd_kafka_topic_partition_list_find(__VA_ARGS__)
#define rd_kafka_message_destroy(...) dk__rdk_table.rd_kafka_message_destroy(__VA_ARGS__)
#define rd_kafka_message_errstr(...) dk__rdk_table.rd_kafka_message_errstr(__VA_ARGS__)
#define rd_kafka_message_timestamp(...) dk__rdk_table.rd_kafka_message_timestamp(__VA_ARGS__)
#define rd_kafka_message_latency(...) dk__rdk_table.rd_kafka_message_latency(__VA_ARGS__)
#define rd_kafka_message_headers(...) dk__rdk_table.rd_kafka_message_headers(__VA_ARGS__)
#define rd_kafka_headers_new(...) dk__rdk_table.rd_kafka_headers_new(__VA_ARGS__)
#define rd_kafka_headers_copy(...) dk__rdk_table.rd_kafka_headers_copy(__VA_ARGS__)
#define rd_kafka_headers_destroy(...) dk__rdk_table.rd_kafka_headers_destroy(__VA_ARGS__)
#define rd_kafka_header_add(...) dk__rdk_table.rd_kafka_header_add(__VA_ARGS__)
#define rd_kafka_header_cnt(...) dk__rdk_table.rd_kafka_header_cnt(__VA_ARGS__)
#define rd_kafka_header_get_all(...) dk__rdk_table.rd_kafka_header_get_all(__VA_ARGS__)
#define rd_kafka_topic_new(...) dk__rdk_table.rd_kafka_topic_new(__VA_ARGS__)
#define rd_kafka_topic_destroy(...) dk__rdk_table.rd_kafka_topic_destroy(__VA_ARGS__)
#define rd_kafka_topic_name(...) dk__rdk_table.rd_kafka_topic_name(__VA_ARGS__)
#define rd_kafka_topic_conf_new(...) dk__rdk_table.rd_kafka_topic_conf_new(__VA_ARGS__)
#define rd_kafka_topic_conf_destroy(...) dk__rdk_table.rd_kafka_topic_conf_destroy(__VA_ARGS__)
#define rd_kafka_topic_conf_dump(...) dk__rdk_table.rd_kafka_topic_conf_dump(__VA_ARGS__)
#define rd_kafka_produce(...) dk__rdk_table.rd_kafka_produce(__VA_ARGS__)
#define rd_kafka_produceva(...) dk__rdk_table.rd_kafka_produceva(__VA_ARGS__)
#define rd_kafka_produce_batch(...) dk__rdk_table.rd_kafka_produce_batch(__VA_ARGS__)
#define rd_kafka_flush(...) dk__rdk_table.rd_kafka_flush(__VA_ARGS__)
#define rd_kafka_purge(...) dk__rdk_table.rd_kafka_purge(__VA_ARGS__)
#define rd_kafka_init_transactions(...) dk__rdk_table.rd_kafka_init_transactions(__VA_ARGS__)
#define rd_kafka_begin_transaction(...) dk__rdk_table.rd_kafka_begin_transaction(__VA_ARGS__)
#define rd_kafka_commit_transaction(...) dk__rdk_table.rd_kafka_commit_transaction(__VA_ARGS__)
#define rd_kafka_abort_transaction(...) dk__rdk_table.rd_kafka_abort_transaction(__VA_ARGS__)
#define rd_kafka_metadata(...) dk__rdk_table.rd_kafka_metadata(__VA_ARGS__)
#define rd_kafka_metadata_destroy(...) dk__rdk_table.rd_kafka_metadata_destroy(__VA_ARGS__)
#define rd_kafka_oauthbearer_set_token(...) dk__rdk_table.rd_kafka_oauthbearer_set_token(__VA_ARGS__)
#define rd_kafka_oauthbearer_set_token_failure(...) dk__rdk_table.rd_kafka_oauthbearer_set_token_failure(__VA_ARGS__)
#define rd_kafka_sasl_set_credentials(...) dk__rdk_table.rd_kafka_sasl_set_credentials(__VA_ARGS__)
#define rd_kafka_AdminOptions_new(...) dk__rdk_table.rd_kafka_AdminOptions_new(__VA_ARGS__)
#define rd_kafka_AdminOptions_destroy(...) dk__rdk_table.rd_kafka_AdminOptions_destroy(__VA_ARGS__)
#define rd_kafka_AdminOptions_set_request_timeout(...)                                                               \
    dk__rdk_table.rd_kafka_AdminOptions_set_request_timeout(__VA_ARGS__)
#define rd_kafka_AdminOptions_set_operation_timeout(...)                                                             \
    dk__rdk_table.rd_kafka_AdminOptions_set_operation_timeout(__VA_ARGS__)
#define rd_kafka_NewTopic_new(...) dk__rdk_table.rd_kafka_NewTopic_new(__VA_ARGS__)
#define rd_kafka_NewTopic_destroy(...) dk__rdk_table.rd_kafka_NewTopic_destroy(__VA_ARGS__)
#define rd_kafka_NewTopic_set_config(...) dk__rdk_table.rd_kafka_NewTopic_set_config(__VA_ARGS__)
#define rd_kafka_CreateTopics(...) dk__rdk_table.rd_kafka_CreateTopics(__VA_ARGS__)
#define rd_kafka_CreateTopics_result_topics(...) dk__rdk_table.rd_kafka_CreateTopics_result_topics(__VA_ARGS__)
#define rd_kafka_event_CreateTopics_result(...) dk__rdk_table.rd_kafka_event_CreateTopics_result(__VA_ARGS__)
#define rd_kafka_topic_result_error(...) dk__rdk_table.rd_kafka_topic_result_error(__VA_ARGS__)
#define rd_kafka_topic_result_error_string(...) dk__rdk_table.rd_kafka_topic_result_error_string(__VA_ARGS__)
#define rd_kafka_mock_cluster_new(...) dk__rdk_table.rd_kafka_mock_cluster_new(__VA_ARGS__)
#define rd_kafka_mock_cluster_destroy(...) dk__rdk_table.rd_kafka_mock_cluster_destroy(__VA_ARGS__)
#define rd_kafka_mock_cluster_bootstraps(...) dk__rdk_table.rd_kafka_mock_cluster_bootstraps(__VA_ARGS__)
#define rd_kafka_mock_topic_create(...) dk__rdk_table.rd_kafka_mock_topic_create(__VA_ARGS__)
#define rd_kafka_mock_topic_set_error(...) dk__rdk_table.rd_kafka_mock_topic_set_error(__VA_ARGS__)
#define rd_kafka_mock_push_request_errors_array(...)                                                                 \
    dk__rdk_table.rd_kafka_mock_push_request_errors_array(__VA_ARGS__)
#define rd_kafka_mock_broker_set_down(...) dk__rdk_table.rd_kafka_mock_broker_set_down(__VA_ARGS__)
#define rd_kafka_mock_broker_set_up(...) dk__rdk_table.rd_kafka_mock_broker_set_up(__VA_ARGS__)
#define rd_kafka_mock_broker_set_rtt(...) dk__rdk_table.rd_kafka_mock_broker_set_rtt(__VA_ARGS__)
#define rd_kafka_message_leader_epoch(...) dk__rdk_table.rd_kafka_message_leader_epoch(__VA_ARGS__)
#define rd_kafka_topic_partition_get_leader_epoch(...)                                                               \
    dk__rdk_table.rd_kafka_topic_partition_get_leader_epoch(__VA_ARGS__)
#define rd_kafka_topic_partition_set_leader_epoch(...)                                                               \
    dk__rdk_table.rd_kafka_topic_partition_set_leader_epoch(__VA_ARGS__)
#define rd_kafka_mock_group_initial_rebalance_delay_ms(...)                                                          \
    dk__rdk_table.rd_kafka_mock_group_initial_rebalance_delay_ms(__VA_ARGS__)

#define DK__RDK_HAS(name) (dk__rdk_table.name != NULL)

#else

#pragma weak rd_kafka_message_leader_epoch
#pragma weak rd_kafka_topic_partition_get_leader_epoch
#pragma weak rd_kafka_topic_partition_set_leader_epoch
#pragma weak rd_kafka_mock_group_initial_rebalance_delay_ms
#define DK__RDK_HAS(name) ((name) != NULL)

#endif

/* Leader epochs: -1 and no effect where this librdkafka does not know them. */
static inline int32_t
dk__rdk_message_leader_epoch(const rd_kafka_message_t *msg)
{
    return DK__RDK_HAS(rd_kafka_message_leader_epoch) ? rd_kafka_message_leader_epoch(msg) : -1;
}

static inline int32_t
dk__rdk_partition_leader_epoch(const rd_kafka_topic_partition_t *part)
{
    return DK__RDK_HAS(rd_kafka_topic_partition_get_leader_epoch) ? rd_kafka_topic_partition_get_leader_epoch(part)
                                                                  : -1;
}

static inline void
dk__rdk_partition_set_leader_epoch(rd_kafka_topic_partition_t *part, int32_t leader_epoch)
{
    if (DK__RDK_HAS(rd_kafka_topic_partition_set_leader_epoch))
        rd_kafka_topic_partition_set_leader_epoch(part, leader_epoch);
}

/* How long the embedded broker waits for more members of a new group; without the function it is 3 seconds. */
static inline void
dk__rdk_mock_group_delay(rd_kafka_mock_cluster_t *cluster, int32_t delay_ms)
{
    if (DK__RDK_HAS(rd_kafka_mock_group_initial_rebalance_delay_ms))
        rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, delay_ms);
}

#endif
