/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/client/broker.c. What it is good for, the tests of producer and consumer show.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dk_test.h"

#include "dk/broker.h"
#include "dk/producer.h"
#include "kafka/client/internal.h"

static dk_broker *
must_broker(int nodes)
{
    dk_broker *b = NULL;
    dk_error err;

    CHECK_OK_ERR(dk_broker_new(dk_test_alloc(), nodes, &b, &err), &err);
    return b;
}

static dk_producer *
must_client(const dk_broker *b)
{
    dk_pair pairs[] = {{"bootstrap.servers", dk_broker_bootstrap(b)}, {"enable.idempotence", "false"}};
    dk_producer *p = NULL;

    CHECK_OK(dk_producer_new(NULL, pairs, 2, &p, NULL));
    return p;
}

static void
check_partitions(dk_producer *p, const char *topic, size_t want)
{
    dk_metadata *meta = NULL;
    dk_error err;

    CHECK_OK_ERR(dk_producer_metadata(p, topic, 10000, &meta, &err), &err);
    CHECK_EQ(meta->topics[0].n_partitions, want);
    dk_metadata_free(meta);
}

DK_TEST(broker_nodes_and_topics)
{
    dk_broker *b = must_broker(3);
    dk_producer *p = must_client(b);
    dk_metadata *meta = NULL;
    dk_error err;

    CHECK_CONTAINS(dk_broker_bootstrap(b), "127.0.0.1:");
    CHECK_OK_ERR(dk_broker_create_topic(b, "orders", 7, &err), &err);
    check_partitions(p, "orders", 7);
    check_partitions(p, "on-first-use", 4);
    CHECK_OK(dk_producer_metadata(p, "orders", 10000, &meta, NULL));
    CHECK_EQ(meta->n_brokers, 3);
    CHECK_EQ(meta->topics[0].partitions[0].n_replicas, 3);
    dk_metadata_free(meta);
    CHECK_STATUS(dk_broker_create_topic(b, "orders", 7, &err), DK_EKAFKA);
    CHECK_CONTAINS(err.text, "\"orders\"");
    CHECK(err.kafka != 0);
    dk_producer_free(p);
    dk_broker_free(b);
}

DK_TEST(broker_two_at_a_time)
{
    dk_broker *a = must_broker(1), *b = must_broker(1);
    dk_producer *pa = must_client(a), *pb = must_client(b);

    CHECK(strcmp(dk_broker_bootstrap(a), dk_broker_bootstrap(b)) != 0);
    CHECK_OK(dk_broker_create_topic(a, "t", 1, NULL));
    CHECK_OK(dk_broker_create_topic(b, "t", 2, NULL));
    check_partitions(pa, "t", 1);
    check_partitions(pb, "t", 2);
    dk_producer_free(pa);
    dk_producer_free(pb);
    dk_broker_free(a);
    dk_broker_free(b);
}

DK_TEST(broker_refuses_nonsense)
{
    dk_broker *b = must_broker(2), *none = NULL;
    const int number = 1;
    char name[300];
    dk_error err;

    CHECK_STATUS(dk_broker_new(NULL, 0, &none, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "not 0");
    CHECK_STATUS(dk_broker_new(NULL, 101, &none, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_new(NULL, 1, NULL, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_create_topic(NULL, "t", 1, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_create_topic(b, NULL, 1, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_create_topic(b, "", 1, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_create_topic(b, "t", 0, &err), DK_EINVAL);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK_STATUS(dk_broker_create_topic(b, name, 1, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_push_errors(b, 0, NULL, 1, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_push_errors(NULL, 0, &number, 1, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_set_topic_error(b, "", 3, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_set_down(b, 0, true, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_set_down(b, 3, true, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "1 to 2");
    CHECK_STATUS(dk_broker_set_rtt(b, -1, 1, &err), DK_EINVAL);
    CHECK_STATUS(dk_broker_set_rtt(b, 1, -1, &err), DK_EINVAL);
    dk_broker_free(b);
    dk_broker_free(NULL);
}

DK_TEST(broker_round_trip_time)
{
    dk_broker *b = must_broker(1);
    dk_producer *p = must_client(b);
    int64_t before;

    check_partitions(p, "t", 4);
    CHECK_OK(dk_broker_set_rtt(b, 1, 300, NULL));
    before = dk_test_now_ms();
    check_partitions(p, "t", 4);
    CHECK(dk_test_now_ms() - before >= 250);
    CHECK_OK(dk_broker_set_rtt(b, 1, 0, NULL));
    dk_producer_free(p);
    dk_broker_free(b);
}

static int
use_in_child(dk_broker *b)
{
    const int number = 1;
    int bad = 0;

    alarm(10);
    bad += strcmp(dk_broker_bootstrap(b), "") != 0;
    bad += dk_broker_create_topic(b, "t", 1, NULL) != DK_EFORKED;
    bad += dk_broker_push_errors(b, 0, &number, 1, NULL) != DK_EFORKED;
    bad += dk_broker_set_topic_error(b, "t", 3, NULL) != DK_EFORKED;
    bad += dk_broker_set_down(b, 1, true, NULL) != DK_EFORKED;
    bad += dk_broker_set_rtt(b, 1, 1, NULL) != DK_EFORKED;
    dk_broker_free(b);
    return bad;
}

DK_TEST(broker_in_a_forked_child)
{
    dk_broker *b = must_broker(1);
    int status = -1;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0)
        _exit(use_in_child(b));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    CHECK_OK(dk_broker_create_topic(b, "t", 1, NULL));
    dk_broker_free(b);
}

DK_TEST_FAULT(broker_out_of_memory)
{
    dk_broker *b = NULL;
    const int numbers[] = {6, 6};
    dk_error err;

    if (NOMEM_ERR(dk_broker_new(dk_test_alloc(), 1, &b, &err), &err))
        goto out;
    if (NOMEM_ERR(dk_broker_push_errors(b, 0, numbers, 2, &err), &err))
        goto out;
out:
    dk_broker_free(b);
}
