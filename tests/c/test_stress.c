/* SPDX-License-Identifier: MIT
 *
 * Everything at once, for the sanitizers: one thread fetches, others walk batches of their own, answer tickets and
 * meddle with the partitions, while a second member comes and goes. In the end nothing before a committed offset was
 * not finished.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "rig.h"

enum { PARTS = 3, MESSAGES = 400, QUEUE = 16, TICKETS = 4096, WALKERS = 3 };

typedef struct told {
    dk_ticket ticket;
    int part, offset;
} told;

typedef struct stress {
    rig r;
    dk_consumer *c;
    atomic_bool stop;
    atomic_bool finished[PARTS][MESSAGES]; /* the handler has finished it, at least once */
    pthread_mutex_t lock;                  /* of what follows */
    dk_batch *batches[QUEUE];
    int n_batches;
    told tickets[TICKETS];
    int n_tickets;
} stress;

typedef struct worker {
    stress *s;
    uint64_t rnd;
    pthread_t thread;
} worker;

static bool
all_finished(const stress *s)
{
    for (int p = 0; p < PARTS; p++)
        for (int i = 0; i < MESSAGES; i++)
            if (!atomic_load(&s->finished[p][i]))
                return false;
    return true;
}

/* ---- batches between threads ----------------------------------------------------------------------------------- */

static void
put_batch(stress *s, dk_batch *b)
{
    bool put = false;

    while (!put) {
        pthread_mutex_lock(&s->lock);
        put = s->n_batches < QUEUE;
        if (put)
            s->batches[s->n_batches++] = b;
        pthread_mutex_unlock(&s->lock);
        if (!put)
            sched_yield();
    }
}

static dk_batch *
take_batch(stress *s)
{
    dk_batch *b = NULL;

    pthread_mutex_lock(&s->lock);
    if (s->n_batches > 0)
        b = s->batches[--s->n_batches];
    pthread_mutex_unlock(&s->lock);
    return b;
}

static void *
fetch_all(void *arg)
{
    worker *w = arg;

    while (!atomic_load(&w->s->stop)) {
        dk_batch *b = NULL;
        dk_event *ev;
        dk_status st = dk_consumer_fetch(w->s->c, 30, 20, &b, NULL);

        while ((ev = dk_consumer_event(w->s->c)) != NULL) {
            dk_consumer_rebalance_ack(w->s->c);
            dk_event_free(ev);
        }
        if (st == DK_OK)
            put_batch(w->s, b);
    }
    return NULL;
}

/* ---- walking --------------------------------------------------------------------------------------------------- */

static void
finish(stress *s, const dk_batch *b, uint32_t i)
{
    atomic_store(&s->finished[dk_batch_partition(b, i)][dk_batch_offset(b, i)], true);
}

static void
keep_ticket(stress *s, const dk_batch *b, uint32_t i, dk_ticket ticket)
{
    pthread_mutex_lock(&s->lock);
    CHECK(s->n_tickets < TICKETS);
    s->tickets[s->n_tickets++] =
        (told){.ticket = ticket, .part = dk_batch_partition(b, i), .offset = (int)dk_batch_offset(b, i)};
    pthread_mutex_unlock(&s->lock);
}

/* One in hand: it fails, with a note or without, gets a ticket, or is handled. */
static void
handle(worker *w, dk_batch *b, uint32_t i)
{
    uint32_t dice = dk_test_below(&w->rnd, 100);
    dk_ticket ticket;

    if (dice < 8) {
        if (dice < 4)
            CHECK_OK(dk_batch_note(b, "attempts=1"));
        (void)dk_batch_note_of(b, i);
        CHECK_OK(dk_batch_fail(b, dk_test_below(&w->rnd, 4)));
    } else if (dice < 30 && dk_batch_defer(b, &ticket) == DK_OK) {
        keep_ticket(w->s, b, i, ticket);
    } else {
        finish(w->s, b, i);
    }
}

