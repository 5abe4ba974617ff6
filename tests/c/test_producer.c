/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/producer/producer.c on the embedded broker. What arrived is read back with a bare librdkafka consumer, so
 * that nothing of ours checks itself.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dk_test.h"

#include "dk/broker.h"
#include "dk/producer.h"
#include "kafka/client/internal.h"

#define TEN_SECONDS 10000

/* Kafka's numbers. */
enum { API_PRODUCE = 0, NOT_LEADER = 6, TOPIC_DENIED = 29, OUT_OF_ORDER = 45 };

typedef struct rig {
    dk_broker *broker;
    dk_producer *producer;
} rig;

/* ---- helpers --------------------------------------------------------------------------------------------------- */

static dk_producer *
must_producer(const dk_alloc *alloc, const char *bootstrap, const dk_pair *more, size_t n)
{
    dk_pair pairs[16] = {{"bootstrap.servers", bootstrap}, {"topic.metadata.propagation.max.ms", "500"}};
    dk_producer *p = NULL;
    dk_error err;

    CHECK(n <= 14);
    for (size_t i = 0; i < n; i++)
        pairs[2 + i] = more[i];
    CHECK_OK_ERR(dk_producer_new(alloc, pairs, 2 + n, &p, &err), &err);
    return p;
}

static rig
open_rig(int partitions, const dk_pair *more, size_t n)
{
    rig r = {NULL, NULL};
    dk_error err;

    CHECK_OK_ERR(dk_broker_new(dk_test_alloc(), 1, &r.broker, &err), &err);
    CHECK_OK_ERR(dk_broker_create_topic(r.broker, "t", partitions, &err), &err);
    r.producer = must_producer(dk_test_alloc(), dk_broker_bootstrap(r.broker), more, n);
    return r;
}

#define OPEN(partitions) open_rig((partitions), NULL, 0)
#define OPEN_WITH(partitions, ...)                                                                                   \
    open_rig((partitions), (const dk_pair[]){__VA_ARGS__}, sizeof((const dk_pair[]){__VA_ARGS__}) / sizeof(dk_pair))

static void
close_rig(rig *r)
{
    dk_producer_free(r->producer);
    dk_broker_free(r->broker);
}

static dk_slice
text(const char *s)
{
    return (dk_slice){(const uint8_t *)s, strlen(s)};
}

static dk_record
record(const char *value, void *opaque)
{
    return (dk_record){.topic = "t", .partition = 0, .value = text(value), .opaque = opaque};
}

static void
must_produce(dk_producer *p, const dk_record *rec)
{
    dk_error err;

    CHECK_OK_ERR(dk_producer_produce(p, rec, &err), &err);
}

static void
must_flush(dk_producer *p)
{
    size_t left = 99;
    dk_error err;

    CHECK_OK_ERR(dk_producer_flush(p, TEN_SECONDS, &left, &err), &err);
    CHECK_EQ(left, 0);
}

/* The next event of this kind; others are dropped. */
static dk_event *
must_event(dk_producer *p, dk_event_kind kind)
{
    int64_t until = dk_test_now_ms() + TEN_SECONDS;

    while (dk_test_now_ms() < until) {
        dk_event *ev = dk_producer_event(p);

        if (ev != NULL && dk_event_kind_of(ev) == kind)
            return ev;
        dk_event_free(ev);
        if (ev == NULL)
            (void)!dk_producer_wait_event(p, 100);
    }
    FAIL("no event of kind %d within ten seconds", (int)kind);
}

/* What is on the broker: the test's process reads with librdkafka's own consumer. */
typedef struct reader {
    rd_kafka_t *rk;
} reader;

static reader
open_reader(const dk_broker *b, const char *topic, int partitions)
{
    rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(partitions);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    reader r;

    rd_kafka_conf_set(conf, "bootstrap.servers", dk_broker_bootstrap(b), why, sizeof why);
    rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof why);
    r.rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    CHECK(r.rk != NULL);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(parts, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    CHECK_EQ(rd_kafka_assign(r.rk, parts), 0);
    rd_kafka_topic_partition_list_destroy(parts);
    return r;
}

static rd_kafka_message_t *
must_read(const reader *r)
{
    int64_t until = dk_test_now_ms() + TEN_SECONDS;

    while (dk_test_now_ms() < until) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(r->rk, 100);

        if (msg != NULL && msg->err == 0)
            return msg;
        if (msg != NULL)
            rd_kafka_message_destroy(msg);
    }
    FAIL("nothing to read within ten seconds");
}

static void
close_reader(reader *r)
{
    rd_kafka_message_t *more = rd_kafka_consumer_poll(r->rk, 50); /* nothing may be left */

    CHECK(more == NULL || more->err != 0);
    if (more != NULL)
        rd_kafka_message_destroy(more);
    rd_kafka_destroy(r->rk);
}

/* Partition 0 of "t" holds exactly the values "0" .. "n-1", in this order. */
static void
check_numbers(const dk_broker *b, int n)
{
    reader r = open_reader(b, "t", 1);

    for (int i = 0; i < n; i++) {
        rd_kafka_message_t *msg = must_read(&r);
        char want[16];

        snprintf(want, sizeof want, "%d", i);
        CHECK_MEM(msg->payload, msg->len, want, strlen(want));
        CHECK_EQ(msg->offset, i);
        rd_kafka_message_destroy(msg);
    }
    close_reader(&r);
}

static void
produce_numbers(dk_producer *p, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        char value[16];
        dk_record rec = {.topic = "t", .partition = 0};

        snprintf(value, sizeof value, "%d", i);
        rec.value = text(value);
        must_produce(p, &rec);
    }
}

