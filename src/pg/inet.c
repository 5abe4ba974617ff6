/* SPDX-License-Identifier: MIT
 *
 * inet and cidr: addresses of IPv4 and IPv6, with the length of their network.
 */
#include "pg/kinds.h"

#define FAMILY_4 2 /* PostgreSQL's own numbers */
#define FAMILY_6 3

static bool
read_4(const uint8_t **p, const uint8_t *end, uint8_t out[4])
{
    int64_t v;
    int i;

    for (i = 0; i < 4; i++) {
        if (i > 0 && (*p == end || *(*p)++ != '.'))
            return false;
        if (!dk__pg_digits(p, end, 1, 3, &v) || v > 255)
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

/* One group of up to four hexadecimal digits. */
static bool
read_group(const uint8_t **p, const uint8_t *end, unsigned *out)
{
    unsigned n = 0, v = 0;

    for (; *p < end && n < 5; (*p)++, n++) {
        uint8_t b = **p, low = b | 0x20;

        if (b >= '0' && b <= '9')
            v = v << 4 | (unsigned)(b - '0');
        else if (low >= 'a' && low <= 'f')
            v = v << 4 | (unsigned)(low - 'a' + 10);
        else
            break;
    }
    *out = v;
    return n >= 1 && n <= 4;
}

static bool
has_dot(const uint8_t *p, const uint8_t *end)
{
    for (; p < end && *p != ':' && *p != '/'; p++)
        if (*p == '.')
            return true;
    return false;
}

static bool
read_6(const uint8_t **p, const uint8_t *end, uint8_t out[16])
{
    size_t n = 0, gap = 17; /* bytes so far; where :: stands */
    unsigned group;

    memset(out, 0, 16);
    if (end - *p >= 2 && (*p)[0] == ':' && (*p)[1] == ':') {
        gap = 0;
        *p += 2;
    }
    while (*p < end && **p != '/' && n < 16) {
        if (n <= 12 && has_dot(*p, end)) {
            if (!read_4(p, end, out + n))
                return false;
            n += 4;
            break;
        }
        if (!read_group(p, end, &group))
            return false;
        dk__pg_store2(out + n, (uint16_t)group);
        n += 2;
        if (end - *p >= 2 && (*p)[0] == ':' && (*p)[1] == ':' && gap > 16) {
            gap = n;
            *p += 2;
        } else if (end - *p >= 2 && **p == ':' && n < 16) {
            (*p)++;
        } else {
            break;
        }
    }
    if (gap > 16)
        return n == 16;
    if (n >= 16)
        return false;
    memmove(out + 16 - (n - gap), out + gap, n - gap);
    memset(out + gap, 0, 16 - n);
    return true;
}

static bool
host_is_zero(const uint8_t *address, size_t n, unsigned bits)
{
    size_t i;

    for (i = bits; i < 8 * n; i++)
        if ((address[i / 8] >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

/* As all write it: no zeros in front of decimal numbers, no IPv4 inside of IPv6. */
static bool
is_plain(dk_slice s, bool six)
{
    const uint8_t *p, *end = s.p + s.n;
    bool decimal = !six; /* behind the colon of IPv6 only the network's length is */

    for (p = s.p; p < end; p++) {
        if (six && *p == '.')
            return false;
        decimal = decimal || *p == '/';
        if (decimal && *p == '0' && end - p > 1 && p[1] >= '0' && p[1] <= '9' &&
            (p == s.p || p[-1] < '0' || p[-1] > '9'))
            return false;
    }
    return true;
}

dk_status
dk__pg_inet_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    const uint8_t *p = s.p, *end = s.p + s.n;
    bool six = s.n > 0 && memchr(s.p, ':', s.n) != NULL;
    uint8_t field[20], *address = field + 4;
    size_t n = six ? 16 : 4;
    int64_t bits = six ? 128 : 32;

    if (c->narrow && !is_plain(s, six))
        return dk__pg_odd(row, c, "an address in another form than all write");
    if (!(six ? read_6(&p, end, address) : read_4(&p, end, address)))
        return dk__pg_refuse_text(row, c, s, "no address of IPv4 or IPv6");
    if (p < end && *p == '/') {
        p++;
        if (!dk__pg_digits(&p, end, 1, 3, &bits) || bits > (six ? 128 : 32))
            return dk__pg_refuse_text(row, c, s, "no address of IPv4 or IPv6");
    }
    if (p != end)
        return dk__pg_refuse_text(row, c, s, "no address of IPv4 or IPv6");
    if (c->kind == DK_PG_CIDR && !host_is_zero(address, n, (unsigned)bits))
        return dk__pg_refuse_text(row, c, s, "bits are set behind the network's");
    field[0] = six ? FAMILY_6 : FAMILY_4;
    field[1] = (uint8_t)bits;
    field[2] = c->kind == DK_PG_CIDR;
    field[3] = (uint8_t)n;
    return dk__pg_field_bytes(row->out, (dk_slice){field, 4 + n});
}
