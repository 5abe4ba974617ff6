/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/producer/send.c and topic_table.c: what arrives, and what is refused.
 */
#include "post.h"

/* ---- what arrives ---------------------------------------------------------------------------------------------- */

DK_TEST(producer_values_keys_and_nulls)
{
    post r = POST_OPEN(1);
    static const char nothing[1];
    dk_record recs[] = {{.topic = "t", .key = post_text("k"), .value = post_text("v")},
                        {.topic = "t"},
                        {.topic = "t", .key = {(const uint8_t *)nothing, 0}, .value = {(const uint8_t *)nothing, 0}},
                        {.topic = "t", .value = {(const uint8_t *)"\0\xff", 2}}};
    rd_kafka_message_t *msg;
    reader in;

    for (size_t i = 0; i < 4; i++)
        post_produce(r.producer, &recs[i]);
    post_flush(r.producer);
    in = reader_open(r.broker, "t", 1);
    msg = reader_next(&in);
    CHECK_MEM(msg->key, msg->key_len, "k", 1);
    CHECK_MEM(msg->payload, msg->len, "v", 1);
    rd_kafka_message_destroy(msg);
    msg = reader_next(&in);
    CHECK(msg->key == NULL && msg->payload == NULL);
    rd_kafka_message_destroy(msg);
    msg = reader_next(&in);
    CHECK(msg->key != NULL && msg->key_len == 0);
    CHECK(msg->payload != NULL && msg->len == 0);
    rd_kafka_message_destroy(msg);
    msg = reader_next(&in);
    CHECK_MEM(msg->payload, msg->len, "\0\xff", 2);
    rd_kafka_message_destroy(msg);
    reader_close(&in);
    post_close(&r);
}

DK_TEST(producer_headers_and_timestamp)
{
    post r = POST_OPEN(1);
    dk_header headers[] = {{"a", post_text("1")}, {"b", {NULL, 0}}, {"a", post_text("")}};
    dk_record rec = {
        .topic = "t", .value = post_text("v"), .timestamp = 1234567890123, .headers = headers, .n_headers = 3};
    rd_kafka_headers_t *got = NULL;
    rd_kafka_timestamp_type_t type;
    const char *name;
    const void *bytes;
    size_t n;
    rd_kafka_message_t *msg;
    reader in;

    post_produce(r.producer, &rec);
    rec.n_headers = 0;
    post_produce(r.producer, &rec);
    post_flush(r.producer);
    in = reader_open(r.broker, "t", 1);
    msg = reader_next(&in);
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
    msg = reader_next(&in);
    CHECK(rd_kafka_message_headers(msg, &got) != 0);
    CHECK_EQ(rd_kafka_message_timestamp(msg, &type), 1234567890123);
    rd_kafka_message_destroy(msg);
    reader_close(&in);
    post_close(&r);
}

DK_TEST(producer_partition_by_key_and_by_hand)
{
    post r = POST_OPEN(4);
    dk_record rec = {.topic = "t", .partition = -1, .key = post_text("same"), .value = post_text("x")};
    reader in;
    int32_t by_key = -1;

    for (int i = 0; i < 10; i++)
        post_produce(r.producer, &rec);
    post_flush(r.producer);
    in = reader_open(r.broker, "t", 4);
    for (int i = 0; i < 10; i++) {
        rd_kafka_message_t *msg = reader_next(&in);

        if (i == 0)
            by_key = msg->partition;
        CHECK_EQ(msg->partition, by_key);
        rd_kafka_message_destroy(msg);
    }
    rec.partition = (by_key + 1) % 4;
    post_produce(r.producer, &rec);
    post_flush(r.producer);
    {
        rd_kafka_message_t *msg = reader_next(&in);

        CHECK_EQ(msg->partition, rec.partition);
        rd_kafka_message_destroy(msg);
    }
    reader_close(&in);
    post_close(&r);
}

