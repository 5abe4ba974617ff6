/* SPDX-License-Identifier: MIT
 *
 * Tests of copies that answer tickets: src/kafka/forward.c, and what producer and events do for them.
 */
#include "rig.h"

#include "kafka/client/internal.h"

#define TEN_SECONDS 10000
#define PRODUCE 0 /* the number of this request in Kafka's protocol */

static const dk_header headers[] = {
    {"reason", {(const uint8_t *)"no stock", 8}}, {"nothing", {NULL, 0}}, {"empty", {(const uint8_t *)"", 0}}};

static const dk_copy to_dead = {.topic = "dead", .timestamp = 1700000000123, .headers = headers, .n_headers = 3};

typedef struct post {
    rig r;
    dk_consumer *c;
    dk_producer *p;
    dk_batch *b;
} post;

/* A batch of n messages "0" to "n - 1", and a producer for their copies. */
static post
open_post(int n)
{
    post x = {.p = NULL};
    dk_error err;
    dk_pair pairs[2];

    rig_open(&x.r, "t", 1);
    CHECK_OK(dk_broker_create_topic(x.r.broker, "dead", 1, NULL));
    rig_produce(&x.r, "t", 0, 0, n);
    x.c = rig_consumer(&x.r, NULL);
    rig_assign(x.c, "t", 1);
    x.b = rig_fetch_n(x.c, (uint32_t)n, (uint32_t)n);
    pairs[0] = (dk_pair){"bootstrap.servers", dk_broker_bootstrap(x.r.broker)};
    pairs[1] = (dk_pair){"message.timeout.ms", "60000"};
    CHECK_OK_ERR(dk_producer_new(dk_test_alloc(), pairs, 2, &x.p, &err), &err);
    return x;
}

static void
close_post(post *x)
{
    dk_batch_free(x->b);
    dk_producer_free(x->p);
    rig_end(x->c);
    rig_close(&x->r);
}

static void
forward_next(post *x, int32_t want)
{
    dk_ticket ticket;
    dk_error err;

    CHECK_EQ(dk_batch_next(x->b), want);
    CHECK_OK(dk_batch_defer(x->b, &ticket));
    CHECK_OK_ERR(dk_producer_forward(x->p, &ticket, &to_dead, &err), &err);
    CHECK(ticket.batch == NULL);
    CHECK_STATUS(dk_producer_forward(x->p, &ticket, &to_dead, &err), DK_EINVAL);
}

static void
must_commit(post *x, int64_t offset)
{
    (void)!dk_consumer_commit(x->c, NULL, true, NULL);
    CHECK_EQ(rig_committed(x->c, "t", 0), offset);
}

static void
end_batch(post *x)
{
    CHECK_EQ(dk_batch_next(x->b), -1);
    dk_batch_free(x->b);
    x->b = NULL;
}

/* The next DELIVERY event. */
static dk_event *
must_refusal(post *x)
{
    dk_event *ev = NULL;

    for (;;) {
        WAIT_UNTIL((ev = dk_producer_event(x->p)) != NULL, TEN_SECONDS);
        if (dk_event_kind_of(ev) == DK_EVENT_DELIVERY)
            return ev;
        dk_event_free(ev); /* a line of the log */
    }
}

DK_TEST(forward_confirmed_is_finished)
{
    post x = open_post(3);
    dk_batch *copies;
    dk_consumer *reader;
    dk_header h;
    int type;

    forward_next(&x, 0);
    forward_next(&x, 1);
    CHECK_EQ(dk_batch_next(x.b), 2);
    CHECK_EQ(dk_batch_next(x.b), -1);
    WAIT_UNTIL(dk_producer_copies(x.p) == 0, TEN_SECONDS);
    CHECK(dk_producer_event(x.p) == NULL); /* nothing to tell */
    must_commit(&x, 3);

    rig_set(&x.r, "group.id", "reader");
    reader = rig_consumer(&x.r, NULL);
    rig_assign(reader, "dead", 1);
    copies = rig_fetch_n(reader, 2, 2);
    CHECK_EQ(rig_number(copies, 0), 0);
    CHECK_EQ(rig_number(copies, 1), 1);
    CHECK_EQ(dk_batch_timestamp(copies, 0, &type), 1700000000123);
    CHECK_EQ(dk_batch_headers(copies, 0), 3);
    CHECK(dk_batch_header(copies, 0, 0, &h));
    CHECK_STR(h.name, "reason");
    CHECK_MEM(h.value.p, h.value.n, "no stock", 8);
    dk_batch_free(copies);
    rig_end(reader);
    close_post(&x);
}

