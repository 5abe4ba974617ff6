/* SPDX-License-Identifier: MIT
 *
 * The cold half of the bounded readers in dk/avro_ops.h: long varints, block heads, failures.
 */
#include <stdarg.h>
#include <stdio.h>

#include "codec/internal.h"

void
dk_avro_reader_init(dk_avro_reader *r, dk_slice bytes, const dk_avro_limits *limits, dk_error *err)
{
    static const uint8_t nothing[1];
    uint32_t depth = DK_AVRO_DEPTH;

    if (limits != NULL)
        depth = limits->depth > DK__DEPTH_MAX ? DK__DEPTH_MAX : limits->depth;
    r->start = r->p = bytes.p == NULL ? nothing : bytes.p;
    r->end = r->p + (bytes.p == NULL ? 0 : bytes.n);
    r->depth = depth;
    r->empty = limits == NULL ? DK_AVRO_EMPTY : limits->empty;
    r->err = err;
}

bool
dk_avro_reader_fail(dk_avro_reader *r, const uint8_t *at, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)dk__error_set(r->err, DK_EAVRO, "%s", text);
    if (r->err != NULL)
        r->err->pos = (size_t)(at - r->start);
    return false;
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* A number of up to 8 bytes, of which 8 can be loaded: all groups of 7 bits are moved together at once. false:
 * longer. */
static inline bool
read_word(dk_avro_reader *r, int64_t *out)
{
    uint64_t w, ends;

    memcpy(&w, r->p, 8);
    ends = ~w & 0x8080808080808080u;
    if (ends == 0)
        return false;
    r->p += ((unsigned)__builtin_ctzll(ends) >> 3) + 1;
    w &= (ends ^ (ends - 1)) & 0x7f7f7f7f7f7f7f7fu;
    w = (w & 0x007f007f007f007fu) | (w & 0x7f007f007f007f00u) >> 1;
    w = (w & 0x00003fff00003fffu) | (w & 0x3fff00003fff0000u) >> 2;
    w = (w & 0x000000000fffffffu) | (w & 0x0fffffff00000000u) >> 4;
    *out = (int64_t)(w >> 1) ^ -(int64_t)(w & 1);
    return true;
}
#else
static inline bool
read_word(dk_avro_reader *r, int64_t *out)
{
    return false;
}
#endif

bool
dk_avro_read_varint(dk_avro_reader *r, int64_t *out)
{
    const uint8_t *p = r->p;
    uint64_t u = 0;
    unsigned shift = 0;

    if (r->end - p >= 8 && read_word(r, out))
        return true;
    for (;;) {
        uint8_t b;

        if (p == r->end)
            return dk_avro_reader_fail(r, r->p,
                                       p == r->p ? "a number was expected, no bytes left" : "the number is cut off");
        b = *p++;
        if (shift == 63 && b > 1)
            return dk_avro_reader_fail(r, r->p, "the number is longer than 64 bits");
        u |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80)
            break;
        shift += 7;
    }
    r->p = p;
    *out = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
    return true;
}

bool
dk_avro_read_block(dk_avro_reader *r, const dk_avro_op *op, dk_avro_block *block)
{
    const uint8_t *at = r->p;
    uint64_t n, left;
    int64_t v, size;

    if (block->end != NULL && block->end != at)
        return dk_avro_reader_fail(r, at, "the items of a block take other bytes than it says");
    block->end = NULL;
    if (!dk_avro_read_long(r, &v))
        return false;
    if (v < 0) {
        if (!dk_avro_read_long(r, &size))
            return false;
        if (size < 0 || size > r->end - r->p)
            return dk_avro_reader_fail(r, at, "block of %lld bytes, but %zu are left", (long long)size,
                                       (size_t)(r->end - r->p));
        if (v == INT64_MIN)
            return dk_avro_reader_fail(r, at, "block of too many items");
        v = -v;
        block->end = r->p + size;
    }
    n = (uint64_t)v;
    left = (uint64_t)((block->end != NULL ? block->end : r->end) - r->p);
    if (op->n > 0 && n > left / op->n)
        return dk_avro_reader_fail(r, at, "block of %llu items of at least %u bytes, but %llu bytes are left",
                                   (unsigned long long)n, op->n, (unsigned long long)left);
    if (op->n == 0) {
        if (n > r->empty)
            return dk_avro_reader_fail(r, at, "too many items that take no bytes");
        r->empty -= (uint32_t)n;
    }
    block->count = n;
    return true;
}
