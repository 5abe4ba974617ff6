/* SPDX-License-Identifier: MIT
 *
 * Ledgers and their reference side by side: each verb done to both, and what can be seen of both compared.
 */
#ifndef DK_TEST_LEDGER_MODEL_H
#define DK_TEST_LEDGER_MODEL_H

#include "brokerless.h"
#include "kafka/consumer/ledger_private.h"
#include "ledger_reference.h"

enum { LM_CAP = 10, LM_BATCHES = 6, LM_TICKETS = 48, LM_FLIGHT = 12 };

typedef struct lm_entry {
    ref_msg *m;
    unsigned generation;
    dk__state state;
} lm_entry;

typedef struct lm_batch {
    dk_batch *b; /* NULL: this place is free */
    uint64_t birth;
    lm_entry entries[LM_CAP];
    int len, cursor, hand, hand_end, settled;
    bool claimed, closed, cut;
    dk__state then;
} lm_batch;

typedef struct lm_ticket {
    dk_ticket ticket;
    lm_batch *batch; /* if its birth is still this one */
    uint64_t birth;
    int index;
    ref_msg *m;
    unsigned generation;
} lm_ticket;

typedef struct lm_flight { /* a commit that was not answered yet */
    int part;
    int64_t offset;
    char note[REF_NOTE];
} lm_flight;

typedef struct lmodel {
    brokerless x;
    reference r;
    uint64_t rnd;
    int64_t skew_ms;
    bool inject; /* let allocations fail now and then */
    lm_batch batches[LM_BATCHES];
    uint64_t births;
    lm_batch *busy[REF_PARTS];
    bool back[REF_PARTS], paused[REF_PARTS];
    int64_t start[REF_PARTS]; /* where reading goes on after a seek */
    uint32_t lazy;            /* of 100 answers, so many are not given yet */
    lm_ticket tickets[LM_TICKETS];
    int n_tickets;
    dk_ticket answered[LM_TICKETS]; /* copies of tickets that have their answer */
    int n_answered;
    lm_flight flight[LM_FLIGHT];
    int n_flight;
    unsigned notes;
} lmodel;

static inline uint32_t
lm_below(lmodel *m, uint32_t n)
{
    return dk_test_below(&m->rnd, n);
}

static inline bool
lm_chance(lmodel *m, uint32_t percent)
{
    return lm_below(m, 100) < percent;
}

static inline dk__ledger *
lm_ledger(lmodel *m, int part)
{
    return m->x.parts[part].ledger;
}

/* A delay, mostly none; what the ledger made of it lies between before + delay and now + delay. */
static inline int64_t
lm_delay(lmodel *m)
{
    static const int64_t delays[] = {0, 0, 0, 3, 700, 45000};

    return delays[lm_below(m, sizeof delays / sizeof *delays)];
}

int64_t lm_now(const lmodel *m);
/* The due time that the ledger has, after a delay that was given between `before` and now. */
int64_t lm_due(lmodel *m, int part, int64_t before, int64_t delay);
int64_t lm_note_made(lmodel *m, int part, int64_t before);
/* One of the batches that are closed, or open; NULL: there is none. */
lm_batch *lm_some_batch(lmodel *m, bool closed);
void lm_check_is(const rd_kafka_message_t *msg, const reference *r, const ref_msg *want);

/* ledger_model.c: batches */
void lm_fetch(lmodel *m);
void lm_close(lmodel *m);
void lm_free(lmodel *m);
void lm_settle(lmodel *m); /* the reference's part of dk__settle_open() */
void lm_end_batches(lmodel *m);

/* ledger_model_walk.c: what is in hand */
int lm_leave_hand(lm_batch *lb);
void lm_walk(lmodel *m);
void lm_cut(lmodel *m);
void lm_claim(lmodel *m);
void lm_claim_hand(lmodel *m);
void lm_claim_outcome(lmodel *m);
void lm_fail(lmodel *m);
void lm_defer(lmodel *m);
void lm_undefer(lmodel *m);
void lm_note(lmodel *m);

/* ledger_model_check.c: all that can be seen is the same on both sides */
void lm_check(lmodel *m);

#endif
