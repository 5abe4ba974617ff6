/* SPDX-License-Identifier: MIT
 *
 * A small table from names to pointers (open addressing), so that big schemas do not cost quadratic time.
 */
#include "codec/internal.h"

struct dk__name_slot {
    const char *name;
    const void *value;
};

static uint32_t
hash(const char *s)
{
    uint32_t h = 2166136261u;

    for (; *s != '\0'; s++)
        h = (h ^ (uint8_t)*s) * 16777619u;
    return h;
}

static struct dk__name_slot *
find(struct dk__name_slot *slots, uint32_t cap, const char *name)
{
    uint32_t i = hash(name) & (cap - 1);

    while (slots[i].name != NULL && strcmp(slots[i].name, name) != 0)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static bool
grow(dk__names *t)
{
    uint32_t cap = t->cap == 0 ? 16 : t->cap * 2, i;
    struct dk__name_slot *slots = dk__calloc(t->a, cap, sizeof *slots);

    if (slots == NULL)
        return false;
    for (i = 0; i < t->cap; i++)
        if (t->slots[i].name != NULL)
            *find(slots, cap, t->slots[i].name) = t->slots[i];
    dk__free(t->a, t->slots);
    t->slots = slots;
    t->cap = cap;
    return true;
}

void
dk__names_init(dk__names *t, const dk_alloc *a)
{
    *t = (dk__names){.a = a};
}

void
dk__names_fini(dk__names *t)
{
    dk__free(t->a, t->slots);
    *t = (dk__names){.a = t->a};
}

const void *
dk__names_get(const dk__names *t, const char *name)
{
    return t->cap == 0 ? NULL : find(t->slots, t->cap, name)->value;
}

dk_status
dk__names_put(dk__names *t, const char *name, const void *value)
{
    struct dk__name_slot *slot;

    if (t->n >= t->cap / 2 && !grow(t))
        return DK_ENOMEM;
    slot = find(t->slots, t->cap, name);
    if (slot->name != NULL)
        return DK_EBUSY;
    slot->name = name;
    slot->value = value;
    t->n++;
    return DK_OK;
}