DK_TEST(producer_many_topics)
{
    post r = POST_OPEN(1);
    dk_producer_counters counters;

    for (int i = 0; i < 300; i++) {
        char name[32];
        dk_record rec = post_record("x", NULL);

        snprintf(name, sizeof name, "topic-%d", i % 100);
        rec.topic = name;
        post_produce(r.producer, &rec);
    }
    post_flush(r.producer);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.produced, 300);
    CHECK_EQ(counters.delivered, 300);
    post_close(&r);
}

/* ---- refusals -------------------------------------------------------------------------------------------------- */

DK_TEST(producer_refuses_nonsense)
{
    post r = POST_OPEN(1);
    char long_name[300];
    dk_header bad_header = {NULL, {NULL, 0}};
    dk_record rec = post_record("x", NULL);
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
    rec = post_record("x", NULL);
    rec.partition = -2;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "-2");
    rec = post_record("x", NULL);
    rec.timestamp = -2;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "1970");
    rec = post_record("x", NULL);
    rec.key = (dk_slice){NULL, 3};
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    rec = post_record("x", NULL);
    rec.headers = &bad_header;
    rec.n_headers = 1;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__INVALID_ARG);
    rec = post_record("x", (char *)&bad_header + 1);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_produce_many(r.producer, &rec, &rec.value, NULL, 1, NULL, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "odd address");
    CHECK_STATUS(dk_producer_produce(NULL, &rec, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_metadata(r.producer, NULL, 100, NULL, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_new(NULL, NULL, 0, NULL, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_new(NULL, NULL, 1, &none, &err), DK_EINVAL);
    CHECK_EQ(dk_producer_len(r.producer), 0);
    dk_producer_free(NULL);
    post_close(&r);
}

DK_TEST(producer_message_too_large)
{
    static char large[3000];
    post r = POST_OPEN_WITH(1, {"message.max.bytes", "2000"});
    dk_record rec = {.topic = "t", .value = {(const uint8_t *)large, sizeof large}, .key = post_text("k")};
    dk_error err;

    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    CHECK_CONTAINS(err.text, "3001 bytes");
    CHECK_CONTAINS(err.text, "\"t\"");
    CHECK_CONTAINS(err.text, "message.max.bytes=2000");
    CHECK_EQ(dk_producer_len(r.producer), 0);
    post_close(&r);
}

DK_TEST(producer_unknown_partition)
{
    post r = POST_OPEN(2);
    dk_record rec = post_record("x", NULL);
    dk_error err;

    post_produce(r.producer, &rec); /* now the topic is known */
    post_flush(r.producer);
    rec.partition = 7;
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
    CHECK_CONTAINS(err.text, "topic \"t\" has no partition 7");
    post_close(&r);
}

DK_TEST(producer_unknown_topic)
{
    post r = POST_OPEN(1);
    dk_record rec = post_record("x", &r);
    dk_delivery d;
    dk_event *ev;
    dk_error err;
    dk_status st;
    int64_t until = dk_test_now_ms() + TEN_SECONDS;

    rec.topic = "gone";
    CHECK_OK(dk_broker_set_topic_error(r.broker, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, NULL));
    post_produce(r.producer, &rec); /* nothing is known of it yet */
    ev = post_event(r.producer, DK_EVENT_DELIVERY);
    dk_event_delivery(ev, 0, &d);
    CHECK_STR(d.topic, "gone");
    CHECK(d.kafka_err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || d.kafka_err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    dk_event_free(ev);
    /* now it is known that there is none */
    while ((st = dk_producer_produce(r.producer, &rec, &err)) == DK_OK && dk_test_now_ms() < until)
        dk_event_free(post_event(r.producer, DK_EVENT_DELIVERY));
    CHECK_STATUS(st, DK_EKAFKA);
    CHECK_CONTAINS(err.text, "topic \"gone\" does not exist");
    post_close(&r);
}

DK_TEST(producer_fatal_error)
{
    post r = POST_OPEN(1);
    dk_record rec = post_record("x", NULL);
    const int bad[] = {OUT_OF_ORDER};
    dk_error err;
    dk_event *ev;

    post_produce(r.producer, &rec);
    post_flush(r.producer);
    CHECK_OK(dk_broker_push_errors(r.broker, API_PRODUCE, bad, 1, NULL));
    post_produce(r.producer, &rec);
    post_flush(r.producer);
    for (;;) {
        bool fatal;

        ev = post_event(r.producer, DK_EVENT_ERROR);
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
    CHECK_CONTAINS(err.text, "make a new one");
    post_close(&r);
}

/* ---- many at once ---------------------------------------------------------------------------------------------- */

enum { MANY_N = 1000 };

static void
make_numbers(char (*room)[16], dk_slice *values, int n)
{
    for (int i = 0; i < n; i++) {
        snprintf(room[i], sizeof room[i], "%d", i);
        values[i] = post_text(room[i]);
    }
}

DK_TEST(producer_many_keeps_the_order)
{
    static char room[MANY_N][16];
    static dk_slice values[MANY_N];
    post r = POST_OPEN(1);
    dk_record rec = post_record("", NULL);
    size_t done = 0;
    dk_error err;

    make_numbers(room, values, MANY_N);
    CHECK_OK_ERR(dk_producer_produce_many(r.producer, &rec, values, NULL, MANY_N, &done, &err), &err);
    CHECK_EQ(done, MANY_N);
    post_flush(r.producer);
    post_check_numbers(r.broker, MANY_N);
    CHECK_OK(dk_producer_produce_many(r.producer, &rec, values, NULL, 0, &done, &err));
    CHECK_EQ(done, 0);
    post_close(&r);
}

DK_TEST(producer_many_with_keys_headers_and_opaque)
{
    static char room[MANY_N][16];
    static dk_slice values[MANY_N];
    post r = POST_OPEN(3);
    dk_header header = {"h", post_text("1")};
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
    post_flush(r.producer);
    in = reader_open(r.broker, "t", 3);
    for (int i = 0; i < 200; i++) {
        rd_kafka_message_t *msg = reader_next(&in);

        CHECK_MEM(msg->key, msg->key_len, msg->payload, msg->len);
        rd_kafka_message_destroy(msg);
    }
    reader_close(&in);
    while (reports < 200) {
        dk_event *ev = post_event(r.producer, DK_EVENT_DELIVERY);

        reports += dk_event_deliveries(ev);
        dk_event_free(ev);
    }
    post_close(&r);
}

DK_TEST(producer_many_stops_at_the_first_error)
{
    static char large[3000];
    post r = POST_OPEN_WITH(1, {"message.max.bytes", "2000"});
    dk_record rec = post_record("", NULL);
    dk_slice values[] = {
        post_text("0"), post_text("1"), post_text("2"), {(const uint8_t *)large, sizeof large}, post_text("never")};
    size_t done = 0;
    dk_error err;

    CHECK_STATUS(dk_producer_produce_many(r.producer, &rec, values, NULL, 5, &done, &err), DK_EKAFKA);
    CHECK_EQ(done, 3);
    CHECK_CONTAINS(err.text, "3000 bytes");
    values[3] = (dk_slice){NULL, 5};
    CHECK_STATUS(dk_producer_produce_many(r.producer, &rec, &values[3], NULL, 1, &done, &err), DK_EINVAL);
    CHECK_EQ(done, 0);
    post_flush(r.producer);
    post_check_numbers(r.broker, 3);
    post_close(&r);
}

/* Whatever is refused in the middle of a batch: what was counted as done is on the broker once, in order. */
DK_TEST(producer_many_with_a_full_queue)
{
    static char room[MANY_N][16];
    static dk_slice values[MANY_N];
    post r = POST_OPEN_WITH(1, {"queue.buffering.max.messages", "37"});
    dk_record rec = post_record("", NULL);
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
    post_flush(r.producer);
    post_check_numbers(r.broker, MANY_N);
    post_close(&r);
}
