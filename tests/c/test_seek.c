/* SPDX-License-Identifier: MIT
 *
 * Seeks, and what may happen to their partition while they are under way.
 */
#include <stdlib.h>

#include "kafka/consumer/handle.h"
#include "rig.h"

/* A consumer of a log of 20 messages that were all handled, and its partition. */
static dk__part *
twenty_handled(rig *r, dk_consumer **c)
{
    dk_batch *b;

    rig_open(r, "t", 1);
    rig_set(r, "enable.auto.commit", "false");
    rig_produce(r, "t", 0, 0, 20);
    *c = rig_consumer(r, NULL);
    rig_assign(*c, "t", 1);
    b = rig_fetch_n(*c, 0, 20);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    return (*c)->parts[0];
}

static void
check_comes_from(dk_consumer *c, int from)
{
    for (int next = from; next < 20;) {
        dk_batch *b = rig_fetch(c, 0, 10000);
        int32_t i;

        if (b == NULL)
            FAIL("message %d never came", next);
        while ((i = dk_batch_next(b)) >= 0)
            CHECK_EQ(rig_number(b, (uint32_t)i), next++);
        dk_batch_free(b);
    }
}

static void
seek(dk_consumer *c, int64_t offset)
{
    dk_partitions list = rig_list("t", 0, offset);
    dk_error err;

    CHECK_OK_ERR(dk_consumer_seek(c, &list, 10000, &err), &err);
    CHECK_EQ(list.items[0].kafka_err, 0);
    dk_partitions_fini(&list);
}

/* librdkafka's half of a seek. */
static void
move(dk_consumer *c, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *err;

    rd_kafka_topic_partition_list_add(list, "t", 0)->offset = offset;
    err = rd_kafka_seek_partitions(c->rk, list, 10000);
    CHECK(err == NULL);
    CHECK_EQ(list->elems[0].err, 0);
    rd_kafka_topic_partition_list_destroy(list);
}

static void
begin(dk_consumer *c, dk__part *part)
{
    pthread_mutex_lock(&c->lock);
    dk__part_seek_begin(part);
    pthread_mutex_unlock(&c->lock);
}

static void
end(dk_consumer *c, dk__part *part, int64_t offset)
{
    pthread_mutex_lock(&c->lock);
    dk__part_seek_end(part, true, offset);
    pthread_mutex_unlock(&c->lock);
}

/* Others fetch while the seek is under way. */
static void
check_nothing_is_read(dk_consumer *c, dk__part *part)
{
    WAIT_UNTIL(rd_kafka_queue_length(part->queue) >= 17, 10000); /* 3 to 19 are here */
    pthread_mutex_lock(&c->lock);
    CHECK_OK(dk__intake(c, 100));
    CHECK(!dk__ledger_has_waiting(part->ledger));
    CHECK_EQ(rd_kafka_queue_length(c->intake), 0);
    pthread_mutex_unlock(&c->lock);
}

DK_TEST(seek_goes_on_from_there)
{
    rig r;
    dk_consumer *c;

    twenty_handled(&r, &c);
    seek(c, 3);
    check_comes_from(c, 3);
    seek(c, 0);
    check_comes_from(c, 0);
    rig_end(c);
    rig_close(&r);
}

/* What comes after the seek must not be read before it has ended: the end drops what was read. A partition that was
 * set apart could be united with the others in between, and its messages were lost. */
DK_TEST(seek_of_a_partition_that_was_set_apart)
{
    rig r;
    dk_consumer *c;
    dk__part *part = twenty_handled(&r, &c);

    pthread_mutex_lock(&c->lock);
    dk__part_set_apart(part, true);
    pthread_mutex_unlock(&c->lock);
    begin(c, part);
    move(c, 3);
    check_nothing_is_read(c, part);
    end(c, part, 3);
    check_comes_from(c, 3);
    rig_end(c);
    rig_close(&r);
}

/* The same for one whose assignment begins while it is sought. */
DK_TEST(seek_of_a_partition_that_begins)
{
    rig r;
    dk_consumer *c;
    dk__part *part = twenty_handled(&r, &c);

    pthread_mutex_lock(&c->lock);
    dk__part_revoke(part);
    CHECK_OK(dk__part_assign(c, "t", 0));
    pthread_mutex_unlock(&c->lock);
    begin(c, part);
    move(c, 3);
    pthread_mutex_lock(&c->lock);
    dk__part_begin(part);
    pthread_mutex_unlock(&c->lock);
    check_nothing_is_read(c, part);
    end(c, part, 3);
    check_comes_from(c, 3);
    rig_end(c);
    rig_close(&r);
}

