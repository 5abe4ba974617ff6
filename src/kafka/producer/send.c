/* SPDX-License-Identifier: MIT
 *
 * Records into librdkafka's queue, which copies them. This takes no lock of ours: a topic's handle is found in a
 * table that only grows, counters are atomic.
 */
#include "kafka/producer/internal.h"

#define MANY 128        /* records per rd_kafka_produce_batch() */
#define SIZE_SLACK 1024 /* closer than this to message.max.bytes librdkafka has to say whether a record fits */

/* ---- why a record was not taken -------------------------------------------------------------------------------- */

static dk_status
refuse_size(dk_producer *p, const dk_record *rec, dk_error *err)
{
    return dk__error_set(
        err, DK_EKAFKA,
        "a message of %zu bytes (key and value) for topic \"%s\" is larger than message.max.bytes=%d "
        "allows: raise that in the producer's configuration, and max.message.bytes of the topic",
        rec->key.n + rec->value.n, rec->topic, p->info.max_message_bytes);
}

static dk_status
refuse_fatal(dk_producer *p, dk_error *err)
{
    char why[320] = "";
    rd_kafka_resp_err_t rkerr = rd_kafka_fatal_error(p->rk, why, sizeof why);

    dk__error_set(err, DK_EFATAL, "this producer has failed for good, make a new one: %s", why);
    if (err != NULL) {
        err->kafka = rkerr;
        err->fatal = true;
    }
    return DK_EFATAL;
}

static rd_kafka_resp_err_t
fatal_error(const dk_producer *p)
{
    char why[8];

    return rd_kafka_fatal_error(p->rk, why, sizeof why);
}

static dk_status
refuse_full(dk_error *err, const char *what)
{
    dk__error_set(err, DK_EQUEUEFULL, "%s", what);
    if (err != NULL) {
        err->kafka = RD_KAFKA_RESP_ERR__QUEUE_FULL;
        err->retriable = true;
    }
    return DK_EQUEUEFULL;
}

static dk_status
refuse(dk_producer *p, const dk_record *rec, rd_kafka_resp_err_t rkerr, dk_error *err)
{
    dk_status st = DK_EKAFKA;

    switch (rkerr) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return refuse_full(err, "the producer's queue is full (queue.buffering.max.messages, "
                                "queue.buffering.max.kbytes): wait until some messages are delivered");
    case RD_KAFKA_RESP_ERR__FATAL:
        return refuse_fatal(p, err);
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        st = refuse_size(p, rec, err);
        break;
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        dk__error_set(err, st, "topic \"%s\" has no partition %d", rec->topic, (int)rec->partition);
        break;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        dk__error_set(err, st, "topic \"%s\" does not exist in the cluster, and brokers do not create it",
                      rec->topic);
        break;
    case RD_KAFKA_RESP_ERR__STATE:
        dk__error_set(err, st,
                      "message for topic \"%s\": a producer with a transactional.id sends within a transaction "
                      "only, begin one first",
                      rec->topic);
        break;
    default:
        if (rkerr == fatal_error(p)) /* librdkafka says what it was, not that it is the end */
            return refuse_fatal(p, err);
        dk__error_set(err, st, "message for topic \"%s\": %s", rec->topic, dk_kafka_err_text(rkerr));
        break;
    }
    if (err != NULL)
        err->kafka = rkerr;
    return st;
}

/* ---- one record ------------------------------------------------------------------------------------------------ */

static bool
is_slice(dk_slice s)
{
    return s.p != NULL || s.n == 0;
}

static dk_status
check_record(const dk_record *rec, dk_error *err)
{
    if (rec == NULL || rec->topic == NULL || rec->topic[0] == '\0')
        return dk__error_set(err, DK_EINVAL, "a message needs a topic");
    if (rec->partition < -1)
        return dk__error_set(err, DK_EINVAL,
                             "message for topic \"%.249s\": partition %d is neither one nor -1 (by key)", rec->topic,
                             (int)rec->partition);
    if (rec->timestamp < -1)
        return dk__error_set(err, DK_EINVAL, "message for topic \"%.249s\": timestamp %lld is before 1970",
                             rec->topic, (long long)rec->timestamp);
    if (!is_slice(rec->key) || !is_slice(rec->value) || (rec->n_headers > 0 && rec->headers == NULL))
        return dk__error_set(err, DK_EINVAL, "message for topic \"%.249s\": a length without bytes", rec->topic);
    return DK_OK;
}

