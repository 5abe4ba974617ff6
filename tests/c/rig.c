/* SPDX-License-Identifier: MIT
 *
 * See rig.h.
 */
#include <stdlib.h>

#include "rig.h"

void
rig_set(rig *r, const char *key, const char *value)
{
    for (size_t i = 0; i < r->n_pairs; i++) {
        if (strcmp(r->pairs[i].key, key) == 0) {
            r->pairs[i].value = value;
            return;
        }
    }
    CHECK(r->n_pairs < RIG_PAIRS_MAX);
    r->pairs[r->n_pairs++] = (dk_pair){key, value};
}

void
rig_open(rig *r, const char *topic, int partitions)
{
    dk_error err;

    *r = (rig){0};
    CHECK_OK_ERR(dk_broker_new(NULL, 1, &r->broker, &err), &err);
    if (topic != NULL)
        CHECK_OK_ERR(dk_broker_create_topic(r->broker, topic, partitions, &err), &err);
    rig_set(r, "bootstrap.servers", dk_broker_bootstrap(r->broker));
    rig_set(r, "group.id", "g");
    rig_set(r, "auto.offset.reset", "earliest");
    rig_set(r, "fetch.wait.max.ms", "10");
    if (getenv("RIG_DEBUG") != NULL)
        rig_set(r, "debug", getenv("RIG_DEBUG"));
}

void
rig_close(rig *r)
{
    dk_producer_free(r->producer);
    dk_broker_free(r->broker);
}

static void
open_producer(rig *r)
{
    /* A broker sends a batch whole, however small the response that is asked for. */
    dk_pair pairs[] = {
        {"bootstrap.servers", dk_broker_bootstrap(r->broker)}, {"linger.ms", "1"}, {"batch.size", "16384"}};
    dk_error err;

    if (r->producer == NULL)
        CHECK_OK_ERR(dk_producer_new(NULL, pairs, 3, &r->producer, &err), &err);
}

void
rig_produce(rig *r, const char *topic, int32_t partition, int from, int n)
{
    dk_error err;
    size_t left;

    open_producer(r);
    for (int i = from; i < from + n; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", i);
        dk_record rec = {.topic = topic, .partition = partition, .value = {(const uint8_t *)text, (size_t)len}};

        CHECK_OK_ERR(dk_producer_produce(r->producer, &rec, &err), &err);
    }
    CHECK_OK_ERR(dk_producer_flush(r->producer, 10000, &left, &err), &err);
}

dk_consumer *
rig_consumer(rig *r, const dk_consumer_opts *opts)
{
    dk_consumer *c;
    dk_error err;

    CHECK_OK_ERR(dk_consumer_new(NULL, r->pairs, r->n_pairs, opts, &c, &err), &err);
    return c;
}

void
rig_assign(dk_consumer *c, const char *topic, int partitions)
{
    dk_partitions list;
    dk_error err;

    dk_partitions_init(&list, NULL);
    for (int p = 0; p < partitions; p++) {
        dk_partition item = {.topic = topic, .partition = p, .offset = DK_OFFSET_BEGINNING, .leader_epoch = -1};

        CHECK_OK(dk_partitions_add(&list, &item));
    }
    CHECK_OK_ERR(dk_consumer_assign(c, &list, &err), &err);
    dk_partitions_fini(&list);
}

void
rig_subscribe(dk_consumer *c, const char *topic)
{
    dk_error err;

    CHECK_OK_ERR(dk_consumer_subscribe(c, &topic, 1, &err), &err);
}

