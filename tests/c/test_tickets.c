/* SPDX-License-Identifier: MIT
 *
 * Tickets: outcomes that are told once, by whom and in whatever order, and what they cost.
 */
#include "brokerless.h"
#include "kafka/consumer/ledger_private.h"

/* n messages, each with a ticket; the batch is freed. */
static void
defer_all(brokerless *x, dk_ticket *tickets, uint32_t n)
{
    dk_batch *b;

    bl_receive_run(x, 0, 0, (int)n);
    b = bl_must_fetch(x, n, n);
    for (uint32_t i = 0; i < n; i++) {
        CHECK_EQ(dk_batch_next(b), (int)i);
        CHECK_OK(dk_batch_defer(b, &tickets[i]));
    }
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
}

/* ---- once ------------------------------------------------------------------------------------------------------ */

/* A second ticket of one message made the count of owed places wrap: messages came twice, or never. */
DK_TEST(ticket_of_a_message_is_given_once)
{
    brokerless x;
    dk_batch *b;
    dk_ticket first, second;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 3);
    b = bl_must_fetch(&x, 3, 3);
    CHECK_STATUS(dk_batch_defer(b, &first), DK_ESTATE); /* nothing is in hand */
    CHECK(first.batch == NULL);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &first));
    CHECK_STATUS(dk_batch_defer(b, &second), DK_ESTATE);
    CHECK(second.batch == NULL);
    CHECK_STATUS(dk_batch_fail(b, 0), DK_ESTATE); /* nor can it fail now */
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_OK(dk_batch_fail(b, 0));
    CHECK_STATUS(dk_batch_defer(b, &second), DK_ESTATE); /* what failed has its outcome */
    CHECK_OK(dk_ticket_resolve(&first));
    CHECK_EQ(dk_batch_next(b), -1);
    dk_batch_free(b);
    CHECK_EQ(bl_mark(&x, 0), 1);
    b = bl_must_fetch(&x, 3, 2);
    CHECK_EQ(dk_batch_offset(b, 0), 1);
    dk_batch_free(b);
    bl_close(&x);
}

DK_TEST(ticket_is_answered_once)
{
    brokerless x;
    dk_ticket tickets[3], copy, none = {.batch = NULL};
    dk_batch *b;

    CHECK(bl_open(&x, 1));
    defer_all(&x, tickets, 3);
    copy = tickets[0];
    CHECK_OK(dk_ticket_resolve(&tickets[0]));
    CHECK_STATUS(dk_ticket_resolve(&tickets[0]), DK_ESTATE);
    CHECK_STATUS(dk_ticket_reject(&copy, 0), DK_ESTATE);
    CHECK_STATUS(dk_ticket_resolve(&none), DK_ESTATE);
    copy = tickets[1];
    CHECK_OK(dk_ticket_reject(&tickets[1], 0));
    CHECK_STATUS(dk_ticket_resolve(&copy), DK_ESTATE);
    copy = tickets[2];
    CHECK_OK(dk_ticket_resolve(&tickets[2]));
    CHECK_EQ(bl_mark(&x, 0), 1);
    b = bl_must_fetch(&x, 3, 1); /* in the same memory as the first batch */
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &tickets[0]));
    CHECK_STATUS(dk_ticket_resolve(&copy), DK_ESTATE);
    CHECK_OK(dk_ticket_resolve(&tickets[0]));
    dk_batch_free(b);
    CHECK_EQ(bl_mark(&x, 0), 3);
    bl_close(&x);
}

DK_TEST(tickets_are_answered_many_at_once)
{
    brokerless x;
    dk_ticket tickets[10];
    dk_batch *b;

    CHECK(bl_open(&x, 1));
    defer_all(&x, tickets, 10);
    CHECK_OK(dk_tickets_answer(tickets, 0, true, 0));
    CHECK_OK(dk_tickets_answer(tickets, 4, true, 0));
    for (int i = 0; i < 4; i++)
        CHECK(tickets[i].batch == NULL);
    CHECK_EQ(bl_mark(&x, 0), 4);
    tickets[3] = tickets[4]; /* twice: it counts once, and the others are answered all the same */
    CHECK_STATUS(dk_tickets_answer(tickets, 6, true, 0), DK_ESTATE);
    CHECK_EQ(bl_mark(&x, 0), 6);
    CHECK_OK(dk_tickets_answer(tickets, 10, false, 60000));
    CHECK(bl_fetch(&x, 10, dk__now_ms()) == NULL);
    b = bl_fetch(&x, 10, dk__now_ms() + 60000);
    CHECK_EQ(dk_batch_len(b), 4);
    CHECK_EQ(dk_batch_offset(b, 0), 6);
    dk_batch_free(b);
    bl_close(&x);
}

