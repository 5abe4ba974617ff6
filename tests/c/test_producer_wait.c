/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/producer/wait.c: back-pressure, flush and purge.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "post.h"

/* ---- back-pressure --------------------------------------------------------------------------------------------- */

DK_TEST(producer_queue_full_and_room)
{
    post r = POST_OPEN_WITH(1, {"queue.buffering.max.messages", "10"}, {"linger.ms", "0"});
    dk_record rec = post_record("x", NULL);
    dk_producer_counters counters;
    dk_error err;
    int64_t before;

    CHECK_OK(dk_producer_wait_room(r.producer, 0)); /* never been full */
    post_produce(r.producer, &rec);
    post_flush(r.producer);
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
    post_flush(r.producer);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.delivered, 12);
    post_close(&r);
}

DK_TEST(producer_reports_that_nobody_takes_hold_it_back)
{
    post r = POST_OPEN_WITH(1, {"queue.buffering.max.messages", "10"});
    dk_record plain = post_record("x", NULL), rec = post_record("x", &r);
    dk_error err;

    for (int i = 0; i < 10; i++)
        post_produce(r.producer, &rec);
    post_flush(r.producer);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EQUEUEFULL);
    CHECK_CONTAINS(err.text, "reports");
    CHECK_STATUS(dk_producer_wait_room(r.producer, TEN_SECONDS), DK_ETIMEOUT); /* at once: take them */
    post_produce(r.producer, &plain);                                          /* needs no report */
    dk_event_free(post_event(r.producer, DK_EVENT_DELIVERY));
    post_produce(r.producer, &rec);
    post_flush(r.producer);
    post_close(&r);
}

static void *
wait_for_room(void *arg)
{
    CHECK_OK(dk_producer_wait_room(arg, TEN_SECONDS));
    return NULL;
}

DK_TEST(producer_many_wait_for_room)
{
    post r = POST_OPEN_WITH(1, {"queue.buffering.max.messages", "1"}, {"linger.ms", "0"});
    dk_record rec = post_record("x", NULL);
    pthread_t threads[3];

    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 1500, NULL)); /* it is not delivered before the next check */
    post_produce(r.producer, &rec);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, NULL), DK_EQUEUEFULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, wait_for_room, r.producer), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    post_flush(r.producer);
    post_close(&r);
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
    post r = POST_OPEN_WITH(1, {"queue.buffering.max.messages", "1"}, {"message.timeout.ms", "60000"});
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval soon = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
    dk_record rec = post_record("x", NULL);

    CHECK_OK(dk_broker_set_down(r.broker, 1, true, NULL));
    post_produce(r.producer, &rec);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, NULL), DK_EQUEUEFULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    CHECK_STATUS(dk_producer_wait_room(r.producer, -1), DK_ETIMEOUT);
    while (dk_producer_wait_event(r.producer, -1) == DK_OK)
        dk_event_free(dk_producer_event(r.producer)); /* "broker down" and the like; then a signal ends it */
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(alarms >= 1);
    post_close(&r);
}

/* ---- flush and purge ------------------------------------------------------------------------------------------- */

DK_TEST(producer_flush_does_not_linger)
{
    post r = POST_OPEN_WITH(1, {"linger.ms", "30000"});
    dk_record rec = post_record("x", NULL);
    int64_t before = dk_test_now_ms();
    dk_event *ev;

    post_produce(r.producer, &rec);
    post_flush(r.producer);
    CHECK(dk_test_now_ms() - before < 15000);
    CHECK_OK(dk_producer_flush(r.producer, 0, NULL, NULL));
    CHECK_OK(dk_producer_flush(r.producer, -1, NULL, NULL));
    ev = dk_producer_event(r.producer);
    CHECK(ev == NULL || dk_event_kind_of(ev) != DK_EVENT_DELIVERY);
    dk_event_free(ev);
    post_close(&r);
}

DK_TEST(producer_purge)
{
    post r = POST_OPEN_WITH(1, {"linger.ms", "0"});
    short marks[3];
    dk_record rec = post_record("x", &marks[0]);
    size_t failed = 0;

    post_produce(r.producer, &rec);
    post_flush(r.producer);
    dk_event_free(post_event(r.producer, DK_EVENT_DELIVERY));
    CHECK_OK(dk_producer_purge(r.producer, false, false, true, NULL));
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 30000, NULL));
    rec.opaque = &marks[1];
    post_produce(r.producer, &rec);
    rec.opaque = &marks[2];
    post_produce(r.producer, &rec);
    CHECK_OK(dk_producer_purge(r.producer, true, false, true, NULL));
    CHECK_OK(dk_producer_purge(r.producer, true, true, true, NULL));
    post_flush(r.producer);
    while (failed < 2) {
        dk_event *ev = post_event(r.producer, DK_EVENT_DELIVERY);

        for (size_t i = 0; i < dk_event_deliveries(ev); i++, failed++) {
            dk_delivery d;

            dk_event_delivery(ev, i, &d);
            CHECK(d.opaque == &marks[1] || d.opaque == &marks[2]);
            CHECK(d.kafka_err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || d.kafka_err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT);
        }
        dk_event_free(ev);
    }
    CHECK_OK(dk_broker_set_rtt(r.broker, 1, 0, NULL));
    post_close(&r);
}
