/* SPDX-License-Identifier: MIT
 *
 * The producer. Callers hand records straight to librdkafka; a thread of the producer's own serves the main queue,
 * counts delivery reports and queues those that somebody waits for, so nothing piles up when nobody polls.
 *
 * The hot path takes no lock of ours: a topic's handle is found in a table that only grows, counters are atomic.
 * Reports of messages without an opaque are counted and forgotten; others are copied, so librdkafka's messages are
 * always free again before anybody takes an event (flush and transactions wait for just that).
 */
#include <limits.h>
#include <signal.h>
#include <time.h>

#include "kafka/client/internal.h"

#define BUCKETS 64      /* of the table of topics */
#define MANY 128        /* records per rd_kafka_produce_batch() */
#define SIZE_SLACK 1024 /* closer than this to message.max.bytes librdkafka has to say whether a record fits */
#define RETRY_MS 10     /* between two tries to get memory for reports */
#define POLL_MS 1000    /* the service thread is woken to quit; this is only its longest sleep */
#define FLUSH_SLICE_MS 1000
#define GIVE_UP_MS 5000  /* how long freeing waits for the reports of what it has purged */
#define ROOM_SLICE_MS 50 /* several threads may wait for room, the pipe wakes one of them */

typedef struct known_topic {
    struct known_topic *next;
    rd_kafka_topic_t *rkt;
    char name[];
} known_topic;

struct dk_producer {
    dk__events *events; /* first: librdkafka's callbacks find it through the opaque */
    const dk_alloc *alloc;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    dk__conf_info info;
    unsigned fork_generation;

    pthread_t thread;
    bool thread_started;
    bool room_wake_made, event_wake_made;
    atomic_bool quit;
    dk__wake room_wake, event_wake;
    atomic_uint room_waiters;
    atomic_ullong full_at; /* what `settled` was when the queue was found full */

    pthread_mutex_t topics_lock; /* for adding; finding needs none */
    _Atomic(known_topic *) last;
    _Atomic(known_topic *) topics[BUCKETS];

    char pad1[64]; /* what callers write and what the service thread writes are on different cache lines */
    atomic_ullong produced;
    char pad2[64];
    atomic_ullong delivered, failed;
    atomic_ullong reported; /* of those, the ones whose report is queued if somebody waits for it */
    atomic_ullong settled;  /* of those, the ones whose memory librdkafka has back */
    atomic_size_t copies;   /* forwarded, not reported */
};

/* ---- the service thread ---------------------------------------------------------------------------------------- */

static void
reject_copies(const rd_kafka_message_t *const *msgs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dk__is_copy(msgs[i]->_private) && msgs[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            dk_ticket ticket = dk__copy_ticket(msgs[i]->_private);

            dk_ticket_reject(&ticket, 0);
        }
    }
}