/* RIG_VERBOSE=1 shows what a consumer was told. */
static void
drop_event(dk_event *ev)
{
    static const char *const names[] = {
#define XX(name) #name,
        DK_EVENT_MAP(XX)
#undef XX
    };
    const dk_partitions *parts = dk_event_partitions(ev);

    if (getenv("RIG_VERBOSE") != NULL) {
        printf("%lld %s %s %s", (long long)dk_test_now_ms() % 1000000, names[dk_event_kind_of(ev)],
               dk_kafka_err_name(dk_event_kafka_err(ev)), dk_event_text(ev) == NULL ? "" : dk_event_text(ev));
        for (size_t i = 0; parts != NULL && i < parts->len; i++)
            printf(" %s[%d]@%lld", parts->items[i].topic, (int)parts->items[i].partition,
                   (long long)parts->items[i].offset);
        printf("\n");
    }
    dk_event_free(ev);
}

void
rig_end(dk_consumer *c)
{
    dk_error err;

    dk_event *ev;
    dk_status st = dk_consumer_close(c, 20000, &err);

    while ((ev = dk_consumer_event(c)) != NULL)
        drop_event(ev);
    CHECK_OK_ERR(st, &err);
    dk_consumer_free(c);
}

static bool
assigned_within(dk_consumer *c, int ms)
{
    for (int64_t until = dk_test_now_ms() + ms; dk_test_now_ms() < until; dk_test_pause_ms(5)) {
        dk_event *ev = dk_consumer_event(c);
        bool assigned = ev != NULL && dk_event_kind_of(ev) == DK_EVENT_ASSIGN;

        if (ev != NULL)
            drop_event(ev);
        if (assigned)
            return true;
    }
    return false;
}

void
rig_join(dk_consumer *c, const char *topic)
{
    dk_error err;

    for (int i = 0; i < 3; i++) {
        rig_subscribe(c, topic);
        if (assigned_within(c, 30000))
            return;
        CHECK_OK_ERR(dk_consumer_unsubscribe(c, &err), &err);
    }
    FAIL("not assigned to %s after three tries", topic);
}

dk_batch *
rig_fetch(dk_consumer *c, uint32_t max, int ms)
{
    int64_t until = dk_test_now_ms() + ms;
    dk_batch *b = NULL;
    dk_error err;

    do {
        dk_status st = dk_consumer_fetch(c, max, 50, &b, &err);
        dk_event *ev;

        if (st == DK_OK)
            return b;
        CHECK_STATUS_ERR(st, DK_ETIMEOUT, &err);
        while ((ev = dk_consumer_event(c)) != NULL)
            drop_event(ev);
    } while (dk_test_now_ms() < until);
    return NULL;
}

dk_batch *
rig_fetch_n(dk_consumer *c, uint32_t max, uint32_t n)
{
    int64_t until = dk_test_now_ms() + 30000;
    dk_batch *b;

    while ((b = rig_fetch(c, max, 30000)) != NULL && dk_batch_len(b) < n) {
        dk_batch_free(b);
        if (dk_test_now_ms() > until)
            FAIL("no batch of %u messages within 30 seconds", (unsigned)n);
        dk_test_pause_ms(5);
    }
    CHECK(b != NULL);
    return b;
}

int
rig_number(const dk_batch *b, uint32_t i)
{
    dk_slice v = dk_batch_value(b, i);
    char text[16] = "";

    CHECK(v.n < sizeof text);
    memcpy(text, v.p, v.n);
    return atoi(text);
}

dk_partitions
rig_list(const char *topic, int32_t partition, int64_t offset)
{
    dk_partitions list;
    dk_partition item = {.topic = topic, .partition = partition, .offset = offset, .leader_epoch = -1};

    dk_partitions_init(&list, NULL);
    CHECK_OK(dk_partitions_add(&list, &item));
    return list;
}

int64_t
rig_committed(dk_consumer *c, const char *topic, int32_t partition)
{
    dk_partitions list = rig_list(topic, partition, DK_OFFSET_INVALID);
    int64_t offset;
    dk_error err;

    CHECK_OK_ERR(dk_consumer_committed(c, &list, 10000, &err), &err);
    offset = list.items[0].offset;
    dk_partitions_fini(&list);
    return offset;
}