/* ---- what arrives ---------------------------------------------------------------------------------------------- */

DK_TEST(producer_values_keys_and_nulls)
{
    rig r = OPEN(1);
    static const char nothing[1];
    dk_record recs[] = {{.topic = "t", .key = text("k"), .value = text("v")},
                        {.topic = "t"},
                        {.topic = "t", .key = {(const uint8_t *)nothing, 0}, .value = {(const uint8_t *)nothing, 0}},
                        {.topic = "t", .value = {(const uint8_t *)"\0\xff", 2}}};
    rd_kafka_message_t *msg;
    reader in;

    for (size_t i = 0; i < 4; i++)
        must_produce(r.producer, &recs[i]);
    must_flush(r.producer);
    in = open_reader(r.broker, "t", 1);
    msg = must_read(&in);
    CHECK_MEM(msg->key, msg->key_len, "k", 1);
    CHECK_MEM(msg->payload, msg->len, "v", 1);
    rd_kafka_message_destroy(msg);
    msg = must_read(&in);
    CHECK(msg->key == NULL && msg->payload == NULL);
    rd_kafka_message_destroy(msg);
    msg = must_read(&in);
    CHECK(msg->key != NULL && msg->key_len == 0);
    CHECK(msg->payload != NULL && msg->len == 0);
    rd_kafka_message_destroy(msg);
    msg = must_read(&in);
    CHECK_MEM(msg->payload, msg->len, "\0\xff", 2);
    rd_kafka_message_destroy(msg);
    close_reader(&in);
    close_rig(&r);
}

DK_TEST(producer_headers_and_timestamp)
{
    rig r = OPEN(1);
    dk_header headers[] = {{"a", text("1")}, {"b", {NULL, 0}}, {"a", text("")}};
    dk_record rec = {
        .topic = "t", .value = text("v"), .timestamp = 1234567890123, .headers = headers, .n_headers = 3};
    rd_kafka_headers_t *got = NULL;
    rd_kafka_timestamp_type_t type;
    const char *name;
    const void *bytes;
    size_t n;
    rd_kafka_message_t *msg;
    reader in;

    must_produce(r.producer, &rec);
    rec.n_headers = 0;
    must_produce(r.producer, &rec);
    must_flush(r.producer);
    in = open_reader(r.broker, "t", 1);
    msg = must_read(&in);
    CHECK_EQ(rd_kafka_message_timestamp(msg, &type), 1234567890123);
    CHECK_EQ(rd_kafka_message_headers(msg, &got), 0);
    CHECK_EQ(rd_kafka_header_cnt(got), 3);
    CHECK_EQ(rd_kafka_header_get_all(got, 0, &name, &bytes, &n), 0);
    CHECK_STR(name, "a");
    CHECK_MEM(bytes, n, "1", 1);
    CHECK_EQ(rd_kafka_header_get_all(got, 1, &name, &bytes, &n), 0);
    CHECK_STR(name, "b");
    CHECK(bytes == NULL);
    CHECK_EQ(rd_kafka_header_get_all(got, 2, &name, &bytes, &n), 0);
    CHECK_STR(name, "a");
    CHECK(bytes != NULL && n == 0);
    rd_kafka_message_destroy(msg);
    msg = must_read(&in);
    CHECK(rd_kafka_message_headers(msg, &got) != 0);
    CHECK_EQ(rd_kafka_message_timestamp(msg, &type), 1234567890123);
    rd_kafka_message_destroy(msg);
    close_reader(&in);
    close_rig(&r);
}

DK_TEST(producer_partition_by_key_and_by_hand)
{
    rig r = OPEN(4);
    dk_record rec = {.topic = "t", .partition = -1, .key = text("same"), .value = text("x")};
    reader in;
    int32_t by_key = -1;

    for (int i = 0; i < 10; i++)
        must_produce(r.producer, &rec);
    must_flush(r.producer);
    in = open_reader(r.broker, "t", 4);
    for (int i = 0; i < 10; i++) {
        rd_kafka_message_t *msg = must_read(&in);

        if (i == 0)
            by_key = msg->partition;
        CHECK_EQ(msg->partition, by_key);
        rd_kafka_message_destroy(msg);
    }
    rec.partition = (by_key + 1) % 4;
    must_produce(r.producer, &rec);
    must_flush(r.producer);
    {
        rd_kafka_message_t *msg = must_read(&in);

        CHECK_EQ(msg->partition, rec.partition);
        rd_kafka_message_destroy(msg);
    }
    close_reader(&in);
    close_rig(&r);
}

DK_TEST(producer_many_topics)
{
    rig r = OPEN(1);
    dk_producer_counters counters;

    for (int i = 0; i < 300; i++) {
        char name[32];
        dk_record rec = record("x", NULL);

        snprintf(name, sizeof name, "topic-%d", i % 100);
        rec.topic = name;
        must_produce(r.producer, &rec);
    }
    must_flush(r.producer);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.produced, 300);
    CHECK_EQ(counters.delivered, 300);
    close_rig(&r);
}

/* ---- reports --------------------------------------------------------------------------------------------------- */

