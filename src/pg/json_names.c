/* SPDX-License-Identifier: MIT
 *
 * Names of members. One message looks like the one before: a name is compared with the one that came at its place
 * last time, and looked up if it is another.
 */
#include "pg/json_reader.h"

static uint32_t
hash_name(const char *name, size_t n)
{
    uint32_t h = 2166136261u;
    size_t i;

    for (i = 0; i < n; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    return h ^ h >> 15;
}

dk_status
dk__json_names_init(dk__json_names *t, const dk_alloc *a, uint32_t cap)
{
    uint32_t size = 8;

    while (size < 2 * cap)
        size *= 2;
    *t = (dk__json_names){.a = a, .cap = cap, .mask = size - 1};
    dk_buf_init(&t->scratch, a);
    t->list = dk__calloc(a, cap, sizeof *t->list);
    t->order = dk__calloc(a, cap, sizeof *t->order);
    t->slots = dk__calloc(a, size, sizeof *t->slots);
    return t->list != NULL && t->order != NULL && t->slots != NULL ? DK_OK : DK_ENOMEM;
}

void
dk__json_names_fini(dk__json_names *t)
{
    uint32_t i;

    for (i = 0; i < t->n; i++)
        dk__free(t->a, t->list[i].quoted);
    dk__free(t->a, t->list);
    dk__free(t->a, t->order);
    dk__free(t->a, t->slots);
    dk_buf_fini(&t->scratch);
}

/* Whether a message may have it as it is. */
static bool
is_simple(const char *name, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if ((uint8_t)name[i] < 0x20 || name[i] == '"' || name[i] == '\\')
            return false;
    return dk_avro_utf8_valid((const uint8_t *)name, n);
}

/* The slot of a name, or the free one that it would have. */
static uint32_t *
find_slot(const dk__json_names *t, const char *name, size_t n, uint32_t hash)
{
    uint32_t at = hash & t->mask;

    for (; t->slots[at] != 0; at = (at + 1) & t->mask) {
        const dk__json_name *e = &t->list[t->slots[at] - 1];

        if (e->hash == hash && e->n == n + 3 && memcmp(e->quoted + 1, name, n) == 0)
            break;
    }
    return &t->slots[at];
}

bool
dk__json_names_add(dk__json_names *t, const char *name, size_t n, uint32_t use)
{
    uint32_t hash = hash_name(name, n), *slot = find_slot(t, name, n, hash);
    char *quoted;

    if (*slot != 0)
        return true;
    if (t->n == t->cap || n > UINT32_MAX - 4)
        return false;
    quoted = dk__malloc(t->a, n + 3);
    if (quoted == NULL)
        return false;
    quoted[0] = '"';
    memcpy(quoted + 1, name, n);
    memcpy(quoted + 1 + n, "\":", 2);
    t->list[t->n] = (dk__json_name){
        .quoted = quoted, .n = (uint32_t)n + 3, .hash = hash, .use = use, .simple = is_simple(name, n)};
    memcpy(t->list[t->n].head, quoted, n + 3 < DK__JSON_HEAD ? n + 3 : DK__JSON_HEAD);
    memset(t->list[t->n].mask, 0xFF, n + 3 < DK__JSON_HEAD ? n + 3 : DK__JSON_HEAD);
    *slot = ++t->n;
    return true;
}

/* Whether the name is the one that came here last time, written in the same way. */
static inline bool
is_expected(const dk__json_name *e, dk__json *j, bool first)
{
    const uint8_t *p = j->p;
    uint64_t head[2];
    size_t left;

    if (!first) {
        if (p == j->end || *p != ',')
            return false;
        p++;
        if (p < j->end && *p == ' ')
            p++;
    }
    left = (size_t)(j->end - p);
    if (left >= DK__JSON_HEAD) { /* nearly always, and without a call */
        memcpy(head, p, sizeof head);
        if ((((head[0] ^ e->head[0]) & e->mask[0]) | ((head[1] ^ e->head[1]) & e->mask[1])) != 0)
            return false;
        if (e->n > DK__JSON_HEAD &&
            (left < e->n || memcmp(p + DK__JSON_HEAD, e->quoted + DK__JSON_HEAD, e->n - DK__JSON_HEAD) != 0))
            return false;
    } else if (left < e->n || memcmp(p, e->quoted, e->n) != 0) {
        return false;
    }
    j->p = p + e->n;
    return true;
}

dk__json_more
dk__json_names_next(dk__json_names *t, dk__json *j, uint32_t i, uint32_t *known, dk_slice *name)
{
    dk__json_token token;
    dk__json_more more;
    uint32_t slot;

    if (i < t->norder && is_expected(&t->list[t->order[i]], j, i == 0)) {
        *known = t->order[i];
        return DK__JSON_MORE;
    }
    more = dk__json_member(j, i == 0, &token);
    if (more != DK__JSON_MORE)
        return more;
    *known = DK__JSON_UNKNOWN;
    *name = token.text;
    if (token.escaped) {
        t->scratch.n = 0;
        if (dk__json_unescape(&token, &t->scratch))
            *name = (dk_slice){t->scratch.p, t->scratch.n};
        else
            return t->scratch.st != DK_OK ? DK__JSON_FAILED : DK__JSON_MORE; /* half a pair: no name of ours */
    }
    slot = *find_slot(t, (const char *)name->p, name->n, hash_name((const char *)name->p, name->n));
    if (slot == 0)
        return DK__JSON_MORE;
    *known = slot - 1;
    if (i < t->cap && t->list[slot - 1].simple) {
        t->order[i] = slot - 1;
        if (i >= t->norder)
            t->norder = i + 1;
    }
    return DK__JSON_MORE;
}
