/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/client/conf.c.
 */
#include <stdlib.h>
#include <unistd.h>

#include "dk_test.h"
#include "kafka/client/internal.h"

#define GROUP                                                                                                        \
    {                                                                                                                \
        "group.id", "g"                                                                                              \
    }
#define N(pairs) (sizeof(pairs) / sizeof *(pairs))

/* Configure, and give back the conf (the caller's) for a look. */
static rd_kafka_conf_t *
must(dk__client kind, const dk_pair *pairs, size_t n, dk__conf_info *info)
{
    rd_kafka_conf_t *conf = NULL;
    dk_error err;

    CHECK_OK_ERR(dk__conf_new(kind, pairs, n, &conf, info, &err), &err);
    CHECK(conf != NULL);
    return conf;
}

static void
check_value(const rd_kafka_conf_t *conf, const char *key, const char *want)
{
    char got[256];
    size_t n = sizeof got;

    CHECK_EQ(rd_kafka_conf_get(conf, key, got, &n), RD_KAFKA_CONF_OK);
    CHECK_STR(got, want);
}

/* The error that these pairs are refused with. */
static dk_error
refused(dk__client kind, const dk_pair *pairs, size_t n)
{
    rd_kafka_conf_t *conf = NULL;
    dk__conf_info info;
    dk_error err;

    CHECK_STATUS(dk__conf_new(kind, pairs, n, &conf, &info, &err), DK_ECONFIG);
    CHECK(conf == NULL);
    CHECK_EQ(err.code, DK_ECONFIG);
    return err;
}

static dk_error
refused_pair(dk__client kind, const char *key, const char *value)
{
    dk_pair pairs[] = {GROUP, {key, value}};

    return refused(kind, pairs, 2);
}

DK_TEST(conf_consumer_defaults)
{
    dk_pair pairs[] = {GROUP};
    dk__conf_info info;
    rd_kafka_conf_t *conf = must(DK__CONSUMER, pairs, N(pairs), &info);

    CHECK(info.auto_commit && info.has_group);
    CHECK(!info.cooperative && !info.partition_eof);
    CHECK_EQ(info.auto_commit_interval_ms, 5000);
    CHECK_EQ(info.max_poll_interval_ms, 300000);
    CHECK_EQ(info.session_timeout_ms, 45000);
    check_value(conf, "enable.auto.commit", "false");
    check_value(conf, "enable.auto.offset.store", "false");
    check_value(conf, "log.queue", "false");
    rd_kafka_conf_destroy(conf);
}

DK_TEST(conf_consumer_values_are_read)
{
    dk_pair pairs[] = {GROUP,
                       {"enable.auto.commit", "f"},
                       {"enable.auto.offset.store", "TRUE"},
                       {"auto.commit.interval.ms", "77"},
                       {"max.poll.interval.ms", "20000"},
                       {"session.timeout.ms", "6000"},
                       {"enable.partition.eof", "1"},
                       {"log.queue", "true"},
                       {"partition.assignment.strategy", "cooperative-sticky"}};
    dk__conf_info info;
    rd_kafka_conf_t *conf = must(DK__CONSUMER, pairs, N(pairs), &info);

    CHECK(!info.auto_commit);
    CHECK(info.cooperative && info.partition_eof);
    CHECK_EQ(info.auto_commit_interval_ms, 77);
    CHECK_EQ(info.max_poll_interval_ms, 20000);
    CHECK_EQ(info.session_timeout_ms, 6000);
    check_value(conf, "enable.auto.offset.store", "false");
    check_value(conf, "log.queue", "false");
    rd_kafka_conf_destroy(conf);
}

DK_TEST(conf_bools_in_any_case)
{
    static const char *const yes[] = {"true", "True", "TRUE", "t", "1"};
    static const char *const no[] = {"false", "False", "FALSE", "f", "0"};

    for (size_t i = 0; i < N(yes); i++) {
        dk_pair pairs[] = {GROUP, {"enable.auto.commit", yes[i]}};
        dk__conf_info info;

        rd_kafka_conf_destroy(must(DK__CONSUMER, pairs, 2, &info));
        CHECK(info.auto_commit);
        pairs[1].value = no[i];
        rd_kafka_conf_destroy(must(DK__CONSUMER, pairs, 2, &info));
        CHECK(!info.auto_commit);
    }
}

