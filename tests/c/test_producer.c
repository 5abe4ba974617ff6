/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/producer/producer.c on the embedded broker: its life, and what it asks and tells besides
 * records.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dk/forward.h"
#include "dk/topics.h"
#include "kafka/client/event.h"
#include "kafka/producer/internal.h"
#include "post.h"

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

DK_TEST(producer_free_with_messages_waiting)
{
    post r = POST_OPEN_WITH(1, {"linger.ms", "10000"});
    dk_record rec = post_record("x", &r);

    post_produce(r.producer, &rec);
    post_flush(r.producer); /* its report is never taken */
    for (int i = 0; i < 100; i++)
        post_produce(r.producer, &rec);
    post_close(&r);
}

/* ---- threads and processes ------------------------------------------------------------------------------------- */

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
        dk_record rec = post_record("x", i % 3 == 0 ? w : NULL);

        snprintf(name, sizeof name, "t%d", (w->id + i) % 5);
        rec.topic = name;
        post_produce(w->producer, &rec);
        if (i % 50 == 0)
            dk_event_free(dk_producer_event(w->producer));
    }
    return NULL;
}

DK_TEST(producer_from_many_threads)
{
    post r = POST_OPEN(1);
    pthread_t threads[4];
    worker workers[4];
    dk_producer_counters counters;

    for (int i = 0; i < 4; i++) {
        workers[i] = (worker){r.producer, i};
        CHECK_EQ(pthread_create(&threads[i], NULL, produce_from_thread, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    post_flush(r.producer);
    dk_producer_counters_get(r.producer, &counters);
    CHECK_EQ(counters.produced, 1200);
    CHECK_EQ(counters.delivered, 1200);
    for (dk_event *ev; (ev = dk_producer_event(r.producer)) != NULL;)
        dk_event_free(ev);
    CHECK_EQ(dk_producer_len(r.producer), 0);
    post_close(&r);
}

static int
use_in_child(dk_producer *p)
{
    dk_record rec = post_record("x", NULL);
    dk_producer_counters counters = {1, 1, 1, 1};
    dk_ticket ticket = {.batch = NULL};
    const dk_copy copy = {.topic = "t"};
    const dk_topic_spec spec = {.name = "new", .partitions = 1, .replication = 1};
    dk_topic_info info;
    dk_metadata *meta;
    dk_error err;
    size_t done = 1;
    int bad = 0;

    alarm(10); /* whoever waits for a lock is ended */

    bad += dk_producer_produce(p, &rec, &err) != DK_EFORKED;
    bad += strstr(err.text, "fork()") == NULL;
    bad += dk_producer_produce_many(p, &rec, &rec.value, NULL, 1, &done, NULL) != DK_EFORKED || done != 0;
    bad += dk_producer_forward(p, &ticket, &copy, NULL) != DK_EFORKED;
    bad += dk_producer_copies(p) != 0;
    bad += dk_producer_create_topic(p, &spec, 10, NULL, NULL) != DK_EFORKED;
    bad += dk_producer_describe_topic(p, "t", 10, &info, NULL) != DK_EFORKED;
    bad += dk_producer_wait_room(p, 0) != DK_EFORKED;
    bad += dk_producer_flush(p, 1000, NULL, NULL) != DK_EFORKED;
    bad += dk_producer_purge(p, true, true, true, NULL) != DK_EFORKED;
    bad += dk_producer_event(p) != NULL;
    bad += dk_producer_wait_event(p, 0) != DK_EFORKED;
    bad += dk_producer_len(p) != 0;
    dk_producer_counters_get(p, &counters);
    bad += counters.produced != 0;
    bad += dk_producer_metadata(p, NULL, 10, &meta, NULL) != DK_EFORKED;
    bad += dk_producer_sasl_credentials(p, "u", "p", NULL) != DK_EFORKED;
    bad += dk_producer_init_transactions(p, 10, NULL) != DK_EFORKED;
    bad += dk_producer_begin_transaction(p, NULL) != DK_EFORKED;
    bad += dk_producer_commit_transaction(p, 10, NULL) != DK_EFORKED;
    bad += dk_producer_abort_transaction(p, 10, NULL) != DK_EFORKED;
    dk_producer_free(p);
    return bad;
}

/* Every function of the producer, in a child that was born while others held all of its locks. */
DK_TEST(producer_in_a_forked_child)
{
    post r = POST_OPEN_WITH(1, {"linger.ms", "50"});
    int status = -1;
    pid_t pid;

    post_produce_numbers(r.producer, 0, 10);
    dk__events_push_log(r.producer->events, 6, "TEST", "an event to be taken");
    pthread_mutex_lock(&r.producer->topics.lock);
    pthread_mutex_lock(&r.producer->events->lock);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(use_in_child(r.producer));
    pthread_mutex_unlock(&r.producer->events->lock);
    pthread_mutex_unlock(&r.producer->topics.lock);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    post_produce_numbers(r.producer, 10, 10);
    post_flush(r.producer);
    post_check_numbers(r.broker, 20);
    post_close(&r);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

DK_TEST_FAULT(producer_out_of_memory)
{
    dk_producer *p = NULL;
    dk_broker *b = NULL;
    dk_pair pairs[2] = {{"bootstrap.servers", NULL}};
    dk_metadata *meta = NULL;
    dk_topic_info info;
    dk_record rec;
    dk_error err;
    dk_status st;
    size_t done = 0;

    CHECK_OK_ERR(dk_broker_new(NULL, 1, &b, &err), &err); /* fails its own way elsewhere */
    pairs[0].value = dk_broker_bootstrap(b);
    if (NOMEM_ERR(dk_producer_new(dk_test_alloc(), pairs, 1, &p, &err), &err))
        goto out;
    rec = post_record("x", &p);
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
    if (NOMEM_ERR(dk_producer_metadata(p, NULL, TEN_SECONDS, &meta, &err), &err))
        goto out;
    if (NOMEM_ERR(dk_producer_describe_topic(p, "t", TEN_SECONDS, &info, &err), &err))
        goto out;
    if (NOMEM_ERR(dk_producer_create_topic(p, &(dk_topic_spec){.name = "new", .partitions = 1, .replication = 1},
                                           TEN_SECONDS, NULL, &err),
                  &err))
        goto out;
    rec.topic = "another";
    if (NOMEM_ERR(dk_producer_produce(p, &rec, &err), &err))
        goto out;
out:
    dk_metadata_free(meta);
    dk_producer_free(p);
    dk_broker_free(b);
}

/* ---- asking and telling the cluster ---------------------------------------------------------------------------- */

DK_TEST(producer_metadata)
{
    post r = POST_OPEN(3);
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
    post_close(&r);
}

DK_TEST(producer_sasl_credentials)
{
    dk_pair pairs[] = {{"security.protocol", "SASL_PLAINTEXT"},
                       {"sasl.mechanisms", "PLAIN"},
                       {"sasl.username", "a"},
                       {"sasl.password", "b"}};
    dk_producer *p = post_producer(dk_test_alloc(), "127.0.0.1:1", pairs, 4);
    dk_error err;

    CHECK_STATUS(dk_producer_sasl_credentials(p, NULL, "x", &err), DK_EINVAL);
    CHECK_OK_ERR(dk_producer_sasl_credentials(p, "user", "password", &err), &err);
    dk_producer_free(p);
}
