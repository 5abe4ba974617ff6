/* SPDX-License-Identifier: MIT
 *
 * Topics of the cluster, made and described through a producer's connection.
 */
#include <stdio.h>
#include <time.h>

#include "dk/topics.h"
#include "kafka/producer/internal.h"

#define DEFAULT_TIMEOUT_MS 60000
#define LOOK_AGAIN_MS 20
#define ANSWER_MS 2000 /* the answer may come that much later than the request's own time limit */

/* ---- making ---------------------------------------------------------------------------------------------------- */

static dk_status
check_spec(const dk_topic_spec *spec, dk_error *err)
{
    if (spec == NULL || !dk__is_topic_name(spec->name))
        return dk__error_set(
            err, DK_EINVAL,
            "\"%.100s\" is no name for a topic: it has 1 to %d letters, digits, dots, underscores and dashes, and "
            "is not \".\" or \"..\"",
            spec != NULL && spec->name != NULL ? spec->name : "", DK__TOPIC_NAME_MAX);
    if (spec->partitions == 0 || spec->partitions < -1)
        return dk__error_set(err, DK_EINVAL,
                             "topic \"%s\" cannot have %d partitions: 1 or more, or -1 for the broker's default",
                             spec->name, (int)spec->partitions);
    if (spec->replication == 0 || spec->replication < -1)
        return dk__error_set(
            err, DK_EINVAL,
            "topic \"%s\" cannot have a replication factor of %d: 1 or more, or -1 for the broker's default",
            spec->name, (int)spec->replication);
    for (size_t i = 0; i < spec->n_config; i++)
        if (spec->config[i].key == NULL || spec->config[i].key[0] == '\0')
            return dk__error_set(err, DK_EINVAL, "topic \"%s\": setting %zu has no name", spec->name, i);
    return DK_OK;
}

static dk_status
make_request(const dk_topic_spec *spec, rd_kafka_NewTopic_t **out, dk_error *err)
{
    char why[256] = "";
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(spec->name, spec->partitions, spec->replication, why, sizeof why);

    if (topic == NULL)
        return dk__error_set(err, DK_EINVAL, "topic \"%s\": %s", spec->name, why);
    for (size_t i = 0; i < spec->n_config; i++) {
        const dk_pair *pair = &spec->config[i];
        rd_kafka_resp_err_t rkerr;

        if (pair->value == NULL)
            continue;
        rkerr = rd_kafka_NewTopic_set_config(topic, pair->key, pair->value);
        if (rkerr != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_NewTopic_destroy(topic);
            return dk__kafka_error(err, rkerr, "setting of a new topic");
        }
    }
    *out = topic;
    return DK_OK;
}

/* What the one who reads the error can do about it. */
static const char *
advice(rd_kafka_resp_err_t rkerr)
{
    switch (rkerr) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "; let the client's principal create topics, or create it by hand";
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
        return "; the replication factor must not be larger than the number of brokers";
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        return "; create it by hand";
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return "; no broker answered in time, it may have been created all the same";
    default:
        return "";
    }
}

