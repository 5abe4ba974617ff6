/* SPDX-License-Identifier: MIT
 *
 * The ledger of a partition: what was read, what is handed out, held back, finished or owed, how far may be
 * committed. Nobody else writes any of that. It knows no broker, so a test can drive it alone.
 *
 * An entry that was handed out has one state (batch.h). A verb that its state does not allow returns DK_ESTATE and
 * changes nothing. An outcome of an earlier generation (the partition was taken away, or sought, meanwhile) is
 * counted and dropped.
 *
 * Threads: all with the consumer's lock held, but for dk__ledger_generation() and dk__ledger_counts(). The caller has
 * a reference to the consumer whose batches the entries are in. No verb waits; those that return a status may be out
 * of memory, and have changed nothing then.
 */
#ifndef DK_KAFKA_CONSUMER_LEDGER_H
#define DK_KAFKA_CONSUMER_LEDGER_H

#include "kafka/consumer/batch.h"
#include "kafka/consumer/held.h"

typedef struct dk__ledger dk__ledger;

/* What the ledgers of one consumer have in common; the consumer's, guarded by its lock. */
typedef struct dk__ledger_rules {
    dk__budget budget;
    uint32_t tickets_max; /* of a partition: in batches and tickets together; 0: no bound */
    bool notes_wait;      /* a message with a note waits until the broker has it */
    uint64_t stale;       /* outcomes that no longer counted */
} dk__ledger_rules;

DK_MUST_CHECK dk_status dk__ledger_new(const dk_alloc *alloc, dk__ledger_rules *rules, dk__ledger **out);
void dk__ledger_free(dk__ledger *l);
/* Moves when what was handed out no longer counts. Read without the lock. */
const atomic_uint *dk__ledger_generation(const dk__ledger *l);

/* ---- in -------------------------------------------------------------------------------------------------------- */

/* dk__ledger_receive - the next message or error read from the partition's queue. Takes msg on DK_OK. A message whose
 * offset does not grow begins another log: the topic was recreated, or the log was cut off. Nothing of that is handed
 * out before all outcomes of the old log are known. */
DK_MUST_CHECK dk_status dk__ledger_receive(dk__ledger *l, rd_kafka_message_t *msg);
/* What is read is served in a circle, and dropped (rewind.h); *end: the offset that it ends with each time. */
bool dk__ledger_circles(const dk__ledger *l, int64_t *end);
/* Something waits to be handed out, now or later. */
bool dk__ledger_has_waiting(const dk__ledger *l);
size_t dk__ledger_waiting_bytes(const dk__ledger *l);
uint32_t dk__ledger_waiting(const dk__ledger *l);
/* What waits here waits for long: keep its bytes only, not the responses they came in. */
void dk__ledger_own(dk__ledger *l);

/* ---- out ------------------------------------------------------------------------------------------------------- */

typedef enum dk__next { DK__NEXT_NONE, DK__NEXT_MESSAGE, DK__NEXT_ERROR, DK__NEXT_NOMEM } dk__next;

typedef struct dk__handed {
    rd_kafka_message_t *error; /* DK__NEXT_ERROR: the caller's */
    bool new_log;              /* DK__NEXT_MESSAGE: it is the first of another log */
    int64_t old_end;           /* then: the offset read last of the old one */
} dk__handed;

/* dk__ledger_hand_out - the next one that may be handed out now, into *e (state QUEUED). in_batch: messages of this
 * partition are in an open batch; errors and another log wait until they have been walked. */
dk__next dk__ledger_hand_out(dk__ledger *l, int64_t now_ms, bool in_batch, dk__entry *e, dk__handed *out);
/* Held back by a delay. The time it is due at, 0 if it is not held back. */
bool dk__ledger_is_due(const dk__ledger *l, int64_t now_ms);
int64_t dk__ledger_due_ms(const dk__ledger *l);
/* The time that what waits is held back until, be it by a delay or for its note; 0: by neither. */
int64_t dk__ledger_wakes_ms(const dk__ledger *l);
/* Could hand_out give something now? (The note of the first one may have to be waited for.) */
bool dk__ledger_ready(const dk__ledger *l, int64_t now_ms);

/* ---- outcomes -------------------------------------------------------------------------------------------------- */

