/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/producer/topics.c. The embedded broker does not make topics by request; DK_TEST_BOOTSTRAP may
 * name a real one (of one node, whose topics can be added to).
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dk_test.h"

#include "dk/broker.h"
#include "dk/topics.h"
#include "kafka/client/internal.h"

#define LIMIT_MS 20000

static dk_producer *
must_producer(const char *bootstrap)
{
    dk_pair pairs[] = {{"bootstrap.servers", bootstrap}};
    dk_producer *p = NULL;
    dk_error err;

    CHECK_OK_ERR(dk_producer_new(dk_test_alloc(), pairs, 1, &p, &err), &err);
    return p;
}

static dk_broker *
must_broker(int nodes)
{
    dk_broker *b = NULL;
    dk_error err;

    CHECK_OK_ERR(dk_broker_new(dk_test_alloc(), nodes, &b, &err), &err);
    return b;
}

DK_TEST(topics_describe)
{
    dk_broker *b = must_broker(3);
    dk_producer *p = must_producer(dk_broker_bootstrap(b));
    dk_topic_info info = {true, 9, 9};
    dk_error err;

    CHECK_OK(dk_broker_create_topic(b, "source", 7, NULL));
    CHECK_OK_ERR(dk_producer_describe_topic(p, "source", LIMIT_MS, &info, &err), &err);
    CHECK(info.exists);
    CHECK_EQ(info.partitions, 7);
    CHECK_EQ(info.replication, 3);
    CHECK_OK_ERR(dk_producer_describe_topic(p, "missing", LIMIT_MS, &info, &err), &err);
    CHECK(!info.exists);
    CHECK_EQ(info.partitions, 0);
    /* the question has not made it */
    CHECK_OK_ERR(dk_producer_describe_topic(p, "missing", -1, &info, &err), &err);
    CHECK(!info.exists);
    CHECK_STATUS(dk_producer_describe_topic(p, "", LIMIT_MS, &info, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_describe_topic(p, "x", LIMIT_MS, NULL, &err), DK_EINVAL);
    CHECK_STATUS(dk_producer_describe_topic(NULL, "x", LIMIT_MS, &info, &err), DK_EINVAL);
    dk_test_alloc_fail(1, false);
    CHECK_STATUS(dk_producer_describe_topic(p, "source", LIMIT_MS, &info, &err), DK_ENOMEM);
    dk_producer_free(p);
    dk_broker_free(b);
}

DK_TEST(topics_of_the_embedded_broker_come_by_asking)
{
    dk_broker *b = must_broker(1);
    dk_producer *p = must_producer(dk_broker_bootstrap(b));
    dk_topic_spec spec = {.name = "g.t.dlt", .partitions = 4, .replication = 1};
    bool created = false;
    dk_topic_info info;
    dk_error err;

    CHECK_OK_ERR(dk_producer_create_topic(p, &spec, LIMIT_MS, &created, &err), &err);
    CHECK(created);
    CHECK_OK(dk_producer_describe_topic(p, "g.t.dlt", LIMIT_MS, &info, NULL));
    CHECK(info.exists);
    CHECK_EQ(info.partitions, 4);
    CHECK_OK(dk_producer_create_topic(p, &spec, -1, &created, NULL));
    CHECK(!created); /* it was there */
    CHECK_OK(dk_producer_create_topic(p, &spec, LIMIT_MS, NULL, NULL));
    dk_producer_free(p);
    dk_broker_free(b);
}

DK_TEST(topics_refuse_nonsense)
{
    dk_producer *p = must_producer("127.0.0.1:1");
    char long_name[300];
    const char *names[] = {NULL, "", ".", "..", "a b", "a/b", "\xc3\xa4", long_name};
    dk_pair config = {NULL, "x"};
    dk_error err;

    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    CHECK_STATUS(dk_producer_create_topic(p, NULL, LIMIT_MS, NULL, &err), DK_EINVAL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dk_topic_spec spec = {.name = names[i], .partitions = 1, .replication = 1};

        CHECK_STATUS(dk_producer_create_topic(p, &spec, LIMIT_MS, NULL, &err), DK_EINVAL);
        CHECK_CONTAINS(err.text, "no name for a topic");
    }
    CHECK_STATUS(dk_producer_create_topic(p, &(dk_topic_spec){"t", 0, 1, NULL, 0}, LIMIT_MS, NULL, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "cannot have 0 partitions");
    CHECK_STATUS(dk_producer_create_topic(p, &(dk_topic_spec){"t", 1, 0, NULL, 0}, LIMIT_MS, NULL, &err), DK_EINVAL);
    CHECK_CONTAINS(err.text, "replication factor of 0");
    CHECK_STATUS(dk_producer_create_topic(p, &(dk_topic_spec){"t", 1, 1, &config, 1}, LIMIT_MS, NULL, &err),
                 DK_EINVAL);
    CHECK_CONTAINS(err.text, "setting 0");
    CHECK_STATUS(dk_producer_create_topic(NULL, &(dk_topic_spec){"t", 1, 1, NULL, 0}, 10, NULL, &err), DK_EINVAL);
    dk_producer_free(p);
}

DK_TEST(topics_without_a_broker)
{
    dk_producer *p = must_producer("127.0.0.1:1");
    dk_topic_spec spec = {.name = "t", .partitions = 1, .replication = 1};
    int64_t before = dk_test_now_ms();
    dk_topic_info info;
    dk_error err;

    CHECK_STATUS(dk_producer_create_topic(p, &spec, 300, NULL, &err), DK_EKAFKA);
    CHECK(dk_test_now_ms() - before < 10000);
    CHECK(err.retriable);
    CHECK_CONTAINS(err.text, "no broker answered");
    CHECK_STATUS(dk_producer_describe_topic(p, "t", 300, &info, &err), DK_EKAFKA);
    CHECK(err.retriable && !info.exists);
    dk_producer_free(p);
}

DK_TEST(topics_in_a_forked_child)
{
    dk_producer *p = must_producer("127.0.0.1:1");
    dk_topic_spec spec = {.name = "t", .partitions = 1, .replication = 1};
    dk_topic_info info;
    int status = -1;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0)
        _exit((dk_producer_create_topic(p, &spec, 10, NULL, NULL) != DK_EFORKED) +
              (dk_producer_describe_topic(p, "t", 10, &info, NULL) != DK_EFORKED));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    dk_producer_free(p);
}

DK_TEST_LIVE(topics_on_a_real_broker)
{
    const char *bootstrap = dk_test_bootstrap();
    char name[64], other[64];
    dk_pair config[] = {{"retention.ms", "3600000"}, {"cleanup.policy", NULL}}, bad = {"retention.ms", "soon"};
    dk_topic_spec spec = {.name = name, .partitions = 5, .replication = 1, .config = config, .n_config = 2};
    dk_topic_info info;
    bool created = false;
    dk_error err;
    dk_producer *p;

    p = must_producer(bootstrap);
    snprintf(name, sizeof name, "topics-%d-%lld", (int)getpid(), (long long)dk_test_now_ms());
    snprintf(other, sizeof other, "%.60s-2", name);

    CHECK_OK_ERR(dk_producer_describe_topic(p, name, LIMIT_MS, &info, &err), &err);
    CHECK(!info.exists);
    CHECK_OK_ERR(dk_producer_create_topic(p, &spec, LIMIT_MS, &created, &err), &err);
    CHECK(created);
    CHECK_OK_ERR(dk_producer_describe_topic(p, name, LIMIT_MS, &info, &err), &err);
    CHECK(info.exists);
    CHECK_EQ(info.partitions, 5);
    CHECK_EQ(info.replication, 1);
    CHECK_OK_ERR(dk_producer_create_topic(p, &spec, LIMIT_MS, &created, &err), &err);
    CHECK(!created);

    spec = (dk_topic_spec){.name = other, .partitions = -1, .replication = -1};
    CHECK_OK_ERR(dk_producer_create_topic(p, &spec, LIMIT_MS, &created, &err), &err);
    CHECK(created);
    CHECK_OK_ERR(dk_producer_describe_topic(p, other, LIMIT_MS, &info, &err), &err);
    CHECK(info.exists && info.partitions >= 1);

    spec = (dk_topic_spec){.name = "topics-too-many-copies", .partitions = 1, .replication = 99};
    CHECK_STATUS(dk_producer_create_topic(p, &spec, LIMIT_MS, &created, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR);
    CHECK_CONTAINS(err.text, "number of brokers");
    CHECK(!created);
    spec = (dk_topic_spec){"topics-bad-setting", 1, 1, &bad, 1};
    CHECK_STATUS(dk_producer_create_topic(p, &spec, LIMIT_MS, &created, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR_INVALID_CONFIG);
    CHECK_CONTAINS(err.text, "soon");
    dk_producer_free(p);
}
