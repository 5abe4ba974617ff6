/* SPDX-License-Identifier: MIT
 *
 * A growable byte buffer that stays broken once a growth failed, so that writers check once, at the end.
 */
#ifndef DK_BUF_H
#define DK_BUF_H

#include <string.h>

#include "dk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dk_buf {
    uint8_t *p;
    size_t n;
    size_t cap;
    dk_status st; /* DK_OK, or DK_ENOMEM for ever */
    const dk_alloc *a;
} dk_buf;

/* dk_buf_init - an empty buffer in the caller's memory, drop it with dk_buf_fini().
 * dk_buf_fini - give the memory back; the buffer is empty and usable again.
 * dk_buf_grow - make room for `more` bytes beyond n; false, and st is DK_ENOMEM, when there is no memory.
 * Ownership: a (NULL: libc) must outlive the buffer. Threads: owner.
 */
DK_API void dk_buf_init(dk_buf *b, const dk_alloc *a);
DK_API void dk_buf_fini(dk_buf *b);
DK_API bool dk_buf_grow(dk_buf *b, size_t more);

/* dk_buf_reserve - true when `more` bytes may be stored at p + n. Threads: owner. */
static inline bool
dk_buf_reserve(dk_buf *b, size_t more)
{
    return (b->st == DK_OK && b->cap - b->n >= more) || dk_buf_grow(b, more);
}

/* dk_buf_put - append n bytes; nothing happens when the buffer is broken. Threads: owner. */
static inline void
dk_buf_put(dk_buf *b, const void *p, size_t n)
{
    if (n > 0 && dk_buf_reserve(b, n)) {
        memcpy(b->p + b->n, p, n);
        b->n += n;
    }
}

static inline void
dk_buf_put_byte(dk_buf *b, uint8_t byte)
{
    if (dk_buf_reserve(b, 1))
        b->p[b->n++] = byte;
}

/* dk_buf_puts - append a C string without its end. */
static inline void
dk_buf_puts(dk_buf *b, const char *s)
{
    dk_buf_put(b, s, strlen(s));
}

/* dk_buf_put_long - append an Avro int or long: zig-zag, then 7 bits a byte, low bits first. Threads: owner. */
static inline void
dk_buf_put_long(dk_buf *b, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);

    if (!dk_buf_reserve(b, 10))
        return;
    while (u >= 0x80) {
        b->p[b->n++] = (uint8_t)(u | 0x80);
        u >>= 7;
    }
    b->p[b->n++] = (uint8_t)u;
}

/* dk_buf_put_float, dk_buf_put_double - append an IEEE 754 number, little-endian. Threads: owner. */
static inline void
dk_buf_put_float(dk_buf *b, float v)
{
    uint8_t bytes[4];
    uint32_t u;
    unsigned i;

    memcpy(&u, &v, sizeof u);
    for (i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(u >> (8 * i));
    dk_buf_put(b, bytes, sizeof bytes);
}

static inline void
dk_buf_put_double(dk_buf *b, double v)
{
    uint8_t bytes[8];
    uint64_t u;
    unsigned i;

    memcpy(&u, &v, sizeof u);
    for (i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(u >> (8 * i));
    dk_buf_put(b, bytes, sizeof bytes);
}

#ifdef __cplusplus
}
#endif

#endif
