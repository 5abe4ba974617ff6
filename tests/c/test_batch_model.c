/* SPDX-License-Identifier: MIT
 *
 * Random walks over the batches of a consumer beside a plain list of what became of each message: which one comes
 * next, how far is committed, what is noted; with failures, tickets, pauses, seeks and batches that are left early.
 */
#include <stdlib.h>

#include "rig.h"

enum { PARTS = 3, MESSAGES = 60, TICKETS = 32, NO_OFFSET = -168 };
enum fate { NEW, DONE, OUT };

typedef struct part {
    enum fate fate[MESSAGES];
    bool here[MESSAGES]; /* may be in the open batch: what is rejected meanwhile comes with the next one */
    bool sought;         /* and nothing was handed out since: how far it was done is known again by that */
    bool blocked;        /* in the open batch: it failed or was paused */
    bool paused;
    int last;  /* handed out last of the open batch */
    int noted; /* offset of the note, -1: none */
    unsigned note;
} part;

typedef struct out {
    dk_ticket ticket;
    int part, offset;
    bool stale; /* its partition was sought: its outcome does not count */
} out;

typedef struct model {
    rig r;
    dk_consumer *c;
    part parts[PARTS];
    out out[TICKETS];
    int n_out;
    int hand_part, hand; /* -1: nothing in hand */
    uint64_t rnd;
    unsigned notes;
} model;

static bool
chance(model *m, uint32_t percent)
{
    return dk_test_below(&m->rnd, 100) < percent;
}

static int
first_unfinished(const part *p)
{
    int i = 0;

    while (i < MESSAGES && p->fate[i] == DONE)
        i++;
    return i;
}

static int
next_of(const part *p)
{
    for (int i = p->last + 1; i < MESSAGES; i++)
        if (p->fate[i] == NEW && p->here[i])
            return i;
    return MESSAGES;
}

/* ---- tickets --------------------------------------------------------------------------------------------------- */

static void
answer(model *m, int k)
{
    out o = m->out[k];
    bool accept = chance(m, 60);

    m->out[k] = m->out[--m->n_out];
    if (accept)
        dk_ticket_resolve(&o.ticket);
    else
        dk_ticket_reject(&o.ticket, dk_test_below(&m->rnd, 3));
    if (!o.stale)
        m->parts[o.part].fate[o.offset] = accept ? DONE : NEW;
}

static void
answer_some(model *m, uint32_t percent)
{
    for (int k = m->n_out; k-- > 0;)
        if (chance(m, percent))
            answer(m, k);
}

/* ---- walking --------------------------------------------------------------------------------------------------- */

/* The message in hand has its outcome: moving on makes it a finished one. */
static void
moved_on(model *m)
{
    if (m->hand >= 0)
        m->parts[m->hand_part].fate[m->hand] = DONE;
    m->hand = -1;
}

static void
check_note_of(model *m, dk_batch *b, int32_t i)
{
    const part *p = &m->parts[m->hand_part];
    const char *note = dk_batch_note_of(b, (uint32_t)i);
    char text[16];

    if (p->noted != m->hand) {
        CHECK(note == NULL);
        return;
    }
    snprintf(text, sizeof text, "note %u", p->note);
    CHECK_STR(note, text);
}

static void
fail_with_note(model *m, dk_batch *b)
{
    part *p = &m->parts[m->hand_part];
    char text[16];

    if (chance(m, 40)) {
        p->note = ++m->notes;
        p->noted = m->hand;
        snprintf(text, sizeof text, "note %u", p->note);
        CHECK_OK(dk_batch_note(b, text));
    }
    CHECK_OK(dk_batch_fail(b, dk_test_below(&m->rnd, 3)));
    p->blocked = true;
    m->hand = -1;
}

static void
defer(model *m, dk_batch *b)
{
    out *o = &m->out[m->n_out++];

    *o = (out){.part = m->hand_part, .offset = m->hand};
    CHECK_OK(dk_batch_defer(b, &o->ticket));
    m->parts[m->hand_part].fate[m->hand] = OUT;
    m->hand = -1;
}

static void
toggle_pause(model *m)
{
    int n = (int)dk_test_below(&m->rnd, PARTS);
    dk_partitions list = rig_list("t", n, DK_OFFSET_INVALID);
    part *p = &m->parts[n];
    dk_error err;

    if (p->paused)
        CHECK_OK_ERR(dk_consumer_resume(m->c, &list, &err), &err);
    else
        CHECK_OK_ERR(dk_consumer_pause(m->c, &list, &err), &err);
    p->paused = !p->paused;
    p->blocked |= p->paused;
    dk_partitions_fini(&list);
}

