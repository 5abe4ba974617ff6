/* SPDX-License-Identifier: MIT
 *
 * Texts; and what is written as one: bytes, bits, UUIDs.
 */
#include "pg/kinds.h"

/* The bytes of the first n characters of well-formed UTF-8. */
static size_t
bytes_of_characters(dk_slice s, size_t n)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if ((s.p[i] & 0xC0) != 0x80 && n-- == 0)
            return i;
    return s.n;
}

static size_t
count_characters(dk_slice s)
{
    size_t n = 0, i;

    for (i = 0; i < s.n; i++)
        n += (s.p[i] & 0xC0) != 0x80;
    return n;
}

/* What is too long by spaces alone is cut, as PostgreSQL does it. */
static dk_status
put_limited(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    size_t fit = s.n <= c->length ? s.n : bytes_of_characters(s, c->length), i;
    size_t pad = 0;
    uint8_t *p;

    for (i = fit; i < s.n; i++)
        if (s.p[i] != ' ')
            return dk__pg_refuse_text(row, c, s, "too long");
    if (c->kind == DK_PG_CHAR)
        pad = c->length - count_characters((dk_slice){s.p, fit});
    p = dk__pg_field(row->out, fit + pad);
    if (p != NULL && fit > 0)
        memcpy(p, s.p, fit);
    if (p != NULL)
        memset(p + fit, ' ', pad);
    return DK_OK;
}

dk_status
dk__pg_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    if (!row->sound && !dk_avro_utf8_valid(s.p, s.n))
        return dk__pg_refuse_text(row, c, s, "not UTF-8");
    if (!row->sound && s.n > 0 && memchr(s.p, 0, s.n) != NULL)
        return dk__pg_refuse_text(row, c, s, "PostgreSQL's texts cannot hold a NUL");
    return c->length > 0 ? put_limited(row, c, s) : dk__pg_field_bytes(row->out, s);
}

dk_status
dk__pg_text_of_bits(dk__pg_row *row, const dk_pg_column *c, dk_slice s, int32_t bits)
{
    size_t n = bits > 0 ? (size_t)bits : 8 * s.n, i;
    uint8_t *p;

    if (n > 1000000 || (c->length > 0 && n > c->length))
        return dk__pg_refuse_bytes(row, c, s, "too long");
    p = dk__pg_field(row->out, n);
    for (i = 0; p != NULL && i < n; i++) /* the highest first; bytes that are all zero may be missing */
        p[n - 1 - i] = i / 8 < s.n && (s.p[i / 8] >> i % 8 & 1) != 0 ? '1' : '0';
    return DK_OK;
}

static int
hex_of(uint8_t b)
{
    return b >= '0' && b <= '9'   ? b - '0'
           : b >= 'a' && b <= 'f' ? b - 'a' + 10
           : b >= 'A' && b <= 'F' ? b - 'A' + 10
                                  : -1;
}

dk_status
dk__pg_uuid_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    uint8_t uuid[16];
    size_t i = 0, n = 0, end = s.n;
    int digit;

    if (end >= 2 && s.p[0] == '{' && s.p[end - 1] == '}') {
        i++;
        end--;
    }
    for (; i < end && n <= 32; i++) {
        if (s.p[i] == '-')
            continue;
        digit = hex_of(s.p[i]);
        if (digit < 0 || n == 32)
            break;
        uuid[n / 2] = (uint8_t)(n % 2 == 0 ? digit << 4 : uuid[n / 2] | digit);
        n++;
    }
    if (i < end || n < 32)
        return dk__pg_refuse_text(row, c, s, "no UUID");
    return dk__pg_field_bytes(row->out, (dk_slice){uuid, 16});
}

static int
base64_of(uint8_t b)
{
    if (b >= 'A' && b <= 'Z')
        return b - 'A';
    if (b >= 'a' && b <= 'z')
        return b - 'a' + 26;
    if (b >= '0' && b <= '9')
        return b - '0' + 52;
    return b == '+' || b == '-' ? 62 : b == '/' || b == '_' ? 63 : -1;
}

static bool
decode_base64(dk_slice s, uint8_t *out, size_t *n)
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t end = s.n, i;
    int v;

    while (end > 0 && s.n - end < 2 && s.p[end - 1] == '=')
        end--;
    for (i = 0, *n = 0; i < end; i++) {
        v = base64_of(s.p[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[(*n)++] = (uint8_t)(bits >> have);
        }
    }
    return end % 4 != 1 && (s.n == end || s.n % 4 == 0);
}

bool
dk__pg_is_base64(dk_slice s, bool standard)
{
    size_t end = s.n, i;

    if (s.n % 4 != 0 || (standard && s.n == 0))
        return false;
    while (end > 0 && s.n - end < 2 && s.p[end - 1] == '=')
        end--;
    for (i = 0; i < end; i++)
        if (base64_of(s.p[i]) < 0 || (standard && (s.p[i] == '-' || s.p[i] == '_')))
            return false;
    return true;
}

bool
dk__pg_decode(dk_slice s, dk_pg_form form, uint8_t *out, size_t *n)
{
    int high, low;

    if (form != DK_PG_FORM_HEX)
        return decode_base64(s, out, n);
    if (s.n >= 2 && s.p[0] == '\\' && s.p[1] == 'x')
        s = (dk_slice){s.p + 2, s.n - 2};
    for (*n = 0; *n < s.n / 2; (*n)++) {
        high = hex_of(s.p[2 * *n]);
        low = hex_of(s.p[2 * *n + 1]);
        if (high < 0 || low < 0)
            return false;
        out[*n] = (uint8_t)(high << 4 | low);
    }
    return s.n % 2 == 0;
}

dk_status
dk__pg_bytes_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s, dk_pg_form form)
{
    dk_buf *b = row->out;
    size_t n;

    if (!dk_buf_reserve(b, 4 + s.n))
        return DK_OK;
    if (c->narrow && (form == DK_PG_FORM_HEX ? s.n > 0 && s.p[0] == '\\' : !dk__pg_is_base64(s, false)))
        return dk__pg_odd(row, c, "bytes in another form than all write");
    if (!dk__pg_decode(s, form, b->p + b->n + 4, &n))
        return dk__pg_refuse_text(row, c, s, form == DK_PG_FORM_HEX ? "not in hexadecimal" : "not in base64");
    if (dk__pg_is_placeholder(row, (dk_slice){b->p + b->n + 4, n}))
        return dk__pg_odd(row, c, "a value that the source has not sent");
    dk__pg_store4(b->p + b->n, (uint32_t)n);
    b->n += 4 + n;
    return DK_OK;
}