/* Odd addresses are those of copies. */
static dk_status
check_opaque(const dk_record *rec, dk_error *err)
{
    if (dk__is_copy(rec->opaque))
        return dk__error_set(err, DK_EINVAL, "message for topic \"%.249s\": an opaque at an odd address", rec->topic);
    return DK_OK;
}

static void *
bytes(dk_slice s)
{
    union {
        const uint8_t *in;
        void *out;
    } u = {s.p}; /* librdkafka copies, though its argument is not const */

    return u.out;
}

static rd_kafka_resp_err_t
make_headers(const dk_record *rec, rd_kafka_headers_t **out)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(rec->n_headers);

    for (size_t i = 0; i < rec->n_headers; i++) {
        const dk_header *h = &rec->headers[i];
        rd_kafka_resp_err_t rkerr = RD_KAFKA_RESP_ERR__INVALID_ARG;

        if (h->name != NULL && is_slice(h->value))
            rkerr = rd_kafka_header_add(headers, h->name, -1, h->value.p, (ssize_t)h->value.n);
        if (rkerr != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(headers);
            return rkerr;
        }
    }
    *out = headers;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* The way for what rd_kafka_produce() has no argument for. */
static rd_kafka_resp_err_t
send_full(const dk__topic *t, const dk_producer *p, const dk_record *rec)
{
    rd_kafka_vu_t vus[8] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = t->rkt},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = rec->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {bytes(rec->value), rec->value.n}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {bytes(rec->key), rec->key.n}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = rec->timestamp},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = rec->opaque},
    };
    rd_kafka_headers_t *headers = NULL;
    rd_kafka_resp_err_t rkerr;
    rd_kafka_error_t *rderr;

    if (rec->n_headers > 0) {
        rkerr = make_headers(rec, &headers);
        if (rkerr != RD_KAFKA_RESP_ERR_NO_ERROR)
            return rkerr;
        vus[7].vtype = RD_KAFKA_VTYPE_HEADERS;
        vus[7].u.headers = headers;
    }
    rderr = rd_kafka_produceva(p->rk, vus, headers != NULL ? 8 : 7);
    if (rderr == NULL)
        return RD_KAFKA_RESP_ERR_NO_ERROR; /* the headers are librdkafka's now */
    rkerr = rd_kafka_error_code(rderr);
    rd_kafka_error_destroy(rderr);
    if (headers != NULL)
        rd_kafka_headers_destroy(headers);
    return rkerr;
}