/* False: the walk is over. */
static bool
step(model *m, dk_batch *b)
{
    int32_t i = dk_batch_next(b);
    part *p;

    moved_on(m);
    if (i < 0)
        return false;
    m->hand_part = dk_batch_partition(b, (uint32_t)i);
    m->hand = (int)dk_batch_offset(b, (uint32_t)i);
    p = &m->parts[m->hand_part];
    CHECK_EQ(rig_number(b, (uint32_t)i), m->hand_part * 1000 + m->hand);
    CHECK(!p->blocked || !p->paused); /* a pause that was ended again may be over before the walk saw it */
    CHECK_EQ(m->hand, next_of(p));
    p->last = m->hand;
    p->sought = false;
    check_note_of(m, b, i);
    if (chance(m, 10))
        fail_with_note(m, b);
    else if (chance(m, 15) && m->n_out < TICKETS)
        defer(m, b);
    if (chance(m, 3))
        toggle_pause(m);
    answer_some(m, 5);
    return true;
}

static void
walk(model *m, dk_batch *b)
{
    uint32_t stop_percent = chance(m, 30) ? 10 : 0;

    for (int n = 0; n < PARTS; n++) {
        m->parts[n].blocked = m->parts[n].paused;
        m->parts[n].last = -1;
        for (int i = 0; i < MESSAGES; i++)
            m->parts[n].here[i] = m->parts[n].fate[i] == NEW;
    }
    while (step(m, b) && !chance(m, stop_percent))
        ;
    m->hand = -1; /* left with a message in hand: it was not handled */
    dk_batch_free(b);
}

/* ---- between batches ------------------------------------------------------------------------------------------- */

/* What lies behind is fetched again, and what was on its way from there does not count. */
static void
seek(model *m)
{
    int n = (int)dk_test_below(&m->rnd, PARTS);
    part *p = &m->parts[n];
    int to = first_unfinished(p);
    dk_partitions list = rig_list("t", n, to);
    dk_error err;

    if (to < MESSAGES) {
        CHECK_OK_ERR(dk_consumer_seek(m->c, &list, 5000, &err), &err);
        for (int i = to; i < MESSAGES; i++)
            p->fate[i] = NEW;
        for (int k = 0; k < m->n_out; k++)
            m->out[k].stale |= m->out[k].part == n;
        if (p->noted != to)
            p->noted = -1;
        p->sought = true;
    }
    dk_partitions_fini(&list);
}

static void
check_committed(model *m)
{
    dk_error err = {0};
    dk_status st = dk_consumer_commit(m->c, NULL, true, &err);

    CHECK(st == DK_OK || err.kafka == NO_OFFSET);
    for (int n = 0; n < PARTS; n++)
        if (first_unfinished(&m->parts[n]) > 0 && !m->parts[n].sought)
            CHECK_EQ(rig_committed(m->c, "t", n), first_unfinished(&m->parts[n]));
}

static bool
all_done(const model *m)
{
    for (int n = 0; n < PARTS; n++)
        if (first_unfinished(&m->parts[n]) < MESSAGES)
            return false;
    return true;
}

static void
open_model(model *m, uint64_t seed)
{
    *m = (model){.rnd = seed, .hand = -1};
    rig_open(&m->r, "t", PARTS);
    for (int n = 0; n < PARTS; n++) {
        m->parts[n].noted = -1;
        rig_produce(&m->r, "t", n, n * 1000, MESSAGES);
    }
    m->c = rig_consumer(&m->r, NULL);
    rig_assign(m->c, "t", PARTS);
}

static void
close_model(model *m)
{
    check_committed(m);
    answer_some(m, 100);
    rig_end(m->c);
    rig_close(&m->r);
}

/* Nothing comes: everything may be paused, or wait for a ticket before it. */
static void
loosen(model *m)
{
    answer_some(m, 100);
    for (int n = 0; n < PARTS; n++)
        if (m->parts[n].paused && chance(m, 50))
            toggle_pause(m);
}

static void
random_walk(uint64_t seed)
{
    model m;

    open_model(&m, seed);
    while (!all_done(&m)) {
        dk_batch *b = rig_fetch(m.c, 1 + dk_test_below(&m.rnd, 60), 20);

        if (b != NULL)
            walk(&m, b);
        else
            loosen(&m);
        if (chance(&m, 20))
            check_committed(&m);
        if (chance(&m, 3))
            seek(&m);
    }
    close_model(&m);
}

DK_TEST(batch_model_random_walks)
{
    uint64_t rnd = dk_test_seed();

    for (int i = 0; i < 6; i++)
        random_walk(dk_test_random(&rnd));
}
