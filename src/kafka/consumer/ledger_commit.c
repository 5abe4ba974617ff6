/* SPDX-License-Identifier: MIT
 *
 * A ledger: how far may be committed, and with what note. See ledger.h.
 */
#include "kafka/consumer/ledger_private.h"

/* ---- commit ---------------------------------------------------------------------------------------------------- */

/* The epoch goes along only where it is that of the record right before the mark: with another one the broker would
 * find the log cut off. */
static int32_t
epoch_at_mark(const dk__ledger *l)
{
    int64_t mark = l->offsets.mark;

    if (mark == l->reached)
        return l->reached_epoch;
    if (mark != l->offsets.edge)
        return -1;
    for (int i = 0; i < DK__EPOCHS; i++)
        if (l->epochs[i].from < mark)
            return l->epochs[i].epoch;
    return -1;
}

bool
dk__ledger_note_to_send(const dk__ledger *l)
{
    return l->note.text != NULL && l->note.dirty && l->note.offset == l->offsets.mark;
}

bool
dk__ledger_to_commit(dk__ledger *l, dk__mark *out)
{
    int64_t mark = l->offsets.mark;

    if (mark < 0 || (mark == l->offsets.committed && !dk__ledger_note_to_send(l)))
        return false;
    if (out == NULL)
        return true;
    if (l->note.text != NULL && l->note.offset < mark)
        dk__note_clear(&l->note, l->alloc);
    out->offset = mark;
    out->epoch = epoch_at_mark(l);
    out->note = NULL;
    if (l->note.text != NULL && l->note.offset == mark) {
        out->note = l->note.text;
        l->note.dirty = false;
    }
    return true;
}

bool
dk__ledger_is_idle(const dk__ledger *l)
{
    return dk__ledger_is_quiet(l) && l->stock.len == 0 && l->offsets.len == 0 && !l->relogged;
}

void
dk__ledger_reach(dk__ledger *l, int64_t next, int32_t epoch)
{
    int64_t known = l->offsets.mark >= 0 ? l->offsets.mark : l->offsets.committed;

    if (!dk__ledger_is_idle(l) || known < 0 || next <= known)
        return;
    if (l->offsets.mark >= 0 && l->offsets.mark != l->offsets.last + 1) /* it was put there by dk__ledger_store() */
        return;
    dk__offsets_reach(&l->offsets, next);
    if (l->read < next - 1) /* a message from before there is another log's */
        l->read = next - 1;
    l->reached = next;
    l->reached_epoch = epoch;
}

void
dk__ledger_committed(dk__ledger *l, int64_t offset, const char *metadata, size_t n, bool accepted, int latency_ms)
{
    if (accepted) {
        l->offsets.committed = offset;
        PUBLISH(l, committed, offset);
        PUBLISH(l, commit_latency_ms, latency_ms);
    }
    if (l->note.offset == offset)
        dk__note_answered(&l->note, metadata, n, accepted);
}

void
dk__ledger_store(dk__ledger *l, int64_t next)
{
    dk__offsets_store(&l->offsets, next);
}

/* ---- notes ----------------------------------------------------------------------------------------------------- */

void
dk__ledger_note(dk__ledger *l, int64_t offset, char *taken, int64_t now_ms)
{
    dk__note_make(&l->note, l->alloc, taken, offset, l->rules->notes_wait, now_ms);
}

const char *
dk__ledger_note_of(const dk__ledger *l, int64_t offset)
{
    return l->note.offset == offset ? l->note.text : NULL;
}

void
dk__ledger_note_refused(dk__ledger *l, int64_t offset)
{
    if (l->note.text == NULL || l->note.offset != offset)
        return;
    dk__note_clear(&l->note, l->alloc);
    l->offsets.committed = DK_OFFSET_INVALID; /* whatever it was: say it again */
}
