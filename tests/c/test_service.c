/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/producer/service.c: delivery reports, and trouble on the way.
 */
#include "post.h"

/* ---- reports --------------------------------------------------------------------------------------------------- */

DK_TEST(producer_reports_of_opaques)
{
    post r = POST_OPEN(1);
    short marks[50];
    bool seen[50] = {false};
    size_t n = 0;

    for (int i = 0; i < 50; i++) {
        dk_record rec = post_record("value", &marks[i]);

        rec.key = post_text("key");
        post_produce(r.producer, &rec);
    }
    CHECK(dk_producer_len(r.producer) >= 50 || dk_producer_len(r.producer) > 0);
    post_flush(r.producer); /* does not need anybody to take events */
    CHECK_EQ(dk_producer_len(r.producer), 50);
    while (n < 50) {
        dk_event *ev = post_event(r.producer, DK_EVENT_DELIVERY);

        for (size_t i = 0; i < dk_event_deliveries(ev); i++, n++) {
            dk_delivery d;
            size_t k;

            dk_event_delivery(ev, i, &d);
            k = (size_t)((short *)d.opaque - marks);
            CHECK(k < 50 && !seen[k]);
            seen[k] = true;
            CHECK_STR(d.topic, "t");
            CHECK_EQ(d.partition, 0);
            CHECK_EQ(d.offset, k);
            CHECK_MEM(d.key.p, d.key.n, "key", 3);
            CHECK_MEM(d.value.p, d.value.n, "value", 5);
            CHECK_EQ(d.kafka_err, 0);
            CHECK_STR(d.errstr, NULL);
            CHECK(d.latency_us >= 0);
            CHECK(d.timestamp_type == 1 || d.timestamp_type == 2);
        }
        dk_event_free(ev);
    }
    CHECK_EQ(dk_producer_len(r.producer), 0);
    post_close(&r);
}

DK_TEST(producer_without_opaque_only_counts)
{
    post r = POST_OPEN(1);
    dk_record rec = post_record("value", NULL);
    dk_producer_counters counters;
    size_t before;

    post_produce(r.producer, &rec);
    post_flush(r.producer);
    before = dk_test_alloc_count();
    for (int i = 0; i < 2000; i++)
        post_produce(r.producer, &rec);
    post_flush(r.producer);
    CHECK_EQ(dk_test_alloc_count(), before);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.produced, 2001);
    CHECK_EQ(counters.delivered, 2001);
    CHECK_EQ(counters.failed, 0);
    CHECK(dk_producer_event(r.producer) == NULL);
    post_close(&r);
}

DK_TEST(producer_failure_without_opaque_is_told)
{
    post r = POST_OPEN(1);
    dk_record rec = post_record("value", NULL);
    const int denied[] = {TOPIC_DENIED};
    dk_producer_counters counters;
    dk_delivery d;
    dk_event *ev;

    rec.key = post_text("key");
    CHECK_OK(dk_broker_push_errors(r.broker, API_PRODUCE, denied, 1, NULL));
    post_produce(r.producer, &rec);
    post_flush(r.producer);
    ev = post_event(r.producer, DK_EVENT_DELIVERY);
    CHECK_EQ(dk_event_deliveries(ev), 1);
    dk_event_delivery(ev, 0, &d);
    CHECK(d.opaque == NULL);
    CHECK_EQ(d.kafka_err, TOPIC_DENIED);
    CHECK(d.errstr != NULL && d.errstr[0] != '\0');
    CHECK_STR(d.topic, "t");
    CHECK_MEM(d.key.p, d.key.n, "key", 3);
    CHECK(d.value.p == NULL);
    dk_event_free(ev);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.failed, 1);
    CHECK_EQ(counters.delivered, 0);
    post_close(&r);
}

DK_TEST(producer_taken_event_outlives_it)
{
    post r = POST_OPEN(1);
    dk_record rec = post_record("value", &r);
    dk_delivery d;
    dk_event *ev;

    post_produce(r.producer, &rec);
    ev = post_event(r.producer, DK_EVENT_DELIVERY);
    post_close(&r);
    dk_event_delivery(ev, 0, &d);
    CHECK_STR(d.topic, "t");
    CHECK_MEM(d.value.p, d.value.n, "value", 5);
    dk_event_free(ev);
}

/* A report waits for memory; it is not lost. */
DK_TEST(producer_report_waits_for_memory)
{
    post r = POST_OPEN_WITH(1, {"linger.ms", "200"});
    dk_record rec = post_record("x", &r);
    dk_delivery d;
    dk_event *ev;

    post_produce(r.producer, &rec);
    dk_test_alloc_fail(1, true);
    WAIT_UNTIL(dk_test_alloc_failed(), TEN_SECONDS);
    dk_test_alloc_fail(0, false);
    ev = post_event(r.producer, DK_EVENT_DELIVERY);
    dk_event_delivery(ev, 0, &d);
    CHECK(d.opaque == &r);
    CHECK_EQ(d.kafka_err, 0);
    dk_event_free(ev);
    post_close(&r);
}

