/* SPDX-License-Identifier: MIT
 *
 * The topics that a producer has written to: librdkafka's handle of each, found without a lock.
 */
#include "kafka/producer/internal.h"

void
dk__topics_init(dk__topic_table *table, const dk_alloc *alloc)
{
    table->alloc = alloc;
    pthread_mutex_init(&table->lock, NULL);
}

void
dk__topics_fini(dk__topic_table *table)
{
    for (size_t i = 0; i < DK__TOPIC_BUCKETS; i++) {
        dk__topic *t = atomic_load(&table->buckets[i]);

        while (t != NULL) {
            dk__topic *next = t->next;

            rd_kafka_topic_destroy(t->rkt);
            dk__free(table->alloc, t);
            t = next;
        }
    }
    pthread_mutex_destroy(&table->lock);
}

static size_t
bucket_of(const char *name)
{
    uint32_t h = 2166136261u;

    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return (h ^ (h >> 16)) % DK__TOPIC_BUCKETS;
}

static dk__topic *
find_topic(dk__topic_table *table, size_t bucket, const char *name)
{
    dk__topic *t = atomic_load_explicit(&table->buckets[bucket], memory_order_acquire);

    while (t != NULL && strcmp(t->name, name) != 0)
        t = t->next;
    return t;
}

static dk_status
make_topic(const dk_alloc *alloc, rd_kafka_t *rk, const char *name, dk__topic **out, dk_error *err)
{
    size_t n = strlen(name);
    dk__topic *t = n <= DK__TOPIC_NAME_MAX ? dk__malloc(alloc, sizeof *t + n + 1) : NULL;

    if (n > DK__TOPIC_NAME_MAX)
        return dk__error_set(err, DK_EINVAL, "a topic's name has at most %d characters, \"%.20s...\" has %zu",
                             DK__TOPIC_NAME_MAX, name, n);
    if (t == NULL)
        return dk__error_set(err, DK_ENOMEM, "topic \"%s\"", name);
    memcpy(t->name, name, n + 1);
    t->rkt = rd_kafka_topic_new(rk, name, NULL);
    if (t->rkt == NULL) {
        dk__free(alloc, t);
        return dk__kafka_error(err, rd_kafka_last_error(), "topic");
    }
    *out = t;
    return DK_OK;
}

static dk_status
add_topic(dk__topic_table *table, rd_kafka_t *rk, size_t bucket, const char *name, dk__topic **out, dk_error *err)
{
    dk_status st = DK_OK;
    dk__topic *t;

    pthread_mutex_lock(&table->lock);
    t = find_topic(table, bucket, name);
    if (t == NULL) {
        st = make_topic(table->alloc, rk, name, &t, err);
        if (st == DK_OK) {
            t->next = atomic_load_explicit(&table->buckets[bucket], memory_order_relaxed);
            atomic_store_explicit(&table->buckets[bucket], t, memory_order_release);
        }
    }
    pthread_mutex_unlock(&table->lock);
    *out = t;
    return st;
}

dk_status
dk__topics_get(dk__topic_table *table, rd_kafka_t *rk, const char *name, const dk__topic **out, dk_error *err)
{
    dk__topic *t = atomic_load_explicit(&table->last, memory_order_acquire);
    dk_status st = DK_OK;

    if (t == NULL || strcmp(t->name, name) != 0) {
        size_t bucket = bucket_of(name);

        t = find_topic(table, bucket, name);
        if (t == NULL)
            st = add_topic(table, rk, bucket, name, &t, err);
        if (st == DK_OK)
            atomic_store_explicit(&table->last, t, memory_order_release);
    }
    *out = t;
    return st;
}
