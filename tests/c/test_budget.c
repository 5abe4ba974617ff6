/* SPDX-License-Identifier: MIT
 *
 * What is read ahead, within one budget for all partitions: who has all of it is set apart while others wait, and
 * united with them again.
 */
#include <stdlib.h>

#include "kafka/consumer/handle.h"
#include "rig.h"

enum { SIZE = 10000, BACKLOG = 300, RESPONSE_KB = 64, QUEUE_KB = 1024 };

/* A consumer that may read one MiB ahead, of which half is librdkafka's. */
static void
open_small(rig *r, dk_consumer **c, int partitions)
{
    static char kbytes[16], response[16];

    rig_open(r, "t", partitions);
    snprintf(kbytes, sizeof kbytes, "%d", QUEUE_KB);
    snprintf(response, sizeof response, "%d", RESPONSE_KB * 1024);
    rig_set(r, "queued.max.messages.kbytes", kbytes);
    rig_set(r, "fetch.message.max.bytes", response);
    rig_set(r, "enable.auto.commit", "false");
    *c = NULL;
}

/* Numbers 0 to n - 1, with so much behind them that they are SIZE bytes long. */
static void
produce_large(rig *r, int partition, int n)
{
    char *value = calloc(1, SIZE);
    size_t left;
    dk_error err;

    CHECK(value != NULL);
    rig_produce(r, "t", partition, 0, 0); /* makes the producer */
    for (int i = 0; i < n; i++) {
        dk_record rec = {.topic = "t", .partition = partition, .value = {(const uint8_t *)value, SIZE}};

        snprintf(value, SIZE, "%d", i);
        CHECK_OK_ERR(dk_producer_produce(r->producer, &rec, &err), &err);
    }
    CHECK_OK_ERR(dk_producer_flush(r->producer, 30000, &left, &err), &err);
    free(value);
}

static int
number(const dk_batch *b, uint32_t i)
{
    CHECK_EQ(dk_batch_value(b, i).n, SIZE);
    return atoi((const char *)dk_batch_value(b, i).p);
}

static size_t
waiting_bytes(dk_consumer *c)
{
    size_t n;

    pthread_mutex_lock(&c->lock);
    n = c->rules.budget.bytes;
    pthread_mutex_unlock(&c->lock);
    return n;
}

/* All partitions together, however large the backlog: what waits is the budget, and what was taken from librdkafka
 * with the last of it. */
DK_TEST(budget_holds_while_a_handler_is_slow)
{
    const size_t slack = (QUEUE_KB / 2 + 3 * (RESPONSE_KB + SIZE / 1000)) * 1024;
    rig r;
    dk_consumer *c;
    dk_batch *b;
    size_t most;

    open_small(&r, &c, 3);
    for (int p = 0; p < 3; p++)
        produce_large(&r, p, BACKLOG);
    c = rig_consumer(&r, NULL);
    most = c->rules.budget.max_bytes;
    CHECK_EQ(most, QUEUE_KB * 1024 / 2);
    rig_assign(c, "t", 3);
    b = rig_fetch(c, 1, 10000);
    CHECK(b != NULL);
    CHECK_EQ(dk_batch_next(b), 0);
    WAIT_UNTIL(waiting_bytes(c) >= most, 10000);
    for (int looks = 0; looks < 200; looks++) {
        CHECK(waiting_bytes(c) <= most + slack);
        dk_test_pause_ms(2);
    }
    dk_batch_free(b);
    rig_end(c);
    rig_close(&r);
}

/* Walk what comes of both partitions until those numbers were seen; each comes once and in order. */
static void
walk_until(dk_consumer *c, int next[2], int first, int second)
{
    while (next[0] < first || next[1] < second) {
        dk_batch *b = rig_fetch(c, 50, 20000);
        int32_t i;

        if (b == NULL)
            FAIL("nothing comes after %d and %d", next[0], next[1]);
        while ((i = dk_batch_next(b)) >= 0)
            CHECK_EQ(number(b, (uint32_t)i), next[dk_batch_partition(b, (uint32_t)i)]++);
        dk_batch_free(b);
    }
}

static bool
is_apart(dk_consumer *c, int n)
{
    bool apart;

    pthread_mutex_lock(&c->lock);
    apart = c->parts[n]->apart;
    pthread_mutex_unlock(&c->lock);
    return apart;
}

/* One partition is held back and has all of the budget. The other one gets its messages all the same; and when the
 * first one goes on, it is read on with. */
DK_TEST(budget_is_shared_with_one_that_waits)
{
    rig r;
    dk_consumer *c;
    dk_partitions first;
    int next[2] = {0, 0};
    dk_error err;

    open_small(&r, &c, 2);
    produce_large(&r, 0, BACKLOG);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 2);
    walk_until(c, next, 1, 0);
    first = rig_list("t", 0, DK_OFFSET_INVALID);
    CHECK_OK_ERR(dk_consumer_pause(c, &first, &err), &err);
    produce_large(&r, 1, BACKLOG);
    walk_until(c, next, 0, BACKLOG);
    CHECK(next[0] < BACKLOG);
    CHECK(rig_fetch(c, 1, 50) == NULL); /* a look at who has room again */
    CHECK(is_apart(c, 0));
    CHECK(!is_apart(c, 1));
    CHECK_OK_ERR(dk_consumer_resume(c, &first, &err), &err);
    walk_until(c, next, BACKLOG, BACKLOG);
    CHECK(rig_fetch(c, 1, 50) == NULL);
    CHECK(!is_apart(c, 0));
    dk_partitions_fini(&first);
    rig_end(c);
    rig_close(&r);
}

/* The same for one whose message failed, and many that come meanwhile, while a batch of another one is walked. */
DK_TEST(budget_does_not_wait_for_a_delay)
{
    rig r;
    dk_consumer *c;
    dk_batch *b;
    int next[2] = {0, 0};
    int64_t begun;

    open_small(&r, &c, 2);
    produce_large(&r, 0, BACKLOG);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 2);
    b = rig_fetch(c, 5, 10000);
    CHECK(b != NULL);
    CHECK_EQ(dk_batch_next(b), 0);
    begun = dk_test_now_ms();
    CHECK_OK(dk_batch_fail(b, 8000));
    dk_batch_free(b);
    produce_large(&r, 1, BACKLOG);
    walk_until(c, next, 0, BACKLOG);
    CHECK(dk_test_now_ms() - begun < 8000); /* else nothing was shown */
    CHECK_EQ(next[0], 0);
    walk_until(c, next, BACKLOG, BACKLOG);
    CHECK(dk_test_now_ms() - begun >= 8000);
    rig_end(c);
    rig_close(&r);
}