/* dk__ledger_settle - the walk has moved on from e: its state is final, or a ticket's. Once for each entry. */
void dk__ledger_settle(dk__ledger *l, const dk__entry *e);
/* dk__ledger_fail - HANDED or HELD -> HELD: e was not handled; nothing of the partition is handed out before due_ms.
 * The latest due time wins. */
DK_MUST_CHECK dk_status dk__ledger_fail(dk__ledger *l, dk__entry *e, int64_t due_ms);
/* dk__ledger_give_back - QUEUED, HANDED or HELD -> BACK: entry i of b is handed out again, in its place. */
DK_MUST_CHECK dk_status dk__ledger_give_back(dk__ledger *l, dk_batch *b, uint32_t i);
/* dk__ledger_defer - HANDED -> TICKETED. dk__ledger_undefer - TICKETED -> HANDED. */
DK_MUST_CHECK dk_status dk__ledger_defer(dk__ledger *l, dk_batch *b, uint32_t i, int64_t now_ms);
DK_MUST_CHECK dk_status dk__ledger_undefer(dk__ledger *l, dk_batch *b, uint32_t i);
/* dk__ledger_answer - TICKETED -> ANSWERED: it is finished, or it is handed out again, not before due_ms. */
DK_MUST_CHECK dk_status dk__ledger_answer(dk__ledger *l, dk_batch *b, uint32_t i, bool finished, int64_t due_ms);
uint32_t dk__ledger_tickets(const dk__ledger *l);

/* ---- beginnings and ends --------------------------------------------------------------------------------------- */

/* dk__ledger_adopt - where the group stands with it, and the note of an earlier owner (taken; NULL: none). */
void dk__ledger_adopt(dk__ledger *l, int64_t committed, char *note);
/* dk__ledger_start_over - a new generation: whatever was read or handed out is forgotten. */
void dk__ledger_start_over(dk__ledger *l);
/* dk__ledger_seek - the same, but for the note of the message that it goes on with. */
void dk__ledger_seek(dk__ledger *l, int64_t offset);

/* ---- commit ---------------------------------------------------------------------------------------------------- */

typedef struct dk__mark {
    int64_t offset;
    int32_t epoch;    /* of the leader that wrote the record before it; -1: unknown */
    const char *note; /* borrowed; NULL: none */
} dk__mark;

/* Is there something that the broker does not have? Into *out (may be NULL). */
bool dk__ledger_to_commit(dk__ledger *l, dk__mark *out);
/* All that was read is finished, so what librdkafka has passed over since (marks of transactions, aborted records) is
 * too. */
bool dk__ledger_is_idle(const dk__ledger *l);
void dk__ledger_reach(dk__ledger *l, int64_t next, int32_t epoch);
/* The answer of the broker to a commit of this offset and metadata (n bytes). */
void dk__ledger_committed(dk__ledger *l, int64_t offset, const char *metadata, size_t n, bool accepted,
                          int latency_ms);
/* Everything before next is finished, by the word of the application. */
void dk__ledger_store(dk__ledger *l, int64_t next);

/* ---- notes: see dk_batch_note() -------------------------------------------------------------------------------- */

#define DK__NOTE_WAIT_MS 30000 /* how long a message with a note waits for the broker to have it */

void dk__ledger_note(dk__ledger *l, int64_t offset, char *taken, int64_t now_ms); /* made here: to be committed */
const char *dk__ledger_note_of(const dk__ledger *l, int64_t offset);              /* borrowed; NULL: none */
bool dk__ledger_note_to_send(const dk__ledger *l);
/* The broker does not take it: the offset is committed without. */
void dk__ledger_note_refused(dk__ledger *l, int64_t offset);

/* ---- numbers --------------------------------------------------------------------------------------------------- */

/* Behind the last one read, DK_OFFSET_INVALID if none was; with the lock held. */
int64_t dk__ledger_next(const dk__ledger *l);
int64_t dk__ledger_position(const dk__ledger *l); /* behind the last one handed out; DK_OFFSET_INVALID */

/* Of one moment each, but not all of the same. Without the lock. */
typedef struct dk__ledger_numbers {
    int64_t position, committed;
    uint32_t waiting, tickets;
    int64_t oldest_ticket_ms; /* when it was made; 0: none is out */
    uint64_t handled, failed;
    int64_t commit_latency_ms; /* of the last answer; -1: none yet */
} dk__ledger_numbers;

void dk__ledger_counts(const dk__ledger *l, dk__ledger_numbers *out);

#endif