static rd_kafka_resp_err_t
hand_over(const dk__topic *t, const dk_producer *p, const dk_record *rec)
{
    if (rec->n_headers > 0 || rec->timestamp != 0)
        return send_full(t, p, rec);
    if (rd_kafka_produce(t->rkt, rec->partition, RD_KAFKA_MSG_F_COPY, bytes(rec->value), rec->value.n, rec->key.p,
                         rec->key.n, rec->opaque) == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    return rd_kafka_last_error();
}

/* Send one; a queue that is found full is looked at twice, so that wait_room() knows since when. */
dk_status
dk__send_one(dk_producer *p, const dk__topic *t, const dk_record *rec, dk_error *err)
{
    rd_kafka_resp_err_t rkerr;

    atomic_fetch_add_explicit(&p->produced, 1, memory_order_relaxed);
    rkerr = hand_over(t, p, rec);
    if (rkerr == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        unsigned long long settled = atomic_load(&p->settled);

        rkerr = hand_over(t, p, rec);
        if (rkerr == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            atomic_store(&p->full_at, settled);
    }
    if (rkerr == RD_KAFKA_RESP_ERR_NO_ERROR)
        return DK_OK;
    atomic_fetch_sub_explicit(&p->produced, 1, memory_order_relaxed);
    return refuse(p, rec, rkerr, err);
}

bool
dk__reports_full(const dk_producer *p)
{
    return dk__events_reports(p->events) >= (size_t)p->info.queue_max_messages;
}

dk_status
dk__send_begin(dk_producer *p, const dk_record *rec, const dk__topic **t, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    if (st == DK_OK)
        st = check_record(rec, err);
    if (st == DK_OK && rec->opaque != NULL && dk__reports_full(p))
        return refuse_full(err, "as many delivery reports wait to be taken as the queue may hold messages "
                                "(queue.buffering.max.messages): take them first");
    return st == DK_OK ? dk__topics_get(&p->topics, p->rk, rec->topic, t, err) : st;
}

dk_status
dk_producer_produce(dk_producer *p, const dk_record *rec, dk_error *err)
{
    const dk__topic *t;
    dk_status st = dk__send_begin(p, rec, &t, err);

    if (st == DK_OK)
        st = check_opaque(rec, err);
    return st == DK_OK ? dk__send_one(p, t, rec, err) : st;
}

/* ---- many records ---------------------------------------------------------------------------------------------- */

typedef struct many {
    const dk_record *rec;
    const dk_slice *values, *keys;
    size_t n;
} many;

static dk_record
record_at(const many *m, size_t i)
{
    dk_record rec = *m->rec;

    rec.value = m->values[i];
    if (m->keys != NULL)
        rec.key = m->keys[i];
    return rec;
}

/* Whether a record can go with a batch: its size is no question. */
static bool
fits(const dk_producer *p, dk_slice key, dk_slice value)
{
    size_t limit = (size_t)p->info.max_message_bytes;

    return is_slice(key) && is_slice(value) && key.n < limit && value.n < limit &&
           key.n + value.n + SIZE_SLACK < limit;
}

/* Send as many as one batch takes from *i on; those sent are counted in *i. */
static void
send_batch(dk_producer *p, const dk__topic *t, const many *m, size_t *i)
{
    rd_kafka_message_t msgs[MANY];
    size_t n = 0, sent;

    for (; n < MANY && *i + n < m->n; n++) {
        dk_slice value = m->values[*i + n], key = m->keys != NULL ? m->keys[*i + n] : m->rec->key;

        if (!fits(p, key, value))
            break;
        msgs[n] = (rd_kafka_message_t){
            .payload = bytes(value), .len = value.n, .key = bytes(key), .key_len = key.n, ._private = m->rec->opaque};
    }
    if (n == 0)
        return;
    atomic_fetch_add_explicit(&p->produced, n, memory_order_relaxed);
    sent = (size_t)rd_kafka_produce_batch(t->rkt, m->rec->partition, RD_KAFKA_MSG_F_COPY, msgs, (int)n);
    *i += sent;
    atomic_fetch_sub_explicit(&p->produced, n - sent, memory_order_relaxed);
}

dk_status
dk_producer_produce_many(dk_producer *p, const dk_record *rec, const dk_slice *values, const dk_slice *keys, size_t n,
                         size_t *done, dk_error *err)
{
    many m = {rec, values, keys, n};
    const dk__topic *t;
    dk_status st = dk__send_begin(p, rec, &t, err);
    bool batches = st == DK_OK && rec->n_headers == 0 && rec->timestamp == 0;
    size_t i = 0;

    if (st == DK_OK)
        st = check_opaque(rec, err);

    while (st == DK_OK && i < n) {
        dk_record one;

        if (batches)
            send_batch(p, t, &m, &i);
        if (i == n)
            break;
        one = record_at(&m, i); /* it did not go with the batch: by itself it gets through or says why not */
        st = check_record(&one, err);
        if (st == DK_OK)
            st = dk__send_one(p, t, &one, err);
        i += st == DK_OK;
    }
    if (done != NULL)
        *done = i;
    return st;
}