DK_TEST(ticket_is_taken_back)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket, copy, other;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 4);
    b = bl_must_fetch(&x, 4, 4);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    copy = ticket;
    CHECK_OK(dk_batch_undefer(b, &ticket));
    CHECK(ticket.batch == NULL);
    CHECK_STATUS(dk_batch_undefer(b, &copy), DK_ESTATE);
    CHECK_STATUS(dk_ticket_resolve(&copy), DK_ESTATE);
    CHECK_EQ(dk__ledger_tickets(x.parts[0].ledger), 0);
    CHECK_OK(dk_batch_defer(b, &other)); /* it may be given again */
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_OK(dk_batch_undefer(b, &other)); /* moved on from: it is handed out again */
    CHECK_EQ(dk_batch_next(b), 2);
    CHECK_EQ(dk_batch_next(b), 3);
    CHECK_EQ(bl_mark(&x, 0), 0);
    dk_batch_free(b);
    b = bl_must_fetch(&x, 4, 2);
    CHECK_EQ(dk_batch_offset(b, 0), 0);
    CHECK_EQ(dk_batch_offset(b, 1), 3);
    dk_batch_free(b);
    bl_close(&x);
}

/* Only the producer that it was given to answers it, and its message stays that long. */
DK_TEST(ticket_that_was_forwarded_is_no_longer_ours)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket, copy;
    dk__entry *e;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 1);
    b = bl_must_fetch(&x, 1, 1);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    copy = ticket;
    e = dk__ticket_forward(&ticket);
    CHECK(e == &b->entries[0]);
    CHECK(dk__ticket_forward(&copy) == NULL);
    CHECK_STATUS(dk_ticket_resolve(&copy), DK_ESTATE);
    copy = ticket;
    CHECK_STATUS(dk_batch_undefer(b, &copy), DK_ESTATE);
    dk_batch_free(b);
    CHECK_EQ(x.living, 1);
    copy = dk__ticket_return(e);
    CHECK(memcmp(&copy, &ticket, sizeof copy) == 0);
    CHECK_OK(dk_ticket_resolve(&copy));
    CHECK(dk__ticket_forward(&ticket) == NULL);
    CHECK_EQ(x.living, 0);
    bl_close(&x);
}

DK_TEST(ticket_without_memory_leaves_the_message_in_hand)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 1);
    b = bl_must_fetch(&x, 1, 1);
    CHECK_EQ(dk_batch_next(b), 0);
    dk_test_alloc_fail(1, false);
    CHECK_STATUS(dk_batch_defer(b, &ticket), DK_ENOMEM);
    CHECK(ticket.batch == NULL);
    CHECK_EQ(dk_batch_next(b), -1); /* and moving on finishes it */
    dk_batch_free(b);
    CHECK_EQ(bl_mark(&x, 0), 1);
    bl_close(&x);
}

/* ---- early ----------------------------------------------------------------------------------------------------- */

/* Whatever else happens to a partition, what failed waits for its time. */
DK_TEST(ticket_or_resume_does_not_release_a_partition_early)
{
    brokerless x;
    dk_batch *b;
    dk_ticket ticket;
    dk_partition item = {.topic = "t", .partition = 0};
    dk_partitions list = {.items = &item, .len = 1};
    int64_t due;
    dk_error err;

    CHECK(bl_open(&x, 1));
    bl_receive_run(&x, 0, 0, 10);
    b = bl_must_fetch(&x, 10, 10);
    for (int i = 0; i < 10; i++) {
        CHECK_EQ(dk_batch_next(b), i);
        if (i == 5)
            CHECK_OK(dk_batch_defer(b, &ticket));
    }
    CHECK_OK(dk_batch_fail(b, 5000));
    due = dk__ledger_due_ms(x.parts[0].ledger);
    dk_batch_free(b);
    CHECK_OK(dk_ticket_reject(&ticket, 100));
    CHECK_OK_ERR(dk_consumer_resume(&x.c, &list, &err), &err); /* it is not paused */
    CHECK_EQ(item.kafka_err, 0);
    CHECK(bl_fetch(&x, 10, due - 1) == NULL);
    CHECK_OK_ERR(dk_consumer_pause(&x.c, &list, &err), &err);
    CHECK(bl_fetch(&x, 10, due) == NULL);
    CHECK_OK_ERR(dk_consumer_resume(&x.c, &list, &err), &err);
    CHECK(bl_fetch(&x, 10, due - 1) == NULL);
    b = bl_fetch(&x, 10, due);
    CHECK_EQ(dk_batch_len(b), 2);
    CHECK_EQ(dk_batch_offset(b, 0), 5);
    CHECK_EQ(dk_batch_offset(b, 1), 9);
    dk_batch_free(b);
    bl_close(&x);
}