/* A copy of a ticket that is on its way was once resolved twice: the second time it could be another message's. */
DK_TEST(forward_takes_a_ticket_once)
{
    post x = open_post(1);
    dk_ticket ticket, copy;
    dk_error err;

    CHECK_EQ(dk_batch_next(x.b), 0);
    CHECK_OK(dk_batch_defer(x.b, &ticket));
    copy = ticket;
    CHECK_STATUS(dk_producer_forward(x.p, &ticket, &(dk_copy){.topic = ""}, &err), DK_EINVAL);
    CHECK_OK_ERR(dk_producer_forward(x.p, &ticket, &to_dead, &err), &err); /* it was ours still */
    CHECK_STATUS(dk_producer_forward(x.p, &copy, &to_dead, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "forwarded");
    end_batch(&x);
    WAIT_UNTIL(dk_producer_copies(x.p) == 0, TEN_SECONDS);
    CHECK_STATUS(dk_ticket_reject(&copy, 0), DK_ESTATE);
    must_commit(&x, 1);
    close_post(&x);
}

DK_TEST(forward_refused_comes_with_ticket_and_headers)
{
    const int refuse[] = {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE};
    post x = open_post(2);
    const dk_header *found;
    dk_delivery d;
    dk_ticket ticket, none;
    dk_error err;
    dk_event *ev;
    size_t n;

    CHECK_OK(dk_broker_push_errors(x.r.broker, PRODUCE, refuse, 1, NULL));
    forward_next(&x, 0);
    CHECK_EQ(dk_batch_next(x.b), 1);
    CHECK_EQ(dk_batch_next(x.b), -1);
    ev = must_refusal(&x);
    CHECK(dk_event_ticket(ev, 0, &ticket));
    CHECK(!dk_event_ticket(ev, 0, &none)); /* only once */
    CHECK_EQ(ticket.index, 0);
    dk_event_delivery(ev, 0, &d);
    CHECK_EQ(d.kafka_err, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    CHECK_STR(d.topic, "dead");
    CHECK(d.opaque == NULL && d.value.p == NULL);
    found = dk_event_headers(ev, 0, &n);
    CHECK_EQ(n, 3);
    CHECK_STR(found[0].name, "reason");
    CHECK_MEM(found[0].value.p, found[0].value.n, "no stock", 8);
    CHECK(found[1].value.p == NULL);
    CHECK(found[2].value.p != NULL && found[2].value.n == 0);
    (void)!dk_consumer_commit(x.c, NULL, true, NULL);
    CHECK(rig_committed(x.c, "t", 0) <= 0); /* it is still owed */
    /* once more, and it is taken */
    CHECK_OK_ERR(dk_producer_forward(x.p, &ticket, &(dk_copy){"dead", 0, found, n}, &err), &err);
    dk_event_free(ev);
    WAIT_UNTIL(dk_producer_copies(x.p) == 0, TEN_SECONDS);
    must_commit(&x, 2);
    close_post(&x);
}

DK_TEST(forward_ticket_that_nobody_takes_is_rejected)
{
    const int refuse[] = {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED};
    post x = open_post(1);
    dk_batch *again;

    CHECK_OK(dk_broker_push_errors(x.r.broker, PRODUCE, refuse, 1, NULL));
    forward_next(&x, 0);
    end_batch(&x);
    CHECK_EQ(dk_producer_copies(x.p), 1);
    dk_event_free(must_refusal(&x));
    CHECK_EQ(dk_producer_copies(x.p), 0);
    again = rig_fetch(x.c, 0, TEN_SECONDS);
    CHECK(again != NULL);
    CHECK_EQ(rig_number(again, 0), 0);
    dk_batch_free(again);
    close_post(&x);
}

static void
new_producer(post *x)
{
    dk_pair pairs[] = {{"bootstrap.servers", dk_broker_bootstrap(x->r.broker)}, {"retry.backoff.ms", "10"}};
    dk_error err;

    dk_producer_free(x->p);
    CHECK_OK_ERR(dk_producer_new(dk_test_alloc(), pairs, 2, &x->p, &err), &err);
}

/* Until message i has its copy: once more if it comes back, from a new producer if this one has failed for good. */
static void
insist(post *x, int i)
{
    dk_event *ev = NULL;
    dk_ticket ticket;
    dk_error err;

    for (;;) {
        WAIT_UNTIL(dk_producer_copies(x->p) == 0 || (ev = dk_producer_event(x->p)) != NULL, TEN_SECONDS);
        if (ev == NULL)
            return;
        if (dk_event_kind_of(ev) == DK_EVENT_DELIVERY && dk_event_ticket(ev, 0, &ticket)) {
            CHECK_EQ(ticket.index, i);
            new_producer(x);
            CHECK_OK_ERR(dk_producer_forward(x->p, &ticket, &to_dead, &err), &err);
        }
        dk_event_free(ev);
        ev = NULL;
    }
}

/* Every copy is confirmed and there, or comes back; whatever number a broker answers with. (46, a duplicate, is left
 * out: by that it says that it has the record.) */
DK_TEST(forward_every_error_of_a_broker)
{
    static const int errors[] = {-1, 2,  3,  5,  6,  7,  9,  10, 13, 14, 15, 16, 17, 18, 19,
                                 20, 21, 29, 31, 32, 33, 35, 37, 38, 41, 42, 43, 44, 45, 47,
                                 48, 49, 50, 51, 53, 55, 56, 58, 59, 67, 74, 76, 87, 97};
    enum { N_ERRORS = sizeof errors / sizeof *errors };
    post x = open_post(N_ERRORS);
    bool there[N_ERRORS] = {false};
    int missing = N_ERRORS;
    dk_consumer *reader;

    new_producer(&x);
    for (int i = 0; i < N_ERRORS; i++) {
        CHECK_OK(dk_broker_push_errors(x.r.broker, PRODUCE, &errors[i], 1, NULL));
        forward_next(&x, i);
        insist(&x, i);
    }
    end_batch(&x);
    must_commit(&x, N_ERRORS);
    rig_set(&x.r, "group.id", "reader");
    reader = rig_consumer(&x.r, NULL);
    rig_assign(reader, "dead", 1);
    while (missing > 0) {
        dk_batch *copies = rig_fetch(reader, 100, TEN_SECONDS);

        CHECK(copies != NULL);
        for (uint32_t i = 0; i < dk_batch_len(copies); i++) {
            missing -= !there[rig_number(copies, i)];
            there[rig_number(copies, i)] = true;
            CHECK_EQ(dk_batch_next(copies), (int32_t)i);
        }
        dk_batch_free(copies);
    }
    rig_end(reader);
    close_post(&x);
}

DK_TEST(forward_producer_freed_on_the_way)
{
    post x = open_post(2);
    dk_batch *again;

    CHECK_OK(dk_broker_set_down(x.r.broker, 1, true, NULL));
    forward_next(&x, 0);
    forward_next(&x, 1);
    end_batch(&x);
    dk_producer_free(x.p);
    x.p = NULL;
    again = rig_fetch(x.c, 0, TEN_SECONDS); /* both have come back */
    CHECK(again != NULL);
    CHECK_EQ(dk_batch_len(again), 2);
    dk_batch_free(again);
    CHECK_OK(dk_broker_set_down(x.r.broker, 1, false, NULL));
    close_post(&x);
}

DK_TEST(forward_undefer)
{
    post x = open_post(2);
    dk_ticket ticket;
    dk_error err;

    CHECK_EQ(dk_batch_next(x.b), 0);
    CHECK_OK(dk_batch_defer(x.b, &ticket));
    CHECK_STATUS(dk_producer_forward(x.p, &ticket, &(dk_copy){.topic = ""}, &err), DK_EINVAL);
    CHECK(ticket.batch != NULL); /* still the caller's */
    dk_batch_undefer(x.b, &ticket);
    CHECK(ticket.batch == NULL);
    CHECK_EQ(dk_producer_copies(x.p), 0);
    CHECK_EQ(dk_batch_next(x.b), 1);
    CHECK_EQ(dk_batch_next(x.b), -1);
    must_commit(&x, 2);
    close_post(&x);
}

DK_TEST(forward_allocates_nothing_of_ours)
{
    post x = open_post(50);
    size_t before = 0;

    for (int i = 0; i < 50; i++) {
        forward_next(&x, i);
        if (i == 10)
            before = dk_test_alloc_count();
    }
    CHECK_EQ(dk_test_alloc_count(), before);
    WAIT_UNTIL(dk_producer_copies(x.p) == 0, TEN_SECONDS);
    CHECK_EQ(dk_batch_next(x.b), -1);
    must_commit(&x, 50);
    close_post(&x);
}

/* Whatever fails, the message is handed out again. */
DK_TEST_FAULT(forward_every_allocation_fails)
{
    post x = {.p = NULL};
    dk_batch *again;
    dk_ticket ticket;
    dk_pair pair;
    dk_error err;

    rig_open(&x.r, "t", 1);
    CHECK_OK(dk_broker_create_topic(x.r.broker, "dead", 1, NULL));
    rig_produce(&x.r, "t", 0, 0, 1);
    x.c = rig_consumer(&x.r, NULL);
    rig_assign(x.c, "t", 1);
    x.b = rig_fetch_n(x.c, 1, 1);
    pair = (dk_pair){"bootstrap.servers", dk_broker_bootstrap(x.r.broker)};
    CHECK_EQ(dk_batch_next(x.b), 0);
    CHECK_OK(dk_batch_defer(x.b, &ticket));
    if (NOMEM_ERR(dk_producer_new(dk_test_alloc(), &pair, 1, &x.p, &err), &err))
        goto out;
    CHECK_OK(dk_broker_set_down(x.r.broker, 1, true, NULL));
    if (NOMEM_ERR(dk_producer_forward(x.p, &ticket, &to_dead, &err), &err))
        goto out;
    CHECK(ticket.batch == NULL);
out:
    dk_producer_free(x.p);
    x.p = NULL;
    dk_ticket_reject(&ticket, 0);
    end_batch(&x);
    CHECK_OK(dk_broker_set_down(x.r.broker, 1, false, NULL));
    again = rig_fetch(x.c, 0, TEN_SECONDS);
    CHECK(again != NULL);
    CHECK_EQ(rig_number(again, 0), 0);
    dk_batch_free(again);
    close_post(&x);
}
