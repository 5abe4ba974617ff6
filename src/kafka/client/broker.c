/* SPDX-License-Identifier: MIT
 *
 * The embedded broker: librdkafka's mock cluster, owned by a client instance that never connects anywhere.
 */
#include "dk/broker.h"
#include "kafka/client/internal.h"

struct dk_broker {
    dk__events *events; /* first, as for every client; here always NULL: its log goes nowhere */
    const dk_alloc *alloc;
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    int nodes;
    unsigned fork_generation;
};

static dk_status
start(dk_broker *b, dk_error *err)
{
    static const dk_pair plain = {"enable.idempotence", "false"}; /* nothing is ever produced by this client */
    rd_kafka_conf_t *conf;
    dk__conf_info info;
    dk_status st = dk__conf_new(DK__PRODUCER, &plain, 1, &conf, &info, err);

    if (st != DK_OK)
        return st;
    rd_kafka_conf_set_opaque(conf, b);
    dk__events_callbacks(conf, DK__PRODUCER);
    st = dk__client_new(DK__PRODUCER, conf, &b->rk, err);
    if (st != DK_OK)
        return st;
    b->cluster = rd_kafka_mock_cluster_new(b->rk, b->nodes);
    if (b->cluster == NULL)
        return dk__error_set(err, DK_EKAFKA, "the embedded broker could not open its %d port%s on 127.0.0.1",
                             b->nodes, b->nodes == 1 ? "" : "s");
    dk__rdk_mock_group_delay(b->cluster, 0); /* a developer waits for the first message, not for more members */
    return DK_OK;
}

dk_status
dk_broker_new(const dk_alloc *alloc, int nodes, dk_broker **out, dk_error *err)
{
    dk_broker *b;
    dk_status st;

    if (out == NULL || nodes < 1 || nodes > 100)
        return dk__error_set(err, DK_EINVAL, "an embedded broker has 1 to 100 nodes, not %d", nodes);
    b = dk__calloc(alloc, 1, sizeof *b);
    if (b == NULL)
        return dk__error_set(err, DK_ENOMEM, "embedded broker");
    b->alloc = dk__alloc_or_libc(alloc);
    b->nodes = nodes;
    b->fork_generation = dk__fork_generation();
    st = start(b, err);
    if (st != DK_OK) {
        dk_broker_free(b);
        return st;
    }
    *out = b;
    dk__error_clear(err);
    return DK_OK;
}

void
dk_broker_free(dk_broker *b)
{
    if (b == NULL || dk__forked(b->fork_generation))
        return;
    if (b->cluster != NULL)
        rd_kafka_mock_cluster_destroy(b->cluster);
    if (b->rk != NULL)
        rd_kafka_destroy(b->rk);
    dk__free(b->alloc, b);
}

const char *
dk_broker_bootstrap(const dk_broker *b)
{
    return b != NULL && !dk__forked(b->fork_generation) ? rd_kafka_mock_cluster_bootstraps(b->cluster) : "";
}

static dk_status
enter(const dk_broker *b, dk_error *err)
{
    if (b == NULL)
        return dk__error_set(err, DK_EINVAL, "no broker");
    if (dk__forked(b->fork_generation))
        return dk__error_set(err, DK_EFORKED, "the embedded broker belongs to the process that started it");
    dk__error_clear(err);
    return DK_OK;
}

dk_status
dk_broker_create_topic(dk_broker *b, const char *topic, int partitions, dk_error *err)
{
    dk_status st = enter(b, err);
    rd_kafka_resp_err_t rkerr;

    if (st != DK_OK)
        return st;
    if (topic == NULL || *topic == '\0' || strlen(topic) > DK__TOPIC_NAME_MAX || partitions < 1)
        return dk__error_set(err, DK_EINVAL,
                             "a topic needs a name of 1 to %d characters and a partition, not \"%.20s\" and %d",
                             DK__TOPIC_NAME_MAX, topic != NULL ? topic : "", partitions);
    rkerr = rd_kafka_mock_topic_create(b->cluster, topic, partitions, b->nodes < 3 ? b->nodes : 3);
    if (rkerr == RD_KAFKA_RESP_ERR_NO_ERROR)
        return DK_OK;
    dk__error_set(err, DK_EKAFKA, "topic \"%s\": %s", topic, dk_kafka_err_text(rkerr));
    if (err != NULL)
        err->kafka = rkerr;
    return DK_EKAFKA;
}

dk_status
dk_broker_push_errors(dk_broker *b, int16_t api_key, const int *kafka_errs, size_t n, dk_error *err)
{
    rd_kafka_resp_err_t *errs;
    dk_status st = enter(b, err);

    if (st != DK_OK)
        return st;
    if (kafka_errs == NULL && n > 0)
        return dk__error_set(err, DK_EINVAL, "no error numbers");
    errs = dk__calloc(b->alloc, n, sizeof *errs);
    if (errs == NULL)
        return dk__error_set(err, DK_ENOMEM, "error numbers");
    for (size_t i = 0; i < n; i++)
        errs[i] = (rd_kafka_resp_err_t)kafka_errs[i];
    rd_kafka_mock_push_request_errors_array(b->cluster, api_key, n, errs);
    dk__free(b->alloc, errs);
    return DK_OK;
}

dk_status
dk_broker_set_topic_error(dk_broker *b, const char *topic, int kafka_err, dk_error *err)
{
    dk_status st = enter(b, err);

    if (st != DK_OK)
        return st;
    if (topic == NULL || *topic == '\0')
        return dk__error_set(err, DK_EINVAL, "no topic");
    rd_kafka_mock_topic_set_error(b->cluster, topic, (rd_kafka_resp_err_t)kafka_err);
    return DK_OK;
}

static dk_status
enter_node(const dk_broker *b, int32_t node, dk_error *err)
{
    dk_status st = enter(b, err);

    if (st == DK_OK && (node < 1 || node > b->nodes))
        return dk__error_set(err, DK_EINVAL, "the nodes of this broker are 1 to %d, not %d", b->nodes, (int)node);
    return st;
}

dk_status
dk_broker_set_down(dk_broker *b, int32_t node, bool down, dk_error *err)
{
    dk_status st = enter_node(b, node, err);
    rd_kafka_resp_err_t rkerr;

    if (st != DK_OK)
        return st;
    rkerr = down ? rd_kafka_mock_broker_set_down(b->cluster, node) : rd_kafka_mock_broker_set_up(b->cluster, node);
    return rkerr == RD_KAFKA_RESP_ERR_NO_ERROR ? DK_OK : dk__kafka_error(err, rkerr, "node of the embedded broker");
}

dk_status
dk_broker_set_rtt(dk_broker *b, int32_t node, int rtt_ms, dk_error *err)
{
    dk_status st = enter_node(b, node, err);
    rd_kafka_resp_err_t rkerr;

    if (st != DK_OK)
        return st;
    if (rtt_ms < 0)
        return dk__error_set(err, DK_EINVAL, "a round trip takes 0 ms or more, not %d", rtt_ms);
    rkerr = rd_kafka_mock_broker_set_rtt(b->cluster, node, rtt_ms);
    return rkerr == RD_KAFKA_RESP_ERR_NO_ERROR ? DK_OK : dk__kafka_error(err, rkerr, "node of the embedded broker");
}
