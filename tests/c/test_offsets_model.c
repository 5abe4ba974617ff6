/* SPDX-License-Identifier: MIT
 *
 * Random walks of the tracker of offsets beside a plain list.
 */
#include <stdlib.h>

#include "dk_test.h"
#include "kafka/consumer/offsets.h"

enum { MODEL_MAX = 4096 };

typedef struct model {
    int64_t offset[MODEL_MAX];
    bool finished[MODEL_MAX];
    int n;
    int64_t mark, last;
} model;

static void
model_drop_first(model *m)
{
    m->n--;
    memmove(m->offset, m->offset + 1, (size_t)m->n * sizeof m->offset[0]);
    memmove(m->finished, m->finished + 1, (size_t)m->n * sizeof m->finished[0]);
}

static void
model_settle(model *m)
{
    while (m->n > 0 && m->finished[0]) {
        m->mark = m->offset[0] + 1;
        model_drop_first(m);
    }
}

static void
model_deliver(model *m, int64_t offset)
{
    if (offset <= m->last)
        return;
    if (m->mark == DK_OFFSET_INVALID || (m->n == 0 && m->mark == m->last + 1))
        m->mark = offset;
    m->last = offset;
    if (offset < m->mark)
        return;
    m->offset[m->n] = offset;
    m->finished[m->n++] = false;
}

static void
model_done(model *m, int64_t offset)
{
    int i;

    for (i = 0; i < m->n; i++)
        if (m->offset[i] == offset)
            m->finished[i] = true;
    if (m->n == 0 || !m->finished[0])
        return;
    model_settle(m);
    if (m->n > 0)
        m->mark = m->offset[0];
}

static void
model_store(model *m, int64_t next)
{
    while (m->n > 0 && m->offset[0] < next)
        model_drop_first(m);
    m->mark = next;
    model_settle(m);
}

static int
model_pending(const model *m)
{
    int i, n = 0;

    for (i = 0; i < m->n; i++)
        n += !m->finished[i];
    return n;
}

/* How a walk goes: of 100 steps, this many deliver and this many store; the others finish something. */
typedef struct walk {
    int deliver, store;
    bool ordered; /* finish mostly the oldest */
} walk;

static int64_t
pick_offset(const model *m, const walk *w, uint64_t *rnd)
{
    if (m->n == 0 || dk_test_below(rnd, 20) == 0)
        return (int64_t)dk_test_below(rnd, (uint32_t)(m->last > 0 ? m->last + 10 : 10));
    if (w->ordered && dk_test_below(rnd, 10) != 0)
        return m->offset[0];
    return m->offset[dk_test_below(rnd, (uint32_t)m->n)];
}

static void
step(dk__offsets *o, model *m, const walk *w, uint64_t *rnd)
{
    int what = (int)dk_test_below(rnd, 100);
    int64_t before = m->mark, offset;
    bool moved = false;

    if (what < w->deliver && m->n < MODEL_MAX) {
        offset = (m->last >= 0 ? m->last : 0) + dk_test_below(rnd, 8) - 3;
        if (offset < 0)
            offset = 0;
        model_deliver(m, offset);
        CHECK_OK(dk__offsets_deliver(o, offset));
        before = m->mark;
    } else if (what < w->deliver + w->store) {
        offset = (m->mark >= 0 ? m->mark : 0) + dk_test_below(rnd, 12) - 4;
        if (offset < 0)
            offset = 0;
        model_store(m, offset);
        moved = dk__offsets_store(o, offset);
    } else {
        offset = pick_offset(m, w, rnd);
        model_done(m, offset);
        moved = dk__offsets_done(o, offset);
    }
    CHECK_EQ(moved, m->mark != before);
    CHECK_EQ(o->mark, m->mark);
    CHECK_EQ(o->last, m->last);
    CHECK_EQ(o->len, m->n);
}

static void
random_walk(const walk *w, int steps)
{
    uint64_t rnd = dk_test_seed();
    model *m = malloc(sizeof *m);
    dk__offsets o;
    int i;

    CHECK(m != NULL);
    dk__offsets_init(&o, dk_test_alloc());
    *m = (model){.mark = DK_OFFSET_INVALID, .last = DK_OFFSET_INVALID};
    for (i = 0; i < steps; i++) {
        step(&o, m, w, &rnd);
        if (i % 16 == 0)
            CHECK_EQ(dk__offsets_pending(&o), model_pending(m));
        if (dk_test_below(&rnd, 20000) == 0) { /* a rebalance */
            dk__offsets_reset(&o);
            *m = (model){.mark = DK_OFFSET_INVALID, .last = DK_OFFSET_INVALID};
        }
    }
    dk__offsets_fini(&o);
    free(m);
}

DK_TEST(offsets_random_ordered)
{
    random_walk(&(walk){.deliver = 55, .ordered = true}, 300000);
}

DK_TEST(offsets_random_unordered)
{
    random_walk(&(walk){.deliver = 60}, 200000);
}

DK_TEST(offsets_random_with_stores)
{
    random_walk(&(walk){.deliver = 60, .store = 3}, 300000);
}