/* Queue the reports somebody waits for. Without memory, wait for some: an opaque must come back. */
static void
queue_reports(dk_producer *p, const rd_kafka_message_t *const *msgs, size_t n)
{
    while (!dk__events_push_deliveries(p->events, msgs, n)) {
        if (atomic_load(&p->quit)) {
            reject_copies(msgs, n);
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
    }
}

static size_t
serve_reports(dk_producer *p, rd_kafka_event_t *rkev)
{
    const rd_kafka_message_t *msgs[DK__EVENTS_MAX_REPORTS];
    size_t n, total = 0;

    while ((n = rd_kafka_event_message_array(rkev, msgs, DK__EVENTS_MAX_REPORTS)) > 0) {
        size_t failed = 0, wanted = 0, copies = 0;

        for (size_t i = 0; i < n; i++) {
            bool is_failed = msgs[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR, is_copy = dk__is_copy(msgs[i]->_private);

            failed += is_failed;
            copies += is_copy;
            if (is_copy && !is_failed)
                dk__copy_confirmed(msgs[i]->_private);
            else
                wanted += msgs[i]->_private != NULL;
        }
        atomic_fetch_add_explicit(&p->failed, failed, memory_order_relaxed);
        atomic_fetch_add_explicit(&p->delivered, n - failed, memory_order_relaxed);
        if (wanted + failed > 0)
            queue_reports(p, msgs, n);
        atomic_fetch_sub(&p->copies, copies);
        atomic_fetch_add(&p->reported, n);
        total += n;
    }
    return total;
}

static void
serve(dk_producer *p, rd_kafka_event_t *rkev)
{
    size_t n = 0;

    if (rd_kafka_event_type(rkev) == RD_KAFKA_EVENT_DR)
        n = serve_reports(p, rkev);
    else
        dk__events_push_rd_event(p->events, p->rk, rkev);
    rd_kafka_event_destroy(rkev);
    if (n == 0)
        return;
    atomic_fetch_add(&p->settled, n);
    if (atomic_load(&p->room_waiters) > 0)
        dk__wake_raise(&p->room_wake);
}

static void *
service_main(void *arg)
{
    dk_producer *p = arg;

    while (!atomic_load_explicit(&p->quit, memory_order_relaxed)) {
        rd_kafka_event_t *rkev = rd_kafka_queue_poll(p->queue, POLL_MS);

        if (rkev != NULL)
            serve(p, rkev);
    }
    return NULL;
}

/* Signals are for the threads of the application. */
static dk_status
start_thread(dk_producer *p, dk_error *err)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&p->thread, NULL, service_main, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return dk__error_set(err, DK_ENOMEM, "the producer's thread could not be started (error %d)", rc);
    p->thread_started = true;
    return DK_OK;
}

static void
stop_thread(dk_producer *p)
{
    if (!p->thread_started)
        return;
    atomic_store(&p->quit, true);
    rd_kafka_queue_yield(p->queue);
    pthread_join(p->thread, NULL);
    p->thread_started = false;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void
on_event(void *ctx)
{
    dk_producer *p = ctx;

    dk__wake_raise(&p->event_wake);
}

static dk_status
init(dk_producer *p, const dk_pair *pairs, size_t n_pairs, dk_error *err)
{
    rd_kafka_conf_t *conf;
    dk_status st = dk__events_new(p->alloc, &p->events);

    if (st != DK_OK)
        return dk__error_set(err, st, "producer");
    st = dk__wake_init(&p->room_wake, err);
    if (st != DK_OK)
        return st;
    p->room_wake_made = true;
    st = dk__wake_init(&p->event_wake, err);
    if (st != DK_OK)
        return st;
    p->event_wake_made = true;
    dk__events_notify(p->events, on_event, p);

    st = dk__conf_new(DK__PRODUCER, pairs, n_pairs, &conf, &p->info, err);
    if (st != DK_OK)
        return st;
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
    dk__events_callbacks(conf, DK__PRODUCER);
    st = dk__client_new(DK__PRODUCER, conf, &p->rk, err);
    if (st != DK_OK)
        return st;
    p->queue = rd_kafka_queue_get_main(p->rk);
    return start_thread(p, err);
}

dk_status
dk_producer_new(const dk_alloc *alloc, const dk_pair *pairs, size_t n_pairs, dk_producer **out, dk_error *err)
{
    dk_producer *p;
    dk_status st;

    if (out == NULL || (pairs == NULL && n_pairs > 0))
        return dk__error_set(err, DK_EINVAL, "dk_producer_new() without a place for the result or without pairs");
    p = dk__calloc(alloc, 1, sizeof *p);
    if (p == NULL)
        return dk__error_set(err, DK_ENOMEM, "producer");
    p->alloc = dk__alloc_or_libc(alloc);
    p->fork_generation = dk__fork_generation();
    atomic_store(&p->full_at, UINT64_MAX);
    pthread_mutex_init(&p->topics_lock, NULL);
    st = init(p, pairs, n_pairs, err);
    if (st != DK_OK) {
        dk_producer_free(p);
        return st;
    }
    *out = p;
    dk__error_clear(err);
    return DK_OK;
}

static void
free_topics(dk_producer *p)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        known_topic *t = atomic_load(&p->topics[i]);

        while (t != NULL) {
            known_topic *next = t->next;

            rd_kafka_topic_destroy(t->rkt);
            dk__free(p->alloc, t);
            t = next;
        }
    }
}

