/* SPDX-License-Identifier: MIT
 *
 * The tracker: which offsets of one partition are finished.
 *
 * Offsets are delivered in increasing order (with gaps) and finished in any order; the mark is the first that is not
 * finished, or the end of the run if all are: the offset that may be committed. Not thread-safe: its ledger's owner
 * guards it.
 */
#ifndef DK_KAFKA_CONSUMER_OFFSETS_H
#define DK_KAFKA_CONSUMER_OFFSETS_H

#include "base/internal.h"
#include "dk/kafka.h"

typedef struct dk__offsets {
    const dk_alloc *alloc;
    struct dk__offsets_slot *ring; /* power of two */
    uint32_t cap, head, len;
    uint32_t finished; /* how many of the len are finished, behind one that is not */
    int64_t mark;      /* next offset to consume as far as finished; DK_OFFSET_INVALID before the first delivery */
    int64_t edge;      /* equals the mark when the record right before it is the last finished one: no gap between */
    int64_t committed; /* last mark given to a commit that succeeded */
    int64_t last;      /* highest delivered offset */
} dk__offsets;

void dk__offsets_init(dk__offsets *o, const dk_alloc *alloc);
void dk__offsets_fini(dk__offsets *o);
void dk__offsets_reset(dk__offsets *o); /* forget everything, keep the memory */
/* Note a delivered offset, larger than all before; a repeated one (it was handed back) is ignored.
 * DK_ENOMEM leaves the tracker unchanged. */
DK_MUST_CHECK dk_status dk__offsets_deliver(dk__offsets *o, int64_t offset);
/* Room for one that is delivered: then it cannot fail. */
DK_MUST_CHECK dk_status dk__offsets_reserve(dk__offsets *o);
/* Say that an offset is finished. Returns true if the mark moved. Unknown or finished ones are ignored. */
bool dk__offsets_done(dk__offsets *o, int64_t offset);
/* Everything below next counts as finished (store_offsets by hand); next may also be beyond what was delivered, or,
 * explicitly, lower than the mark (then the mark goes back and later done marks stay known). Returns true if the mark
 * changed. */
bool dk__offsets_store(dk__offsets *o, int64_t next);
/* The log has nothing more before next, and all that was delivered is finished: the mark goes there. Lower ones and
 * calls while something is pending are ignored. */
void dk__offsets_reach(dk__offsets *o, int64_t next);
uint32_t dk__offsets_pending(const dk__offsets *o); /* delivered, not finished */

#endif