static void
handle_claim(worker *w, dk_batch *b, dk_range range)
{
    uint32_t dice = dk_test_below(&w->rnd, 100);
    dk_ticket ticket;

    if (dice < 10) {
        CHECK_OK(dk_batch_claim_return(b, 1));
        return;
    }
    for (uint32_t i = range.first; i < range.first + range.n; i++) {
        if (!dk_batch_is_claimed(b, i))
            continue;
        if (dice < 30 && dk_test_below(&w->rnd, 10) == 0)
            CHECK_OK(dk_batch_claim_fail(b, i, 1));
        else if (dk_test_below(&w->rnd, 10) == 0 && dk_batch_claim_defer(b, i, &ticket) == DK_OK)
            keep_ticket(w->s, b, i, ticket);
        else
            finish(w->s, b, i);
    }
    (void)dk_batch_claim_counts(b);
    CHECK_OK(dk_batch_claim_finish(b));
}

static void
walk(worker *w, dk_batch *b)
{
    bool claims = dk_test_below(&w->rnd, 3) == 0;
    dk_range range;
    int32_t i;

    while (claims && dk_batch_claim(b, 1 + dk_test_below(&w->rnd, 9), false, &range) == DK_OK && range.n > 0)
        handle_claim(w, b, range);
    while (!claims && (i = dk_batch_next(b)) >= 0) {
        handle(w, b, (uint32_t)i);
        if (dk_test_below(&w->rnd, 100) == 0)
            break; /* left in the middle */
    }
    dk_batch_free(b);
}

static void *
walk_all(void *arg)
{
    worker *w = arg;

    while (!atomic_load(&w->s->stop)) {
        dk_batch *b = take_batch(w->s);

        if (b != NULL)
            walk(w, b);
        else
            dk_test_pause_ms(1);
    }
    return NULL;
}

/* ---- tickets --------------------------------------------------------------------------------------------------- */

/* Any of them; some are answered a second time by a copy. False: none is out. */
static bool
answer_one(worker *w)
{
    stress *s = w->s;
    told t;
    dk_ticket copy;

    pthread_mutex_lock(&s->lock);
    if (s->n_tickets == 0) {
        pthread_mutex_unlock(&s->lock);
        return false;
    }
    t = s->tickets[dk_test_below(&w->rnd, (uint32_t)s->n_tickets)];
    for (int k = 0; k < s->n_tickets; k++)
        if (memcmp(&s->tickets[k].ticket, &t.ticket, sizeof t.ticket) == 0)
            s->tickets[k] = s->tickets[--s->n_tickets];
    pthread_mutex_unlock(&s->lock);
    copy = t.ticket;
    if (dk_test_below(&w->rnd, 4) != 0) {
        atomic_store(&s->finished[t.part][t.offset], true);
        CHECK_OK(dk_ticket_resolve(&t.ticket));
    } else {
        CHECK_OK(dk_ticket_reject(&t.ticket, dk_test_below(&w->rnd, 3)));
    }
    CHECK_STATUS(dk_ticket_reject(&copy, 0), DK_ESTATE);
    return true;
}

static void *
answer_all(void *arg)
{
    worker *w = arg;

    while (!atomic_load(&w->s->stop))
        if (!answer_one(w))
            dk_test_pause_ms(1);
    return NULL;
}

/* ---- meddling -------------------------------------------------------------------------------------------------- */

