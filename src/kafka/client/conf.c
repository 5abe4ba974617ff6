/* SPDX-License-Identifier: MIT
 *
 * From configuration pairs to a rd_kafka_conf_t: the engine's defaults and forced values, what the engine itself has
 * to know, and errors that say which key is wrong and what to write instead. librdkafka parses the values.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "kafka/client/internal.h"

#define FETCH_BACKOFF_MS                                                                                             \
    "5" /* how long a fetch waits after the queue was full; librdkafka's second stalls a fast reader */

/* Keys that came after librdkafka 2.0.2, and the version that has them; a name that ends in '.' stands for a family.
 */
static const struct {
    const char *key;
    const char *since;
} newer_keys[] = {
    {"client.dns.lookup", "2.2.0"},
    {"fetch.queue.backoff.ms", "2.2.0"},
    {"retry.backoff.max.ms", "2.3.0"},
    {"group.protocol", "2.4.0"},
    {"group.remote.assignor", "2.4.0"},
    {"enable.metrics.push", "2.5.0"},
    {"metadata.recovery.strategy", "2.8.0"},
    {"metadata.recovery.rebootstrap.trigger.ms", "2.11.0"},
    {"https.ca.", NULL},
    {"sasl.oauthbearer.assertion.", NULL},
    {"sasl.oauthbearer.grant.type", NULL},
    {"sasl.oauthbearer.metadata.", NULL},
    {"sasl.oauthbearer.client.credentials.", NULL},
    {"sasl.oauthbearer.sub.claim.name", NULL},
};

/* ---- errors ---------------------------------------------------------------------------------------------------- */

static bool
find_newer(const char *key, const char **since)
{
    for (size_t i = 0; i < sizeof newer_keys / sizeof *newer_keys; i++) {
        size_t n = strlen(newer_keys[i].key);

        if (newer_keys[i].key[n - 1] == '.' ? strncmp(key, newer_keys[i].key, n) == 0
                                            : strcmp(key, newer_keys[i].key) == 0) {
            *since = newer_keys[i].since;
            return true;
        }
    }
    return false;
}

static dk_status
unknown_key(const char *key, dk_error *err)
{
    char nearest[DK__CONF_KEY_SIZE];
    const char *since;

    if (find_newer(key, &since))
        return dk__error_set(
            err, DK_ECONFIG,
            "configuration key \"%.100s\" needs %s%s: this process uses librdkafka %s. Install a newer one "
            "(confluent-kafka's wheel brings it along) or leave the key out",
            key, since != NULL ? "librdkafka " : "a newer librdkafka", since != NULL ? since : "",
            rd_kafka_version_str());
    if (dk__conf_nearest(key, nearest))
        return dk__error_set(err, DK_ECONFIG,
                             "unknown configuration key \"%s\" (librdkafka %s): did you mean \"%s\"?", key,
                             rd_kafka_version_str(), nearest);
    return dk__error_set(
        err, DK_ECONFIG,
        "unknown configuration key \"%.100s\" (librdkafka %s); its CONFIGURATION.md lists those there are", key,
        rd_kafka_version_str());
}

/* Values that must not get into a log by way of an error text. */
static bool
is_secret(const char *key)
{
    return strstr(key, "password") != NULL || strstr(key, "secret") != NULL || strstr(key, ".pem") != NULL ||
           strcmp(key, "sasl.oauthbearer.config") == 0 || strstr(key, "passphrase") != NULL ||
           strstr(key, "jaas") != NULL;
}

/* An address may have a password before its @. */
static bool
has_credentials(const char *value)
{
    return value != NULL && strchr(value, '@') != NULL;
}

static dk_status
bad_value(const char *key, const char *value, const char *why, dk_error *err)
{
    if (is_secret(key) || has_credentials(value))
        return dk__error_set(err, DK_ECONFIG, "configuration key \"%s\": its value is refused (librdkafka %s)", key,
                             rd_kafka_version_str());
    return dk__error_set(err, DK_ECONFIG, "configuration key \"%s\": value \"%.200s\" is refused: %s", key,
                         value != NULL ? value : "", why);
}

/* ---- pairs ----------------------------------------------------------------------------------------------------- */

