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

        while (cap < at + n)
            cap = cap == 0 ? 64 : cap * 2;
        ops = dk__realloc(c->a, c->ops, cap, sizeof *ops);
        if (ops != NULL)
            c->ops = ops;
        names = dk__realloc(c->a, c->names, cap, sizeof *names);
        if (names != NULL)
            c->names = names;
        if (ops == NULL || names == NULL) {
            c->bad = true;
            return DK_AVRO_NONE;
        }
        c->cap_ops = cap;
    }
    memset(c->ops + at, 0, n * sizeof *c->ops);
    memset(c->names + at, 0, n * sizeof *c->names);
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
memo_slot(const dk__compiler *c, const dk__work *list, const dk__type *w, const dk__type *r)
{
    uint64_t h =
        ((uint64_t)(uintptr_t)w >> 4) * 0x9E3779B97F4A7C15u ^ ((uint64_t)(uintptr_t)r >> 4) * 0xC2B2AE3D27D4EB4Fu;
    uint32_t i = (uint32_t)(h >> 32) & (c->cap_memo - 1);

    while (c->memo[i] != 0 && (list[c->memo[i] - 1].w != w || list[c->memo[i] - 1].r != r))
        i = (i + 1) & (c->cap_memo - 1);
    return i;
}

/* The record that reads w as r, put on the work list the first time. */
uint32_t
dk__find_record(dk__compiler *c, const dk__type *w, const dk__type *r)
{
    uint32_t cap_work = c->cap_records, slot;

    if (c->nrecords >= c->cap_memo / 2) {
        uint32_t cap = c->cap_memo == 0 ? 32 : c->cap_memo * 2, i;
        uint32_t *memo = dk__calloc(c->a, cap, sizeof *memo);

        if (memo == NULL) {
            c->bad = true;
            return 0;
        }
        dk__free(c->a, c->memo);
        c->memo = memo;
        c->cap_memo = cap;
        for (i = 0; i < c->nrecords; i++)
            c->memo[memo_slot(c, c->work, c->work[i].w, c->work[i].r)] = i + 1;
    }
    slot = memo_slot(c, c->work, w, r);
    if (c->memo[slot] != 0)
        return c->memo[slot] - 1;
    if (!dk__table_grow(c, &c->work, c->nrecords, &cap_work, sizeof *c->work) ||
        !dk__table_grow(c, &c->records, c->nrecords, &c->cap_records, sizeof *c->records))
        return 0;
    c->work[c->nrecords] = (dk__work){w, r};
    c->records[c->nrecords] = (dk_avro_record){.name = (r != NULL ? r : w)->name};
    c->memo[slot] = ++c->nrecords;
    return c->nrecords - 1;
}

void
dk__compiler_fini(dk__compiler *c)
{
    dk__free(c->a, c->ops);
    dk__free(c->a, c->names);
    dk__free(c->a, c->records);
    dk__free(c->a, c->work);
    dk__free(c->a, c->memo);
    dk__free(c->a, c->enums);
    dk__free(c->a, c->consts);
    dk__free(c->a, c->texts);
}
