/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/client/rdk.c as the extension has it: the engine calls librdkafka through a table and this
 * program is not linked to any. Each test has a process of its own, so each chooses its library. That the
 * program links at all shows that every function the engine uses is redirected.
 *
 * DK_TEST_LIBRDKAFKA may name a librdkafka to test besides the system's, for example the one in confluent-kafka's
 * wheel.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "dk_test.h"

#include "dk/dk.h"
#include "kafka/client/internal.h"

#define SYSTEM "librdkafka.so.1"
#define MISSING "librdkafka-that-does-not-exist.so.1"

/* What rdk.c takes for the system's library in this build. */
static void
set_system(const char *name)
{
    CHECK_EQ(setenv("DK_TEST_SYSTEM_LIBRDKAFKA", name, 1), 0);
}

static const char *
other_library(void)
{
    const char *path = getenv("DK_TEST_LIBRDKAFKA");

    if (path == NULL || *path == '\0')
        SKIP("DK_TEST_LIBRDKAFKA names no other librdkafka");
    return path;
}

/* A broker, a producer and a consumer, all through the table. */
static void
check_that_it_works(void)
{
    dk_broker *b = NULL;
    dk_producer *p = NULL;
    dk_header header = {"h", {(const uint8_t *)"1", 1}};
    dk_record rec = {.topic = "t", .value = {(const uint8_t *)"value", 5}, .headers = &header, .n_headers = 1};
    dk_pair pairs[] = {{"bootstrap.servers", NULL}, {"group.id", "g"}};
    dk_consumer *c = NULL;
    dk_partitions parts;
    dk_batch *batch = NULL;
    dk_error err;
    size_t reports = 0;
    uint32_t n = 0;
    dk_consumer_opts opts;

    CHECK_OK_ERR(dk_broker_new(NULL, 1, &b, &err), &err);
    CHECK_OK_ERR(dk_broker_create_topic(b, "t", 1, &err), &err);
    pairs[0].value = dk_broker_bootstrap(b);
    CHECK_OK_ERR(dk_producer_new(dk_test_alloc(), pairs, 1, &p, &err), &err);
    for (int i = 0; i < 50; i++) {
        rec.opaque = i % 2 == 0 ? &rec : NULL;
        rec.n_headers = i % 3 == 0;
        CHECK_OK_ERR(dk_producer_produce(p, &rec, &err), &err);
    }
    CHECK_OK_ERR(dk_producer_flush(p, 20000, NULL, &err), &err);
    for (dk_event *ev; (ev = dk_producer_event(p)) != NULL; dk_event_free(ev))
        reports += dk_event_deliveries(ev);
    CHECK_EQ(reports, 25);

    dk_consumer_opts_init(&opts);
    CHECK_OK_ERR(dk_consumer_new(dk_test_alloc(), pairs, 2, &opts, &c, &err), &err);
    dk_partitions_init(&parts, dk_test_alloc());
    CHECK_OK(
        dk_partitions_add(&parts, &(dk_partition){.topic = "t", .offset = DK_OFFSET_BEGINNING, .leader_epoch = -1}));
    CHECK_OK_ERR(dk_consumer_assign(c, &parts, &err), &err);
    dk_partitions_fini(&parts);
    for (int64_t until = dk_test_now_ms() + 20000; n < 50 && dk_test_now_ms() < until;) {
        dk_status st = dk_consumer_fetch(c, 0, 500, &batch, &err);

        if (st == DK_ETIMEOUT) {
            dk_event_free(dk_consumer_event(c));
            continue;
        }
        CHECK_OK_ERR(st, &err);
        for (int32_t i; (i = dk_batch_next(batch)) >= 0; n++) {
            dk_slice value = dk_batch_value(batch, (uint32_t)i);

            CHECK_MEM(value.p, value.n, "value", 5);
            CHECK_EQ(dk_batch_headers(batch, (uint32_t)i), n % 3 == 0);
        }
        dk_batch_free(batch);
    }
    CHECK_EQ(n, 50);
    CHECK_OK_ERR(dk_consumer_close(c, 20000, &err), &err);
    dk_consumer_free(c);
    dk_producer_free(p);
    dk_broker_free(b);
}

DK_TEST(table_is_empty_before_loading)
{
    CHECK_EQ(dk_library_version(), 0);
    CHECK_STR(dk_library_version_text(), "");
    CHECK_STR(dk_kafka_err_name(-185), "UNKNOWN");
    CHECK_CONTAINS(dk_kafka_err_text(-185), "not loaded");
}

DK_TEST(table_system_library)
{
    dk_error err;

    set_system(SYSTEM);
    CHECK_OK_ERR(dk_library_load(NULL, &err), &err);
    CHECK(dk_library_version() >= DK__RDK_MIN_VERSION);
    CHECK(strchr(dk_library_version_text(), '.') != NULL);
    CHECK_STR(dk_kafka_err_name(-185), "_TIMED_OUT");
    CHECK_OK(dk_library_load("/later/calls/do/not/look", NULL));
    check_that_it_works();
}

