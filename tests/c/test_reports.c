/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/producer/reports.c.
 */
#include "dk_test.h"
#include "kafka/producer/internal.h"

static dk__events *
must_queue(void)
{
    dk__events *q = NULL;

    CHECK_OK(dk__events_new(dk_test_alloc(), &q));
    CHECK(dk__events_empty(q));
    CHECK(dk__events_take(q) == NULL);
    return q;
}

static dk_event *
must_take(dk__events *q, dk_event_kind kind)
{
    dk_event *ev = dk__events_take(q);

    CHECK(ev != NULL);
    CHECK_EQ(dk_event_kind_of(ev), kind);
    return ev;
}

/* A report as librdkafka's would be; it reads on behind the public part, where zeros mean "unknown". */
typedef union report {
    rd_kafka_message_t msg;
    char room[1024];
} report;

static void
make_reports(report *reports, const rd_kafka_message_t **list, size_t n)
{
    memset(reports, 0, n * sizeof *reports);
    for (size_t i = 0; i < n; i++) {
        reports[i].msg.partition = (int32_t)i;
        reports[i].msg.offset = (int64_t)i * 10;
        reports[i].msg.payload = "value";
        reports[i].msg.len = 5;
        list[i] = &reports[i].msg;
    }
}

DK_TEST(event_delivered_without_opaque_costs_nothing)
{
    report reports[DK__MAX_REPORTS];
    const rd_kafka_message_t *list[DK__MAX_REPORTS];
    dk__events *q = must_queue();
    size_t before = dk_test_alloc_count();

    make_reports(reports, list, DK__MAX_REPORTS);
    CHECK(dk__reports_push(q, list, DK__MAX_REPORTS));
    CHECK(dk__events_empty(q));
    CHECK_EQ(dk_test_alloc_count(), before);
    dk__events_free(q);
}