/* ---- trouble on the way ---------------------------------------------------------------------------------------- */

DK_TEST(producer_retries_keep_the_order)
{
    post r = POST_OPEN_WITH(1, {"retry.backoff.ms", "10"}, {"batch.num.messages", "7"}, {"linger.ms", "1"});
    const int errors[] = {
        NOT_LEADER, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 0,
        NOT_LEADER, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__TRANSPORT,          NOT_LEADER};
    dk_producer_counters counters;

    CHECK_OK(dk_broker_push_errors(r.broker, API_PRODUCE, errors, sizeof errors / sizeof *errors, NULL));
    post_produce_numbers(r.producer, 0, 200);
    post_flush(r.producer);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.delivered, 200);
    CHECK_EQ(counters.failed, 0);
    post_check_numbers(r.broker, 200);
    post_close(&r);
}

/* Were a second request on its way, librdkafka would take its acceptance for that of the refused one before it:
 * brokers refuse a gap, except those (and this one) that do not know the producer yet. */
DK_TEST(producer_confirms_only_what_is_there)
{
    post r = POST_OPEN_WITH(1, {"retry.backoff.ms", "10"}, {"batch.num.messages", "1"}, {"linger.ms", "0"});
    const int refused[] = {NOT_LEADER};
    dk_producer_counters counters;

    CHECK_OK(dk_broker_push_errors(r.broker, API_PRODUCE, refused, 1, NULL));
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 50, NULL));
    post_produce_numbers(r.producer, 0, 5);
    post_flush(r.producer);
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 0, NULL));
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.delivered, 5);
    post_check_numbers(r.broker, 5);
    post_close(&r);
}

DK_TEST(producer_broker_down_and_up)
{
    post r = POST_OPEN_WITH(1, {"reconnect.backoff.ms", "20"}, {"reconnect.backoff.max.ms", "50"});
    size_t left;
    dk_error err;

    post_produce_numbers(r.producer, 0, 50);
    post_flush(r.producer);
    CHECK_OK(dk_broker_set_down(r.broker, 1, true, NULL));
    post_produce_numbers(r.producer, 50, 50);
    CHECK_STATUS(dk_producer_flush(r.producer, 50, &left, &err), DK_ETIMEOUT);
    CHECK_EQ(left, 50);
    CHECK_CONTAINS(err.text, "50 messages");
    CHECK_EQ(dk_producer_len(r.producer), 50);
    CHECK_OK(dk_broker_set_down(r.broker, 1, false, NULL));
    post_flush(r.producer);
    post_check_numbers(r.broker, 100);
    post_close(&r);
}

DK_TEST(producer_message_times_out)
{
    post r = POST_OPEN_WITH(1, {"message.timeout.ms", "300"});
    dk_record rec = post_record("x", &r);
    dk_producer_counters counters;
    dk_delivery d;
    dk_event *ev;

    CHECK_OK(dk_broker_set_down(r.broker, 1, true, NULL));
    post_produce(r.producer, &rec);
    ev = post_event(r.producer, DK_EVENT_DELIVERY);
    dk_event_delivery(ev, 0, &d);
    CHECK(d.opaque == &r);
    CHECK_EQ(d.kafka_err, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
    dk_event_free(ev);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.failed, 1);
    post_close(&r);
}

DK_TEST(producer_unreachable_broker_is_told)
{
    dk_producer *p =
        post_producer(dk_test_alloc(), "127.0.0.1:1", (const dk_pair[]){{"statistics.interval.ms", "50"}}, 1);
    dk_metadata *meta = NULL;
    dk_event *ev = post_event(p, DK_EVENT_ERROR);
    dk_error err;

    CHECK(!dk_event_fatal(ev));
    CHECK_CONTAINS(dk_event_text(ev), "127.0.0.1:1");
    dk_event_free(ev);
    ev = post_event(p, DK_EVENT_STATS);
    CHECK_EQ(dk_event_text(ev)[0], '{');
    dk_event_free(ev);
    CHECK_STATUS(dk_producer_metadata(p, "t", 100, &meta, &err), DK_EKAFKA);
    CHECK(err.retriable);
    CHECK_CONTAINS(err.text, "\"t\"");
    CHECK_CONTAINS(err.text, "bootstrap.servers");
    CHECK_STATUS(dk_producer_metadata(p, NULL, 100, &meta, &err), DK_EKAFKA);
    CHECK(meta == NULL);
    dk_producer_free(p);
}
