/* SPDX-License-Identifier: MIT
 *
 * The configuration key that somebody meant: the nearest of those that this librdkafka knows.
 */
#include <ctype.h>

#include "kafka/client/internal.h"

/* Names to suggest that librdkafka does not dump, because they have no default or are an alias. */
static const char *const undumped_keys[] = {
    "acks",
    "bootstrap.servers",
    "client.rack",
    "compression.codec",
    "compression.type",
    "debug",
    "delivery.timeout.ms",
    "fetch.max.bytes",
    "group.id",
    "group.instance.id",
    "group.remote.assignor",
    "linger.ms",
    "max.in.flight",
    "max.partition.fetch.bytes",
    "message.timeout.ms",
    "plugin.library.paths",
    "request.timeout.ms",
    "retries",
    "sasl.kerberos.keytab",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.password",
    "sasl.username",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "ssl.curves.list",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.sigalgs.list",
    "transactional.id",
};

#define MAX_KEY (DK__CONF_KEY_SIZE - 1) /* longer names get no suggestion */

/* Edits (insert, delete, replace, swap of neighbours) from one name to the other; '_' and '.' count as the same. */
static unsigned
distance(const char *a, const char *b)
{
    unsigned rows[3][MAX_KEY + 2];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    size_t na = strlen(a), nb = strlen(b);

    for (size_t j = 0; j <= nb; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *spare = before;

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            char ca = a[i - 1] == '_' ? '.' : (char)tolower((unsigned char)a[i - 1]), cb = b[j - 1];
            unsigned best = above[j - 1] + (ca != cb);

            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 2] == cb && b[j - 2] == ca && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        before = above;
        above = row;
        row = spare;
    }
    return above[nb];
}

typedef struct nearest {
    const char *key; /* the unknown one */
    char best[MAX_KEY + 1];
    unsigned edits;
} nearest;

static void
consider(nearest *near, const char *candidate)
{
    unsigned edits;

    if (strlen(candidate) > MAX_KEY)
        return;
    edits = distance(near->key, candidate);
    if (edits >= near->edits)
        return;
    near->edits = edits;
    memcpy(near->best, candidate, strlen(candidate) + 1);
}

static void
consider_dump(nearest *near, const char **dump, size_t n)
{
    for (size_t i = 0; dump != NULL && i + 1 < n; i += 2) {
        const char *end = dump[i] + strlen(dump[i]);

        if (end - dump[i] < 3 || strcmp(end - 3, "_cb") != 0)
            consider(near, dump[i]);
    }
    if (dump != NULL)
        rd_kafka_conf_dump_free(dump, n);
}

bool
dk__conf_nearest(const char *key, char out[DK__CONF_KEY_SIZE])
{
    nearest near = {.key = key, .edits = (unsigned)strlen(key) / 3 + 1};
    rd_kafka_topic_conf_t *topic_conf;
    rd_kafka_conf_t *conf;
    size_t n;
    const char **dump;

    if (strlen(key) > MAX_KEY)
        return false;
    conf = rd_kafka_conf_new();
    topic_conf = rd_kafka_topic_conf_new();
    dump = rd_kafka_conf_dump(conf, &n);
    consider_dump(&near, dump, n);
    dump = rd_kafka_topic_conf_dump(topic_conf, &n);
    consider_dump(&near, dump, n);
    for (size_t i = 0; i < sizeof undumped_keys / sizeof *undumped_keys; i++)
        if (rd_kafka_conf_set(conf, undumped_keys[i], NULL, NULL, 0) != RD_KAFKA_CONF_UNKNOWN)
            consider(&near, undumped_keys[i]);
    rd_kafka_topic_conf_destroy(topic_conf);
    rd_kafka_conf_destroy(conf);
    memcpy(out, near.best, sizeof near.best);
    return near.best[0] != '\0';
}