DK_TEST(event_delivery_copies)
{
    report reports[4];
    const rd_kafka_message_t *list[4];
    dk__events *q = must_queue();
    char key[] = "key";
    dk_delivery d;
    dk_event *ev;

    make_reports(reports, list, 4);
    reports[1].msg._private = &key;
    reports[1].msg.key = key;
    reports[1].msg.key_len = 3;
    reports[2].msg.err = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
    reports[2].msg.key = key;
    reports[2].msg.key_len = 0;
    reports[3].msg._private = &q;
    reports[3].msg.payload = NULL;
    reports[3].msg.err = RD_KAFKA_RESP_ERR__PURGE_QUEUE;
    CHECK(dk__reports_push(q, list, 4));
    CHECK_EQ(dk__events_reports(q), 2);
    ev = must_take(q, DK_EVENT_DELIVERY);
    CHECK_EQ(dk__events_reports(q), 0);
    CHECK_EQ(dk_event_deliveries(ev), 3);
    memset(reports, 0xff, sizeof reports);
    key[0] = 'X';

    dk_event_delivery(ev, 0, &d);
    CHECK(d.opaque == &key);
    CHECK_STR(d.topic, "");
    CHECK_EQ(d.partition, 1);
    CHECK_EQ(d.offset, 10);
    CHECK_MEM(d.key.p, d.key.n, "key", 3);
    CHECK_MEM(d.value.p, d.value.n, "value", 5);
    CHECK_EQ(d.kafka_err, 0);
    CHECK_STR(d.errstr, NULL);
    CHECK_EQ(d.latency_us, -1);
    dk_event_delivery(ev, 1, &d);
    CHECK(d.opaque == NULL);
    CHECK(d.key.p != NULL && d.key.n == 0);
    CHECK(d.value.p == NULL);
    CHECK_EQ(d.kafka_err, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
    CHECK_CONTAINS(d.errstr, "timed out");
    dk_event_delivery(ev, 2, &d);
    CHECK(d.opaque == &q);
    CHECK(d.key.p == NULL && d.value.p == NULL);
    CHECK_EQ(d.kafka_err, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
    dk_event_free(ev);
    dk__events_free(q);
}

DK_TEST(event_failures_without_opaque_are_bounded)
{
    report reports[DK__MAX_REPORTS];
    const rd_kafka_message_t *list[DK__MAX_REPORTS];
    dk__events *q = must_queue();
    size_t told = 0, opaque = 0;

    make_reports(reports, list, DK__MAX_REPORTS);
    for (size_t i = 0; i < DK__MAX_REPORTS; i++)
        reports[i].msg.err = RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
    reports[9].msg._private = q;
    for (int k = 0; k < 20; k++)
        CHECK(dk__reports_push(q, list, DK__MAX_REPORTS));
    CHECK_EQ(dk__events_reports(q), 20);
    for (dk_event *ev; (ev = dk__events_take(q)) != NULL;) {
        for (size_t i = 0; i < dk_event_deliveries(ev); i++) {
            dk_delivery d;

            dk_event_delivery(ev, i, &d);
            opaque += d.opaque != NULL;
            told++;
        }
        dk_event_free(ev);
    }
    CHECK_EQ(opaque, 20); /* these always come */
    CHECK_EQ(told + dk__events_dropped(q), 20 * DK__MAX_REPORTS);
    CHECK(told > 500 && told < 1100);
    /* and there is room again */
    CHECK(dk__reports_push(q, list, DK__MAX_REPORTS));
    CHECK(!dk__events_empty(q));
    dk__events_free(q);
}

DK_TEST(event_delivery_without_memory_can_be_tried_again)
{
    report reports[2];
    const rd_kafka_message_t *list[2];
    dk__events *q = must_queue();

    make_reports(reports, list, 2);
    reports[0].msg._private = q;
    dk_test_alloc_fail(1, false);
    CHECK(!dk__reports_push(q, list, 2));
    CHECK(dk__events_empty(q));
    CHECK(dk__reports_push(q, list, 2));
    CHECK_EQ(dk__events_reports(q), 1);
    dk__events_free(q);
}

/* ---- callbacks ------------------------------------------------------------------------------------------------- */

typedef struct client {
    dk__events *events;
} client;

DK_TEST(event_callbacks_of_a_client)
{
    client c = {must_queue()};
    rd_kafka_conf_t *conf;
    dk__conf_info info;
    rd_kafka_t *rk;
    bool fatal = false;
    dk_pair pairs[] = {{"bootstrap.servers", "127.0.0.1:1"}, {"debug", "broker"}, {"statistics.interval.ms", "10"}};
    bool seen[DK_EVENT_DELIVERY + 1] = {false};

    CHECK_OK(dk__conf_new(DK__PRODUCER, pairs, 3, &conf, &info, NULL));
    rd_kafka_conf_set_opaque(conf, &c);
    dk__events_callbacks(conf, DK__PRODUCER);
    CHECK_OK(dk__client_new(DK__PRODUCER, conf, &rk, NULL));
    rd_kafka_test_fatal_error(rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "made up");
    for (int64_t until = dk_test_now_ms() + 10000; dk_test_now_ms() < until;) {
        dk_event *ev = dk__events_take(c.events);

        if (ev != NULL) {
            seen[dk_event_kind_of(ev)] = true;
            if (dk_event_fatal(ev)) {
                fatal = true;
                CHECK_EQ(dk_event_kafka_err(ev), RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
                CHECK_CONTAINS(dk_event_text(ev), "made up");
            }
            dk_event_free(ev);
        } else if (fatal && seen[DK_EVENT_LOG] && seen[DK_EVENT_ERROR] && seen[DK_EVENT_STATS]) {
            break;
        } else {
            rd_kafka_poll(rk, 10);
        }
    }
    CHECK(fatal && seen[DK_EVENT_LOG] && seen[DK_EVENT_ERROR] && seen[DK_EVENT_STATS]);
    rd_kafka_destroy(rk);
    dk__events_free(c.events);
}
