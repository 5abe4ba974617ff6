/* SPDX-License-Identifier: MIT
 *
 * The characters of strings in JSON; and which texts PostgreSQL takes as json.
 */
#include "base/internal.h"
#include "pg/json_scan.h"

static unsigned
hex4(const uint8_t *p)
{
    unsigned code = 0, i;

    for (i = 0; i < 4; i++)
        code = code * 16 + (p[i] <= '9' ? p[i] - 0x30u : (p[i] | 0x20u) - 0x61u + 10);
    return code;
}

static void
put_utf8(dk_buf *out, uint32_t c)
{
    uint8_t b[4];
    size_t n;

    if (c < 0x80) {
        b[0] = (uint8_t)c;
        n = 1;
    } else if (c < 0x800) {
        b[0] = (uint8_t)(0xC0 | c >> 6);
        b[1] = (uint8_t)(0x80 | (c & 0x3F));
        n = 2;
    } else if (c < 0x10000) {
        b[0] = (uint8_t)(0xE0 | c >> 12);
        b[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        b[2] = (uint8_t)(0x80 | (c & 0x3F));
        n = 3;
    } else {
        b[0] = (uint8_t)(0xF0 | c >> 18);
        b[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        b[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        b[3] = (uint8_t)(0x80 | (c & 0x3F));
        n = 4;
    }
    dk_buf_put(out, b, n);
}

/* The escape \uXXXX at p, and the second one if it needs one: how many bytes they are. 0: half a pair. */
static size_t
unescape_unicode(const uint8_t *p, const uint8_t *end, dk_buf *out)
{
    uint32_t c = hex4(p + 2), low;

    if (c < 0xD800 || c > 0xDFFF) {
        put_utf8(out, c);
        return 6;
    }
    if (c > 0xDBFF || end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return 0;
    low = hex4(p + 8);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    put_utf8(out, 0x10000 + ((c - 0xD800) << 10 | (low - 0xDC00)));
    return 12;
}

bool
dk__json_unescape(const dk__json_token *string, dk_buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const uint8_t *p = string->text.p, *end = p + string->text.n;

    while (p < end) {
        const uint8_t *stop = memchr(p, '\\', (size_t)(end - p));

        if (stop == NULL)
            stop = end;
        dk_buf_put(out, p, (size_t)(stop - p));
        p = stop;
        if (p == end)
            break;
        if (p[1] == 'u') {
            size_t used = unescape_unicode(p, end, out);

            if (used == 0)
                return false;
            p += used;
        } else {
            dk_buf_put_byte(out, (uint8_t)to[strchr(from, p[1]) - from]);
            p += 2;
        }
    }
    return out->st == DK_OK;
}

dk_status
dk__json_check(dk_slice text, bool as_jsonb, dk_error *err)
{
    dk__json_token ignored;
    dk__json j;

    dk__json_init(&j, text, err);
    j.as_jsonb = as_jsonb;
    return dk__json_value(&j, &ignored) && dk__json_end(&j) ? DK_OK : DK_EJSON;
}
