/* SPDX-License-Identifier: MIT
 *
 * Which value is written how into which kind of column.
 */
#include <math.h>
#include <stdio.h>

#include "pg/hstore.h"

#define DECIMAL_TEXT 5464 /* characters of base64 that are the most bytes of a numeric */

dk_status
dk__pg_put_null(dk__pg_row *row, const dk_pg_column *c)
{
    static const uint8_t null[4] = {0xFF, 0xFF, 0xFF, 0xFF};

    if (!c->nullable) {
        dk__error_set(row->err, DK_ECOLUMN, "null, but the column is not nullable");
        dk_avro_path_field(row->err, c->name);
        return DK_ECOLUMN;
    }
    dk_buf_put(row->out, null, sizeof null);
    return DK_OK;
}

dk_status
dk__pg_put_document(dk__pg_row *row, const dk_pg_column *c, dk_slice json)
{
    if (c->array || (c->kind != DK_PG_JSON && c->kind != DK_PG_JSONB))
        return dk__pg_odd(row, c, "a nested value in a column that is not JSON");
    return dk__pg_document(row, c, json);
}

/* A word that is JSON as it is, and a number elsewhere. */
static dk_status
put_word(dk__pg_row *row, const dk_pg_column *c, const char *word, size_t n)
{
    return dk__pg_put_document(row, c, (dk_slice){(const uint8_t *)word, n});
}

dk_status
dk__pg_put_bool(dk__pg_row *row, const dk_pg_column *c, bool v)
{
    if (c->array)
        return dk__pg_odd(row, c, "a boolean in an array's column");
    switch (c->kind) {
    case DK_PG_BOOL:
        return dk__pg_bool(row, v);
    case DK_PG_INT2:
    case DK_PG_INT4:
    case DK_PG_INT8:
        return dk__pg_integer(row, c, v);
    case DK_PG_JSON:
    case DK_PG_JSONB:
        return v ? put_word(row, c, "true", 4) : put_word(row, c, "false", 5);
    default:
        return dk__pg_odd(row, c, "a boolean in a column of another kind");
    }
}

dk_status
dk__pg_put_int(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, int64_t v)
{
    char text[24];
    int n;

    if (c->array)
        return dk__pg_odd(row, c, "a number in an array's column");
    switch (c->kind) {
    case DK_PG_DATE:
    case DK_PG_TIME:
    case DK_PG_TIMESTAMP:
    case DK_PG_TIMESTAMPTZ:
        return dk__pg_time_of_int(row, c, m, v);
    case DK_PG_INTERVAL:
        return dk__pg_span_of_int(row, c, m, v);
    default:
        break;
    }
    if (m.code != DK__PG_PLAIN)
        return dk__pg_odd(row, c, "a time or a duration in a column of another kind");
    switch (c->kind) {
    case DK_PG_INT2:
    case DK_PG_INT4:
    case DK_PG_INT8:
        return dk__pg_integer(row, c, v);
    case DK_PG_BOOL:
        return dk__pg_bool_of_int(row, c, v);
    case DK_PG_FLOAT4:
    case DK_PG_FLOAT8:
        return dk__pg_real(row, c, (double)v);
    case DK_PG_NUMERIC:
        return dk__pg_numeric_of_int(row, c, v);
    case DK_PG_TEXT:
    case DK_PG_VARCHAR:
    case DK_PG_CHAR:
        n = snprintf(text, sizeof text, "%lld", (long long)v);
        return dk__pg_text(row, c, (dk_slice){(const uint8_t *)text, (size_t)n});
    case DK_PG_JSON:
    case DK_PG_JSONB:
        n = snprintf(text, sizeof text, "%lld", (long long)v);
        return put_word(row, c, text, (size_t)n);
    default:
        return dk__pg_odd(row, c, "a number in a column of another kind");
    }
}

dk_status
dk__pg_put_double(dk__pg_row *row, const dk_pg_column *c, double v)
{
    char text[DK__PG_REAL_TEXT];

    if (c->array)
        return dk__pg_odd(row, c, "a number in an array's column");
    switch (c->kind) {
    case DK_PG_FLOAT4:
    case DK_PG_FLOAT8:
        return dk__pg_real(row, c, v);
    case DK_PG_INT2:
    case DK_PG_INT4:
    case DK_PG_INT8:
        return dk__pg_integer_of_double(row, c, v);
    case DK_PG_NUMERIC:
        return dk__pg_numeric_of_double(row, c, v);
    case DK_PG_JSON:
    case DK_PG_JSONB:
        if (!isfinite(v))
            return dk__pg_refuse_double(row, c, v, "JSON has no such number");
        return put_word(row, c, text, dk__pg_real_text(v, text));
    default:
        return dk__pg_odd(row, c, "a number in a column of another kind");
    }
}

static dk_status
put_decimal_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s, dk_pg_form form, int32_t scale)
{
    uint8_t bytes[DECIMAL_TEXT];
    size_t n;

    if (s.n > sizeof bytes)
        return dk__pg_refuse_text(row, c, s, "too many digits");
    if (c->narrow && form != DK_PG_FORM_HEX && !dk__pg_is_base64(s, true))
        return dk__pg_odd(row, c, "a decimal that is not in base64");
    if (!dk__pg_decode(s, form, bytes, &n))
        return dk__pg_refuse_text(row, c, s, form == DK_PG_FORM_HEX ? "not in hexadecimal" : "not in base64");
    return dk__pg_numeric_of_bytes(row, c, (dk_slice){bytes, n}, scale);
}

