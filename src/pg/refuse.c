/* SPDX-License-Identifier: MIT
 *
 * What is said of a value that does not fit: an excerpt of it, and what its column holds.
 */
#include <stdio.h>

#include "pg/value.h"

#define EXCERPT 60 /* bytes of a value that are shown */

/* The type as PostgreSQL names it: "numeric(10,2)", "character varying(20)[]". */
static void
name_type(const dk_pg_column *c, char *out, size_t n)
{
    static const char *const names[] = {
#define XX(name, text, sql, oid) sql,
        DK_PG_KIND_MAP(XX)
#undef XX
    };
    const char *list = c->array ? "[]" : "";

    if (c->kind == DK_PG_NUMERIC && c->precision > 0)
        snprintf(out, n, "numeric(%u,%d)%s", c->precision, c->scale, list);
    else if ((c->kind == DK_PG_VARCHAR || c->kind == DK_PG_CHAR) && c->length > 0)
        snprintf(out, n, "%s(%u)%s", names[c->kind], c->length, list);
    else
        snprintf(out, n, "%s%s", names[c->kind], list);
}

static dk_status
refuse(dk__pg_row *row, const dk_pg_column *c, const char *value, const char *why)
{
    char type[64];

    name_type(c, type, sizeof type);
    dk__error_set(row->err, DK_ECOLUMN, "%s does not fit %s: %s", value, type, why);
    dk_avro_path_field(row->err, c->name);
    return DK_ECOLUMN;
}

dk_status
dk__pg_refuse_text(dk__pg_row *row, const dk_pg_column *c, dk_slice text, const char *why)
{
    char shown[4 * EXCERPT + 8];
    size_t n = 0, i, most = text.n < EXCERPT ? text.n : EXCERPT;

    while (most < text.n && most > 0 && (text.p[most] & 0xC0) == 0x80) /* not in the middle of a character */
        most--;
    shown[n++] = '"';
    if (dk_avro_utf8_valid(text.p, most)) {
        for (i = 0; i < most; i++)
            n += (size_t)snprintf(shown + n, sizeof shown - n, text.p[i] < 0x20 ? "\\x%02x" : "%c", text.p[i]);
    } else {
        for (i = 0; i < most; i++)
            n += (size_t)snprintf(shown + n, sizeof shown - n,
                                  text.p[i] < 0x20 || text.p[i] > 0x7E ? "\\x%02x" : "%c", text.p[i]);
    }
    snprintf(shown + n, sizeof shown - n, "%s\"", most < text.n ? "…" : "");
    return refuse(row, c, shown, why);
}

dk_status
dk__pg_refuse_int(dk__pg_row *row, const dk_pg_column *c, int64_t v, const char *why)
{
    char shown[32];

    snprintf(shown, sizeof shown, "%lld", (long long)v);
    return refuse(row, c, shown, why);
}

dk_status
dk__pg_refuse_double(dk__pg_row *row, const dk_pg_column *c, double v, const char *why)
{
    char shown[40];

    snprintf(shown, sizeof shown, "%.17g", v);
    return refuse(row, c, shown, why);
}

dk_status
dk__pg_refuse_bytes(dk__pg_row *row, const dk_pg_column *c, dk_slice bytes, const char *why)
{
    char shown[2 * EXCERPT + 16];
    size_t n, i, most = bytes.n < EXCERPT ? bytes.n : EXCERPT;

    n = (size_t)snprintf(shown, sizeof shown, "\\x");
    for (i = 0; i < most; i++)
        n += (size_t)snprintf(shown + n, sizeof shown - n, "%02x", bytes.p[i]);
    if (most < bytes.n)
        snprintf(shown + n, sizeof shown - n, "…");
    return refuse(row, c, shown, why);
}

dk_status
dk__pg_odd(dk__pg_row *row, const dk_pg_column *c, const char *why)
{
    row->odd = why;
    dk__error_set(row->err, DK_ECOLUMN, "%s", why);
    dk_avro_path_field(row->err, c->name);
    return DK_ECOLUMN;
}
