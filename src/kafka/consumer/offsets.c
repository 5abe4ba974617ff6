/* SPDX-License-Identifier: MIT
 *
 * Which offsets of one partition are finished, and how far that goes without a hole: a ring of the delivered offsets
 * from the first unfinished one on. Offsets grow from slot to slot but may leave gaps (compaction, transaction
 * markers). Nothing is in a gap any more when what lies behind it is here, so the mark passes over: it is where a
 * message is, or where the next one will be.
 *
 * Invariants: the slot at head is unfinished; every offset in the ring is >= mark; last >= every offset in the ring.
 */
#include "kafka/consumer/offsets.h"

/* An offset, or its complement once it is finished: Kafka's offsets are never negative. */
struct dk__offsets_slot {
    int64_t v;
};

enum { FIRST_CAP = 64 };

static inline struct dk__offsets_slot *
slot_at(const dk__offsets *o, uint32_t i)
{
    return &o->ring[(o->head + i) & (o->cap - 1)];
}

static inline int64_t
offset_of(const struct dk__offsets_slot *s)
{
    return s->v >= 0 ? s->v : ~s->v;
}

void
dk__offsets_init(dk__offsets *o, const dk_alloc *alloc)
{
    *o = (dk__offsets){.alloc = alloc};
    dk__offsets_reset(o);
}

void
dk__offsets_fini(dk__offsets *o)
{
    dk__free(o->alloc, o->ring);
    dk__offsets_init(o, o->alloc);
}

void
dk__offsets_reset(dk__offsets *o)
{
    o->head = 0;
    o->len = 0;
    o->finished = 0;
    o->mark = o->edge = DK_OFFSET_INVALID;
    o->committed = DK_OFFSET_INVALID;
    o->last = DK_OFFSET_INVALID;
}

static dk_status
grow(dk__offsets *o)
{
    uint32_t cap = o->cap != 0 ? o->cap * 2 : FIRST_CAP, i;
    struct dk__offsets_slot *ring;

    if (cap < o->cap)
        return DK_ENOMEM;
    ring = dk__realloc(o->alloc, NULL, cap, sizeof *ring);
    if (ring == NULL)
        return DK_ENOMEM;
    for (i = 0; i < o->len; i++)
        ring[i] = *slot_at(o, i);
    dk__free(o->alloc, o->ring);
    o->ring = ring;
    o->cap = cap;
    o->head = 0;
    return DK_OK;
}

dk_status
dk__offsets_reserve(dk__offsets *o)
{
    return o->len < o->cap ? DK_OK : grow(o);
}

dk_status
dk__offsets_deliver(dk__offsets *o, int64_t offset)
{
    assert(offset >= 0);
    if (offset <= o->last)
        return DK_OK;
    if (offset >= o->mark) { /* else a store by hand has finished it beforehand */
        if (dk__offsets_reserve(o) != DK_OK)
            return DK_ENOMEM;
        if (o->mark == DK_OFFSET_INVALID || (o->len == 0 && o->mark == o->last + 1))
            o->mark = offset;
        slot_at(o, o->len++)->v = offset;
    }
    o->last = offset;
    return DK_OK;
}

static void
drop_head(dk__offsets *o)
{
    o->head = (o->head + 1) & (o->cap - 1);
    o->len--;
}

/* Move the mark over finished slots at the head. */
static void
advance(dk__offsets *o)
{
    while (o->len > 0 && slot_at(o, 0)->v < 0) {
        o->mark = o->edge = offset_of(slot_at(o, 0)) + 1;
        o->finished--;
        drop_head(o);
    }
}

/* The slot of an offset, or NULL. Slot i holds at least head's offset + i, exactly that while there are no gaps. */
static struct dk__offsets_slot *
find(const dk__offsets *o, int64_t offset)
{
    uint32_t low = 0, high, middle;
    int64_t ahead;

    if (o->len == 0 || offset > o->last)
        return NULL;
    ahead = offset - offset_of(slot_at(o, 0));
    if (ahead < 0)
        return NULL;
    high = ahead < o->len ? (uint32_t)ahead : o->len - 1;
    if (offset_of(slot_at(o, high)) == offset)
        return slot_at(o, high);
    while (low < high) {
        middle = low + (high - low) / 2;
        if (offset_of(slot_at(o, middle)) < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return offset_of(slot_at(o, low)) == offset ? slot_at(o, low) : NULL;
}

bool
dk__offsets_done(dk__offsets *o, int64_t offset)
{
    struct dk__offsets_slot *s;

    if (o->len > 0 && slot_at(o, 0)->v == offset) {
        o->mark = o->edge = offset + 1;
        drop_head(o);
        if (o->finished > 0)
            advance(o);
        if (o->len > 0)
            o->mark = offset_of(slot_at(o, 0));
        return true;
    }
    s = find(o, offset);
    if (s != NULL && s->v >= 0) {
        s->v = ~s->v;
        o->finished++;
    }
    return false;
}

bool
dk__offsets_store(dk__offsets *o, int64_t next)
{
    int64_t before = o->mark;

    assert(next >= 0);
    while (o->len > 0 && offset_of(slot_at(o, 0)) < next) {
        if (slot_at(o, 0)->v < 0)
            o->finished--;
        drop_head(o);
    }
    o->mark = next;
    o->edge = DK_OFFSET_INVALID;
    advance(o);
    return o->mark != before;
}

void
dk__offsets_reach(dk__offsets *o, int64_t next)
{
    if (o->len > 0 || next <= o->mark)
        return;
    o->mark = next;
    o->edge = DK_OFFSET_INVALID;
    if (o->last < next - 1)
        o->last = next - 1;
}

uint32_t
dk__offsets_pending(const dk__offsets *o)
{
    return o->len - o->finished;
}
