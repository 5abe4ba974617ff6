/* SPDX-License-Identifier: MIT
 *
 * One value of JSON into one column.
 */
#include <math.h>

#include "pg/hstore.h"
#include "pg/json_reader.h"

static bool
is_document_kind(const dk_pg_column *c)
{
    return !c->array && (c->kind == DK_PG_JSON || c->kind == DK_PG_JSONB);
}

/* As it was written: duplicates and spaces are kept for json, and no digit is lost. */
static dk_status
put_document(dk__pg_row *row, const dk_pg_column *c, const dk__json_token *t)
{
    dk_error err;

    if (c->kind == DK_PG_JSONB && dk__json_check(t->text, true, &err) != DK_OK)
        return dk__pg_refuse_text(row, c, t->text, err.text);
    return dk__pg_put_document(row, c, t->text);
}

static dk_status
put_number(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, const dk__json_token *t)
{
    bool real = c->kind == DK_PG_FLOAT4 || c->kind == DK_PG_FLOAT8;
    int64_t v;

    if (is_document_kind(c))
        return put_document(row, c, t);
    if (m.code == DK__PG_DECIMAL) /* decimal.format=NUMERIC: the number itself */
        m = (dk__pg_meaning){DK__PG_PLAIN, 0};
    if (!real && dk__json_int(t, &v))
        return dk__pg_put_int(row, c, m, v);
    if (real && m.code == DK__PG_PLAIN) {
        double d = dk__json_double(t);

        return isinf(d) ? dk__pg_odd(row, c, "a number beyond those of double precision")
                        : dk__pg_put_double(row, c, d);
    }
    if (c->kind == DK_PG_NUMERIC && m.code == DK__PG_PLAIN)
        return dk__pg_numeric_of_text(row, c, t->text); /* whatever a text stands for there */
    if (t->integer && (c->kind == DK_PG_INT2 || c->kind == DK_PG_INT4 || c->kind == DK_PG_INT8))
        return dk__pg_refuse_text(row, c, t->text, "out of range");
    return dk__pg_odd(row, c, "a number that is no integer of 64 bits");
}

/* s may be what text holds. */
static dk_status
put_bits(dk__pg_row *row, dk_buf *text, const dk_pg_column *c, dk__pg_meaning m, dk_slice s)
{
    bool inside = s.p == text->p;
    size_t n, at = inside ? s.n : 0;

    text->n = at;
    if (!dk_buf_reserve(text, s.n + 1))
        return DK_ENOMEM;
    if (inside)
        s.p = text->p;
    if (c->narrow && !dk__pg_is_base64(s, false))
        return dk__pg_odd(row, c, "bits that are not in base64");
    if (!dk__pg_decode(s, DK_PG_FORM_BASE64, text->p + at, &n))
        return dk__pg_refuse_text(row, c, s, "no base64");
    return dk__pg_put_bytes(row, c, m, (dk_slice){text->p + at, n});
}

static dk_status
put_string(dk__pg_row *row, dk_buf *text, const dk_pg_column *c, dk__pg_meaning m, const dk__json_token *t)
{
    dk_slice s = t->text;

    if (t->escaped) {
        text->n = 0;
        if (!dk__json_unescape(t, text))
            return text->st != DK_OK ? DK_ENOMEM : dk__pg_refuse_text(row, c, s, "half a surrogate pair");
        s = (dk_slice){text->p, text->n};
    }
    row->sound = !t->escaped;
    return m.code == DK__PG_BITS ? put_bits(row, text, c, m, s) : dk__pg_put_text(row, c, m, s);
}

static dk_status
put_list(dk__pg_row *row, dk_buf *text, const dk_pg_column *c, dk__pg_meaning m, const dk__json_token *t)
{
    dk__json_token item;
    dk__pg_list list;
    dk_status st = dk__pg_list_begin(row, c, &list);
    bool first = true;
    dk__json j;

    dk__json_init(&j, t->text, row->err);
    if (st != DK_OK || !dk__json_enter(&j, DK__JSON_ARRAY))
        return st != DK_OK ? st : DK_EJSON;
    for (; dk__json_item(&j, first) == DK__JSON_MORE; first = false) {
        if (!dk__json_value(&j, &item))
            return DK_EJSON;
        st = dk__pg_list_item(row, &list, item.kind == DK__JSON_NULL);
        if (st == DK_OK)
            st = dk__json_cell(row, text, &list.item, m, &item);
        if (st != DK_OK)
            return st;
    }
    return dk__pg_list_end(row, &list);
}

/* {"scale": 2, "value": "B88="} */
static dk_status
put_decimal(dk__pg_row *row, dk_buf *text, const dk_pg_column *c, const dk__json_token *t)
{
    dk__json_token name, item, value = {.kind = DK__JSON_NULL};
    int64_t scale = INT64_MIN;
    bool first = true, other = false;
    dk__json j;

    dk__json_init(&j, t->text, row->err);
    if (!dk__json_enter(&j, DK__JSON_OBJECT))
        return DK_EJSON;
    for (; dk__json_member(&j, first, &name) == DK__JSON_MORE; first = false) {
        if (!dk__json_value(&j, &item))
            return DK_EJSON;
        if (dk__json_is(&name, "scale") && item.kind == DK__JSON_NUMBER)
            other |= !dk__json_int(&item, &scale);
        else if (dk__json_is(&name, "value") && item.kind == DK__JSON_STRING)
            value = item;
        else
            other = true;
    }
    if (other || value.kind != DK__JSON_STRING || scale < INT32_MIN || scale > INT32_MAX)
        return dk__pg_odd(row, c, "an object for a number, which has not just a scale and a value");
    return put_string(row, text, c, (dk__pg_meaning){DK__PG_DECIMAL, (int32_t)scale}, &value);
}

dk_status
dk__json_cell(dk__pg_row *row, dk_buf *text, const dk_pg_column *c, dk__pg_meaning m, const dk__json_token *t)
{
    switch (t->kind) {
    case DK__JSON_NULL:
        return dk__pg_put_null(row, c);
    case DK__JSON_FALSE:
    case DK__JSON_TRUE:
        return is_document_kind(c) ? put_document(row, c, t) : dk__pg_put_bool(row, c, t->kind == DK__JSON_TRUE);
    case DK__JSON_NUMBER:
        return put_number(row, c, m, t);
    case DK__JSON_STRING:
        return put_string(row, text, c, m, t);
    case DK__JSON_ARRAY:
        if (c->array)
            return put_list(row, text, c, m, t);
        break;
    case DK__JSON_OBJECT:
        if (!c->array && c->kind == DK_PG_NUMERIC)
            return put_decimal(row, text, c, t);
        if (dk__pg_is_hstore(c))
            return dk__pg_hstore_of_json(row, c, t->text);
        break;
    }
    return is_document_kind(c) && m.code != DK__PG_OPAQUE ? put_document(row, c, t)
                                                          : dk__pg_odd(row, c, "an object or array for this column");
}
