/* SPDX-License-Identifier: MIT
 *
 * A broker, a producer and a reader for the tests of the producer.
 */
#include "post.h"

dk_producer *
post_producer(const dk_alloc *alloc, const char *bootstrap, const dk_pair *more, size_t n)
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

post
post_open(int partitions, const dk_pair *more, size_t n)
{
    post r = {NULL, NULL};
    dk_error err;

    CHECK_OK_ERR(dk_broker_new(dk_test_alloc(), 1, &r.broker, &err), &err);
    CHECK_OK_ERR(dk_broker_create_topic(r.broker, "t", partitions, &err), &err);
    r.producer = post_producer(dk_test_alloc(), dk_broker_bootstrap(r.broker), more, n);
    return r;
}

void
post_close(post *r)
{
    dk_producer_free(r->producer);
    dk_broker_free(r->broker);
}

dk_slice
post_text(const char *s)
{
    return (dk_slice){(const uint8_t *)s, strlen(s)};
}

dk_record
post_record(const char *value, void *opaque)
{
    return (dk_record){.topic = "t", .partition = 0, .value = post_text(value), .opaque = opaque};
}

void
post_produce(dk_producer *p, const dk_record *rec)
{
    dk_error err;

    CHECK_OK_ERR(dk_producer_produce(p, rec, &err), &err);
}

void
post_flush(dk_producer *p)
{
    size_t left = 99;
    dk_error err;

    CHECK_OK_ERR(dk_producer_flush(p, TEN_SECONDS, &left, &err), &err);
    CHECK_EQ(left, 0);
}

dk_event *
post_event(dk_producer *p, dk_event_kind kind)
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

reader
reader_open(const dk_broker *b, const char *topic, int partitions)
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

rd_kafka_message_t *
reader_next(const reader *r)
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

void
reader_close(reader *r)
{
    rd_kafka_message_t *more = rd_kafka_consumer_poll(r->rk, 50); /* nothing may be left */

    CHECK(more == NULL || more->err != 0);
    if (more != NULL)
        rd_kafka_message_destroy(more);
    rd_kafka_destroy(r->rk);
}

void
post_check_numbers(const dk_broker *b, int n)
{
    reader r = reader_open(b, "t", 1);

    for (int i = 0; i < n; i++) {
        rd_kafka_message_t *msg = reader_next(&r);
        char want[16];

        snprintf(want, sizeof want, "%d", i);
        CHECK_MEM(msg->payload, msg->len, want, strlen(want));
        CHECK_EQ(msg->offset, i);
        rd_kafka_message_destroy(msg);
    }
    reader_close(&r);
}

void
post_produce_numbers(dk_producer *p, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        char value[16];
        dk_record rec = {.topic = "t", .partition = 0};

        snprintf(value, sizeof value, "%d", i);
        rec.value = post_text(value);
        post_produce(p, &rec);
    }
}
