/* SPDX-License-Identifier: MIT
 *
 * The growable buffer's cold half; the hot half is inline in dk/buf.h.
 */
#include "dk/buf.h"
#include "base/internal.h"

void
dk_buf_init(dk_buf *b, const dk_alloc *a)
{
    *b = (dk_buf){.a = dk__alloc_or_libc(a)};
}

void
dk_buf_fini(dk_buf *b)
{
    const dk_alloc *a = b->a;

    dk__free(a, b->p);
    *b = (dk_buf){.a = a};
}

bool
dk_buf_grow(dk_buf *b, size_t more)
{
    size_t cap;
    uint8_t *p;

    if (b->st != DK_OK)
        return false;
    if (more > SIZE_MAX / 4 - b->n) {
        b->st = DK_ENOMEM;
        return false;
    }
    cap = b->cap < 128 ? 256 : b->cap * 2;
    if (cap < b->n + more)
        cap = b->n + more;
    p = dk__realloc(b->a, b->p, cap, 1);
    if (p == NULL) {
        b->st = DK_ENOMEM;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}