DK_TEST(conf_bad_bool_names_the_key)
{
    dk_error err = refused_pair(DK__CONSUMER, "enable.auto.commit", "maybe");

    CHECK_CONTAINS(err.text, "\"enable.auto.commit\"");
    CHECK_CONTAINS(err.text, "\"maybe\"");
    err = refused_pair(DK__CONSUMER, "enable.auto.offset.store", "2x");
    CHECK_CONTAINS(err.text, "\"enable.auto.offset.store\"");
}

DK_TEST(conf_last_pair_wins)
{
    dk_pair pairs[] = {
        {"group.id", "a"}, {"group.id", "b"}, {"session.timeout.ms", "7000"}, {"session.timeout.ms", NULL}};
    dk__conf_info info;
    rd_kafka_conf_t *conf = must(DK__CONSUMER, pairs, N(pairs), &info);

    check_value(conf, "group.id", "b");
    CHECK_EQ(info.session_timeout_ms, 7000); /* NULL: as if the pair were not there */
    rd_kafka_conf_destroy(conf);
}

DK_TEST(conf_group_is_required)
{
    dk_pair empty[] = {{"group.id", ""}};
    dk_pair none[] = {{"group.id", NULL}, {"client.id", "x"}};
    dk_error err = refused(DK__CONSUMER, NULL, 0);

    CHECK_CONTAINS(err.text, "\"group.id\" is missing");
    err = refused(DK__CONSUMER, empty, 1);
    CHECK_CONTAINS(err.text, "\"group.id\" is missing or empty");
    err = refused(DK__CONSUMER, none, 2);
    CHECK_CONTAINS(err.text, "group.id");
}

DK_TEST(conf_long_group_is_kept)
{
    char group[2000];
    dk_pair pairs[] = {{"group.id", group}};
    dk__conf_info info;

    memset(group, 'x', sizeof group - 1);
    group[sizeof group - 1] = '\0';
    rd_kafka_conf_destroy(must(DK__CONSUMER, pairs, 1, &info));
    CHECK(info.has_group);
}

DK_TEST(conf_fetch_backoff_is_low_unless_set)
{
    dk_pair pairs[] = {GROUP, {"fetch.queue.backoff.ms", "123"}};
    dk__conf_info info;
    rd_kafka_conf_t *conf = must(DK__CONSUMER, pairs, 1, &info);
    char buf[32];
    size_t n = sizeof buf;
    bool known = rd_kafka_conf_get(conf, "fetch.queue.backoff.ms", buf, &n) == RD_KAFKA_CONF_OK;

    if (known)
        CHECK(atoi(buf) < 100);
    rd_kafka_conf_destroy(conf);
    if (known) {
        conf = must(DK__CONSUMER, pairs, 2, &info);
        check_value(conf, "fetch.queue.backoff.ms", "123");
        rd_kafka_conf_destroy(conf);
    } else { /* too old: said by name */
        dk_error err = refused(DK__CONSUMER, pairs, 2);

        CHECK_CONTAINS(err.text, "\"fetch.queue.backoff.ms\" needs librdkafka 2.2.0");
        CHECK_CONTAINS(err.text, rd_kafka_version_str());
    }
}

DK_TEST(conf_where_a_partition_begins_that_has_no_offset)
{
    static const struct {
        const char *value;
        int64_t offset;
    } cases[] = {{"smallest", RD_KAFKA_OFFSET_BEGINNING},  {"earliest", RD_KAFKA_OFFSET_BEGINNING},
                 {"beginning", RD_KAFKA_OFFSET_BEGINNING}, {"largest", RD_KAFKA_OFFSET_END},
                 {"latest", RD_KAFKA_OFFSET_END},          {"end", RD_KAFKA_OFFSET_END},
                 {"error", RD_KAFKA_OFFSET_INVALID}};
    dk__conf_info info;

    for (size_t i = 0; i < N(cases); i++) {
        dk_pair pairs[] = {GROUP, {"auto.offset.reset", cases[i].value}};

        rd_kafka_conf_destroy(must(DK__CONSUMER, pairs, N(pairs), &info));
        CHECK_EQ(info.reset_offset, cases[i].offset);
    }
    rd_kafka_conf_destroy(must(DK__CONSUMER, (dk_pair[]){GROUP}, 1, &info));
    CHECK_EQ(info.reset_offset, RD_KAFKA_OFFSET_END);
}

