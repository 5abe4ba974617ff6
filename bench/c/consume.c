/* SPDX-License-Identifier: MIT
 *
 * The bare loop: librdkafka's own call per message, nothing around it. What it makes is what the library allows.
 *
 *     bench-consume BOOTSTRAP TOPIC GROUP MESSAGES [key=value ...]
 */
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Not ru_maxrss: that begins with what the parent had when it forked. */
static long
peak_kb(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;

    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    if (status != NULL)
        fclose(status);
    return kb;
}

static void
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char why[512];

    if (rd_kafka_conf_set(conf, key, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
}

static rd_kafka_t *
open_consumer(int argc, char **argv)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_t *rk;
    char why[512];

    set(conf, "bootstrap.servers", argv[1]);
    set(conf, "group.id", argv[3]);
    set(conf, "auto.offset.reset", "earliest");
    for (int i = 5; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (equals == NULL)
            exit(2);
        *equals = '\0';
        set(conf, argv[i], equals + 1);
    }
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (rk == NULL) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(rk, topics) != RD_KAFKA_RESP_ERR_NO_ERROR)
        exit(1);
    rd_kafka_topic_partition_list_destroy(topics);
    return rk;
}

int
main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: bench-consume BOOTSTRAP TOPIC GROUP MESSAGES [key=value ...]\n");
        return 2;
    }

    long wanted = atol(argv[4]), seen = 0;
    rd_kafka_t *rk = open_consumer(argc, argv);
    double start = 0, used = 0;
    uint64_t sum = 0;

    while (seen < wanted) {
        rd_kafka_message_t *msg = rd_kafka_consumer_poll(rk, 1000);

        if (msg == NULL)
            continue;
        if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (seen++ == 0) {
                start = now();
                used = cpu();
            }
            sum += msg->len > 0 ? ((const uint8_t *)msg->payload)[msg->len - 1] : 0;
        }
        rd_kafka_message_destroy(msg);
    }
    double seconds = now() - start;

    used = cpu() - used;
    printf("{\"messages\": %ld, \"seconds\": %.6f, \"cpu\": %.6f, \"peak\": %ld, \"librdkafka\": \"%s\", \"sum\": "
           "%llu}\n",
           wanted, seconds, used, peak_kb() * 1024, rd_kafka_version_str(), (unsigned long long)sum);
    fflush(stdout);
    _Exit(0);
}