static dk_status
set_pair(rd_kafka_conf_t *conf, const char *key, const char *value, dk_error *err)
{
    char why[256] = "";

    switch (rd_kafka_conf_set(conf, key, value, why, sizeof why)) {
    case RD_KAFKA_CONF_OK:
        return DK_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return unknown_key(key, err);
    default:
        return bad_value(key, value, why, err);
    }
}

/* The last value given for a key or one of its aliases (a list that ends with NULL); NULL if there is none. */
static const char *
find_value(const dk_pair *pairs, size_t n, const char *const *names)
{
    while (n-- > 0)
        for (const char *const *name = names; *name != NULL; name++)
            if (pairs[n].key != NULL && pairs[n].value != NULL && strcmp(pairs[n].key, *name) == 0)
                return pairs[n].value;
    return NULL;
}

#define VALUE(pairs, n, ...) find_value((pairs), (n), (const char *const[]){__VA_ARGS__, NULL})

/* What conf holds for a key, as librdkafka writes it. Keys of topics are unknown until one of them was set. */
static bool
get(const rd_kafka_conf_t *conf, const char *key, char *buf, size_t cap)
{
    return rd_kafka_conf_get(conf, key, buf, &cap) == RD_KAFKA_CONF_OK;
}

static int
get_int(const rd_kafka_conf_t *conf, const char *key, int otherwise)
{
    char buf[32];

    return get(conf, key, buf, sizeof buf) ? atoi(buf) : otherwise;
}

static bool
get_bool(const rd_kafka_conf_t *conf, const char *key, bool otherwise)
{
    char buf[32];

    return get(conf, key, buf, sizeof buf) ? strcmp(buf, "true") == 0 : otherwise;
}

static bool
contains(const rd_kafka_conf_t *conf, const char *key, const char *part)
{
    char buf[512];

    return get(conf, key, buf, sizeof buf) && strstr(buf, part) != NULL;
}

/* ---- what the engine wants ------------------------------------------------------------------------------------- */