/* Tickets must come back: what librdkafka forgets when it is destroyed it does not report. */
static void
give_up_copies(dk_producer *p)
{
    int64_t deadline = dk__deadline_ms(GIVE_UP_MS);

    if (atomic_load(&p->copies) == 0)
        return;
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (atomic_load(&p->copies) > 0 && dk__left_ms(deadline, -1) > 0) {
        rd_kafka_event_t *rkev = rd_kafka_queue_poll(p->queue, dk__left_ms(deadline, -1));

        if (rkev != NULL)
            serve(p, rkev);
    }
}

void
dk_producer_free(dk_producer *p)
{
    if (p == NULL || dk__forked(p->fork_generation))
        return; /* in a child the threads that could give things back do not exist */
    stop_thread(p);
    give_up_copies(p);
    free_topics(p);
    if (p->queue != NULL)
        rd_kafka_queue_destroy(p->queue);
    if (p->rk != NULL)
        rd_kafka_destroy(p->rk);
    dk__events_free(p->events);
    if (p->room_wake_made)
        dk__wake_fini(&p->room_wake);
    if (p->event_wake_made)
        dk__wake_fini(&p->event_wake);
    pthread_mutex_destroy(&p->topics_lock);
    dk__free(p->alloc, p);
}

dk_status
dk__producer_enter(const dk_producer *p, dk_error *err)
{
    if (p == NULL)
        return dk__error_set(err, DK_EINVAL, "no producer");
    if (dk__forked(p->fork_generation))
        return dk__error_set(err, DK_EFORKED,
                             "this producer was made before fork(): make a new one in the child process");
    return DK_OK;
}

rd_kafka_t *
dk__producer_rk(const dk_producer *p)
{
    return p->rk;
}

const dk_alloc *
dk__producer_alloc(const dk_producer *p)
{
    return p->alloc;
}

/* ---- topics ---------------------------------------------------------------------------------------------------- */

static size_t
bucket_of(const char *name)
{
    uint32_t h = 2166136261u;

    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return (h ^ (h >> 16)) % BUCKETS;
}

static known_topic *
find_topic(dk_producer *p, size_t bucket, const char *name)
{
    known_topic *t = atomic_load_explicit(&p->topics[bucket], memory_order_acquire);

    while (t != NULL && strcmp(t->name, name) != 0)
        t = t->next;
    return t;
}

static dk_status
make_topic(dk_producer *p, const char *name, known_topic **out, dk_error *err)
{
    size_t n = strlen(name);
    known_topic *t = n <= 249 ? dk__malloc(p->alloc, sizeof *t + n + 1) : NULL;

    if (n > 249)
        return dk__error_set(err, DK_EINVAL, "a topic's name has at most 249 characters, \"%.20s...\" has %zu", name,
                             n);
    if (t == NULL)
        return dk__error_set(err, DK_ENOMEM, "topic \"%s\"", name);
    memcpy(t->name, name, n + 1);
    t->rkt = rd_kafka_topic_new(p->rk, name, NULL);
    if (t->rkt == NULL) {
        dk__free(p->alloc, t);
        return dk__kafka_error(err, rd_kafka_last_error(), "topic");
    }
    *out = t;
    return DK_OK;
}

static dk_status
add_topic(dk_producer *p, size_t bucket, const char *name, known_topic **out, dk_error *err)
{
    dk_status st = DK_OK;
    known_topic *t;

    pthread_mutex_lock(&p->topics_lock);
    t = find_topic(p, bucket, name);
    if (t == NULL) {
        st = make_topic(p, name, &t, err);
        if (st == DK_OK) {
            t->next = atomic_load_explicit(&p->topics[bucket], memory_order_relaxed);
            atomic_store_explicit(&p->topics[bucket], t, memory_order_release);
        }
    }
    pthread_mutex_unlock(&p->topics_lock);
    *out = t;
    return st;
}