/* ---- cost ------------------------------------------------------------------------------------------------------ */

enum { MANY = 3000, LOG_MANY = 12 };

/* Reject them in this order, and count the places of the heap that each answer writes. */
static size_t
places_written(const int *order)
{
    static dk__held before[MANY + 1];
    dk_ticket *tickets = dk__calloc(dk_test_alloc(), MANY, sizeof *tickets);
    brokerless x;
    size_t written = 0;
    const dk__back *back;

    CHECK(tickets != NULL && bl_open(&x, 1));
    back = &x.parts[0].ledger->back;
    defer_all(&x, tickets, MANY);
    for (int i = 0; i < MANY; i++) {
        memcpy(before, back->items, back->len * sizeof *before);
        memset(&before[back->len], 0, sizeof *before);
        CHECK_OK(dk_ticket_reject(&tickets[order[i]], 0));
        for (uint32_t k = 0; k < back->len; k++)
            written += before[k].msg != back->items[k].msg;
    }
    dk_batch_free(bl_must_fetch(&x, MANY, MANY));
    bl_close(&x);
    dk__free(dk_test_alloc(), tickets);
    return written;
}

/* A delivery time-out of a producer refuses all copies that wait, in the order in which they were made. */
DK_TEST(tickets_cost_the_same_in_any_order)
{
    static int order[MANY];
    uint64_t rnd = dk_test_seed();

    for (int i = 0; i < MANY; i++)
        order[i] = i;
    CHECK_EQ(places_written(order), MANY); /* each is the last of the heap */
    for (int i = 0; i < MANY; i++)
        order[i] = MANY - 1 - i;
    CHECK(places_written(order) <= MANY * LOG_MANY);
    for (int i = MANY; i-- > 1;) {
        int k = (int)dk_test_below(&rnd, (uint32_t)i + 1), t = order[i];

        order[i] = order[k];
        order[k] = t;
    }
    CHECK(places_written(order) <= MANY * LOG_MANY);
}

/* ---- threads --------------------------------------------------------------------------------------------------- */

typedef struct race {
    brokerless x;
    _Atomic(dk_ticket *) offered;
    atomic_bool quit;
    atomic_uint accepted;
} race;

static void *
answer_copies(void *arg)
{
    race *r = arg;

    while (!atomic_load(&r->quit)) {
        dk_ticket *offered = atomic_exchange(&r->offered, NULL);

        if (offered != NULL && dk_ticket_resolve(offered) == DK_OK)
            atomic_fetch_add(&r->accepted, 1);
    }
    return NULL;
}

enum { ROUNDS = 300, AT_ONCE = 6 }; /* more batches than keep their room when they are spare */

static void
race_round(race *r, int round)
{
    static dk_ticket copies[ROUNDS][AT_ONCE];
    dk_batch *batches[AT_ONCE];
    dk_ticket ticket;

    for (int i = 0; i < AT_ONCE; i++) {
        bl_receive_run(&r->x, i, round, 1);
        batches[i] = bl_must_fetch(&r->x, 1, 1);
        CHECK_EQ(dk_batch_next(batches[i]), 0);
        CHECK_OK(dk_batch_defer(batches[i], &ticket));
        copies[round][i] = ticket;
        atomic_store(&r->offered, &copies[round][i]);
        if (dk_ticket_resolve(&ticket) == DK_OK)
            atomic_fetch_add(&r->accepted, 1);
    }
    for (int i = 0; i < AT_ONCE; i++)
        dk_batch_free(batches[i]);
}

/* Two answer the same ticket, while its batch goes: one of them counts. */
DK_TEST(ticket_and_its_copy_are_answered_at_once)
{
    static race r;
    pthread_t thread;

    CHECK(bl_open(&r.x, AT_ONCE));
    CHECK_EQ(pthread_create(&thread, NULL, answer_copies, &r), 0);
    for (int round = 0; round < ROUNDS; round++)
        race_round(&r, round);
    atomic_store(&r.quit, true);
    pthread_join(thread, NULL);
    CHECK_EQ(r.accepted, ROUNDS * AT_ONCE);
    for (int i = 0; i < AT_ONCE; i++)
        CHECK_EQ(bl_mark(&r.x, i), ROUNDS);
    bl_close(&r.x);
}
