/* SPDX-License-Identifier: MIT
 *
 * Memory of schemas and programs: made in chunks, given back all at once.
 */
#include "codec/internal.h"

#define CHUNK 4064

struct dk__chunk {
    struct dk__chunk *next;
    size_t used, size;
    max_align_t data[];
};

void
dk__arena_init(dk__arena *ar, const dk_alloc *a)
{
    ar->a = a;
    ar->chunks = NULL;
}

void
dk__arena_fini(dk__arena *ar)
{
    struct dk__chunk *c = ar->chunks;

    while (c != NULL) {
        struct dk__chunk *next = c->next;

        dk__free(ar->a, c);
        c = next;
    }
    ar->chunks = NULL;
}

void *
dk__arena_calloc(dk__arena *ar, size_t count, size_t size)
{
    struct dk__chunk *c = ar->chunks;
    size_t n;
    void *p;

    if (size != 0 && count > (SIZE_MAX / 4) / size)
        return NULL;
    n = (count * size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (n == 0)
        n = sizeof(max_align_t);
    if (c == NULL || c->size - c->used < n) {
        size_t want = n > CHUNK ? n : CHUNK;

        c = dk__malloc(ar->a, sizeof *c + want);
        if (c == NULL)
            return NULL;
        c->used = 0;
        c->size = want;
        c->next = ar->chunks;
        ar->chunks = c;
    }
    p = (uint8_t *)c->data + c->used;
    c->used += n;
    memset(p, 0, n);
    return p;
}

char *
dk__arena_str(dk__arena *ar, const char *s, size_t n)
{
    char *p = dk__arena_calloc(ar, n + 1, 1);

    if (p != NULL && n > 0)
        memcpy(p, s, n);
    return p;
}

dk_slice
dk__arena_bytes(dk__arena *ar, const void *p, size_t n)
{
    dk_slice out = {(const uint8_t *)dk__arena_str(ar, p, n), n};

    return out;
}