static dk_status
get_topic(dk_producer *p, const char *name, known_topic **out, dk_error *err)
{
    known_topic *t = atomic_load_explicit(&p->last, memory_order_acquire);
    dk_status st = DK_OK;

    if (t == NULL || strcmp(t->name, name) != 0) {
        size_t bucket = bucket_of(name);

        t = find_topic(p, bucket, name);
        if (t == NULL)
            st = add_topic(p, bucket, name, &t, err);
        if (st == DK_OK)
            atomic_store_explicit(&p->last, t, memory_order_release);
    }
    *out = t;
    return st;
}

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

    dk__error_set(err, DK_EFATAL, "this producer has failed for good and must be made anew: %s", why);
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

/* ---- producing ------------------------------------------------------------------------------------------------- */

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
    if (rec->timestamp < 0)
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
send_full(const known_topic *t, const dk_producer *p, const dk_record *rec)
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
send_one(const known_topic *t, const dk_producer *p, const dk_record *rec)
{
    if (rec->n_headers > 0 || rec->timestamp > 0)
        return send_full(t, p, rec);
    if (rd_kafka_produce(t->rkt, rec->partition, RD_KAFKA_MSG_F_COPY, bytes(rec->value), rec->value.n, rec->key.p,
                         rec->key.n, rec->opaque) == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    return rd_kafka_last_error();
}

/* Send one; a queue that is found full is looked at twice, so that wait_room() knows since when. */
static dk_status
send_or_refuse(dk_producer *p, const known_topic *t, const dk_record *rec, dk_error *err)
{
    rd_kafka_resp_err_t rkerr;

    atomic_fetch_add_explicit(&p->produced, 1, memory_order_relaxed);
    rkerr = send_one(t, p, rec);
    if (rkerr == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        unsigned long long settled = atomic_load(&p->settled);

        rkerr = send_one(t, p, rec);
        if (rkerr == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            atomic_store(&p->full_at, settled);
    }
    if (rkerr == RD_KAFKA_RESP_ERR_NO_ERROR)
        return DK_OK;
    atomic_fetch_sub_explicit(&p->produced, 1, memory_order_relaxed);
    return refuse(p, rec, rkerr, err);
}

/* Reports that nobody takes must not grow without bound; librdkafka no longer counts their messages. */
static bool
is_report_full(const dk_producer *p)
{
    return dk__events_reports(p->events) >= (size_t)p->info.queue_max_messages;
}

static dk_status
begin_record(dk_producer *p, const dk_record *rec, known_topic **t, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    if (st == DK_OK)
        st = check_record(rec, err);
    if (st == DK_OK && rec->opaque != NULL && is_report_full(p))
        return refuse_full(err, "as many delivery reports wait to be taken as the queue may hold messages "
                                "(queue.buffering.max.messages): take them first");
    return st == DK_OK ? get_topic(p, rec->topic, t, err) : st;
}

dk_status
dk_producer_produce(dk_producer *p, const dk_record *rec, dk_error *err)
{
    known_topic *t;
    dk_status st = begin_record(p, rec, &t, err);

    if (st == DK_OK)
        st = check_opaque(rec, err);
    return st == DK_OK ? send_or_refuse(p, t, rec, err) : st;
}

dk_status
dk_producer_forward(dk_producer *p, dk_ticket *ticket, const dk_copy *copy, dk_error *err)
{
    dk_record rec;
    known_topic *t;
    dk_status st;

    if (ticket == NULL || ticket->batch == NULL || copy == NULL)
        return dk__error_set(err, DK_EINVAL, "a copy needs a ticket that was not answered");
    rec = (dk_record){.topic = copy->topic,
                      .partition = -1,
                      .key = dk_batch_key(ticket->batch, ticket->index),
                      .value = dk_batch_value(ticket->batch, ticket->index),
                      .timestamp = copy->timestamp,
                      .headers = copy->headers,
                      .n_headers = copy->n_headers,
                      .opaque = dk__copy_opaque(ticket)};
    st = begin_record(p, &rec, &t, err);
    if (st != DK_OK)
        return st;
    atomic_fetch_add(&p->copies, 1);
    st = send_or_refuse(p, t, &rec, err);
    if (st == DK_OK)
        ticket->batch = NULL;
    else
        atomic_fetch_sub(&p->copies, 1);
    return st;
}

size_t
dk_producer_copies(dk_producer *p)
{
    size_t copies; /* counted until its report is queued, so one of the two is seen */

    if (dk__producer_enter(p, NULL) != DK_OK)
        return 0;
    copies = atomic_load(&p->copies);
    return copies + dk__events_reports(p->events);
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
send_batch(dk_producer *p, const known_topic *t, const many *m, size_t *i)
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
    known_topic *t;
    dk_status st = begin_record(p, rec, &t, err);
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
        one =
            record_at(&m, i); /* the one that did not go with the batch: by itself it gets through or says why not */
        st = check_record(&one, err);
        if (st == DK_OK)
            st = send_or_refuse(p, t, &one, err);
        i += st == DK_OK;
    }
    if (done != NULL)
        *done = i;
    return st;
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

static bool
has_room(dk_producer *p)
{
    return atomic_load(&p->settled) != atomic_load(&p->full_at) && !is_report_full(p);
}

dk_status
dk_producer_wait_room(dk_producer *p, int timeout_ms)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    dk_status st = dk__producer_enter(p, NULL);

    if (st != DK_OK)
        return st;
    st = DK_ETIMEOUT;
    atomic_fetch_add(&p->room_waiters, 1);
    for (;;) {
        int left = dk__left_ms(deadline, ROOM_SLICE_MS);
        int64_t before = dk__now_ms();

        if (has_room(p)) {
            st = DK_OK;
            break;
        }
        if (left == 0 || dk__events_reports(p->events) > 0)
            break;
        /* Back too early without having been woken: a signal. */
        if (!dk__wake_wait(&p->room_wake, left) && dk__now_ms() - before < left - 1)
            break;
    }
    atomic_fetch_sub(&p->room_waiters, 1);
    return st;
}

/* Records whose outcome is not known, or not queued as an event yet. */
static uint64_t
pending(dk_producer *p)
{
    uint64_t reported = atomic_load(&p->reported), produced = atomic_load(&p->produced);

    return produced > reported ? produced - reported : 0;
}

dk_status
dk_producer_flush(dk_producer *p, int timeout_ms, size_t *left, dk_error *err)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    dk_status st = dk__producer_enter(p, err);
    rd_kafka_resp_err_t rkerr;
    uint64_t n;
    int slice;

    if (left != NULL)
        *left = 0;
    if (st != DK_OK)
        return st;
    do {
        slice = dk__left_ms(deadline, FLUSH_SLICE_MS);
        rkerr = rd_kafka_flush(p->rk, slice);
    } while (rkerr == RD_KAFKA_RESP_ERR__TIMED_OUT && slice > 0);
    n = pending(p);
    if (left != NULL)
        *left = n;
    if (rkerr == RD_KAFKA_RESP_ERR_NO_ERROR || n == 0)
        return DK_OK;
    if (rkerr != RD_KAFKA_RESP_ERR__TIMED_OUT)
        return dk__kafka_error(err, rkerr, "flush");
    return dk__error_set(err, DK_ETIMEOUT, "%llu messages are not delivered yet after %d ms", (unsigned long long)n,
                         timeout_ms);
}

