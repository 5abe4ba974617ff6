/* SPDX-License-Identifier: MIT
 *
 * See hstore.h.
 */
#include "pg/hstore.h"
#include "pg/json_scan.h"

void
dk__pg_pairs_begin(dk__pg_row *row, dk__pg_pairs *pairs)
{
    *pairs = (dk__pg_pairs){.at = row->out->n};
    (void)dk__pg_field(row->out, 0);
}

static dk_status
put_quoted(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    dk_buf *b = row->out;
    size_t i;

    if (dk__pg_is_placeholder(row, s))
        return dk__pg_odd(row, c, "a value that the source has not sent");
    if (!dk_avro_utf8_valid(s.p, s.n))
        return dk__pg_refuse_text(row, c, s, "not UTF-8");
    if (s.n > 0 && memchr(s.p, 0, s.n) != NULL)
        return dk__pg_refuse_text(row, c, s, "PostgreSQL's texts cannot hold a NUL");
    dk_buf_put_byte(b, '"');
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            dk_buf_put_byte(b, '\\');
        dk_buf_put_byte(b, s.p[i]);
    }
    dk_buf_put_byte(b, '"');
    return DK_OK;
}

dk_status
dk__pg_pairs_add(dk__pg_row *row, const dk_pg_column *c, dk__pg_pairs *pairs, dk_slice key, dk_slice value)
{
    dk_status st;

    if (pairs->n++ > 0)
        dk_buf_put_byte(row->out, ',');
    st = put_quoted(row, c, key);
    if (st != DK_OK)
        return st;
    dk_buf_puts(row->out, "=>");
    if (value.p != NULL)
        return put_quoted(row, c, value);
    dk_buf_puts(row->out, "NULL");
    return DK_OK;
}

void
dk__pg_pairs_end(dk__pg_row *row, dk__pg_pairs *pairs)
{
    if (row->out->st == DK_OK)
        dk__pg_store4(row->out->p + pairs->at, (uint32_t)(row->out->n - pairs->at - 4));
}

/* The characters of a string; b is for those that are escaped. false: half a pair is in it, or no memory. */
static bool
characters_of(const dk__json_token *t, dk_buf *b, dk_slice *out)
{
    static const uint8_t empty[1];

    *out = t->text.p != NULL ? t->text : (dk_slice){empty, 0};
    if (!t->escaped)
        return true;
    b->n = 0;
    if (!dk__json_unescape(t, b))
        return false;
    *out = (dk_slice){b->p != NULL ? b->p : empty, b->n};
    return true;
}

static dk_status
put_members(dk__pg_row *row, const dk_pg_column *c, dk__pg_pairs *pairs, dk__json *j, dk_buf buffers[2])
{
    dk__json_token name, value;
    dk__json_more more = dk__json_enter(j, DK__JSON_OBJECT) ? DK__JSON_MORE : DK__JSON_FAILED;
    dk_slice key, text;
    dk_status st = DK_OK;
    bool first = true;

    while (more != DK__JSON_FAILED && st == DK_OK) {
        more = dk__json_member(j, first, &name);
        first = false;
        if (more == DK__JSON_DONE && dk__json_end(j))
            return DK_OK;
        if (more != DK__JSON_MORE || !dk__json_value(j, &value) || !characters_of(&name, &buffers[0], &key))
            break;
        text = (dk_slice){NULL, 0};
        if (value.kind != DK__JSON_NULL &&
            (value.kind != DK__JSON_STRING || !characters_of(&value, &buffers[1], &text)))
            break;
        st = dk__pg_pairs_add(row, c, pairs, key, text);
    }
    if (st != DK_OK)
        return st;
    if (buffers[0].st != DK_OK || buffers[1].st != DK_OK) {
        row->out->st = DK_ENOMEM;
        return DK_OK;
    }
    return dk__pg_odd(row, c, "a text that is no map of texts in JSON");
}

dk_status
dk__pg_hstore_of_json(dk__pg_row *row, const dk_pg_column *c, dk_slice json)
{
    dk_buf buffers[2];
    dk__pg_pairs pairs;
    dk_error err;
    dk__json j;
    dk_status st;

    dk_buf_init(&buffers[0], row->out->a);
    dk_buf_init(&buffers[1], row->out->a);
    dk__json_init(&j, json, &err);
    dk__pg_pairs_begin(row, &pairs);
    st = put_members(row, c, &pairs, &j, buffers);
    dk__pg_pairs_end(row, &pairs);
    dk_buf_fini(&buffers[0]);
    dk_buf_fini(&buffers[1]);
    return st;
}