static bool
is_timeout(rd_kafka_resp_err_t rkerr)
{
    return rkerr == RD_KAFKA_RESP_ERR__TIMED_OUT || rkerr == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
           rkerr == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

static dk_status
not_created(const dk_topic_spec *spec, rd_kafka_resp_err_t rkerr, const char *text, dk_error *err)
{
    dk_status st = is_timeout(rkerr) ? DK_ETIMEOUT : DK_EKAFKA;

    dk__error_set(err, st, "topic \"%s\" (partitions %d, replication factor %d) could not be created: %.200s%s",
                  spec->name, (int)spec->partitions, (int)spec->replication,
                  text != NULL && *text != '\0' ? text : dk_kafka_err_text(rkerr), advice(rkerr));
    if (err != NULL) {
        err->kafka = rkerr;
        err->retriable =
            st == DK_ETIMEOUT || rkerr == RD_KAFKA_RESP_ERR__TRANSPORT || rkerr == RD_KAFKA_RESP_ERR_NOT_CONTROLLER;
    }
    return st;
}

/* The answer to the one topic of the request. */
static dk_status
read_answer(rd_kafka_event_t *rkev, const dk_topic_spec *spec, bool *created, dk_error *err)
{
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(rkev);
    const rd_kafka_topic_result_t **topics = NULL;
    rd_kafka_resp_err_t rkerr = rd_kafka_event_error(rkev);
    size_t n = 0;

    if (rkerr != RD_KAFKA_RESP_ERR_NO_ERROR)
        return not_created(spec, rkerr, rd_kafka_event_error_string(rkev), err);
    if (result != NULL)
        topics = rd_kafka_CreateTopics_result_topics(result, &n);
    if (n == 0)
        return not_created(spec, RD_KAFKA_RESP_ERR__BAD_MSG, NULL, err);
    rkerr = rd_kafka_topic_result_error(topics[0]);
    *created = rkerr == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (*created || rkerr == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return DK_OK;
    return not_created(spec, rkerr, rd_kafka_topic_result_error_string(topics[0]), err);
}

static dk_status
set_timeouts(rd_kafka_AdminOptions_t *options, int timeout_ms, dk_error *err)
{
    char why[256] = "";
    rd_kafka_resp_err_t rkerr = rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof why);

    if (rkerr == RD_KAFKA_RESP_ERR_NO_ERROR) /* the broker answers when the topic is there */
        rkerr = rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, why, sizeof why);
    if (rkerr == RD_KAFKA_RESP_ERR_NO_ERROR)
        return DK_OK;
    return dk__error_set(err, DK_EINVAL, "a time limit of %d ms for a new topic: %s", timeout_ms, why);
}

static dk_status
ask(rd_kafka_t *rk, rd_kafka_NewTopic_t *topic, const dk_topic_spec *spec, int timeout_ms, bool *created,
    dk_error *err)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_event_t *rkev;
    dk_status st = set_timeouts(options, timeout_ms, err);

    if (st == DK_OK) {
        rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
        rkev = rd_kafka_queue_poll(queue, timeout_ms + ANSWER_MS);
        if (rkev != NULL) {
            st = read_answer(rkev, spec, created, err);
            rd_kafka_event_destroy(rkev);
        } else {
            st = not_created(spec, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, err);
        }
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return st;
}

/* ---- describing ------------------------------------------------------------------------------------------------ */

static void
describe(const dk_meta_topic *topic, dk_topic_info *out)
{
    size_t least = topic->n_partitions > 0 ? topic->partitions[0].n_replicas : 0;

    for (size_t i = 1; i < topic->n_partitions; i++)
        if (topic->partitions[i].n_replicas < least)
            least = topic->partitions[i].n_replicas;
    *out = (dk_topic_info){true, (int32_t)topic->n_partitions, (int16_t)least};
}

