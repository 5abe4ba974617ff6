/* SPDX-License-Identifier: MIT
 *
 * The consumer: group membership on a thread of its own, messages in batches, offsets that move only over
 * messages whose outcome is known.
 *
 * Every function returns DK_EFORKED in a child of the process that made the handle (free then only forgets it),
 * and DK_ECLOSED after dk_consumer_close().
 */
#ifndef DK_CONSUMER_H
#define DK_CONSUMER_H

#include "dk/kafka.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dk_consumer dk_consumer;
typedef struct dk_batch dk_batch;

#define DK_COMMIT_NEVER (-1)
#define DK_COMMIT_CONF (-2) /* as enable.auto.commit and auto.commit.interval.ms say */

#define DK_NOTE_MAX_BYTES 4096 /* what brokers take of commit metadata by default (offset.metadata.max.bytes) */

typedef struct dk_consumer_opts {
    size_t size;                 /* sizeof(dk_consumer_opts) of the caller; what lies beyond gets its default */
    int commit_interval_ms;      /* >0 every so often, 0 after each batch, DK_COMMIT_NEVER, DK_COMMIT_CONF */
    int drain_ms;                /* how long a revocation waits for the message in hand; default 30000, bounded by
                                    half of max.poll.interval.ms */
    uint32_t batch_max_messages; /* default 1000 */
    size_t batch_max_bytes;      /* default 8 MiB; a larger message comes alone */
    bool rebalance_ack;    /* revocations wait (at most drain_ms) for dk_consumer_rebalance_ack(); can be changed
                                    later with dk_consumer_set_rebalance_ack() */
    bool assign_ack;       /* assignments do: see dk_consumer_assign(). dk_consumer_set_assign_ack() */
    uint32_t tickets_max;  /* messages of a partition in batches and tickets at a time; default 0: no bound */
    size_t note_max_bytes; /* longest note; default DK_NOTE_MAX_BYTES */
} dk_consumer_opts;

/* dk_consumer_opts_init - fill in the defaults. */
DK_API void dk_consumer_opts_init(dk_consumer_opts *opts);

/* dk_consumer_new - make a client and start its engine thread. No connection is awaited.
 *
 * Configuration: librdkafka's names. The engine always sets enable.auto.offset.store=false and
 * enable.auto.commit=false in librdkafka and commits by itself (see opts); it lowers fetch.queue.backoff.ms unless
 * the caller sets it. queued.max.messages.kbytes and queued.min.messages bound what is read ahead for all partitions
 * of the consumer together, as librdkafka documents them. group.id is required. Ownership: pairs and opts are
 * borrowed; *out is yours, drop it with dk_consumer_close() and dk_consumer_free(). Threads:   a handle may be used
 * from several threads, but only one may be inside dk_consumer_fetch() at a time. Errors:    DK_ECONFIG (err->text
 * names the key), DK_ENOMEM, DK_EKAFKA, DK_ELIBRARY.
 */
DK_API DK_MUST_CHECK dk_status dk_consumer_new(const dk_alloc *alloc, const dk_pair *pairs, size_t n_pairs,
                                               const dk_consumer_opts *opts, dk_consumer **out, dk_error *err);

/* dk_consumer_close - leave the group: tickets get a part of the time to be answered, the outcomes known then are
 * committed synchronously, and the partitions are given back. Ends within timeout_ms (-1: librdkafka's and the
 * engine's own limits, half a minute when no broker answers), and the consumer is closed then, whatever it returns:
 * an error says what could not be done (kafka_err -185, timed out, and others), and names the partitions whose
 * offsets are not committed; so do the LOG event "CLOSE" and the COMMIT event of that commit. Calling it twice is
 * fine. dk_consumer_close_begin - the same without waiting; the first call decides how long it may take.
 * With opts.rebalance_ack the caller goes on taking events: partitions are told as REVOKE while every call still
 * works, and half of the time is for the answer.
 * dk_consumer_close_wait - wait at most timeout_ms for the end of it; DK_ETIMEOUT: it has not ended yet. Threads:
 * any.
 */