dk_status
dk_producer_purge(dk_producer *p, bool queue, bool inflight, bool blocking, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);
    rd_kafka_resp_err_t rkerr;

    if (st != DK_OK)
        return st;
    if (!queue && !inflight)
        return DK_OK;
    rkerr = rd_kafka_purge(p->rk, (queue ? RD_KAFKA_PURGE_F_QUEUE : 0) | (inflight ? RD_KAFKA_PURGE_F_INFLIGHT : 0) |
                                      (blocking ? 0 : RD_KAFKA_PURGE_F_NON_BLOCKING));
    return rkerr == RD_KAFKA_RESP_ERR_NO_ERROR ? DK_OK : dk__kafka_error(err, rkerr, "purge");
}

/* ---- events and numbers ---------------------------------------------------------------------------------------- */

dk_event *
dk_producer_event(dk_producer *p)
{
    return dk__producer_enter(p, NULL) == DK_OK ? dk__events_take(p->events) : NULL;
}

dk_status
dk_producer_wait_event(dk_producer *p, int timeout_ms)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    dk_status st = dk__producer_enter(p, NULL);
    int left;

    if (st != DK_OK)
        return st;
    do {
        if (!dk__events_empty(p->events))
            return DK_OK;
        left = dk__left_ms(deadline, -1);
    } while (left != 0 && dk__wake_wait(&p->event_wake, left));
    return dk__events_empty(p->events) ? DK_ETIMEOUT : DK_OK;
}

