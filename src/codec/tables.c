/* SPDX-License-Identifier: MIT
 *
 * The tables of a program in the making. Each grows by itself; whoever asks for room checks once, at the end, that
 * the compiler has not given up.
 */
#include <stdarg.h>
#include <stdio.h>

#include "codec/compile.h"

bool
dk__table_grow(dk__compiler *c, void *table, uint32_t n, uint32_t *cap, size_t size)
{
    void **t = table;
    uint32_t want = *cap == 0 ? 16 : *cap * 2;
    void *p;

    if (n < *cap)
        return true;
    p = dk__realloc(c->a, *t, want, size);
    if (p == NULL) {
        c->bad = true;
        return false;
    }
    *t = p;
    *cap = want;
    return true;
}

void *
dk__compiler_alloc(dk__compiler *c, size_t count, size_t size)
{
    void *p = dk__arena_calloc(c->arena, count, size);

    if (p == NULL)
        c->bad = true;
    return p;
}

/* n ops in a row; DK_AVRO_NONE when there is no room. */
uint32_t
dk__reserve_ops(dk__compiler *c, uint32_t n)
{
    uint32_t at = c->nops, cap = c->cap_ops;

    if (n > DK__OPS_MAX || at + n > DK__OPS_MAX) {
        c->bad = c->too_large = true;
        return DK_AVRO_NONE;
    }
    if (at + n > cap) {
        dk_avro_op *ops;
        const char **names;
        dk_avro_connect *connect;

        while (cap < at + n)
            cap = cap == 0 ? 64 : cap * 2;
        ops = dk__realloc(c->a, c->ops, cap, sizeof *ops);
        if (ops != NULL)
            c->ops = ops;
        names = dk__realloc(c->a, c->names, cap, sizeof *names);
        if (names != NULL)
            c->names = names;
        connect = dk__realloc(c->a, c->connect, cap, sizeof *connect);
        if (connect != NULL)
            c->connect = connect;
        if (ops == NULL || names == NULL || connect == NULL) {
            c->bad = true;
            return DK_AVRO_NONE;
        }
        c->cap_ops = cap;
    }
    memset(c->ops + at, 0, n * sizeof *c->ops);
    memset(c->names + at, 0, n * sizeof *c->names);
    memset(c->connect + at, 0, n * sizeof *c->connect);
    c->nops += n;
    return at;
}

uint32_t
dk__add_const(dk__compiler *c, dk_slice bytes)
{
    if (!dk__table_grow(c, &c->consts, c->nconsts, &c->cap_consts, sizeof *c->consts))
        return 0;
    c->consts[c->nconsts] = bytes;
    return c->nconsts++;
}

void
dk__put_fail(dk__compiler *c, uint32_t dst, const char *fmt, ...)
{
    char buf[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    if (!dk__table_grow(c, &c->texts, c->ntexts, &c->cap_texts, sizeof *c->texts))
        return;
    c->texts[c->ntexts] = dk__arena_str(c->arena, buf, strlen(buf));
    if (c->texts[c->ntexts] == NULL)
        c->bad = true;
    c->ops[dst].code = DK_OP_FAIL;
    c->ops[dst].ref = c->ntexts++;
}

static uint32_t
memo_slot(const dk__memo *m, const dk__type *w, const dk__type *r)
{
    uint64_t h =
        ((uint64_t)(uintptr_t)w >> 4) * 0x9E3779B97F4A7C15u ^ ((uint64_t)(uintptr_t)r >> 4) * 0xC2B2AE3D27D4EB4Fu;
    uint32_t i = (uint32_t)(h >> 32) & (m->cap_slots - 1);

    while (m->slots[i] != 0 && (m->pairs[m->slots[i] - 1].w != w || m->pairs[m->slots[i] - 1].r != r))
        i = (i + 1) & (m->cap_slots - 1);
    return i;
}

static bool
memo_grow(dk__compiler *c, dk__memo *m)
{
    uint32_t cap = m->cap_slots == 0 ? 32 : m->cap_slots * 2, i;
    uint32_t *slots;

    if (m->n < m->cap_slots / 2)
        return true;
    slots = dk__calloc(c->a, cap, sizeof *slots);
    if (slots == NULL) {
        c->bad = true;
        return false;
    }
    dk__free(c->a, m->slots);
    m->slots = slots;
    m->cap_slots = cap;
    for (i = 0; i < m->n; i++)
        m->slots[memo_slot(m, m->pairs[i].w, m->pairs[i].r)] = i + 1;
    return true;
}

/* The number of a pair; *made: it is new. 0 when there is no memory. */
static uint32_t
memo_put(dk__compiler *c, dk__memo *m, const dk__type *w, const dk__type *r, bool *made)
{
    uint32_t slot;

    *made = false;
    if (!memo_grow(c, m))
        return 0;
    slot = memo_slot(m, w, r);
    if (m->slots[slot] != 0)
        return m->slots[slot] - 1;
    if (!dk__table_grow(c, &m->pairs, m->n, &m->cap, sizeof *m->pairs))
        return 0;
    m->pairs[m->n] = (dk__pair){w, r};
    m->slots[slot] = ++m->n;
    *made = true;
    return m->n - 1;
}

uint32_t
dk__find_record(dk__compiler *c, const dk__type *w, const dk__type *r)
{
    bool made;
    uint32_t i = memo_put(c, &c->record_pairs, w, r, &made);

    if (!made || !dk__table_grow(c, &c->records, c->nrecords, &c->cap_records, sizeof *c->records))
        return i;
    c->records[c->nrecords++] = (dk_avro_record){.name = (r != NULL ? r : w)->name};
    return i;
}

uint32_t
dk__find_enum(dk__compiler *c, const dk__type *w, const dk__type *r, bool *made)
{
    uint32_t i = memo_put(c, &c->enum_pairs, w, r, made);

    if (!*made)
        return i;
    *made = dk__table_grow(c, &c->enums, c->nenums, &c->cap_enums, sizeof *c->enums);
    if (*made)
        c->enums[c->nenums++] = (dk_avro_enum){.name = (r != NULL ? r : w)->name};
    return i;
}

static void
memo_fini(dk__compiler *c, dk__memo *m)
{
    dk__free(c->a, m->pairs);
    dk__free(c->a, m->slots);
}

void
dk__compiler_fini(dk__compiler *c)
{
    dk__free(c->a, c->ops);
    dk__free(c->a, c->names);
    dk__free(c->a, c->connect);
    dk__free(c->a, c->records);
    memo_fini(c, &c->record_pairs);
    memo_fini(c, &c->enum_pairs);
    dk__free(c->a, c->enums);
    dk__free(c->a, c->consts);
    dk__free(c->a, c->texts);
}
