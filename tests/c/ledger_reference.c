/* SPDX-License-Identifier: MIT
 *
 * See ledger_reference.h.
 */
#include "ledger_reference.h"

#include "dk_test.h"

#define NOTE_WAIT_MS 30000
#define EPOCHS_KEPT 4

/* ---- how far is finished --------------------------------------------------------------------------------------- */

static void
forget_offsets(ref_part *p)
{
    p->mark = p->last = p->committed = p->told_committed = p->reached = DK_OFFSET_INVALID;
    p->reached_epoch = -1;
    p->exact = false;
    p->n_slots = p->n_seen = 0;
}

static void
drop_slot(ref_part *p)
{
    memmove(&p->slots[0], &p->slots[1], (size_t)--p->n_slots * sizeof p->slots[0]);
}

static void
drop_finished(ref_part *p)
{
    while (p->n_slots > 0 && p->slots[0].done) {
        p->mark = p->slots[0].offset + 1;
        p->exact = true;
        drop_slot(p);
    }
}

static void
see(ref_part *p, const ref_msg *m)
{
    if (p->n_seen == REF_SEEN)
        memmove(&p->seen[0], &p->seen[1], (size_t)--p->n_seen * sizeof p->seen[0]);
    p->seen[p->n_seen].offset = m->offset;
    p->seen[p->n_seen++].epoch = m->epoch;
}

static void
deliver(ref_part *p, ref_msg *m)
{
    if (m->offset <= p->last)
        return;
    see(p, m);
    m->forgiven = m->offset < p->mark;
    if (p->mark < 0 || (p->n_slots == 0 && p->mark == p->last + 1)) {
        p->exact = p->exact && p->mark == m->offset;
        p->mark = m->offset;
    }
    p->last = m->offset;
    if (m->forgiven)
        return;
    CHECK(p->n_slots < REF_SLOTS);
    p->slots[p->n_slots].offset = m->offset;
    p->slots[p->n_slots++].done = false;
}

static void
finish(ref_part *p, const ref_msg *m)
{
    p->handled++;
    for (int i = 0; i < p->n_slots; i++)
        p->slots[i].done |= p->slots[i].offset == m->offset;
    if (p->n_slots == 0 || !p->slots[0].done)
        return;
    drop_finished(p);
    if (p->n_slots > 0 && p->slots[0].offset != p->mark) {
        p->mark = p->slots[0].offset;
        p->exact = false;
    }
}

