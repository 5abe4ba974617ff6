/* SPDX-License-Identifier: MIT
 *
 * See brokerless.h.
 */
#include "brokerless.h"

/* ---- messages that are counted --------------------------------------------------------------------------------- */

static void *
counted_malloc(size_t n, void *ctx)
{
    brokerless *x = ctx;
    void *p = dk_test_alloc()->malloc(n, NULL);

    if (p != NULL)
        atomic_fetch_add(&x->living, 1);
    return p;
}

static void *
no_realloc(void *p, size_t n, void *ctx)
{
    (void)p;
    (void)n;
    (void)ctx;
    FAIL("a message is never resized");
}

static void
counted_free(void *p, void *ctx)
{
    brokerless *x = ctx;

    if (p != NULL)
        atomic_fetch_sub(&x->living, 1);
    dk_test_alloc()->free(p, NULL);
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void
destroyed(dk_consumer *c)
{
    ((brokerless *)(void *)c)->destroyed = true;
}

static void
init_consumer(dk_consumer *c)
{
    c->alloc = dk_test_alloc();
    c->destroy = destroyed;
    c->fork_generation = dk__fork_generation();
    dk_consumer_opts_init(&c->opts);
    c->opts.commit_interval_ms = DK_COMMIT_NEVER;
    c->rules.budget.max_bytes = SIZE_MAX;
    c->rules.budget.max_messages = UINT64_MAX;
    dk__cond_init(&c->changed);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->table_lock, NULL);
    pthread_mutex_init(&c->spare_lock, NULL);
    atomic_init(&c->refs, 1);
    CHECK_OK(dk__wake_init(&c->wake, NULL));
}

static bool
init_part(brokerless *x, int n)
{
    dk__part *part = &x->parts[n];

    if (dk__ledger_new(x->c.alloc, &x->c.rules, &part->ledger) != DK_OK)
        return false;
    part->topic = x->topic.name;
    part->partition = n;
    part->c = &x->c;
    part->generation = dk__ledger_generation(part->ledger);
    atomic_store(&part->assigned, true);
    x->table[n] = part;
    x->c.n_parts++;
    x->topic.n_parts++;
    return true;
}

bool
bl_open(brokerless *x, int parts)
{
    static char name[] = "t";

    CHECK(parts <= BL_PARTS_MAX);
    memset(x, 0, sizeof *x);
    init_consumer(&x->c);
    x->messages = (dk_alloc){counted_malloc, no_realloc, counted_free, x};
    x->topic = (dk__topic_parts){.name = name, .parts = x->table};
    x->c.topics = &x->topic;
    x->c.n_topics = 1;
    x->c.parts = x->table;
    for (int n = 0; n < parts; n++) {
        if (init_part(x, n))
            continue;
        bl_close(x);
        return false;
    }
    return true;
}

void
bl_close(brokerless *x)
{
    CHECK(x->c.open == NULL);
    for (size_t n = 0; n < x->c.n_parts; n++)
        dk__ledger_free(x->parts[n].ledger);
    CHECK_EQ(x->c.refs, 1);
    CHECK_EQ(x->c.rules.budget.bytes, 0);
    CHECK_EQ(x->c.rules.budget.messages, 0);
    CHECK_EQ(x->living, 0);
    dk__consumer_unref(&x->c);
    CHECK(x->destroyed);
    dk__batches_free(&x->c);
    dk__wake_fini(&x->c.wake);
    pthread_cond_destroy(&x->c.changed);
    pthread_mutex_destroy(&x->c.lock);
    pthread_mutex_destroy(&x->c.table_lock);
    pthread_mutex_destroy(&x->c.spare_lock);
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

rd_kafka_message_t *
bl_message(brokerless *x, int64_t offset, int32_t epoch, dk_slice value)
{
    return dk__message_make(&x->messages, offset, epoch, (dk_slice){NULL, 0}, value, NULL);
}

rd_kafka_message_t *
bl_error(brokerless *x, int64_t offset)
{
    rd_kafka_message_t *msg = bl_message(x, offset, -1, (dk_slice){(const uint8_t *)"gone", 4});

    if (msg != NULL)
        msg->err = RD_KAFKA_RESP_ERR__TRANSPORT;
    return msg;
}

void
bl_receive(brokerless *x, int part, int64_t offset)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)offset);
    rd_kafka_message_t *msg = bl_message(x, offset, -1, (dk_slice){(const uint8_t *)text, (size_t)n});

    CHECK(msg != NULL);
    pthread_mutex_lock(&x->c.lock);
    CHECK_OK(dk__ledger_receive(x->parts[part].ledger, msg));
    pthread_mutex_unlock(&x->c.lock);
}

