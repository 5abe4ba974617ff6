/* SPDX-License-Identifier: MIT
 *
 * OAuth tokens. librdkafka asks for them on a queue of their own, so that neither a rebalance that waits for a
 * handler nor a commit that waits for a broker keeps a token from being renewed.
 */
#include "kafka/client/internal.h"

#define END_MS 20 /* until those who wait are woken once more */

struct dk_tokens {
    const dk_alloc *alloc;
    atomic_uint refs; /* the client's is one */
    unsigned fork_generation;
    char *config;
    atomic_bool stopped;
    /* Guards what follows; no other lock is taken with it held. */
    pthread_mutex_t lock;
    pthread_cond_t left; /* nobody is inside any more */
    rd_kafka_t *rk;      /* NULL: the client is gone */
    rd_kafka_queue_t *queue;
    unsigned inside; /* calls of librdkafka that are under way */
};

void
dk__tokens_enable(rd_kafka_conf_t *conf, int events)
{
    rd_kafka_conf_enable_sasl_queue(conf, 1);
    rd_kafka_conf_set_events(conf, events | RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH);
}

static void
init_sync(dk_tokens *t)
{
    dk__cond_init(&t->left);
    pthread_mutex_init(&t->lock, NULL);
}

dk_status
dk__tokens_new(const dk_alloc *alloc, rd_kafka_t *rk, const dk__conf_info *info, dk_tokens **out)
{
    dk_tokens *t = dk__calloc(alloc, 1, sizeof *t);

    if (t == NULL)
        return DK_ENOMEM;
    t->alloc = dk__alloc_or_libc(alloc);
    t->config = dk__strdup(t->alloc, info->token_config != NULL ? info->token_config : "");
    if (t->config == NULL) {
        dk__free(t->alloc, t);
        return DK_ENOMEM;
    }
    t->fork_generation = dk__fork_generation();
    init_sync(t);
    atomic_init(&t->refs, 1);
    t->rk = rk;
    t->queue = rd_kafka_queue_get_sasl(rk);
    *out = t;
    return DK_OK;
}