static dk_status
put_numeric_text(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, dk_slice s)
{
    if (m.code == DK__PG_DECIMAL)
        return put_decimal_text(row, c, s, DK_PG_FORM_BASE64, m.scale);
    if (c->form == DK_PG_FORM_BASE64 || c->form == DK_PG_FORM_HEX)
        return put_decimal_text(row, c, s, c->form, c->scale);
    return dk__pg_numeric_of_text(row, c, s);
}

/* Whether a text of this meaning is a text to the column: what is bytes, or a number, is not. */
static bool
is_textual(dk_pg_kind kind, uint8_t code)
{
    switch (code) {
    case DK__PG_PLAIN:
        return true;
    case DK__PG_UUID:
        return kind == DK_PG_UUID || kind == DK_PG_TEXT || kind == DK_PG_VARCHAR || kind == DK_PG_CHAR;
    case DK__PG_DOCUMENT:
        return kind == DK_PG_JSON || kind == DK_PG_JSONB || kind == DK_PG_TEXT;
    case DK__PG_DECIMAL:
        return kind == DK_PG_NUMERIC;
    case DK__PG_BASE64:
        return kind == DK_PG_BYTEA;
    default:
        return false;
    }
}

/* An object whose only name and value are the placeholder, as Debezium writes it for hstore in JSON. */
static bool
is_placeholder_object(const dk__pg_row *row, dk_slice s)
{
    size_t n = row->placeholder.n;

    return n > 0 && s.n == 2 * n + 7 && memcmp(s.p, "{\"", 2) == 0 && memcmp(s.p + 2 + n, "\":\"", 3) == 0 &&
           memcmp(s.p + s.n - 2, "\"}", 2) == 0 && memcmp(s.p + 2, row->placeholder.p, n) == 0 &&
           memcmp(s.p + 5 + n, row->placeholder.p, n) == 0;
}

dk_status
dk__pg_put_text(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, dk_slice s)
{
    if (dk__pg_is_placeholder(row, s) || is_placeholder_object(row, s))
        return dk__pg_odd(row, c, "a value that the source has not sent");
    if (c->array || !is_textual(c->kind, m.code))
        return dk__pg_odd(row, c, "a text in a column of another kind");
    if (dk__pg_is_hstore(c))
        return dk__pg_hstore_of_json(row, c, s);
    switch (c->kind) {
    case DK_PG_BOOL:
        return dk__pg_bool_of_text(row, c, s);
    case DK_PG_INT2:
    case DK_PG_INT4:
    case DK_PG_INT8:
        return dk__pg_integer_of_text(row, c, s);
    case DK_PG_FLOAT4:
    case DK_PG_FLOAT8:
        return dk__pg_real_of_text(row, c, s);
    case DK_PG_NUMERIC:
        return put_numeric_text(row, c, m, s);
    case DK_PG_BYTEA:
        return dk__pg_bytes_of_text(row, c, s, m.code == DK__PG_BASE64 ? DK_PG_FORM_BASE64 : c->form);
    case DK_PG_DATE:
    case DK_PG_TIME:
    case DK_PG_TIMESTAMP:
    case DK_PG_TIMESTAMPTZ:
        return dk__pg_time_of_text(row, c, s);
    case DK_PG_INTERVAL:
        return dk__pg_span_of_text(row, c, s);
    case DK_PG_UUID:
        return dk__pg_uuid_of_text(row, c, s);
    case DK_PG_JSON:
    case DK_PG_JSONB:
        return dk__pg_document_of_text(row, c, s, m.code == DK__PG_DOCUMENT);
    case DK_PG_INET:
    case DK_PG_CIDR:
        return dk__pg_inet_of_text(row, c, s);
    case DK_PG_INT4RANGE:
    case DK_PG_INT8RANGE:
    case DK_PG_NUMRANGE:
    case DK_PG_TSTZRANGE:
    case DK_PG_DATERANGE:
        return dk__pg_range_of_text(row, c, s);
    default:
        return dk__pg_text(row, c, s);
    }
}

dk_status
dk__pg_put_bytes(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, dk_slice s)
{
    bool text = c->kind == DK_PG_TEXT || c->kind == DK_PG_VARCHAR || c->kind == DK_PG_CHAR;

    if (dk__pg_is_placeholder(row, s))
        return dk__pg_odd(row, c, "a value that the source has not sent");
    if (c->array)
        return dk__pg_odd(row, c, "bytes in an array's column");
    if (c->kind == DK_PG_BYTEA && m.code == DK__PG_PLAIN)
        return dk__pg_field_bytes(row->out, s);
    if (c->kind == DK_PG_NUMERIC && m.code == DK__PG_DECIMAL)
        return dk__pg_numeric_of_bytes(row, c, s, m.scale);
    if (c->kind == DK_PG_UUID && s.n == 16 && (m.code == DK__PG_UUID || m.code == DK__PG_PLAIN))
        return dk__pg_field_bytes(row->out, s);
    if (c->kind == DK_PG_BOOL && m.code == DK__PG_BITS && s.n == 1)
        return dk__pg_bool_of_int(row, c, s.p[0]);
    if (text && m.code == DK__PG_BITS)
        return dk__pg_text_of_bits(row, c, s, m.scale);
    return dk__pg_odd(row, c, "bytes in a column of another kind");
}