/* What was taken from librdkafka and had no room is from before the seek. */
DK_TEST(seek_after_there_was_no_memory)
{
    rig r;
    dk_consumer *c;
    dk__part *part;
    unsigned generation;
    dk_error err;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 20);
    CHECK_OK_ERR(dk_consumer_new(dk_test_alloc(), r.pairs, r.n_pairs, NULL, &c, &err), &err);
    rig_assign(c, "t", 1);
    WAIT_UNTIL(rd_kafka_queue_length(c->intake) >= 20, 10000);
    part = c->parts[0];
    pthread_mutex_lock(&c->lock);
    dk_test_alloc_fail(1, true);
    CHECK_STATUS(dk__intake(c, 100), DK_ENOMEM);
    dk_test_alloc_fail(0, false);
    CHECK(c->n_popped > c->at_popped);
    pthread_mutex_unlock(&c->lock);
    generation = *part->generation;
    seek(c, 3);
    check_comes_from(c, 3);
    CHECK_EQ(*part->generation, generation + 1); /* and no other log was seen */
    rig_end(c);
    rig_close(&r);
}

/* ---- taken away meanwhile -------------------------------------------------------------------------------------- */

typedef struct seeker {
    dk_consumer *c;
    pthread_t thread;
    atomic_bool done;
} seeker;

static void *
seek_to_three(void *arg)
{
    seeker *s = arg;
    dk_partitions list = rig_list("t", 0, 3);

    (void)!dk_consumer_seek(s->c, &list, 10000, NULL);
    dk_partitions_fini(&list);
    atomic_store(&s->done, true);
    return NULL;
}

/* Begin seeks until one is under way while we have the lock, without which it cannot end. */
static void
lock_in_a_seek(seeker *s, const dk__part *part)
{
    for (int64_t until = dk_test_now_ms() + 20000; dk_test_now_ms() < until;) {
        atomic_store(&s->done, false);
        CHECK_EQ(pthread_create(&s->thread, NULL, seek_to_three, s), 0);
        while (!atomic_load(&s->done)) {
            pthread_mutex_lock(&s->c->lock);
            if (part->seeks > 0)
                return;
            pthread_mutex_unlock(&s->c->lock);
        }
        pthread_join(s->thread, NULL);
    }
    FAIL("no seek was seen under way");
}

/* A seek that ends after its partition was revoked and assigned again leaves alone what the new assignment holds. */
DK_TEST(seek_ends_after_another_assignment)
{
    rig r;
    dk_consumer *c;
    dk__part *part = twenty_handled(&r, &c);
    seeker s = {.c = c};
    unsigned generation;

    lock_in_a_seek(&s, part);
    dk__part_revoke(part);
    CHECK_OK(dk__part_assign(c, "t", 0));
    CHECK_OK(dk__ledger_receive(part->ledger,
                                dk__message_make(NULL, 77, -1, (dk_slice){NULL, 0}, (dk_slice){NULL, 0}, NULL)));
    generation = *part->generation;
    pthread_mutex_unlock(&c->lock);
    pthread_join(s.thread, NULL);
    pthread_mutex_lock(&c->lock);
    CHECK_EQ(part->seeks, 0);
    CHECK_EQ(*part->generation, generation);
    CHECK_EQ(dk__ledger_waiting(part->ledger), 1);
    CHECK_EQ(part->gate, DK__GATE_CLOSED); /* it begins when librdkafka has it */
    pthread_mutex_unlock(&c->lock);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(seek_of_what_is_not_assigned)
{
    rig r;
    dk_consumer *c;
    dk_partitions list = rig_list("t", 0, 3);
    dk_error err;

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    (void)!dk_consumer_seek(c, &list, 1000, &err);
    CHECK_EQ(list.items[0].kafka_err, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
    dk_partitions_fini(&list);
    rig_end(c);
    rig_close(&r);
}

/* ---- a librdkafka that is slow to answer ---- */

static atomic_bool is_slow;

static void *
slow_malloc(size_t n, void *ctx)
{
    if (atomic_load(&is_slow))
        dk_test_pause_ms(20);
    return malloc(n);
}

static void *
slow_realloc(void *p, size_t n, void *ctx)
{
    return realloc(p, n);
}

static void
slow_free(void *p, void *ctx)
{
    free(p);
}

/* What librdkafka logs on its thread takes memory, here slowly: the answer to a seek comes after some 20 ms. Before
 * version 2.1 it waited for as many microseconds as it was given milliseconds. */
DK_TEST(seek_waits_as_long_as_it_was_given)
{
    const dk_alloc slow = {slow_malloc, slow_realloc, slow_free, NULL};
    dk_consumer *c;
    dk_error err;
    rig r;

    rig_open(&r, "t", 1);
    rig_set(&r, "enable.auto.commit", "false");
    rig_set(&r, "debug", "topic");
    rig_produce(&r, "t", 0, 0, 20);
    CHECK_OK_ERR(dk_consumer_new(&slow, r.pairs, r.n_pairs, NULL, &c, &err), &err);
    rig_assign(c, "t", 1);
    dk_batch_free(rig_fetch_n(c, 0, 20));
    atomic_store(&is_slow, true);
    seek(c, 7);
    atomic_store(&is_slow, false);
    check_comes_from(c, 7);
    rig_end(c);
    rig_close(&r);
}
