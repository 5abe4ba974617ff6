/* SPDX-License-Identifier: MIT
 *
 * Open addressing; keys are never taken out, only all at once.
 */
#include "pg/keys.h"

void
dk__pg_keys_init(dk__pg_keys *t, const dk_alloc *a, uint64_t seed)
{
    *t = (dk__pg_keys){.a = a, .seed = seed};
    dk_buf_init(&t->bytes, a);
}

void
dk__pg_keys_fini(dk__pg_keys *t)
{
    dk__free(t->a, t->keys);
    dk__free(t->a, t->slots);
    dk_buf_fini(&t->bytes);
}

void
dk__pg_keys_clear(dk__pg_keys *t)
{
    if (t->n > 0)
        memset(t->slots, 0, t->cap_slots * sizeof *t->slots);
    t->n = 0;
    t->bytes.n = 0;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 32;
}

static uint64_t
hash_of(uint64_t seed, dk_slice s)
{
    uint64_t h = mix(seed, s.n), v;
    size_t i = 0;

    for (; s.n - i >= 8; i += 8) {
        memcpy(&v, s.p + i, 8);
        h = mix(h, v);
    }
    v = 0;
    memcpy(&v, s.p + i, s.n - i);
    h = mix(mix(h, v), seed);
    return h ^ h >> 29;
}

static bool
grow(dk__pg_keys *t)
{
    uint32_t cap = t->cap == 0 ? 64 : t->cap * 2, i;
    dk__pg_key *keys;
    uint32_t *slots;

    if (t->n < t->cap)
        return true;
    if (cap > UINT32_MAX / 4)
        return false;
    keys = dk__realloc(t->a, t->keys, cap, sizeof *keys);
    if (keys == NULL)
        return false;
    t->keys = keys;
    slots = dk__calloc(t->a, (size_t)cap * 2, sizeof *slots);
    if (slots == NULL)
        return false;
    dk__free(t->a, t->slots);
    t->slots = slots;
    t->cap = cap;
    t->cap_slots = cap * 2;
    for (i = 0; i < t->n; i++) {
        uint32_t slot = (uint32_t)(t->keys[i].hash & (t->cap_slots - 1));

        while (t->slots[slot] != 0)
            slot = (slot + 1) & (t->cap_slots - 1);
        t->slots[slot] = i + 1;
    }
    return true;
}

uint32_t
dk__pg_keys_find(dk__pg_keys *t, dk_slice key)
{
    uint64_t hash = hash_of(t->seed, key);
    uint32_t slot;

    if (!grow(t))
        return DK__NO_ROW;
    for (slot = (uint32_t)(hash & (t->cap_slots - 1)); t->slots[slot] != 0; slot = (slot + 1) & (t->cap_slots - 1)) {
        const dk__pg_key *k = &t->keys[t->slots[slot] - 1];

        if (k->hash == hash && k->n == key.n && memcmp(t->bytes.p + k->at, key.p, key.n) == 0)
            return t->slots[slot] - 1;
    }
    if (!dk_buf_reserve(&t->bytes, key.n)) {
        t->bytes.st = DK_OK; /* what it holds is still there */
        return DK__NO_ROW;
    }
    t->keys[t->n] = (dk__pg_key){.hash = hash, .at = t->bytes.n, .n = (uint32_t)key.n, .row = DK__NO_ROW};
    dk_buf_put(&t->bytes, key.p, key.n);
    t->slots[slot] = ++t->n;
    return t->n - 1;
}