DK_TEST(conf_unknown_key_gets_the_nearest)
{
    static const struct {
        const char *wrong, *right;
    } cases[] = {
        {"auto.offset.rest", "auto.offset.reset"},
        {"bootstrap.server", "bootstrap.servers"},
        {"groupid", "group.id"},
        {"session_timeout_ms", "session.timeout.ms"},
        {"sesion.timeuot.ms", "session.timeout.ms"},
        {"Enable.Auto.Commit", "enable.auto.commit"},
        {"compresion.type", "compression.type"},
        {"sasl.mechanismus", "sasl.mechanisms"},
        {"message.timeout", "message.timeout.ms"},
        {"lingerms", "linger.ms"},
    };

    for (size_t i = 0; i < N(cases); i++) {
        dk_error err = refused_pair(DK__CONSUMER, cases[i].wrong, "x");
        char want[128];

        snprintf(want, sizeof want, "\"%s\" (librdkafka %s): did you mean \"%s\"?", cases[i].wrong,
                 rd_kafka_version_str(), cases[i].right);
        CHECK_CONTAINS(err.text, want);
    }
}

DK_TEST(conf_unknown_key_without_a_neighbour)
{
    char key[1000];
    dk_error err = refused_pair(DK__PRODUCER, "qqqqqqqqqq", "x");

    CHECK_CONTAINS(err.text, "unknown configuration key \"qqqqqqqqqq\"");
    CHECK(strstr(err.text, "did you mean") == NULL);
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    err = refused_pair(DK__PRODUCER, key, "x");
    CHECK_CONTAINS(err.text, "CONFIGURATION.md");
    err = refused_pair(DK__PRODUCER, "", "x");
    CHECK_CONTAINS(err.text, "pair 1 has no key");
    err = refused_pair(DK__PRODUCER, NULL, "x");
    CHECK_CONTAINS(err.text, "has no key");
}

DK_TEST(conf_key_of_a_newer_library)
{
    dk_error err;

    if (rd_kafka_version() >= 0x02040000)
        SKIP("this librdkafka knows the keys that the old one lacks");
    err = refused_pair(DK__CONSUMER, "group.protocol", "consumer");
    CHECK_CONTAINS(err.text, "\"group.protocol\" needs librdkafka 2.4.0");
    err = refused_pair(DK__CONSUMER, "https.ca.location", "/x");
    CHECK_CONTAINS(err.text, "\"https.ca.location\" needs a newer librdkafka");
    CHECK_CONTAINS(err.text, rd_kafka_version_str());
}

DK_TEST(conf_bad_value_names_all)
{
    dk_error err = refused_pair(DK__CONSUMER, "session.timeout.ms", "soon");

    CHECK_CONTAINS(err.text, "\"session.timeout.ms\"");
    CHECK_CONTAINS(err.text, "\"soon\"");
    err = refused_pair(DK__CONSUMER, "session.timeout.ms", "-5");
    CHECK_CONTAINS(err.text, "\"-5\"");
    CHECK_CONTAINS(err.text, "range");
    err = refused_pair(DK__PRODUCER, "compression.type", "zip");
    CHECK_CONTAINS(err.text, "\"zip\"");
}

DK_TEST(conf_producer_defaults)
{
    dk__conf_info info;
    rd_kafka_conf_t *conf = must(DK__PRODUCER, NULL, 0, &info);

    check_value(conf, "enable.idempotence", "true");
    check_value(conf, "acks", "-1");
    CHECK_EQ(info.message_timeout_ms, 300000);
    CHECK_EQ(info.max_message_bytes, 1000000);
    CHECK_EQ(info.queue_max_messages, 100000);
    rd_kafka_conf_destroy(conf);
}

DK_TEST(conf_producer_values_are_read)
{
    dk_pair pairs[] = {
        {"delivery.timeout.ms", "1234"}, {"message.max.bytes", "5000"}, {"queue.buffering.max.messages", "7"}};
    dk__conf_info info;
    rd_kafka_conf_t *conf = must(DK__PRODUCER, pairs, N(pairs), &info);

    CHECK_EQ(info.message_timeout_ms, 1234);
    CHECK_EQ(info.max_message_bytes, 5000);
    CHECK_EQ(info.queue_max_messages, 7);
    rd_kafka_conf_destroy(conf);
}