static void
meddle_once(worker *w)
{
    dk_consumer *c = w->s->c;
    dk_partitions list = rig_list("t", (int32_t)dk_test_below(&w->rnd, PARTS), 0);
    dk_partition_counters numbers[PARTS];
    dk_counters counters;

    switch (dk_test_below(&w->rnd, 8)) {
    case 0:
        (void)!dk_consumer_pause(c, &list, NULL);
        dk_test_pause_ms(1);
        (void)!dk_consumer_resume(c, &list, NULL);
        break;
    case 1:
        (void)!dk_consumer_position(c, &list, NULL);
        break;
    case 2:
        dk_consumer_counters(c, &counters);
        break;
    case 3:
        (void)!dk_consumer_commit(c, NULL, dk_test_below(&w->rnd, 2) == 0, NULL);
        break;
    case 4:
        dk_consumer_wake(c);
        break;
    case 5:
        if (dk_test_below(&w->rnd, 40) == 0)
            (void)!dk_consumer_seek(c, &list, 1000, NULL); /* to the beginning */
        break;
    default:
        (void)dk_consumer_partition_counters(c, numbers, PARTS);
    }
    dk_partitions_fini(&list);
}

static void *
meddle(void *arg)
{
    worker *w = arg;

    while (!atomic_load(&w->s->stop)) {
        meddle_once(w);
        dk_test_pause_ms(2);
    }
    return NULL;
}

/* ---- a second member ------------------------------------------------------------------------------------------- */

/* It comes, handles a few batches, and goes. */
static void *
come_and_go(void *arg)
{
    worker *w = arg;
    dk_consumer *c = rig_consumer(&w->s->r, NULL);
    int batches = 0;

    rig_subscribe(c, "t");
    while (!atomic_load(&w->s->stop) && batches < 5) {
        dk_batch *b = rig_fetch(c, 20, 20);
        int32_t i;

        if (b == NULL)
            continue;
        while ((i = dk_batch_next(b)) >= 0)
            finish(w->s, b, (uint32_t)i);
        dk_batch_free(b);
        batches++;
    }
    (void)!dk_consumer_close(c, 20000, NULL);
    dk_consumer_free(c);
    return NULL;
}

/* ---- all together ---------------------------------------------------------------------------------------------- */

static void
check_committed(stress *s)
{
    dk_consumer *c = rig_consumer(&s->r, NULL);

    for (int p = 0; p < PARTS; p++) {
        int64_t committed = rig_committed(c, "t", p);

        CHECK(committed <= MESSAGES);
        for (int64_t i = 0; i < committed; i++)
            CHECK(atomic_load(&s->finished[p][i]));
    }
    rig_end(c);
}

static void
end_stress(stress *s, worker *last)
{
    dk_batch *b;

    (void)!dk_consumer_close(s->c, 20000, NULL); /* the mock cluster takes no commit while it rebalances */
    while ((b = take_batch(s)) != NULL)
        dk_batch_free(b);
    while (answer_one(last))
        ;
    dk_consumer_free(s->c);
    check_committed(s);
    rig_close(&s->r);
    pthread_mutex_destroy(&s->lock);
}

DK_TEST(stress_of_everything_at_once)
{
    static void *(*const mains[])(void *) = {fetch_all,  walk_all, walk_all,   walk_all,
                                             answer_all, meddle,   come_and_go};
    enum { WORKERS = sizeof mains / sizeof *mains };
    static stress s;
    static worker workers[WORKERS];
    uint64_t seed = dk_test_seed();
    dk_consumer_opts opts;

    pthread_mutex_init(&s.lock, NULL);
    rig_open(&s.r, "t", PARTS);
    rig_set(&s.r, "auto.commit.interval.ms", "20");
    rig_set(&s.r, "session.timeout.ms", "6000");
    rig_set(&s.r, "heartbeat.interval.ms", "100");
    for (int p = 0; p < PARTS; p++)
        rig_produce(&s.r, "t", p, 0, MESSAGES);
    dk_consumer_opts_init(&opts);
    opts.drain_ms = 300;
    opts.rebalance_ack = true;
    s.c = rig_consumer(&s.r, &opts);
    rig_subscribe(s.c, "t");
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (worker){.s = &s, .rnd = seed + (uint64_t)i};
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, mains[i], &workers[i]), 0);
    }
    WAIT_UNTIL(all_finished(&s), 90000);
    atomic_store(&s.stop, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    end_stress(&s, &workers[0]);
}
