/* SPDX-License-Identifier: MIT
 *
 * What is well-formed UTF-8.
 */
#include "codec/internal.h"

/* The number of bytes of the well-formed character at p, 0 if there is none; n > 0 bytes are there. */
static size_t
utf8_char(const uint8_t *p, size_t n)
{
    uint8_t b = p[0];
    size_t len, i;
    uint8_t low = 0x80, high = 0xBF; /* of the second byte */

    if (b < 0x80)
        return 1;
    if (b >= 0xC2 && b <= 0xDF) {
        len = 2;
    } else if (b >= 0xE0 && b <= 0xEF) {
        len = 3;
        low = b == 0xE0 ? 0xA0 : 0x80;
        high = b == 0xED ? 0x9F : 0xBF;
    } else if (b >= 0xF0 && b <= 0xF4) {
        len = 4;
        low = b == 0xF0 ? 0x90 : 0x80;
        high = b == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (n < len || p[1] < low || p[1] > high)
        return 0;
    for (i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

bool
dk_avro_utf8_valid(const uint8_t *p, size_t n)
{
    size_t i = 0;

    while (i < n) {
        uint64_t word;
        size_t len;

        if (n - i >= 8) {
            memcpy(&word, p + i, 8);
            if ((word & 0x8080808080808080u) == 0) {
                i += 8;
                continue;
            }
        }
        len = utf8_char(p + i, n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}