DK_TEST(table_loads_by_itself)
{
    dk_broker *b = NULL;
    dk_error err;

    set_system(SYSTEM);
    CHECK_OK_ERR(dk_broker_new(NULL, 1, &b, &err), &err);
    CHECK(dk_library_version() != 0);
    dk_broker_free(b);
}

DK_TEST(table_library_by_path)
{
    const char *path = other_library();
    dk_error err;

    set_system(MISSING);
    CHECK_OK_ERR(dk_library_load(path, &err), &err);
    printf("%s\n", dk_library_version_text());
    check_that_it_works();
}

DK_TEST(table_loaded_library_wins)
{
    const char *path = other_library();
    void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *(*version)(void) = NULL;
    dk_error err;

    CHECK(lib != NULL);
    *(void **)&version = dlsym(lib, "rd_kafka_version_str");
    set_system(SYSTEM);
    CHECK_OK_ERR(dk_library_load("/does/not/exist.so", &err), &err);
    CHECK_STR(dk_library_version_text(), version());
    CHECK(*(void **)&dk__rdk_table.rd_kafka_new == dlsym(lib, "rd_kafka_new"));
}

DK_TEST(table_loaded_system_library_is_found)
{
    void *lib = dlopen(SYSTEM, RTLD_NOW | RTLD_LOCAL);

    CHECK(lib != NULL);
    set_system(MISSING);
    CHECK_OK(dk_library_load(NULL, NULL));
    CHECK(*(void **)&dk__rdk_table.rd_kafka_new == dlsym(lib, "rd_kafka_new"));
}

DK_TEST(table_no_library)
{
    dk_producer *p = NULL;
    dk_broker *b = NULL;
    dk_error err;

    set_system(MISSING);
    CHECK_STATUS(dk_library_load("/does/not/exist.so", &err), DK_ELIBRARY);
    CHECK_CONTAINS(err.text, "2.0.2 or newer");
    CHECK_CONTAINS(err.text, "none is loaded");
    CHECK_CONTAINS(err.text, "/does/not/exist.so");
    CHECK_CONTAINS(err.text, MISSING);
    CHECK_CONTAINS(err.text, "pip install confluent-kafka");
    CHECK_CONTAINS(err.text, "librdkafka1 on Debian");
    set_system(SYSTEM); /* the first call has decided */
    CHECK_STATUS(dk_library_load(SYSTEM, &err), DK_ELIBRARY);
    CHECK_CONTAINS(err.text, MISSING);
    CHECK_STATUS(dk_library_load(SYSTEM, NULL), DK_ELIBRARY);
    CHECK_EQ(dk_library_version(), 0);
    CHECK_STATUS(dk_producer_new(dk_test_alloc(), NULL, 0, &p, &err), DK_ELIBRARY);
    CHECK_CONTAINS(err.text, "confluent-kafka");
    CHECK_STATUS(dk_broker_new(dk_test_alloc(), 1, &b, &err), DK_ELIBRARY);
    CHECK(p == NULL && b == NULL);
}

static void
check_refused(const char *path, const char *why)
{
    dk_error err;

    set_system(MISSING);
    CHECK_STATUS(dk_library_load(path, &err), DK_ELIBRARY);
    CHECK_CONTAINS(err.text, path);
    CHECK_CONTAINS(err.text, why);
}

DK_TEST(table_too_old)
{
    check_refused(FAKE_OLD, "is version 1.9.0, which is too old");
}

DK_TEST(table_incomplete)
{
    check_refused(FAKE_PARTIAL, "(version 2.15.0) lacks rd_kafka_");
}

DK_TEST(table_something_else)
{
    check_refused("libm.so.6", "is not a librdkafka");
}

DK_TEST(table_refused_path_leaves_the_system_library)
{
    dk_error err;

    set_system(SYSTEM);
    CHECK_OK_ERR(dk_library_load(FAKE_OLD, &err), &err);
    CHECK(dk_library_version() >= DK__RDK_MIN_VERSION);
}

DK_TEST(table_refused_loaded_library_leaves_the_path)
{
    dk_error err;

    CHECK(dlopen(FAKE_PARTIAL, RTLD_NOW | RTLD_LOCAL) != NULL);
    set_system(MISSING);
    CHECK_OK_ERR(dk_library_load(SYSTEM, &err), &err);
}

DK_TEST(table_long_path)
{
    static char path[5000];
    dk_error err;

    memset(path, 'x', sizeof path - 1);
    set_system(MISSING);
    CHECK_STATUS(dk_library_load(path, &err), DK_ELIBRARY);
    CHECK_CONTAINS(err.text, "pip install confluent-kafka");
}

static void *
load(void *arg)
{
    (void)arg;
    CHECK_OK(dk_library_load(NULL, NULL));
    CHECK(dk_library_version() != 0);
    return NULL;
}

DK_TEST(table_loaded_from_many_threads)
{
    pthread_t threads[8];

    set_system(SYSTEM);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, load, NULL), 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
}
