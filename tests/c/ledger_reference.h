/* SPDX-License-Identifier: MIT
 *
 * What a ledger should do, said with plain arrays that are searched from end to end: for the model test. It shares
 * nothing with src/kafka/consumer but the names of the states of an entry.
 */
#ifndef DK_TEST_LEDGER_REFERENCE_H
#define DK_TEST_LEDGER_REFERENCE_H

#include "dk/consumer.h"
#include "kafka/consumer/batch.h"

enum { REF_PARTS = 3, REF_MESSAGES = 320, REF_SLOTS = 2048, REF_SEEN = 256, REF_NOTE = 24 };

typedef enum ref_where {
    REF_GONE, /* finished, or of a generation that no longer counts */
    REF_READ, /* never handed out */
    REF_BACK, /* came back */
    REF_OUT,  /* in a batch, or only a ticket of it is out */
} ref_where;

typedef struct ref_msg {
    bool used;
    int part;
    int64_t offset;
    int32_t epoch;
    size_t weight;
    bool error, begins_log;
    bool forgiven; /* finished by the word of the application */
    bool ticket;   /* a ticket that counts is out */
    int64_t since_ms;
    ref_where where;
    uint64_t order; /* in which it was read */
    int readers;    /* batches that are not freed, */
    int tickets;    /* and tickets that are out, whether they count or not */
} ref_msg;

typedef struct ref_part {
    unsigned generation;
    int64_t read, due_ms, position, committed, mark, last, reached;
    int64_t told_committed; /* what the broker has said last */
    int32_t reached_epoch;
    bool exact; /* the record right before the mark is the one finished last */
    bool relogged;
    struct {
        int64_t offset;
        bool done;
    } slots[REF_SLOTS]; /* handed out, from the mark on */
    int n_slots;
    struct {
        int64_t offset;
        int32_t epoch;
    } seen[REF_SEEN]; /* handed out last */
    int n_seen;
    char note[REF_NOTE]; /* empty: none */
    int64_t note_offset, note_made_ms;
    bool note_dirty, note_pending;
    uint64_t handled, failed;
    int64_t latency_ms;
} ref_part;

typedef struct reference {
    ref_part parts[REF_PARTS];
    ref_msg msgs[REF_MESSAGES];
    uint64_t order, stale;
    bool notes_wait;
    uint32_t tickets_max;
} reference;

typedef struct ref_mark {
    int64_t offset;
    int32_t epoch;
    bool epoch_known; /* else the reference has forgotten it */
    const char *note;
} ref_mark;

void ref_init(reference *r, bool notes_wait, uint32_t tickets_max);

/* NULL: no room in the reference. */
ref_msg *ref_spare(reference *r);
void ref_receive(reference *r, ref_msg *m, int part, int64_t offset, int32_t epoch, size_t weight, bool error);
int ref_count(const reference *r, int part, ref_where where);
uint32_t ref_tickets(const reference *r, int part, int64_t *oldest_ms);
/* What may be handed out now; NULL: nothing. */
ref_msg *ref_next(reference *r, int part, int64_t now_ms, bool in_batch);
bool ref_ready(reference *r, int part, int64_t now_ms);
void ref_hand_out(reference *r, ref_msg *m);
/* Nobody reads it, and it waits nowhere. */
bool ref_is_dead(const ref_msg *m);

/* The verbs; `generation` is the one in which m was handed out. */
void ref_settle(reference *r, ref_msg *m, unsigned generation, dk__state state);
void ref_fail(reference *r, ref_msg *m, unsigned generation, int64_t due_ms, bool again);
void ref_give_back(reference *r, ref_msg *m, unsigned generation);
void ref_defer(reference *r, ref_msg *m, unsigned generation, int64_t now_ms);
void ref_undefer(reference *r, ref_msg *m);
void ref_answer(reference *r, ref_msg *m, unsigned generation, bool finished, int64_t due_ms);

void ref_start_over(reference *r, int part);
void ref_seek(reference *r, int part, int64_t offset);
void ref_adopt(reference *r, int part, int64_t committed, const char *note);
void ref_reach(reference *r, int part, int64_t next, int32_t epoch);
void ref_store(reference *r, int part, int64_t next);

void ref_note(reference *r, int part, int64_t offset, const char *text, int64_t now_ms);
const char *ref_note_of(const reference *r, int part, int64_t offset);
bool ref_to_commit(reference *r, int part, ref_mark *out);
void ref_committed(reference *r, int part, int64_t offset, const char *metadata, bool accepted, int latency_ms);
void ref_note_refused(reference *r, int part, int64_t offset);

#endif