DK_TEST(producer_reports_of_opaques)
{
    rig r = OPEN(1);
    short marks[50];
    bool seen[50] = {false};
    size_t n = 0;

    for (int i = 0; i < 50; i++) {
        dk_record rec = record("value", &marks[i]);

        rec.key = text("key");
        must_produce(r.producer, &rec);
    }
    CHECK(dk_producer_len(r.producer) >= 50 || dk_producer_len(r.producer) > 0);
    must_flush(r.producer); /* does not need anybody to take events */
    CHECK_EQ(dk_producer_len(r.producer), 50);
    while (n < 50) {
        dk_event *ev = must_event(r.producer, DK_EVENT_DELIVERY);

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
    close_rig(&r);
}

DK_TEST(producer_without_opaque_only_counts)
{
    rig r = OPEN(1);
    dk_record rec = record("value", NULL);
    dk_producer_counters counters;
    size_t before;

    must_produce(r.producer, &rec);
    must_flush(r.producer);
    before = dk_test_alloc_count();
    for (int i = 0; i < 2000; i++)
        must_produce(r.producer, &rec);
    must_flush(r.producer);
    CHECK_EQ(dk_test_alloc_count(), before);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.produced, 2001);
    CHECK_EQ(counters.delivered, 2001);
    CHECK_EQ(counters.failed, 0);
    CHECK(dk_producer_event(r.producer) == NULL);
    close_rig(&r);
}

DK_TEST(producer_failure_without_opaque_is_told)
{
    rig r = OPEN(1);
    dk_record rec = record("value", NULL);
    const int denied[] = {TOPIC_DENIED};
    dk_producer_counters counters;
    dk_delivery d;
    dk_event *ev;

    rec.key = text("key");
    CHECK_OK(dk_broker_push_errors(r.broker, API_PRODUCE, denied, 1, NULL));
    must_produce(r.producer, &rec);
    must_flush(r.producer);
    ev = must_event(r.producer, DK_EVENT_DELIVERY);
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
    close_rig(&r);
}

DK_TEST(producer_taken_event_outlives_it)
{
    rig r = OPEN(1);
    dk_record rec = record("value", &r);
    dk_delivery d;
    dk_event *ev;

    must_produce(r.producer, &rec);
    ev = must_event(r.producer, DK_EVENT_DELIVERY);
    close_rig(&r);
    dk_event_delivery(ev, 0, &d);
    CHECK_STR(d.topic, "t");
    CHECK_MEM(d.value.p, d.value.n, "value", 5);
    dk_event_free(ev);
}

/* ---- back-pressure --------------------------------------------------------------------------------------------- */

DK_TEST(producer_queue_full_and_room)
{
    rig r = OPEN_WITH(1, {"queue.buffering.max.messages", "10"}, {"linger.ms", "0"});
    dk_record rec = record("x", NULL);
    dk_producer_counters counters;
    dk_error err;
    int64_t before;

    CHECK_OK(dk_producer_wait_room(r.producer, 0)); /* never been full */
    must_produce(r.producer, &rec);
    must_flush(r.producer);
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 2000, NULL)); /* none of them is delivered before the next check */
    for (int i = 0; i < 10; i++) /* the flushed one may hold its place until its report has been put away */
        WAIT_UNTIL(dk_producer_produce(r.producer, &rec, NULL) == DK_OK, 1500);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EQUEUEFULL);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__QUEUE_FULL);
    CHECK(err.retriable);
    CHECK_CONTAINS(err.text, "queue.buffering.max.messages");
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.produced, 11);
    CHECK_EQ(dk_producer_len(r.producer), 10);
    before = dk_test_now_ms();
    do /* a second time if the first message's report was put away only now */
        CHECK_OK(dk_producer_wait_room(r.producer, TEN_SECONDS));
    while (dk_producer_produce(r.producer, &rec, NULL) == DK_EQUEUEFULL);
    CHECK(dk_test_now_ms() - before < TEN_SECONDS);
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 0, NULL));
    must_flush(r.producer);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.delivered, 12);
    close_rig(&r);
}

DK_TEST(producer_reports_that_nobody_takes_hold_it_back)
{
    rig r = OPEN_WITH(1, {"queue.buffering.max.messages", "10"});
    dk_record plain = record("x", NULL), rec = record("x", &r);
    dk_error err;

    for (int i = 0; i < 10; i++)
        must_produce(r.producer, &rec);
    must_flush(r.producer);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EQUEUEFULL);
    CHECK_CONTAINS(err.text, "reports");
    CHECK_STATUS(dk_producer_wait_room(r.producer, TEN_SECONDS), DK_ETIMEOUT); /* at once: take them */
    must_produce(r.producer, &plain);                                          /* needs no report */
    dk_event_free(must_event(r.producer, DK_EVENT_DELIVERY));
    must_produce(r.producer, &rec);
    must_flush(r.producer);
    close_rig(&r);
}

static volatile sig_atomic_t alarms;

static void
on_alarm(int sig)
{
    (void)sig;
    alarms = alarms + 1;
}

DK_TEST(producer_signal_ends_waiting)
{
    rig r = OPEN_WITH(1, {"queue.buffering.max.messages", "1"}, {"message.timeout.ms", "60000"});
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval soon = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
    dk_record rec = record("x", NULL);

    CHECK_OK(dk_broker_set_down(r.broker, 1, true, NULL));
    must_produce(r.producer, &rec);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, NULL), DK_EQUEUEFULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_STATUS(dk_producer_wait_room(r.producer, -1), DK_ETIMEOUT);
    while (dk_producer_wait_event(r.producer, -1) == DK_OK)
        dk_event_free(dk_producer_event(r.producer)); /* "broker down" and the like; then a signal ends it */
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(alarms >= 1);
    close_rig(&r);
}

/* ---- refusals -------------------------------------------------------------------------------------------------- */