/* What the cluster's list of topics says of one. */
static dk_status
find_topic(const dk_metadata *meta, const char *name, dk_topic_info *out, dk_error *err)
{
    for (size_t i = 0; i < meta->n_topics; i++) {
        const dk_meta_topic *topic = &meta->topics[i];

        if (strcmp(topic->name, name) != 0 || topic->kafka_err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            continue;
        if (topic->kafka_err != 0 && topic->n_partitions == 0) {
            dk__error_set(err, DK_EKAFKA, "topic \"%.249s\": %s", name, dk_kafka_err_text(topic->kafka_err));
            if (err != NULL)
                err->kafka = topic->kafka_err;
            return DK_EKAFKA;
        }
        describe(topic, out);
        break;
    }
    return DK_OK;
}

static dk_status
describe_topic(const dk_alloc *alloc, rd_kafka_t *rk, const char *name, int timeout_ms, dk_topic_info *out,
               dk_error *err)
{
    dk_metadata *meta = NULL;
    dk_status st;

    if (name == NULL || *name == '\0' || out == NULL)
        return dk__error_set(err, DK_EINVAL, "a topic to describe needs a name, and its description a place");
    *out = (dk_topic_info){false, 0, 0};
    st = dk__metadata(alloc, rk, NULL, timeout_ms < 0 ? DEFAULT_TIMEOUT_MS : timeout_ms, &meta, err);
    if (st == DK_OK)
        st = find_topic(meta, name, out, err);
    dk_metadata_free(meta);
    return st;
}

/* ---- making one that is not there --------------------------------------------------------------------------------
 */

/* The embedded broker names a controller that it does not have; a request for a topic would wait for it in vain. */
static bool
is_embedded(const dk_metadata *meta)
{
    for (size_t i = 0; i < meta->n_brokers; i++)
        if (meta->brokers[i].id == meta->controller_id)
            return false;
    return meta->cluster_id != NULL && strncmp(meta->cluster_id, "mockCluster", 11) == 0;
}

/* It makes a topic, with its own number of partitions, when a producer asks for it by name. */
static dk_status
make_by_asking(const dk_alloc *alloc, rd_kafka_t *rk, const dk_topic_spec *spec, int timeout_ms, bool *created,
               dk_error *err)
{
    dk_metadata *meta = NULL;
    dk_status st;

    st = dk__metadata(alloc, rk, spec->name, timeout_ms, &meta, err);
    *created = st == DK_OK;
    dk_metadata_free(meta);
    return st;
}

/* A broker hears of a topic a little later than the controller that made it. Out of time or luck is no failure here.
 */
static void
wait_until_seen(const dk_alloc *alloc, rd_kafka_t *rk, const char *name, int64_t deadline)
{
    dk_topic_info info = {false, 0, 0};

    while (describe_topic(alloc, rk, name, dk__left_ms(deadline, -1), &info, NULL) == DK_OK && !info.exists &&
           dk__left_ms(deadline, -1) > 0)
        nanosleep(&(struct timespec){.tv_nsec = LOOK_AGAIN_MS * 1000000L}, NULL);
}

static dk_status
request(const dk_alloc *alloc, rd_kafka_t *rk, const dk_topic_spec *spec, int64_t deadline, bool *created,
        dk_error *err)
{
    rd_kafka_NewTopic_t *topic = NULL;
    dk_status st = make_request(spec, &topic, err);

    if (st != DK_OK)
        return st;
    st = ask(rk, topic, spec, dk__left_ms(deadline, -1), created, err);
    rd_kafka_NewTopic_destroy(topic);
    if (st == DK_OK)
        wait_until_seen(alloc, rk, spec->name, deadline);
    return st;
}

/* Look first: one that exists needs no permission to create it. */
static dk_status
create_topic(const dk_alloc *alloc, rd_kafka_t *rk, const dk_topic_spec *spec, int timeout_ms, bool *created,
             dk_error *err)
{
    int64_t deadline = dk__deadline_ms(timeout_ms < 0 ? DEFAULT_TIMEOUT_MS : timeout_ms);
    dk_metadata *meta = NULL;
    dk_topic_info info = {false, 0, 0};
    bool ignored, embedded = false;
    dk_status st = check_spec(spec, err);

    if (created == NULL)
        created = &ignored;
    *created = false;
    if (st != DK_OK)
        return st;
    st = dk__metadata(alloc, rk, NULL, dk__left_ms(deadline, -1), &meta, err);
    if (st == DK_EKAFKA)
        return not_created(spec, err != NULL ? (rd_kafka_resp_err_t)err->kafka : RD_KAFKA_RESP_ERR__TRANSPORT, NULL,
                           err);
    if (st == DK_OK) {
        st = find_topic(meta, spec->name, &info, err);
        embedded = is_embedded(meta);
        dk_metadata_free(meta);
    }
    if (st != DK_OK || info.exists)
        return st;
    return embedded ? make_by_asking(alloc, rk, spec, dk__left_ms(deadline, -1), created, err)
                    : request(alloc, rk, spec, deadline, created, err);
}

/* ---- by a producer's connection -------------------------------------------------------------------------------- */

dk_status
dk_producer_create_topic(dk_producer *p, const dk_topic_spec *spec, int timeout_ms, bool *created, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? create_topic(p->alloc, p->rk, spec, timeout_ms, created, err) : st;
}

dk_status
dk_producer_describe_topic(dk_producer *p, const char *topic, int timeout_ms, dk_topic_info *out, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? describe_topic(p->alloc, p->rk, topic, timeout_ms, out, err) : st;
}