DK_TEST(conf_idempotence_gives_way)
{
    static const dk_pair off[] = {{"enable.idempotence", "false"},  {"acks", "1"},    {"request.required.acks", "0"},
                                  {"max.in.flight", "6"},           {"retries", "0"}, {"queuing.strategy", "lifo"},
                                  {"message.send.max.retries", "0"}};
    static const dk_pair on[] = {{"acks", "all"},        {"acks", "ALL"},  {"acks", "-1"},
                                 {"max.in.flight", "5"}, {"retries", "3"}, {"enable.idempotence", "true"},
                                 {"linger.ms", "1"}};
    dk__conf_info info;
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    dk_error err;

    for (size_t i = 0; i < N(off); i++) {
        conf = must(DK__PRODUCER, &off[i], 1, &info);
        check_value(conf, "enable.idempotence", "false");
        CHECK_OK_ERR(dk__client_new(DK__PRODUCER, conf, &rk, &err), &err);
        rd_kafka_destroy(rk);
    }
    for (size_t i = 0; i < N(on); i++) {
        conf = must(DK__PRODUCER, &on[i], 1, &info);
        check_value(conf, "enable.idempotence", "true");
        check_value(conf, "acks", "-1");
        CHECK_OK_ERR(dk__client_new(DK__PRODUCER, conf, &rk, &err), &err);
        rd_kafka_destroy(rk);
    }
}

/* With more, librdkafka can report messages as delivered that are nowhere. */
DK_TEST(conf_idempotent_producers_send_one_request_at_a_time)
{
    static const dk_pair off[] = {{"enable.idempotence", "false"}}, five[] = {{"max.in.flight", "5"}},
                         three[] = {{"max.in.flight.requests.per.connection", "3"}};
    dk__conf_info info;
    rd_kafka_conf_t *conf = must(DK__PRODUCER, NULL, 0, &info);

    check_value(conf, "max.in.flight", "1");
    rd_kafka_conf_destroy(conf);
    conf = must(DK__PRODUCER, off, 1, &info);
    check_value(conf, "max.in.flight", "1000000");
    rd_kafka_conf_destroy(conf);
    conf = must(DK__PRODUCER, five, 1, &info);
    check_value(conf, "max.in.flight", "5");
    rd_kafka_conf_destroy(conf);
    conf = must(DK__PRODUCER, three, 1, &info);
    check_value(conf, "max.in.flight", "3");
    rd_kafka_conf_destroy(conf);
}

DK_TEST(conf_contradiction_is_a_config_error)
{
    dk_pair pairs[] = {{"enable.idempotence", "true"}, {"acks", "1"}};
    dk__conf_info info;
    rd_kafka_conf_t *conf = must(DK__PRODUCER, pairs, 2, &info);
    rd_kafka_t *rk = NULL;
    dk_error err;

    CHECK_STATUS(dk__client_new(DK__PRODUCER, conf, &rk, &err), DK_ECONFIG);
    CHECK(rk == NULL);
    CHECK_CONTAINS(err.text, "acks");
    CHECK_CONTAINS(err.text, rd_kafka_version_str());
}

/* Neither configuring nor starting may write to the standard streams, which belong to the application. */
DK_TEST(conf_says_nothing_on_the_streams)
{
    dk_pair pairs[] = {GROUP, {"debug", "all"}, {"bootstrap.servers", "127.0.0.1:1"}, {"log_level", "7"}};
    char path[] = "/tmp/dk-conf-XXXXXX", said[256] = "";
    int fd = mkstemp(path), out = dup(1), errout = dup(2);
    dk__conf_info info;
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;

    CHECK(fd >= 0 && out >= 0 && errout >= 0);
    fflush(NULL);
    dup2(fd, 1);
    dup2(fd, 2);
    conf = must(DK__CONSUMER, pairs, N(pairs), &info);
    if (dk__client_new(DK__CONSUMER, conf, &rk, NULL) == DK_OK) {
        rd_kafka_poll(rk, 200);
        rd_kafka_destroy(rk);
    }
    fflush(NULL);
    dup2(out, 1);
    dup2(errout, 2);
    CHECK(pread(fd, said, sizeof said - 1, 0) >= 0);
    CHECK_STR(said, "");
    close(out);
    close(errout);
    close(fd);
    unlink(path);
}