DK_TEST(producer_refuses_nonsense)
{
    rig r = OPEN(1);
    char long_name[300];
    dk_header bad_header = {NULL, {NULL, 0}};
    dk_record rec = record("x", NULL);
    dk_producer *none = NULL;
    dk_error err;

    CHECK_STATUS(dk_producer_produce(r.producer, NULL, &err), DK_EINVAL);
    rec.topic = NULL;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "topic");
    rec.topic = "";
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    rec.topic = long_name;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "249");
    rec = record("x", NULL);
    rec.partition = -2;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "-2");
    rec = record("x", NULL);
    rec.timestamp = -1;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "1970");
    rec = record("x", NULL);
    rec.key = (dk_slice){NULL, 3};
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    rec = record("x", NULL);
    rec.headers = &bad_header;
    rec.n_headers = 1;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__INVALID_ARG);
    rec = record("x", (char *)&bad_header + 1);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_produce_many(r.producer, &rec, &rec.value, NULL, 1, NULL, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "odd address");
    CHECK_STATUS(dk_producer_produce(NULL, &rec, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_metadata(r.producer, NULL, 100, NULL, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_new(NULL, NULL, 0, NULL, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_new(NULL, NULL, 1, &none, &err), DK_EINVAL);
    CHECK_EQ(dk_producer_len(r.producer), 0);
    dk_producer_free(NULL);
    close_rig(&r);
}

DK_TEST(producer_bad_configuration)
{
    dk_pair unknown[] = {{"bootstrap.servers", "x"}, {"lingerms", "5"}};
    dk_pair contradiction[] = {{"enable.idempotence", "true"}, {"acks", "1"}};
    dk_producer *p = NULL;
    dk_error err;

    CHECK_STATUS(dk_producer_new(dk_test_alloc(), unknown, 2, &p, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "lingerms");
    CHECK_CONTAINS(err.text, "linger.ms");
    CHECK_STATUS(dk_producer_new(dk_test_alloc(), contradiction, 2, &p, &err), DK_ECONFIG);
    CHECK_CONTAINS(err.text, "acks");
    CHECK(p == NULL);
}

DK_TEST(producer_message_too_large)
{
    static char large[3000];
    rig r = OPEN_WITH(1, {"message.max.bytes", "2000"});
    dk_record rec = {.topic = "t", .value = {(const uint8_t *)large, sizeof large}, .key = text("k")};
    dk_error err;

    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    CHECK_CONTAINS(err.text, "3001 bytes");
    CHECK_CONTAINS(err.text, "\"t\"");
    CHECK_CONTAINS(err.text, "message.max.bytes=2000");
    CHECK_EQ(dk_producer_len(r.producer), 0);
    close_rig(&r);
}

DK_TEST(producer_unknown_partition)
{
    rig r = OPEN(2);
    dk_record rec = record("x", NULL);
    dk_error err;

    must_produce(r.producer, &rec); /* now the topic is known */
    must_flush(r.producer);
    rec.partition = 7;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
    CHECK_CONTAINS(err.text, "topic \"t\" has no partition 7");
    close_rig(&r);
}

DK_TEST(producer_unknown_topic)
{
    rig r = OPEN(1);
    dk_record rec = record("x", &r);
    dk_delivery d;
    dk_event *ev;
    dk_error err;
    dk_status st;
    int64_t until = dk_test_now_ms() + TEN_SECONDS;

    rec.topic = "gone";
    CHECK_OK(dk_broker_set_topic_error(r.broker, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, NULL));
    must_produce(r.producer, &rec); /* nothing is known of it yet */
    ev = must_event(r.producer, DK_EVENT_DELIVERY);
    dk_event_delivery(ev, 0, &d);
    CHECK_STR(d.topic, "gone");
    CHECK(d.kafka_err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || d.kafka_err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    dk_event_free(ev);
    /* now it is known that there is none */
    while ((st = dk_producer_produce(r.producer, &rec, &err)) == DK_OK && dk_test_now_ms() < until)
        dk_event_free(must_event(r.producer, DK_EVENT_DELIVERY));
    CHECK_STATUS(st, DK_EKAFKA);
    CHECK_CONTAINS(err.text, "topic \"gone\" does not exist");
    close_rig(&r);
}

DK_TEST(producer_fatal_error)
{
    rig r = OPEN(1);
    dk_record rec = record("x", NULL);
    const int bad[] = {OUT_OF_ORDER};
    dk_error err;
    dk_event *ev;

    must_produce(r.producer, &rec);
    must_flush(r.producer);
    CHECK_OK(dk_broker_push_errors(r.broker, API_PRODUCE, bad, 1, NULL));
    must_produce(r.producer, &rec);
    must_flush(r.producer);
    for (;;) {
        bool fatal;

        ev = must_event(r.producer, DK_EVENT_ERROR);
        fatal = dk_event_fatal(ev);
        if (fatal)
            CHECK_EQ(dk_event_kafka_err(ev), OUT_OF_ORDER);
        dk_event_free(ev);
        if (fatal)
            break;
    }
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EFATAL);
    CHECK(err.fatal);
    CHECK_EQ(err.kafka, OUT_OF_ORDER);
    CHECK_CONTAINS(err.text, "made anew");
    close_rig(&r);
}

/* ---- trouble on the way ---------------------------------------------------------------------------------------- */

DK_TEST(producer_retries_keep_the_order)
{
    rig r = OPEN_WITH(1, {"retry.backoff.ms", "10"}, {"batch.num.messages", "7"}, {"linger.ms", "1"});
    const int errors[] = {
        NOT_LEADER, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 0,
        NOT_LEADER, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__TRANSPORT,          NOT_LEADER};
    dk_producer_counters counters;

    CHECK_OK(dk_broker_push_errors(r.broker, API_PRODUCE, errors, sizeof errors / sizeof *errors, NULL));
    produce_numbers(r.producer, 0, 200);
    must_flush(r.producer);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.delivered, 200);
    CHECK_EQ(counters.failed, 0);
    check_numbers(r.broker, 200);
    close_rig(&r);
}

/* Were a second request on its way, librdkafka would take its acceptance for that of the refused one before it: brokers
 * refuse a gap, except those (and this one) that do not know the producer yet. */
DK_TEST(producer_confirms_only_what_is_there)
{
    rig r = OPEN_WITH(1, {"retry.backoff.ms", "10"}, {"batch.num.messages", "1"}, {"linger.ms", "0"});
    const int refused[] = {NOT_LEADER};
    dk_producer_counters counters;

    CHECK_OK(dk_broker_push_errors(r.broker, API_PRODUCE, refused, 1, NULL));
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 50, NULL));
    produce_numbers(r.producer, 0, 5);
    must_flush(r.producer);
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 0, NULL));
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.delivered, 5);
    check_numbers(r.broker, 5);
    close_rig(&r);
}