void
bl_receive_run(brokerless *x, int part, int64_t from, int n)
{
    for (int i = 0; i < n; i++)
        bl_receive(x, part, from + i);
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

dk_batch *
bl_batch(brokerless *x, uint32_t cap)
{
    return dk__batch_get(&x->c, cap);
}

void
bl_batch_open(brokerless *x, dk_batch *b)
{
    b->opened_ms = dk__now_ms();
    b->next = x->c.open;
    x->c.open = b;
}

static void
fill_from(dk_batch *b, dk__part *part, uint32_t max, int64_t now_ms)
{
    dk__handed handed;

    while (b->len < max) {
        dk__entry *e = &b->entries[b->len];

        switch (dk__ledger_hand_out(part->ledger, now_ms, part->busy == b, e, &handed)) {
        case DK__NEXT_MESSAGE:
            e->part = part;
            part->busy = b;
            b->len++;
            break;
        case DK__NEXT_ERROR:
            dk__message_free(handed.error);
            break;
        case DK__NEXT_NOMEM:
            FAIL("no memory to hand out");
        default:
            return;
        }
    }
}

dk_batch *
bl_fetch(brokerless *x, uint32_t max, int64_t now_ms)
{
    dk_batch *b = bl_batch(x, max);

    CHECK(b != NULL);
    pthread_mutex_lock(&x->c.lock);
    for (size_t n = 0; n < x->c.n_parts; n++)
        if (dk__part_is_open(x->table[n], now_ms))
            fill_from(b, x->table[n], max, now_ms);
    if (b->len > 0)
        bl_batch_open(x, b);
    pthread_mutex_unlock(&x->c.lock);
    if (b->len > 0)
        return b;
    dk__batch_drop(b);
    return NULL;
}

dk_batch *
bl_must_fetch(brokerless *x, uint32_t max, uint32_t n)
{
    dk_batch *b = bl_fetch(x, max, dk__now_ms());

    CHECK_EQ(b == NULL ? 0 : b->len, n);
    return b;
}

/* ---- what happens to partitions -------------------------------------------------------------------------------- */

void
bl_start_over(brokerless *x, int part)
{
    pthread_mutex_lock(&x->c.lock);
    dk__ledger_start_over(x->parts[part].ledger);
    pthread_mutex_unlock(&x->c.lock);
}

void
bl_seek(brokerless *x, int part, int64_t offset)
{
    pthread_mutex_lock(&x->c.lock);
    dk__ledger_seek(x->parts[part].ledger, offset);
    pthread_mutex_unlock(&x->c.lock);
}

void
bl_pause(brokerless *x, int part, bool on)
{
    pthread_mutex_lock(&x->c.lock);
    if (on)
        dk__part_shut(&x->parts[part], DK__GATE_PAUSED);
    else
        dk__part_unshut(&x->parts[part], DK__GATE_PAUSED);
    pthread_mutex_unlock(&x->c.lock);
}

void
bl_settle(brokerless *x)
{
    pthread_mutex_lock(&x->c.lock);
    dk__settle_open(&x->c);
    pthread_mutex_unlock(&x->c.lock);
}

int64_t
bl_mark(brokerless *x, int part)
{
    dk__mark mark = {.offset = DK_OFFSET_INVALID};

    pthread_mutex_lock(&x->c.lock);
    dk__settle_open(&x->c);
    if (!dk__ledger_to_commit(x->parts[part].ledger, &mark))
        mark.offset = DK_OFFSET_INVALID;
    pthread_mutex_unlock(&x->c.lock);
    return mark.offset;
}