dk_tokens *
dk__tokens_ref(dk_tokens *t)
{
    if (t != NULL)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void
dk_tokens_unref(dk_tokens *t)
{
    if (t == NULL || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_cond_destroy(&t->left);
    pthread_mutex_destroy(&t->lock);
    dk__free(t->alloc, t->config);
    dk__free(t->alloc, t);
}

const char *
dk_tokens_config(const dk_tokens *t)
{
    return t->config;
}

/* ---- calls of librdkafka, which must be over before its handle goes -------------------------------------------- */

static dk_status
enter(dk_tokens *t, dk_error *err)
{
    bool gone;

    if (dk__forked(t->fork_generation))
        return dk__error_set(err, DK_EFORKED,
                             "this client was made before fork(); make a new one in the child process");
    pthread_mutex_lock(&t->lock);
    gone = t->rk == NULL;
    t->inside += !gone;
    pthread_mutex_unlock(&t->lock);
    return gone ? dk__error_set(err, DK_ECLOSED, "the client is closed") : DK_OK;
}

static void
leave(dk_tokens *t)
{
    pthread_mutex_lock(&t->lock);
    if (--t->inside == 0)
        pthread_cond_broadcast(&t->left);
    pthread_mutex_unlock(&t->lock);
}

/* Whoever is about to wait may miss one call to yield, so it is made until nobody is inside. */
void
dk__tokens_end(dk_tokens *t)
{
    rd_kafka_queue_t *queue;

    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    queue = t->queue;
    t->rk = NULL;
    while (t->inside > 0) {
        rd_kafka_queue_yield(queue);
        dk__cond_wait(&t->left, &t->lock, dk__deadline_ms(END_MS));
    }
    t->queue = NULL;
    pthread_mutex_unlock(&t->lock);
    if (queue != NULL)
        rd_kafka_queue_destroy(queue);
    dk_tokens_unref(t);
}

void
dk_tokens_stop(dk_tokens *t)
{
    if (t == NULL || dk__forked(t->fork_generation))
        return;
    atomic_store(&t->stopped, true);
    pthread_mutex_lock(&t->lock);
    if (t->queue != NULL)
        rd_kafka_queue_yield(t->queue);
    pthread_mutex_unlock(&t->lock);
}

/* ---- asked and answered ---------------------------------------------------------------------------------------- */

#define SLICE_MS 1000 /* a wake-up that is missed costs no more */

/* One look at the queue: DK_OK, a token is needed; DK_ETIMEOUT, nothing yet. */
static dk_status
look(dk_tokens *t, int timeout_ms)
{
    dk_status st = enter(t, NULL);
    rd_kafka_event_t *rkev;

    if (st != DK_OK)
        return st;
    rkev = rd_kafka_queue_poll(t->queue, timeout_ms);
    st = rkev != NULL && rd_kafka_event_type(rkev) == RD_KAFKA_EVENT_OAUTHBEARER_TOKEN_REFRESH ? DK_OK : DK_ETIMEOUT;
    if (rkev != NULL)
        rd_kafka_event_destroy(rkev);
    leave(t);
    return st;
}

dk_status
dk_tokens_wait(dk_tokens *t, int timeout_ms)
{
    int64_t deadline = dk__deadline_ms(timeout_ms);
    dk_status st;

    do {
        if (atomic_load(&t->stopped))
            return dk__forked(t->fork_generation) ? DK_EFORKED : DK_ECLOSED;
        st = look(t, dk__left_ms(deadline, SLICE_MS));
    } while (st == DK_ETIMEOUT && dk__left_ms(deadline, -1) != 0);
    return st;
}

#define MAX_EXTENSIONS 64

static dk_status
set(rd_kafka_t *rk, const char *token, int64_t lifetime_ms, const char *principal, const dk_pair *extensions,
    size_t n, dk_error *err)
{
    const char *list[2 * MAX_EXTENSIONS]; /* as librdkafka wants them: key, value, key, value */
    char why[320] = "";
    rd_kafka_resp_err_t rkerr;

    for (size_t i = 0; i < n; i++) {
        if (extensions[i].key == NULL || extensions[i].value == NULL)
            return dk__error_set(err, DK_EINVAL, "extension %zu of an OAuth token lacks its name or its value", i);
        list[2 * i] = extensions[i].key;
        list[2 * i + 1] = extensions[i].value;
    }
    rkerr = rd_kafka_oauthbearer_set_token(rk, token, lifetime_ms, principal, list, 2 * n, why, sizeof why);
    if (rkerr == RD_KAFKA_RESP_ERR_NO_ERROR)
        return DK_OK;
    dk__error_set(err, DK_EKAFKA, "the OAuth token is refused: %s", why);
    if (err != NULL)
        err->kafka = rkerr;
    return DK_EKAFKA;
}

dk_status
dk_tokens_set(dk_tokens *t, const char *token, int64_t lifetime_ms, const char *principal, const dk_pair *extensions,
              size_t n, dk_error *err)
{
    dk_status st;

    if (token == NULL || principal == NULL || (n > 0 && extensions == NULL))
        return dk__error_set(err, DK_EINVAL, "an OAuth token needs a token and a principal");
    if (n > MAX_EXTENSIONS)
        return dk__error_set(err, DK_EINVAL, "an OAuth token has at most %d extensions, not %zu", MAX_EXTENSIONS, n);
    st = enter(t, err);
    if (st != DK_OK)
        return st;
    st = set(t->rk, token, lifetime_ms, principal, extensions, n, err);
    leave(t);
    return st;
}

void
dk_tokens_fail(dk_tokens *t, const char *reason)
{
    if (enter(t, NULL) != DK_OK)
        return;
    (void)rd_kafka_oauthbearer_set_token_failure(t->rk, reason != NULL ? reason : "no reason given");
    leave(t);
}