DK_TEST(producer_broker_down_and_up)
{
    rig r = OPEN_WITH(1, {"reconnect.backoff.ms", "20"}, {"reconnect.backoff.max.ms", "50"});
    size_t left;
    dk_error err;

    produce_numbers(r.producer, 0, 50);
    must_flush(r.producer);
    CHECK_OK(dk_broker_set_down(r.broker, 1, true, NULL));
    produce_numbers(r.producer, 50, 50);
    CHECK_STATUS(dk_producer_flush(r.producer, 50, &left, &err), DK_ETIMEOUT);
    CHECK_EQ(left, 50);
    CHECK_CONTAINS(err.text, "50 messages");
    CHECK_EQ(dk_producer_len(r.producer), 50);
    CHECK_OK(dk_broker_set_down(r.broker, 1, false, NULL));
    must_flush(r.producer);
    check_numbers(r.broker, 100);
    close_rig(&r);
}

DK_TEST(producer_message_times_out)
{
    rig r = OPEN_WITH(1, {"message.timeout.ms", "300"});
    dk_record rec = record("x", &r);
    dk_producer_counters counters;
    dk_delivery d;
    dk_event *ev;

    CHECK_OK(dk_broker_set_down(r.broker, 1, true, NULL));
    must_produce(r.producer, &rec);
    ev = must_event(r.producer, DK_EVENT_DELIVERY);
    dk_event_delivery(ev, 0, &d);
    CHECK(d.opaque == &r);
    CHECK_EQ(d.kafka_err, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
    dk_event_free(ev);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.failed, 1);
    close_rig(&r);
}

DK_TEST(producer_unreachable_broker_is_told)
{
    dk_producer *p =
        must_producer(dk_test_alloc(), "127.0.0.1:1", (const dk_pair[]){{"statistics.interval.ms", "50"}}, 1);
    dk_metadata *meta = NULL;
    dk_event *ev = must_event(p, DK_EVENT_ERROR);
    dk_error err;

    CHECK(!dk_event_fatal(ev));
    CHECK_CONTAINS(dk_event_text(ev), "127.0.0.1:1");
    dk_event_free(ev);
    ev = must_event(p, DK_EVENT_STATS);
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

DK_TEST(producer_flush_does_not_linger)
{
    rig r = OPEN_WITH(1, {"linger.ms", "30000"});
    dk_record rec = record("x", NULL);
    int64_t before = dk_test_now_ms();
    dk_event *ev;

    must_produce(r.producer, &rec);
    must_flush(r.producer);
    CHECK(dk_test_now_ms() - before < 15000);
    CHECK_OK(dk_producer_flush(r.producer, 0, NULL, NULL));
    CHECK_OK(dk_producer_flush(r.producer, -1, NULL, NULL));
    ev = dk_producer_event(r.producer);
    CHECK(ev == NULL || dk_event_kind_of(ev) != DK_EVENT_DELIVERY);
    dk_event_free(ev);
    close_rig(&r);
}

DK_TEST(producer_purge)
{
    rig r = OPEN_WITH(1, {"linger.ms", "0"});
    short marks[3];
    dk_record rec = record("x", &marks[0]);
    size_t failed = 0;

    must_produce(r.producer, &rec);
    must_flush(r.producer);
    dk_event_free(must_event(r.producer, DK_EVENT_DELIVERY));
    CHECK_OK(dk_producer_purge(r.producer, false, false, true, NULL));
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 30000, NULL));
    rec.opaque = &marks[1];
    must_produce(r.producer, &rec);
    rec.opaque = &marks[2];
    must_produce(r.producer, &rec);
    CHECK_OK(dk_producer_purge(r.producer, true, false, true, NULL));
    CHECK_OK(dk_producer_purge(r.producer, true, true, true, NULL));
    must_flush(r.producer);
    while (failed < 2) {
        dk_event *ev = must_event(r.producer, DK_EVENT_DELIVERY);

        for (size_t i = 0; i < dk_event_deliveries(ev); i++, failed++) {
            dk_delivery d;

            dk_event_delivery(ev, i, &d);
            CHECK(d.opaque == &marks[1] || d.opaque == &marks[2]);
            CHECK(d.kafka_err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || d.kafka_err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
        }
        dk_event_free(ev);
    }
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 0, NULL));
    close_rig(&r);
}