size_t
dk_producer_len(dk_producer *p)
{
    if (dk__producer_enter(p, NULL) != DK_OK)
        return 0;
    return (size_t)pending(p) + dk__events_reports(p->events);
}

void
dk_producer_counters_get(dk_producer *p, dk_producer_counters *out)
{
    *out = (dk_producer_counters){0};
    if (dk__producer_enter(p, NULL) != DK_OK)
        return;
    out->delivered = atomic_load(&p->delivered); /* before produced, so that it is never the larger */
    out->failed = atomic_load(&p->failed);
    out->produced = atomic_load(&p->produced);
    out->events_dropped = dk__events_dropped(p->events);
}

/* ---- asking and telling the cluster ---------------------------------------------------------------------------- */

dk_status
dk_producer_metadata(dk_producer *p, const char *topic, int timeout_ms, dk_metadata **out, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    if (st == DK_OK && out == NULL)
        st = dk__error_set(err, DK_EINVAL, "no place for the metadata");
    return st == DK_OK ? dk__metadata(p->alloc, p->rk, topic, timeout_ms, out, err) : st;
}

dk_status
dk_producer_oauth_token(dk_producer *p, const char *token, int64_t lifetime_ms, const char *principal,
                        const dk_pair *extensions, size_t n, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? dk__oauth_token(p->rk, token, lifetime_ms, principal, extensions, n, err) : st;
}

void
dk_producer_oauth_failure(dk_producer *p, const char *reason)
{
    if (dk__producer_enter(p, NULL) == DK_OK)
        (void)rd_kafka_oauthbearer_set_token_failure(p->rk, reason != NULL ? reason : "no reason given");
}

dk_status
dk_producer_sasl_credentials(dk_producer *p, const char *username, const char *password, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? dk__sasl_credentials(p->rk, username, password, err) : st;
}

/* ---- transactions ---------------------------------------------------------------------------------------------- */

static dk_status
outcome(dk_error *err, rd_kafka_error_t *rderr, const char *what)
{
    return rderr == NULL ? DK_OK : dk__rd_error(err, rderr, what);
}

dk_status
dk_producer_init_transactions(dk_producer *p, int timeout_ms, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? outcome(err, rd_kafka_init_transactions(p->rk, timeout_ms), "init_transactions") : st;
}

dk_status
dk_producer_begin_transaction(dk_producer *p, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? outcome(err, rd_kafka_begin_transaction(p->rk), "begin_transaction") : st;
}

dk_status
dk_producer_commit_transaction(dk_producer *p, int timeout_ms, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? outcome(err, rd_kafka_commit_transaction(p->rk, timeout_ms), "commit_transaction") : st;
}

dk_status
dk_producer_abort_transaction(dk_producer *p, int timeout_ms, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? outcome(err, rd_kafka_abort_transaction(p->rk, timeout_ms), "abort_transaction") : st;
}