/* The epoch of the record right before the mark, if that was the one finished last, and so many leaders are known. */
static int32_t
epoch_at_mark(const ref_part *p, bool *known)
{
    int changes = 0;

    *known = true;
    if (p->mark == p->reached)
        return p->reached_epoch;
    if (!p->exact)
        return -1;
    for (int i = p->n_seen; i-- > 0;) {
        if (p->seen[i].offset == p->mark - 1)
            return changes < EPOCHS_KEPT ? p->seen[i].epoch : -1;
        changes += i > 0 && p->seen[i].epoch != p->seen[i - 1].epoch;
    }
    *known = false;
    return -1;
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

void
ref_init(reference *r, bool notes_wait, uint32_t tickets_max)
{
    memset(r, 0, sizeof *r);
    r->notes_wait = notes_wait;
    r->tickets_max = tickets_max;
    for (int n = 0; n < REF_PARTS; n++) {
        r->parts[n].read = r->parts[n].position = r->parts[n].note_offset = DK_OFFSET_INVALID;
        r->parts[n].latency_ms = -1;
        forget_offsets(&r->parts[n]);
    }
}

bool
ref_is_dead(const ref_msg *m)
{
    return m->where == REF_GONE && m->readers == 0 && m->tickets == 0;
}

ref_msg *
ref_spare(reference *r)
{
    for (int i = 0; i < REF_MESSAGES; i++)
        if (!r->msgs[i].used || ref_is_dead(&r->msgs[i]))
            return &r->msgs[i];
    return NULL;
}

void
ref_receive(reference *r, ref_msg *m, int part, int64_t offset, int32_t epoch, size_t weight, bool error)
{
    ref_part *p = &r->parts[part];

    *m = (ref_msg){.used = true,
                   .part = part,
                   .offset = offset,
                   .epoch = epoch,
                   .weight = weight,
                   .error = error,
                   .begins_log = !error && offset <= p->read,
                   .where = REF_READ,
                   .order = ++r->order};
    if (!error)
        p->read = offset;
}

int
ref_count(const reference *r, int part, ref_where where)
{
    int n = 0;

    for (int i = 0; i < REF_MESSAGES; i++)
        n += r->msgs[i].used && r->msgs[i].part == part && r->msgs[i].where == where;
    return n;
}

uint32_t
ref_tickets(const reference *r, int part, int64_t *oldest_ms)
{
    uint32_t n = 0;

    *oldest_ms = 0;
    for (int i = 0; i < REF_MESSAGES; i++) {
        const ref_msg *m = &r->msgs[i];

        if (!m->used || m->part != part || !m->ticket)
            continue;
        if (n++ == 0 || m->since_ms < *oldest_ms)
            *oldest_ms = m->since_ms;
    }
    return n;
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

/* The lowest that came back, else what was read first. */
static ref_msg *
head(reference *r, int part)
{
    ref_msg *back = NULL, *fresh = NULL;

    for (int i = 0; i < REF_MESSAGES; i++) {
        ref_msg *m = &r->msgs[i];

        if (!m->used || m->part != part)
            continue;
        if (m->where == REF_BACK && (back == NULL || m->offset < back->offset))
            back = m;
        if (m->where == REF_READ && (fresh == NULL || m->order < fresh->order))
            fresh = m;
    }
    return back != NULL ? back : fresh;
}

bool
ref_ready(reference *r, int part, int64_t now_ms)
{
    const ref_part *p = &r->parts[part];
    const ref_msg *m = head(r, part);
    uint32_t owed = (uint32_t)ref_count(r, part, REF_OUT);

    if (m == NULL || now_ms < p->due_ms || (r->tickets_max > 0 && owed >= r->tickets_max))
        return false;
    if (p->note_pending && p->note_offset == m->offset && now_ms < p->note_made_ms + NOTE_WAIT_MS)
        return false;
    return !m->begins_log || m->where == REF_BACK || owed == 0;
}

ref_msg *
ref_next(reference *r, int part, int64_t now_ms, bool in_batch)
{
    ref_msg *m = head(r, part);

    if (m == NULL || !ref_ready(r, part, now_ms))
        return NULL;
    if (in_batch && m->where == REF_READ && (m->error || m->begins_log))
        return NULL;
    return m;
}

void
ref_hand_out(reference *r, ref_msg *m)
{
    ref_part *p = &r->parts[m->part];

    if (m->error) {
        m->where = REF_GONE;
        return;
    }
    if (m->begins_log && m->where == REF_READ) {
        forget_offsets(p);
        p->generation++;
        p->due_ms = 0;
        p->note[0] = '\0';
        p->note_offset = DK_OFFSET_INVALID;
        p->note_pending = p->note_dirty = false;
        p->relogged = true;
    }
    deliver(p, m);
    m->where = REF_OUT;
}

/* ---- outcomes -------------------------------------------------------------------------------------------------- */

static bool
counts(reference *r, const ref_msg *m, unsigned generation)
{
    if (r->parts[m->part].generation == generation)
        return true;
    r->stale++;
    return false;
}

void
ref_settle(reference *r, ref_msg *m, unsigned generation, dk__state state)
{
    ref_part *p = &r->parts[m->part];

    switch (state) {
    case DK__DONE:
    case DK__TAKEN:
        if (!counts(r, m, generation))
            return;
        if (state == DK__DONE)
            finish(p, m);
        m->where = REF_GONE;
        break;
    case DK__STALE:
        r->stale++;
        return;
    case DK__TICKETED:
    case DK__ANSWERED:
        if (p->generation != generation)
            return;
        break;
    default:
        return;
    }
    p->position = m->offset + 1;
}

void
ref_fail(reference *r, ref_msg *m, unsigned generation, int64_t due_ms, bool again)
{
    ref_part *p = &r->parts[m->part];

    if (p->generation != generation)
        return;
    p->failed += !again;
    if (due_ms > p->due_ms)
        p->due_ms = due_ms;
}

void
ref_give_back(reference *r, ref_msg *m, unsigned generation)
{
    if (counts(r, m, generation))
        m->where = REF_BACK;
}

void
ref_defer(reference *r, ref_msg *m, unsigned generation, int64_t now_ms)
{
    m->tickets++;
    m->ticket = r->parts[m->part].generation == generation;
    m->since_ms = now_ms;
}

void
ref_undefer(reference *r, ref_msg *m)
{
    (void)r;
    m->tickets--;
    m->ticket = false;
}

void
ref_answer(reference *r, ref_msg *m, unsigned generation, bool finished, int64_t due_ms)
{
    ref_part *p = &r->parts[m->part];

    m->tickets--;
    m->ticket = false;
    if (!counts(r, m, generation))
        return;
    if (finished) {
        finish(p, m);
        m->where = REF_GONE;
        return;
    }
    m->where = REF_BACK;
    ref_fail(r, m, generation, due_ms, false);
}

/* ---- beginnings and ends --------------------------------------------------------------------------------------- */

static void
clear_note(ref_part *p)
{
    p->note[0] = '\0';
    p->note_offset = DK_OFFSET_INVALID;
    p->note_dirty = p->note_pending = false;
}

void
ref_start_over(reference *r, int part)
{
    ref_part *p = &r->parts[part];

    for (int i = 0; i < REF_MESSAGES; i++)
        if (r->msgs[i].used && r->msgs[i].part == part) {
            r->msgs[i].where = REF_GONE;
            r->msgs[i].ticket = false;
        }
    forget_offsets(p);
    clear_note(p);
    p->generation++;
    p->read = p->position = DK_OFFSET_INVALID;
    p->due_ms = 0;
    p->relogged = false;
}

void
ref_seek(reference *r, int part, int64_t offset)
{
    ref_part *p = &r->parts[part], before = *p;

    ref_start_over(r, part);
    if (before.note[0] == '\0' || before.note_offset != offset)
        return;
    memcpy(p->note, before.note, sizeof p->note);
    p->note_offset = offset;
    p->note_made_ms = before.note_made_ms;
    p->note_dirty = before.note_dirty;
    p->note_pending = before.note_pending && before.mark == offset;
    if (before.mark != offset)
        return;
    p->mark = offset;
    p->committed = p->told_committed = before.committed;
}

void
ref_adopt(reference *r, int part, int64_t committed, const char *note)
{
    ref_part *p = &r->parts[part];

    p->committed = p->told_committed = committed;
    clear_note(p);
    p->note_offset = committed;
    snprintf(p->note, sizeof p->note, "%s", note == NULL ? "" : note);
}

void
ref_reach(reference *r, int part, int64_t next, int32_t epoch)
{
    ref_part *p = &r->parts[part];
    int64_t known = p->mark >= 0 ? p->mark : p->committed;

    if (ref_count(r, part, REF_OUT) + ref_count(r, part, REF_BACK) + ref_count(r, part, REF_READ) > 0)
        return;
    if (p->relogged || p->n_slots > 0 || known < 0 || next <= known)
        return;
    if (p->mark >= 0 && p->mark != p->last + 1) /* the application has said where */
        return;
    p->mark = p->reached = next;
    p->reached_epoch = epoch;
    p->exact = false;
    if (p->last < next - 1)
        p->last = next - 1;
    if (p->read < next - 1)
        p->read = next - 1;
}

void
ref_store(reference *r, int part, int64_t next)
{
    ref_part *p = &r->parts[part];

    for (int i = 0; i < REF_MESSAGES; i++)
        if (r->msgs[i].used && r->msgs[i].part == part && r->msgs[i].offset < next && r->msgs[i].where != REF_READ)
            r->msgs[i].forgiven = true;
    while (p->n_slots > 0 && p->slots[0].offset < next)
        drop_slot(p);
    p->mark = next;
    p->exact = false;
    drop_finished(p);
}

/* ---- notes and commits ----------------------------------------------------------------------------------------- */

void
ref_note(reference *r, int part, int64_t offset, const char *text, int64_t now_ms)
{
    ref_part *p = &r->parts[part];

    snprintf(p->note, sizeof p->note, "%s", text);
    p->note_offset = offset;
    p->note_dirty = true;
    p->note_pending = r->notes_wait;
    p->note_made_ms = now_ms;
}

const char *
ref_note_of(const reference *r, int part, int64_t offset)
{
    const ref_part *p = &r->parts[part];

    return p->note[0] != '\0' && p->note_offset == offset ? p->note : NULL;
}

bool
ref_to_commit(reference *r, int part, ref_mark *out)
{
    ref_part *p = &r->parts[part];
    const char *note = ref_note_of(r, part, p->mark);

    if (p->mark < 0 || (p->mark == p->committed && (note == NULL || !p->note_dirty)))
        return false;
    if (out == NULL)
        return true;
    if (p->note_offset < p->mark)
        clear_note(p);
    *out = (ref_mark){.offset = p->mark, .note = note};
    out->epoch = epoch_at_mark(p, &out->epoch_known);
    if (note != NULL)
        p->note_dirty = false;
    return true;
}

void
ref_committed(reference *r, int part, int64_t offset, const char *metadata, bool accepted, int latency_ms)
{
    ref_part *p = &r->parts[part];

    if (accepted) {
        p->committed = p->told_committed = offset;
        p->latency_ms = latency_ms;
    }
    if (p->note[0] == '\0' || p->note_offset != offset)
        return;
    if (!accepted)
        p->note_dirty = true;
    else if (strcmp(metadata == NULL ? "" : metadata, p->note) == 0)
        p->note_pending = false;
}

void
ref_note_refused(reference *r, int part, int64_t offset)
{
    ref_part *p = &r->parts[part];

    if (ref_note_of(r, part, offset) == NULL)
        return;
    clear_note(p);
    p->committed = DK_OFFSET_INVALID;
}