DK_TEST(producer_free_with_messages_waiting)
{
    rig r = OPEN_WITH(1, {"linger.ms", "10000"});
    dk_record rec = record("x", &r);

    must_produce(r.producer, &rec);
    must_flush(r.producer); /* its report is never taken */
    for (int i = 0; i < 100; i++)
        must_produce(r.producer, &rec);
    close_rig(&r);
}

/* ---- many at once ---------------------------------------------------------------------------------------------- */

enum { MANY_N = 1000 };

static void
make_numbers(char (*room)[16], dk_slice *values, int n)
{
    for (int i = 0; i < n; i++) {
        snprintf(room[i], sizeof room[i], "%d", i);
        values[i] = text(room[i]);
    }
}

DK_TEST(producer_many_keeps_the_order)
{
    static char room[MANY_N][16];
    static dk_slice values[MANY_N];
    rig r = OPEN(1);
    dk_record rec = record("", NULL);
    size_t done = 0;
    dk_error err;

    make_numbers(room, values, MANY_N);
    CHECK_OK_ERR(dk_producer_produce_many(r.producer, &rec, values, NULL, MANY_N, &done, &err), &err);
    CHECK_EQ(done, MANY_N);
    must_flush(r.producer);
    check_numbers(r.broker, MANY_N);
    CHECK_OK(dk_producer_produce_many(r.producer, &rec, values, NULL, 0, &done, &err));
    CHECK_EQ(done, 0);
    close_rig(&r);
}

DK_TEST(producer_many_with_keys_headers_and_opaque)
{
    static char room[MANY_N][16];
    static dk_slice values[MANY_N];
    rig r = OPEN(3);
    dk_header header = {"h", text("1")};
    dk_record rec = {.topic = "t", .partition = -1, .opaque = &r};
    size_t done = 0, reports = 0;
    dk_error err;
    reader in;

    make_numbers(room, values, 100);
    CHECK_OK_ERR(dk_producer_produce_many(r.producer, &rec, values, values, 100, &done, &err), &err);
    rec.headers = &header;
    rec.n_headers = 1;
    CHECK_OK_ERR(dk_producer_produce_many(r.producer, &rec, values, values, 100, &done, &err), &err);
    CHECK_EQ(done, 100);
    must_flush(r.producer);
    in = open_reader(r.broker, "t", 3);
    for (int i = 0; i < 200; i++) {
        rd_kafka_message_t *msg = must_read(&in);

        CHECK_MEM(msg->key, msg->key_len, msg->payload, msg->len);
        rd_kafka_message_destroy(msg);
    }
    close_reader(&in);
    while (reports < 200) {
        dk_event *ev = must_event(r.producer, DK_EVENT_DELIVERY);

        reports += dk_event_deliveries(ev);
        dk_event_free(ev);
    }
    close_rig(&r);
}

DK_TEST(producer_many_stops_at_the_first_error)
{
    static char large[3000];
    rig r = OPEN_WITH(1, {"message.max.bytes", "2000"});
    dk_record rec = record("", NULL);
    dk_slice values[] = {text("0"), text("1"), text("2"), {(const uint8_t *)large, sizeof large}, text("never")};
    size_t done = 0;
    dk_error err;

    CHECK_STATUS(dk_producer_produce_many(r.producer, &rec, values, NULL, 5, &done, &err), DK_EKAFKA);
    CHECK_EQ(done, 3);
    CHECK_CONTAINS(err.text, "3000 bytes");
    values[3] = (dk_slice){NULL, 5};
    CHECK_STATUS(dk_producer_produce_many(r.producer, &rec, &values[3], NULL, 1, &done, &err), DK_EINVAL);
    CHECK_EQ(done, 0);
    must_flush(r.producer);
    check_numbers(r.broker, 3);
    close_rig(&r);
}

/* Whatever is refused in the middle of a batch: what was counted as done is on the broker once, in order. */
DK_TEST(producer_many_with_a_full_queue)
{
    static char room[MANY_N][16];
    static dk_slice values[MANY_N];
    rig r = OPEN_WITH(1, {"queue.buffering.max.messages", "37"});
    dk_record rec = record("", NULL);
    size_t at = 0;
    int full = 0;

    make_numbers(room, values, MANY_N);
    while (at < MANY_N) {
        size_t done = 0;
        dk_error err;
        dk_status st = dk_producer_produce_many(r.producer, &rec, values + at, NULL, MANY_N - at, &done, &err);

        at += done;
        if (st == DK_EQUEUEFULL) {
            full++;
            CHECK_OK(dk_producer_wait_room(r.producer, TEN_SECONDS));
        } else {
            CHECK_OK_ERR(st, &err);
        }
    }
    CHECK(full > 0);
    must_flush(r.producer);
    check_numbers(r.broker, MANY_N);
    close_rig(&r);
}

/* ---- threads and processes ---------------------------------------------------------------------------------------
 */

typedef struct worker {
    dk_producer *producer;
    int id;
} worker;

static void *
produce_from_thread(void *arg)
{
    worker *w = arg;

    for (int i = 0; i < 300; i++) {
        char name[16];
        dk_record rec = record("x", i % 3 == 0 ? w : NULL);

        snprintf(name, sizeof name, "t%d", (w->id + i) % 5);
        rec.topic = name;
        must_produce(w->producer, &rec);
        if (i % 50 == 0)
            dk_event_free(dk_producer_event(w->producer));
    }
    return NULL;
}