DK_API DK_MUST_CHECK dk_status dk_consumer_close(dk_consumer *c, int timeout_ms, dk_error *err);
DK_API void dk_consumer_close_begin(dk_consumer *c, int timeout_ms);
DK_API DK_MUST_CHECK dk_status dk_consumer_close_wait(dk_consumer *c, int timeout_ms, dk_error *err);

/* dk_consumer_free - drop the handle; not closed, the group is not left and nothing is committed. Batches that are
 * still open stay valid until they are freed. NULL is fine.
 */
DK_API void dk_consumer_free(dk_consumer *c);

/* dk_consumer_stop - ask the consumer to end: a waiting dk_consumer_fetch() returns DK_ESTOPPED at once, and
 * dk_batch_next() ends after the message in hand. Irrevocable. Threads: any; async-signal-safe.
 */
DK_API void dk_consumer_stop(dk_consumer *c);
DK_API bool dk_consumer_stopping(const dk_consumer *c);

/* dk_consumer_hold_commits - while held, nothing is committed but what the caller commits: not from time to time, not
 * when partitions are revoked, not by dk_consumer_close(). What was finished meanwhile is committed after it was let
 * go, or is redelivered. For callers whose output is not delivered yet. Threads: any; async-signal-safe.
 */
DK_API void dk_consumer_hold_commits(dk_consumer *c, bool held);

/* dk_consumer_wake - make a waiting dk_consumer_fetch() return DK_ETIMEOUT. Threads: any; async-signal-safe. */
DK_API void dk_consumer_wake(dk_consumer *c);

/* dk_consumer_fetch - the next batch: up to max_messages (0: opts) that are here now; waits at most timeout_ms
 * (-1: for ever) for the first. Returns early, without a batch, with DK_ETIMEOUT when an event is waiting
 * (dk_consumer_event()), when dk_consumer_wake() was called or a signal interrupted the wait.
 * Ownership: on DK_OK *out is yours: walk it with dk_batch_next() or dk_batch_take(), then dk_batch_free() it.
 * Errors: DK_ETIMEOUT, DK_ESTOPPED, DK_EBUSY (another thread is in it), DK_EFATAL, DK_ENOMEM (nothing is lost).
 */
DK_API DK_MUST_CHECK dk_status dk_consumer_fetch(dk_consumer *c, uint32_t max_messages, int timeout_ms,
                                                 dk_batch **out, dk_error *err);

/* dk_consumer_event - take the oldest event, NULL if there is none. Ownership: yours, dk_event_free(). */
DK_API dk_event *dk_consumer_event(dk_consumer *c);

/* dk_consumer_rebalance_ack - with opts.rebalance_ack or opts.assign_ack: the ASSIGN, REVOKE or LOST event taken last
 * has been dealt with. dk_consumer_set_rebalance_ack, _set_assign_ack - change the options; false releases what
 * waits. Threads: any. */
DK_API void dk_consumer_rebalance_ack(dk_consumer *c);
DK_API void dk_consumer_set_rebalance_ack(dk_consumer *c, bool on);
DK_API void dk_consumer_set_assign_ack(dk_consumer *c, bool on);

/* ---- membership ------------------------------------------------------------------------------------------------ */

/* dk_consumer_subscribe - join the group for these topics; a name that begins with '^' is a regular expression.
 * dk_consumer_assign - set the partitions by hand, each from its offset (DK_OFFSET_* allowed). NULL/0 unassigns.
 * _incremental_(un)assign - add to or take from it; a partition that is assigned already moves to its offset.
 * With opts.assign_ack, between an ASSIGN event and its dk_consumer_rebalance_ack(), dk_consumer_assign() and
 * _incremental_assign() are the answer to it: these partitions are taken, and each begins at its offset
 * (DK_OFFSET_INVALID or _STORED: where the group stands); dk_consumer_seek() changes where one begins. With eager,
 * cooperative and KIP-848 groups. While dk_consumer_close() is under way each of the three gives all back, whatever
 * the protocol. dk_consumer_assignment - what is assigned now, into *out. Threads: any. Errors: DK_EKAFKA, DK_EINVAL.
 */
