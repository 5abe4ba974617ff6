/* SPDX-License-Identifier: MIT
 *
 * Allocation helpers: libc's allocator behind the dk_alloc table, and sizes that cannot overflow. Everything in src
 * allocates through these, so that a test can count, poison and fail each allocation.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/internal.h"

static void *
libc_malloc(size_t n, void *ctx)
{
    (void)ctx;
    return malloc(n);
}

static void *
libc_realloc(void *p, size_t n, void *ctx)
{
    (void)ctx;
    return realloc(p, n);
}

static void
libc_free(void *p, void *ctx)
{
    (void)ctx;
    free(p);
}

static const dk_alloc libc_alloc = {libc_malloc, libc_realloc, libc_free, NULL};

const dk_alloc *
dk__alloc_or_libc(const dk_alloc *a)
{
    return a != NULL ? a : &libc_alloc;
}

/* The product of two sizes, SIZE_MAX if it does not fit; never 0, because malloc(0) may answer NULL. */
static size_t
product(size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        return SIZE_MAX;
    return n != 0 ? n : 1;
}

void *
dk__malloc(const dk_alloc *a, size_t n)
{
    a = dk__alloc_or_libc(a);
    return a->malloc(n != 0 ? n : 1, a->ctx);
}

void *
dk__calloc(const dk_alloc *a, size_t count, size_t size)
{
    size_t n = product(count, size);
    void *p;

    if (n == SIZE_MAX)
        return NULL;
    p = dk__malloc(a, n);
    if (p != NULL)
        memset(p, 0, n);
    return p;
}

void *
dk__realloc(const dk_alloc *a, void *p, size_t count, size_t size)
{
    size_t n = product(count, size);

    if (n == SIZE_MAX)
        return NULL;
    a = dk__alloc_or_libc(a);
    return p != NULL ? a->realloc(p, n, a->ctx) : a->malloc(n, a->ctx);
}

void
dk__free(const dk_alloc *a, const void *p)
{
    union {
        const void *in;
        void *out;
    } u = {p}; /* the owner frees what it may only read */

    a = dk__alloc_or_libc(a);
    a->free(u.out, a->ctx);
}

char *
dk__strdup(const dk_alloc *a, const char *s)
{
    return dk__strndup(a, s, strlen(s));
}

char *
dk__strndup(const dk_alloc *a, const char *s, size_t n)
{
    char *copy = dk__malloc(a, n + 1);

    if (copy != NULL) {
        memcpy(copy, s, n);
        copy[n] = '\0';
    }
    return copy;
}