DK_TEST(producer_from_many_threads)
{
    rig r = OPEN(1);
    pthread_t threads[4];
    worker workers[4];
    dk_producer_counters counters;

    for (int i = 0; i < 4; i++) {
        workers[i] = (worker){r.producer, i};
        CHECK_EQ(pthread_create(&threads[i], NULL, produce_from_thread, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    must_flush(r.producer);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.produced, 1200);
    CHECK_EQ(counters.delivered, 1200);
    for (dk_event *ev; (ev = dk_producer_event(r.producer)) != NULL;)
        dk_event_free(ev);
    CHECK_EQ(dk_producer_len(r.producer), 0);
    close_rig(&r);
}

static void *
wait_for_room(void *arg)
{
    CHECK_OK(dk_producer_wait_room(arg, TEN_SECONDS));
    return NULL;
}

DK_TEST(producer_many_wait_for_room)
{
    rig r = OPEN_WITH(1, {"queue.buffering.max.messages", "1"}, {"linger.ms", "0"});
    dk_record rec = record("x", NULL);
    pthread_t threads[3];

    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 1500, NULL)); /* it is not delivered before the next check */
    must_produce(r.producer, &rec);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, NULL), DK_EQUEUEFULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, wait_for_room, r.producer), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    must_flush(r.producer);
    close_rig(&r);
}

static int
use_in_child(dk_producer *p)
{
    dk_record rec = record("x", NULL);
    dk_producer_counters counters = {1, 1, 1, 1};
    dk_metadata *meta;
    dk_error err;
    size_t done = 1;
    int bad = 0;

    bad += dk_producer_produce(p, &rec, &err) != DK_EFORKED;
    bad += strstr(err.text, "fork()") == NULL;
    bad += dk_producer_produce_many(p, &rec, &rec.value, NULL, 1, &done, NULL) != DK_EFORKED || done != 0;
    bad += dk_producer_wait_room(p, 0) != DK_EFORKED;
    bad += dk_producer_flush(p, 1000, NULL, NULL) != DK_EFORKED;
    bad += dk_producer_purge(p, true, true, true, NULL) != DK_EFORKED;
    bad += dk_producer_event(p) != NULL;
    bad += dk_producer_wait_event(p, 0) != DK_EFORKED;
    bad += dk_producer_len(p) != 0;
    dk_producer_counters_get(p, &counters);
    bad += counters.produced != 0;
    bad += dk_producer_metadata(p, NULL, 10, &meta, NULL) != DK_EFORKED;
    bad += dk_producer_oauth_token(p, "t", 1, "p", NULL, 0, NULL) != DK_EFORKED;
    bad += dk_producer_sasl_credentials(p, "u", "p", NULL) != DK_EFORKED;
    bad += dk_producer_init_transactions(p, 10, NULL) != DK_EFORKED;
    bad += dk_producer_begin_transaction(p, NULL) != DK_EFORKED;
    bad += dk_producer_commit_transaction(p, 10, NULL) != DK_EFORKED;
    bad += dk_producer_abort_transaction(p, 10, NULL) != DK_EFORKED;
    dk_producer_oauth_failure(p, "x");
    dk_producer_free(p);
    return bad;
}

DK_TEST(producer_in_a_forked_child)
{
    rig r = OPEN_WITH(1, {"linger.ms", "50"});
    int status = -1;
    pid_t pid;

    produce_numbers(r.producer, 0, 10);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(use_in_child(r.producer));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    produce_numbers(r.producer, 10, 10);
    must_flush(r.producer);
    check_numbers(r.broker, 20);
    close_rig(&r);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

DK_TEST_FAULT(producer_out_of_memory)
{
    dk_producer *p = NULL;
    dk_broker *b = NULL;
    dk_pair pairs[2] = {{"bootstrap.servers", NULL}};
    dk_record rec;
    dk_error err;
    dk_status st;
    size_t done = 0;

    CHECK_OK_ERR(dk_broker_new(NULL, 1, &b, &err), &err); /* fails its own way elsewhere */
    pairs[0].value = dk_broker_bootstrap(b);
    if (NOMEM_ERR(dk_producer_new(dk_test_alloc(), pairs, 1, &p, &err), &err))
        goto out;
    rec = record("x", &p);
    if (NOMEM_ERR(dk_producer_produce(p, &rec, &err), &err))
        goto out;
    rec.opaque = NULL;
    if (NOMEM_ERR(dk_producer_produce_many(p, &rec, &rec.value, NULL, 1, &done, &err), &err))
        goto out;
    /* Where memory never comes back the report stays out, and so does the flush; nothing hangs. */
    st = dk_producer_flush(p, dk_test_alloc_failed() ? 100 : TEN_SECONDS, NULL, &err);
    if (st == DK_ETIMEOUT && dk_test_alloc_failed())
        goto out;
    CHECK_OK_ERR(st, &err);
    for (dk_event *ev; (ev = dk_producer_event(p)) != NULL;)
        dk_event_free(ev);
out:
    dk_producer_free(p);
    dk_broker_free(b);
}

/* A report waits for memory; it is not lost. */
DK_TEST(producer_report_waits_for_memory)
{
    rig r = OPEN_WITH(1, {"linger.ms", "200"});
    dk_record rec = record("x", &r);
    dk_delivery d;
    dk_event *ev;

    must_produce(r.producer, &rec);
    dk_test_alloc_fail(1, true);
    WAIT_UNTIL(dk_test_alloc_failed(), TEN_SECONDS);
    dk_test_alloc_fail(0, false);
    ev = must_event(r.producer, DK_EVENT_DELIVERY);
    dk_event_delivery(ev, 0, &d);
    CHECK(d.opaque == &r);
    CHECK_EQ(d.kafka_err, 0);
    dk_event_free(ev);
    close_rig(&r);
}

/* ---- transactions and credentials ------------------------------------------------------------------------------ */

DK_TEST(producer_transactions)
{
    rig r = OPEN_WITH(1, {"transactional.id", "tx"});
    dk_record rec = record("x", &r);
    dk_error err;

    CHECK_STATUS(dk_producer_begin_transaction(r.producer, &err), DK_EKAFKA);
    CHECK_CONTAINS(err.text, "begin_transaction: ");
    CHECK_OK_ERR(dk_producer_init_transactions(r.producer, TEN_SECONDS, &err), &err);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__STATE);
    CHECK_CONTAINS(err.text, "begin one first");
    CHECK_OK_ERR(dk_producer_begin_transaction(r.producer, &err), &err);
    for (int i = 0; i < 20; i++)
        must_produce(r.producer, &rec);
    CHECK_OK_ERR(dk_producer_commit_transaction(r.producer, TEN_SECONDS, &err),
                 &err); /* its reports need not be taken */
    CHECK_OK_ERR(dk_producer_begin_transaction(r.producer, &err), &err);
    must_produce(r.producer, &rec);
    CHECK_OK_ERR(dk_producer_abort_transaction(r.producer, TEN_SECONDS, &err), &err);
    close_rig(&r);
}