DK_API DK_MUST_CHECK dk_status dk_consumer_subscribe(dk_consumer *c, const char *const *topics, size_t n,
                                                     dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_consumer_unsubscribe(dk_consumer *c, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_consumer_subscription(dk_consumer *c, dk_partitions *out, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_consumer_assign(dk_consumer *c, const dk_partitions *parts, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_consumer_incremental_assign(dk_consumer *c, const dk_partitions *parts,
                                                              dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_consumer_incremental_unassign(dk_consumer *c, const dk_partitions *parts,
                                                                dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_consumer_assignment(dk_consumer *c, dk_partitions *out, dk_error *err);

/* dk_consumer_member_id - copy the member id into buf (empty before the group was joined). Returns its length. */
DK_API size_t dk_consumer_member_id(dk_consumer *c, char *buf, size_t cap);

/* ---- position -------------------------------------------------------------------------------------------------- */

/* dk_consumer_pause, _resume - hold partitions back, or let them go on; membership and position stay. Messages of a
 * paused partition that were fetched already are kept and come after the resume. A partition that is not assigned
 * gets kafka_err _UNKNOWN_PARTITION in its item. Resume of one that is not paused does nothing.
 */
DK_API DK_MUST_CHECK dk_status dk_consumer_pause(dk_consumer *c, dk_partitions *parts, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_consumer_resume(dk_consumer *c, dk_partitions *parts, dk_error *err);

/* dk_consumer_seek - go on from parts[i].offset (DK_OFFSET_BEGINNING/_END allowed); what was fetched is dropped, what
 * was handed out of these partitions before counts no longer. Waits at most timeout_ms. Per-partition kafka_err. */
DK_API DK_MUST_CHECK dk_status dk_consumer_seek(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err);

/* dk_consumer_position - offset of the next message that would be handed out; DK_OFFSET_INVALID if none was yet. */
DK_API DK_MUST_CHECK dk_status dk_consumer_position(dk_consumer *c, dk_partitions *parts, dk_error *err);

/* dk_consumer_committed - committed offsets and metadata, asked from the broker: again, within the time, while the
 * group's coordinator moves or loads. */
DK_API DK_MUST_CHECK dk_status dk_consumer_committed(dk_consumer *c, dk_partitions *parts, int timeout_ms,
                                                     dk_error *err);

/* dk_consumer_store - say by hand how far a partition is done: offsets[i] is the next to consume. Everything before
 * it counts as finished. Metadata becomes the note of the message at that offset (dk_batch_note()). A partition that
 * is not assigned gets kafka_err _STATE, or _UNKNOWN_PARTITION if it never was; one whose metadata is larger than
 * opts.note_max_bytes OFFSET_METADATA_TOO_LARGE, and its offset is stored all the same. Errors: DK_EKAFKA for either,
 * DK_ENOMEM (nothing was stored). */
DK_API DK_MUST_CHECK dk_status dk_consumer_store(dk_consumer *c, dk_partitions *parts, dk_error *err);

/* dk_consumer_commit - commit now. parts NULL or empty: everything that is finished (what was committed is appended
 * to parts when sync); else the given offsets as they are, filled with a result per partition when sync. With sync
 * false the result comes as a COMMIT event; with sync true it is tried again for 5 seconds while the group's
 * coordinator moves or loads. Errors: DK_EKAFKA; _NO_OFFSET when there is nothing to commit, with sync
 * false in the event (as librdkafka says). */
DK_API DK_MUST_CHECK dk_status dk_consumer_commit(dk_consumer *c, dk_partitions *parts, bool sync, dk_error *err);

/* ---- questions to the broker ----------------------------------------------------------------------------------- */

DK_API DK_MUST_CHECK dk_status dk_consumer_watermarks(dk_consumer *c, const char *topic, int32_t partition,
                                                      bool cached, int timeout_ms, int64_t *low, int64_t *high,
                                                      dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_consumer_offsets_for_times(dk_consumer *c, dk_partitions *parts, int timeout_ms,
                                                             dk_error *err);
/* topic NULL: all topics. Ownership: *out is yours, dk_metadata_free(). */
DK_API DK_MUST_CHECK dk_status dk_consumer_metadata(dk_consumer *c, const char *topic, int timeout_ms,
                                                    dk_metadata **out, dk_error *err);

DK_API DK_MUST_CHECK dk_status dk_consumer_sasl_credentials(dk_consumer *c, const char *username,
                                                            const char *password, dk_error *err);

/* ---- counters -------------------------------------------------------------------------------------------------- */

#define DK_COUNTER_MAP(XX)                                                                                           \
    XX(fetched)                                                                                                      \
    XX(finished)                                                                                                     \
    XX(failed)                                                                                                       \
    XX(stale_dropped)                                                                                                \
    XX(batches)                                                                                                      \
    XX(commits)                                                                                                      \
    XX(commit_errors)                                                                                                \
    XX(rebalances)                                                                                                   \
    XX(events_dropped)                                                                                               \
    XX(allocations)

typedef struct dk_counters {
#define XX(name) uint64_t name;
    DK_COUNTER_MAP(XX)
#undef XX
    int64_t last_poll_ms; /* age of the engine thread's last poll */
    int64_t in_hand_ms;   /* how long the message in hand has been handled, -1 if none */
    char in_hand_topic[250];
    int32_t in_hand_partition;
    int64_t in_hand_offset;
} dk_counters;

DK_API void dk_consumer_counters(dk_consumer *c, dk_counters *out);

/* Of one partition that is assigned; offsets are DK_OFFSET_INVALID where nothing is known. topic lives as long as the
 * handle. */
typedef struct dk_partition_counters {
    const char *topic;
    int32_t partition;
    int64_t position;          /* behind the message handed out last */
    int64_t committed;         /* as last confirmed by the broker, or read from it at the assignment */
    int64_t end;               /* of the log, as the last fetch told */
    uint32_t held;             /* messages that wait here to be handed out */
    uint32_t outstanding;      /* tickets that are out */
    int64_t oldest_ticket_ms;  /* age of the oldest of them; -1: none */
    bool paused;               /* by dk_consumer_pause() */
    uint64_t handled, failed;  /* messages, since the consumer was made */
    int64_t commit_latency_ms; /* of the last commit that was answered; -1: none yet */
} dk_partition_counters;

/* dk_consumer_partition_counters - fill in at most cap items; returns how many partitions are assigned. Never waits
 * for a walk, a fetch or the broker. Threads: any. */
DK_API size_t dk_consumer_partition_counters(dk_consumer *c, dk_partition_counters *out, size_t cap);

/* ---- batch ----------------------------------------------------------------------------------------------------- */

/* A batch owns its messages; everything read from it is borrowed and valid until dk_batch_free(). A message that
 * waits beyond that (it failed, or has a ticket) keeps its own memory, not the batch's. Walking it: dk_batch_next()
 * gives the messages to handle, one after the other. Moving on from a message says that it is finished, unless
 * dk_batch_fail() or dk_batch_defer() said otherwise before. Messages whose partition was revoked, paused, or failed
 * are passed over: they are handed out again, or belong to another member. Threads: owner (one thread at a time);
 * reading the messages: any. librdkafka parses the headers of a message when they are first asked for: the owner does
 * that.
 */

/* dk_batch_next - index of the next message to handle, or -1 at the end of the batch, when a stop was asked, or when
 * the batch was cut: it has been walked for a while (50 ms), and other partitions wait. What is left is handed out
 * again with the next batches. */
DK_API int32_t dk_batch_next(dk_batch *b);
DK_API bool dk_batch_is_cut(const dk_batch *b);

/* dk_batch_peek - index of what dk_batch_next() would give (without finishing the message in hand), or -1. */
DK_API int32_t dk_batch_peek(dk_batch *b);

/* dk_batch_current - index of the message in hand, or -1. */
DK_API int32_t dk_batch_current(const dk_batch *b);

/* dk_batch_fail - the message in hand was not handled: its partition is held back for delay_ms, then it and those
 * behind it are handed out again, in order and without another fetch. Of several delays of a partition the latest end
 * wins. Errors: DK_ESTATE: no message is in hand, or it has a ticket. */
DK_API DK_MUST_CHECK dk_status dk_batch_fail(dk_batch *b, int64_t delay_ms);

/* dk_batch_note - remember a short text (an attempt count, say) with the message in hand until that message is
 * finished: it is committed at once as the metadata of its partition's offset, so that a restart or another member
 * finds it. dk_batch_note_of - the note of message i, also one that was committed by an earlier owner of the
 * partition, or NULL (also without memory). A message that failed with a new note is handed out again only when the
 * broker has the note (or has not taken it for 30 s). Kept only while the message is the first unfinished one of its
 * partition. Ownership: text borrowed; the result is borrowed until the next call with this batch. Errors: DK_ESTATE
 * (no message in hand), DK_EINVAL (longer than opts.note_max_bytes), DK_ENOMEM. A broker whose limit is lower gets
 * the offset without the note.
 */
DK_API DK_MUST_CHECK dk_status dk_batch_note(dk_batch *b, const char *text);
DK_API const char *dk_batch_note_of(dk_batch *b, uint32_t i);

/* dk_batch_defer - the outcome of the message in hand is known later (its copy is on its way to another topic); the
 * batch goes on. Ownership: *out keeps the message until one of the functions below was called with it.
 * dk_ticket_resolve - the message is finished. dk_ticket_reject - it is not: it is handed out again after delay_ms,
 * before what is still behind it. Outcomes for partitions that were taken away meanwhile are dropped and counted. A
 * ticket that was answered already, or a copy of one, is recognised as long as the consumer lives. Threads: any.
 * dk_tickets_answer - n tickets in one call, all of them the same way.
 * dk_batch_undefer - take it back: nothing is known again of the message in hand (one that the batch has moved on
 * from is handed out again). dk_producer_forward() answers a ticket by what becomes of a copy. Errors: DK_ESTATE: no
 * message is in hand, or it failed or has a ticket; the ticket was answered. DK_ENOMEM (defer).
 */
typedef struct dk_ticket { /* private; {NULL}: none */
    dk_batch *batch;
    uint32_t index;
    uint32_t serial;
} dk_ticket;
DK_API DK_MUST_CHECK dk_status dk_batch_defer(dk_batch *b, dk_ticket *out);
DK_API dk_status dk_batch_undefer(dk_batch *b, dk_ticket *ticket);
DK_API dk_status dk_ticket_resolve(dk_ticket *ticket);
DK_API dk_status dk_ticket_reject(dk_ticket *ticket, int64_t delay_ms);
DK_API dk_status dk_tickets_answer(dk_ticket *tickets, size_t n, bool finished, int64_t delay_ms);

/* ---- a range in hand ------------------------------------------------------------------------------------------- */

/* A claim takes several messages in hand at once, to be written in one transaction, say. It is not cut, a revocation
 * waits for it, and its offsets count only when it is finished: by dk_batch_claim_finish(), by the next claim, or by
 * dk_batch_next(). Threads: owner.
 */
typedef struct dk_range {
    uint32_t first, n; /* entries first .. first + n - 1 of the batch */
} dk_range;

/* dk_batch_claim - the next entries, at most max; one_partition: only while they are of the same one. n == 0 at the
 * end of the batch, or when it was cut or stopped. Not every entry of the range need be in the claim:
 * dk_batch_is_claimed(). dk_batch_claim_hand - the same, but it begins with the message in hand, which has no outcome
 * yet. dk_batch_claim_finish - all that is claimed is finished. dk_batch_claim_return - nothing of it is, though
 * nothing has failed: all is handed out again after delay_ms. Of one message of a claim: dk_batch_claim_done - it is
 * finished, whatever becomes of the others. dk_batch_claim_fail - it is not, and those of its partition behind it
 * that have no outcome are not either. dk_batch_claim_defer - its outcome is told by a ticket. dk_batch_claim_note -
 * as dk_batch_note(). dk_batch_claim_counts - false: a partition of the claim was taken away, its outcomes will not
 * count. Errors: DK_ESTATE: nothing is claimed, or i is not (any more).
 */
DK_API DK_MUST_CHECK dk_status dk_batch_claim(dk_batch *b, uint32_t max, bool one_partition, dk_range *out);
DK_API DK_MUST_CHECK dk_status dk_batch_claim_hand(dk_batch *b, uint32_t max, bool one_partition, dk_range *out);
DK_API bool dk_batch_is_claimed(const dk_batch *b, uint32_t i);
DK_API bool dk_batch_claim_counts(const dk_batch *b);
DK_API DK_MUST_CHECK dk_status dk_batch_claim_finish(dk_batch *b);
DK_API DK_MUST_CHECK dk_status dk_batch_claim_return(dk_batch *b, int64_t delay_ms);
DK_API DK_MUST_CHECK dk_status dk_batch_claim_fail(dk_batch *b, uint32_t i, int64_t delay_ms);
DK_API DK_MUST_CHECK dk_status dk_batch_claim_done(dk_batch *b, uint32_t i);
DK_API DK_MUST_CHECK dk_status dk_batch_claim_defer(dk_batch *b, uint32_t i, dk_ticket *out);
DK_API DK_MUST_CHECK dk_status dk_batch_claim_note(dk_batch *b, uint32_t i, const char *text);

/* ---- the end, and reading -------------------------------------------------------------------------------------- */

/* dk_batch_take - like dk_batch_next(), but moving on from the message does not finish it: that is said later by
 * dk_consumer_store() (what Consumer.poll() of a client with enable.auto.offset.store=false means). */
DK_API int32_t dk_batch_take(dk_batch *b);

/* dk_batch_close - the walk is over: known outcomes are settled, what was not handled goes back to its partition.
 * dk_batch_free() does it too. Messages stay readable. */
DK_API void dk_batch_close(dk_batch *b);
DK_API void dk_batch_free(dk_batch *b);

DK_API uint32_t dk_batch_len(const dk_batch *b);
/* dk_batch_is_full - it has as many messages or bytes as it may have, so more may wait. */
DK_API bool dk_batch_is_full(const dk_batch *b);
DK_API const char *dk_batch_topic(const dk_batch *b, uint32_t i);
/* dk_batch_topic_id - a small number that is the same for equal topic names of one consumer, for caches. */
DK_API uint32_t dk_batch_topic_id(const dk_batch *b, uint32_t i);
DK_API int32_t dk_batch_partition(const dk_batch *b, uint32_t i);
DK_API int64_t dk_batch_offset(const dk_batch *b, uint32_t i);
DK_API int32_t dk_batch_leader_epoch(const dk_batch *b, uint32_t i);
DK_API dk_slice dk_batch_key(const dk_batch *b, uint32_t i);
DK_API dk_slice dk_batch_value(const dk_batch *b, uint32_t i);
/* timestamp in ms since the epoch, -1 if none; *type as in dk_delivery. */
DK_API int64_t dk_batch_timestamp(const dk_batch *b, uint32_t i, int *type);
/* dk_batch_headers - number of headers; dk_batch_header - the k-th, in order. Names can repeat. */
DK_API size_t dk_batch_headers(const dk_batch *b, uint32_t i);
DK_API bool dk_batch_header(const dk_batch *b, uint32_t i, size_t k, dk_header *out);

#ifdef __cplusplus
}
#endif

#endif