/* The engine sets these itself; librdkafka knows them, so it cannot refuse. */
static dk_status
force(rd_kafka_conf_t *conf, const char *key, const char *value, dk_error *err)
{
    char why[256] = "";

    if (rd_kafka_conf_set(conf, key, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return DK_OK;
    return dk__error_set(err, DK_ELIBRARY, "librdkafka %s does not take %s=%s: %s", rd_kafka_version_str(), key,
                         value, why);
}

static void
set_consumer_defaults(rd_kafka_conf_t *conf)
{
    char why[1];

    /* Not in every version; where it is missing its absence costs only speed. */
    (void)rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", FETCH_BACKOFF_MS, why, sizeof why);
}

/* What is read ahead is the engine's to bound, for all partitions together. librdkafka itself keeps some responses,
 * or reading would stop each time one is taken. */
#define AHEAD_KBYTES 2048
#define AHEAD_MESSAGES 50000

static int
least(int a, int b)
{
    return a < b ? a : b;
}

static int
most(int a, int b)
{
    return a > b ? a : b;
}

static dk_status
force_int(rd_kafka_conf_t *conf, const char *key, int value, dk_error *err)
{
    char text[16];

    snprintf(text, sizeof text, "%d", value);
    return force(conf, key, text, err);
}

static dk_status
share_budget(rd_kafka_conf_t *conf, dk__conf_info *info, dk_error *err)
{
    int kbytes = get_int(conf, "queued.max.messages.kbytes", 65536),
        messages = get_int(conf, "queued.min.messages", 100000);
    int response = get_int(conf, "fetch.message.max.bytes", 1048576) / 1024;
    int rd_kbytes = least(most(AHEAD_KBYTES, 2 * response), most(kbytes / 2, 1));
    int rd_messages = least(AHEAD_MESSAGES, most(messages / 2, 1));
    dk_status st = force_int(conf, "queued.max.messages.kbytes", rd_kbytes, err);

    info->ahead_bytes = (size_t)most(kbytes - rd_kbytes, 1) * 1024;
    info->ahead_messages = (uint64_t)most(messages - rd_messages, 1);
    return st != DK_OK ? st : force_int(conf, "queued.min.messages", rd_messages, err);
}

static int64_t
reset_offset(const rd_kafka_conf_t *conf)
{
    static const char *const earliest[] = {"smallest", "earliest", "beginning"};
    char buf[32];

    if (!get(conf, "auto.offset.reset", buf, sizeof buf))
        return RD_KAFKA_OFFSET_END;
    for (size_t i = 0; i < sizeof earliest / sizeof *earliest; i++)
        if (strcmp(buf, earliest[i]) == 0)
            return RD_KAFKA_OFFSET_BEGINNING;
    return strcmp(buf, "error") == 0 ? RD_KAFKA_OFFSET_INVALID : RD_KAFKA_OFFSET_END;
}

static dk_status
finish_consumer(rd_kafka_conf_t *conf, dk__conf_info *info, dk_error *err)
{
    size_t size = 0; /* of the text and its NUL */
    dk_status st;

    info->has_group = rd_kafka_conf_get(conf, "group.id", NULL, &size) == RD_KAFKA_CONF_OK && size > 1;
    if (!info->has_group)
        return dk__error_set(
            err, DK_ECONFIG,
            "configuration key \"group.id\" is missing or empty: it names the group of consumers that "
            "share the partitions of their topics, and under it Kafka keeps how far they got; set it in "
            "the consumer's configuration, for example \"group.id\": \"order-service\"");
    info->auto_commit = get_bool(conf, "enable.auto.commit", true);
    info->auto_commit_interval_ms = get_int(conf, "auto.commit.interval.ms", 5000);
    info->max_poll_interval_ms = get_int(conf, "max.poll.interval.ms", 300000);
    info->session_timeout_ms = get_int(conf, "session.timeout.ms", 45000);
    info->partition_eof = get_bool(conf, "enable.partition.eof", false);
    info->consumer_protocol = contains(conf, "group.protocol", "consumer");
    info->reset_offset = reset_offset(conf);
    info->cooperative = info->consumer_protocol || contains(conf, "partition.assignment.strategy", "cooperative");
    st = force(conf, "enable.auto.commit", "false", err);
    if (st == DK_OK)
        st = force(conf, "enable.auto.offset.store", "false", err);
    return st != DK_OK ? st : share_budget(conf, info, err);
}

/* Settings with which an idempotent producer cannot be had; who writes them means them. */
static bool
rules_out_idempotence(const rd_kafka_conf_t *conf, const dk_pair *pairs, size_t n)
{
    bool acks = VALUE(pairs, n, "acks", "request.required.acks") != NULL;
    bool in_flight = VALUE(pairs, n, "max.in.flight", "max.in.flight.requests.per.connection") != NULL;
    bool retries = VALUE(pairs, n, "retries", "message.send.max.retries") != NULL;
    bool queuing = VALUE(pairs, n, "queuing.strategy") != NULL;

    /* What librdkafka has read, and not how it was spelt: "ALL" is all. */
    return (acks && !contains(conf, "acks", "all") && get_int(conf, "acks", -1) != -1) ||
           (in_flight && get_int(conf, "max.in.flight", 1) > 5) || (retries && get_int(conf, "retries", 1) < 1) ||
           (queuing && !contains(conf, "queuing.strategy", "fifo"));
}

/* With several requests on their way an idempotent librdkafka reports a refused one as delivered when the next one is
 * accepted, since brokers refuse gaps; but one that does not know this producer yet (a partition just got its leader)
 * accepts any, and the refused messages are nowhere. Seen with 2.16.0 on Kafka 4.4; confluent-kafka-go issue 921. */
#define ONE_IN_FLIGHT "1"

static dk_status
finish_producer(rd_kafka_conf_t *conf, const dk_pair *pairs, size_t n, dk__conf_info *info, dk_error *err)
{
    dk_status st = DK_OK;

    if (VALUE(pairs, n, "enable.idempotence") == NULL && !rules_out_idempotence(conf, pairs, n))
        st = force(conf, "enable.idempotence", "true", err);
    if (st == DK_OK && VALUE(pairs, n, "acks", "request.required.acks") == NULL)
        st = force(conf, "acks", "all", err);
    if (st == DK_OK && get_bool(conf, "enable.idempotence", false) &&
        VALUE(pairs, n, "max.in.flight", "max.in.flight.requests.per.connection") == NULL)
        st = force(conf, "max.in.flight", ONE_IN_FLIGHT, err);
    info->message_timeout_ms = get_int(conf, "message.timeout.ms", 300000);
    info->max_message_bytes = get_int(conf, "message.max.bytes", 1000000);
    info->queue_max_messages = get_int(conf, "queue.buffering.max.messages", 100000);
    if (info->queue_max_messages == 0)
        info->queue_max_messages = INT_MAX; /* librdkafka's "no limit" */
    return st;
}

/* SASL/OAUTHBEARER, whose tokens librdkafka does not get by itself? */
static bool
wants_tokens(const rd_kafka_conf_t *conf)
{
    char protocol[32], mechanism[64], method[32];

    return get(conf, "security.protocol", protocol, sizeof protocol) && strncmp(protocol, "sasl", 4) == 0 &&
           get(conf, "sasl.mechanisms", mechanism, sizeof mechanism) && strcmp(mechanism, "OAUTHBEARER") == 0 &&
           !get_bool(conf, "enable.sasl.oauthbearer.unsecure.jwt", false) &&
           (!get(conf, "sasl.oauthbearer.method", method, sizeof method) || strcmp(method, "oidc") != 0);
}

/* librdkafka's own log callback writes to stderr. */
static void
ignore_log(const rd_kafka_t *rk, int level, const char *fac, const char *buf)
{
    (void)rk;
    (void)level;
    (void)fac;
    (void)buf;
}

dk_status
dk__conf_new(dk__client kind, const dk_pair *pairs, size_t n, rd_kafka_conf_t **out, dk__conf_info *info,
             dk_error *err)
{
    dk_status st = dk_library_load(NULL, err);
    rd_kafka_conf_t *conf;

    if (st != DK_OK)
        return st;
    conf = rd_kafka_conf_new();
    if (conf == NULL)
        return dk__error_set(err, DK_ENOMEM, "configuration");
    rd_kafka_conf_set_log_cb(conf, ignore_log);
    memset(info, 0, sizeof *info);

    if (kind == DK__CONSUMER)
        set_consumer_defaults(conf);
    for (size_t i = 0; st == DK_OK && i < n; i++) {
        if (pairs[i].key == NULL || pairs[i].key[0] == '\0')
            st = dk__error_set(err, DK_ECONFIG, "configuration pair %zu has no key", i);
        else if (pairs[i].value != NULL)
            st = set_pair(conf, pairs[i].key, pairs[i].value, err);
    }
    if (st == DK_OK) /* a log queue that nobody serves would only grow */
        st = force(conf, "log.queue", "false", err);
    info->wants_tokens = wants_tokens(conf);
    info->token_config = VALUE(pairs, n, "sasl.oauthbearer.config");
    if (st == DK_OK)
        st = kind == DK__CONSUMER ? finish_consumer(conf, info, err) : finish_producer(conf, pairs, n, info, err);
    if (st != DK_OK) {
        rd_kafka_conf_destroy(conf);
        return st;
    }
    *out = conf;
    return DK_OK;
}

dk_status
dk__client_new(dk__client kind, rd_kafka_conf_t *conf, rd_kafka_t **out, dk_error *err)
{
    char why[400] = "";
    rd_kafka_resp_err_t rkerr;
    dk_status st;

    *out = rd_kafka_new(kind == DK__CONSUMER ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (*out != NULL)
        return DK_OK;
    rkerr = rd_kafka_last_error();
    rd_kafka_conf_destroy(conf);
    st = rkerr == RD_KAFKA_RESP_ERR__INVALID_ARG ? DK_ECONFIG : DK_EKAFKA;
    dk__error_set(err, st, "librdkafka %s refuses to make a %s: %s", rd_kafka_version_str(),
                  kind == DK__CONSUMER ? "consumer" : "producer", why);
    if (err != NULL)
        err->kafka = st == DK_EKAFKA ? (int)rkerr : 0;
    return st;
}