DK_TEST(producer_metadata)
{
    rig r = OPEN(3);
    dk_metadata *meta = NULL;
    bool seen = false;
    dk_error err;

    CHECK_OK_ERR(dk_producer_metadata(r.producer, "t", TEN_SECONDS, &meta, &err), &err);
    CHECK_EQ(meta->n_topics, 1);
    CHECK_STR(meta->topics[0].name, "t");
    CHECK_EQ(meta->topics[0].n_partitions, 3);
    CHECK_EQ(meta->topics[0].partitions[2].id, 2);
    CHECK_EQ(meta->topics[0].partitions[2].leader, 1);
    CHECK_EQ(meta->topics[0].partitions[2].n_replicas, 1);
    CHECK_EQ(meta->topics[0].partitions[2].replicas[0], 1);
    CHECK_EQ(meta->topics[0].partitions[2].n_isrs, 1);
    CHECK_EQ(meta->n_brokers, 1);
    CHECK_EQ(meta->brokers[0].id, 1);
    CHECK_STR(meta->brokers[0].host, "127.0.0.1");
    CHECK(meta->brokers[0].port > 0);
    CHECK_CONTAINS(meta->orig_broker_name, "127.0.0.1");
    dk_metadata_free(meta);
    CHECK_OK(dk_broker_create_topic(r.broker, "u", 1, NULL));
    CHECK_OK_ERR(dk_producer_metadata(r.producer, NULL, TEN_SECONDS, &meta, &err), &err);
    for (size_t i = 0; i < meta->n_topics; i++)
        seen = seen || strcmp(meta->topics[i].name, "u") == 0;
    CHECK(seen);
    dk_metadata_free(meta);
    dk_metadata_free(NULL);
    dk_test_alloc_fail(1, false);
    CHECK_STATUS(dk_producer_metadata(r.producer, "t", TEN_SECONDS, &meta, &err), DK_ENOMEM);
    CHECK_STATUS(dk_producer_metadata(r.producer, "", TEN_SECONDS, &meta, &err), DK_EINVAL);
    close_rig(&r);
}

DK_TEST(producer_oauth_token_is_asked_for)
{
    dk_pair pairs[] = {{"security.protocol", "SASL_PLAINTEXT"},
                       {"sasl.mechanisms", "OAUTHBEARER"},
                       {"sasl.oauthbearer.config", "who=me"}};
    dk_pair extensions[] = {{"ext", "1"}};
    dk_producer *p = must_producer(dk_test_alloc(), "127.0.0.1:1", pairs, 3);
    int64_t expiry = 4102444800000; /* 2100 */
    dk_event *ev = must_event(p, DK_EVENT_OAUTH);
    dk_error err;

    CHECK_STR(dk_event_text(ev), "who=me");
    dk_event_free(ev);
    CHECK_STATUS(dk_producer_oauth_token(p, NULL, expiry, "me", NULL, 0, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_oauth_token(p, "token", 1, "me", NULL, 0, &err), DK_EKAFKA);
    CHECK_CONTAINS(err.text, "OAuth token is refused: ");
    CHECK_OK_ERR(dk_producer_oauth_token(p, "token", expiry, "me", extensions, 1, &err), &err);
    dk_producer_oauth_failure(p, "no token today");
    ev = must_event(p, DK_EVENT_ERROR);
    while (strstr(dk_event_text(ev), "no token today") == NULL) {
        dk_event_free(ev);
        ev = must_event(p, DK_EVENT_ERROR);
    }
    dk_event_free(ev);
    CHECK_STATUS(dk_producer_sasl_credentials(p, NULL, "x", &err), DK_EINVAL);
    dk_producer_free(p);
}

DK_TEST(producer_sasl_credentials)
{
    dk_pair pairs[] = {{"security.protocol", "SASL_PLAINTEXT"},
                       {"sasl.mechanisms", "PLAIN"},
                       {"sasl.username", "a"},
                       {"sasl.password", "b"}};
    dk_producer *p = must_producer(dk_test_alloc(), "127.0.0.1:1", pairs, 4);
    dk_error err;

    CHECK_OK_ERR(dk_producer_sasl_credentials(p, "user", "password", &err), &err);
    dk_producer_free(p);
}
