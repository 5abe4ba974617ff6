/* SPDX-License-Identifier: MIT
 *
 * What librdkafka calls: each of its callbacks puts an event into the client's queue.
 */
#include "kafka/client/internal.h"

static dk__events *
events_of(void *opaque)
{
    return opaque != NULL ? *(dk__events **)opaque : NULL;
}

/* Called from any thread of librdkafka, also while rd_kafka_new() is at work. */
static void
on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
    dk__events *q = rk != NULL ? events_of(rd_kafka_opaque(rk)) : NULL;

    if (q == NULL)
        return;
    if (!dk__events_hushed(q) || strcmp(fac, "FAIL") != 0 || strstr(text, "GroupCoordinator") == NULL)
        dk__events_push_log(q, level, fac, text);
}

/* A fatal error is told as itself, not as "a fatal error was raised". */
static void
push_client_error(dk__events *q, rd_kafka_t *rk, int rkerr, bool fatal, const char *reason)
{
    char text[512];

    if (!fatal && rkerr != RD_KAFKA_RESP_ERR__FATAL) {
        dk__events_push_error(q, rkerr, false, reason);
        return;
    }
    rkerr = rd_kafka_fatal_error(rk, text, sizeof text);
    dk__events_push_error(q, rkerr, true, text);
}

static void
on_error(rd_kafka_t *rk, int rkerr, const char *reason, void *opaque)
{
    dk__events *q = events_of(opaque);

    if (q != NULL)
        push_client_error(q, rk, rkerr, false, reason);
}

static int
on_stats(rd_kafka_t *rk, char *json, size_t n, void *opaque)
{
    dk__events *q = events_of(opaque);

    (void)rk;
    (void)n;
    if (q != NULL)
        dk__events_push_text(q, DK_EVENT_STATS, json, 0, -1);
    return 0; /* librdkafka frees json */
}

static void
on_throttle(rd_kafka_t *rk, const char *broker, int32_t broker_id, int throttle_ms, void *opaque)
{
    dk__events *q = events_of(opaque);

    (void)rk;
    if (q != NULL)
        dk__events_push_text(q, DK_EVENT_THROTTLE, broker, throttle_ms, broker_id);
}

void
dk__events_callbacks(rd_kafka_conf_t *conf, dk__client kind)
{
    (void)kind;
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    rd_kafka_conf_set_throttle_cb(conf, on_throttle);
}

void
dk__events_push_rd_event(dk__events *q, rd_kafka_t *rk, rd_kafka_event_t *rkev)
{
    const char *fac, *text;
    int level;

    switch (rd_kafka_event_type(rkev)) {
    case RD_KAFKA_EVENT_ERROR:
        push_client_error(q, rk, rd_kafka_event_error(rkev), rd_kafka_event_error_is_fatal(rkev) != 0,
                          rd_kafka_event_error_string(rkev));
        break;
    case RD_KAFKA_EVENT_STATS:
        dk__events_push_text(q, DK_EVENT_STATS, rd_kafka_event_stats(rkev), 0, -1);
        break;
    case RD_KAFKA_EVENT_LOG:
        if (rd_kafka_event_log(rkev, &fac, &text, &level) == 0)
            dk__events_push_log(q, level, fac, text);
        break;
    default:
        break;
    }
}
