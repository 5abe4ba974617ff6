/* SPDX-License-Identifier: MIT
 *
 * A nested Avro value as JSON, as Python's json would write what the decoder makes of it. What that refuses (bytes,
 * logical types) is odd.
 */
#include <math.h>
#include <stdio.h>

#include "pg/avro.h"
#include "pg/kinds.h"

typedef struct dk_sink_run {
    const dk_avro_code *c;
    dk_avro_reader r;
    dk__pg_row *row;
    const dk_pg_column *column;
    dk_status st; /* not DK_OK: why the sink has failed */
} dk_sink_run;

typedef bool dk_sink_value;

typedef struct dk_sink_frame {
    bool unused;
} dk_sink_frame;

/* The error names the column; the walk puts the way inside of it together first. */
static bool
fail(dk_sink_run *d, dk_status st)
{
    d->row->err->path[0] = '\0';
    d->st = st;
    return false;
}

static bool
put_json(dk_sink_run *d, const char *text, size_t n)
{
    dk_buf_put(d->row->out, text, n);
    return true;
}

static bool
put_text(dk_sink_run *d, dk_slice s)
{
    if (dk__pg_is_placeholder(d->row, s))
        return fail(d, dk__pg_odd(d->row, d->column, "a value that the source has not sent"));
    if (!dk_avro_utf8_valid(s.p, s.n))
        return fail(d, dk__pg_refuse_text(d->row, d->column, s, "not UTF-8"));
    if (d->column->kind == DK_PG_JSONB && s.n > 0 && memchr(s.p, 0, s.n) != NULL)
        return fail(d, dk__pg_refuse_text(d->row, d->column, s, "jsonb cannot hold a NUL"));
    dk__pg_quote(d->row->out, s);
    return true;
}

/* What JSON has no form for. */
static bool
refuse_logical(dk_sink_run *d, const dk_avro_op *op)
{
    return op->logical == DK_LOGICAL_NONE ||
           fail(d, dk__pg_odd(d->row, d->column, "a nested value that JSON has no form for"));
}

static bool
dk_sink_null(dk_sink_run *d)
{
    return put_json(d, "null", 4);
}

static bool
dk_sink_bool(dk_sink_run *d, bool v)
{
    return put_json(d, v ? "true" : "false", v ? 4 : 5);
}

static bool
dk_sink_long(dk_sink_run *d, const dk_avro_op *op, int64_t v, const uint8_t *at)
{
    char text[24];

    return refuse_logical(d, op) && put_json(d, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)v));
}

static bool
dk_sink_double(dk_sink_run *d, const dk_avro_op *op, double v)
{
    char text[DK__PG_REAL_TEXT];

    if (!isfinite(v))
        return fail(d, dk__pg_refuse_double(d->row, d->column, v, "JSON has no such number"));
    return put_json(d, text, dk__pg_real_text(v, text));
}

static bool
dk_sink_bytes(dk_sink_run *d, const dk_avro_op *op, dk_slice s)
{
    return fail(d, dk__pg_odd(d->row, d->column, "a nested value that JSON has no form for"));
}

static bool
dk_sink_text(dk_sink_run *d, const dk_avro_op *op, dk_slice s, const uint8_t *at)
{
    return refuse_logical(d, op) && put_text(d, s);
}

static bool
dk_sink_enum(dk_sink_run *d, const dk_avro_op *op, uint32_t symbol)
{
    const char *text = d->c->enums[op->ref].symbols[symbol];

    return put_text(d, (dk_slice){(const uint8_t *)text, strlen(text)});
}

static bool
dk_sink_branch(dk_sink_run *d, uint32_t branch)
{
    return true;
}

static bool
dk_sink_record_begin(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *f)
{
    return put_json(d, "{", 1);
}

static bool
dk_sink_record_field(dk_sink_run *d, const dk_avro_op *op, const dk_avro_op *step)
{
    const dk_avro_field *field = &d->c->records[op->ref].fields[step->slot];
    const uint8_t *p = d->row->out->p;

    if (d->row->out->n > 0 && p[d->row->out->n - 1] != '{')
        dk_buf_put_byte(d->row->out, ',');
    return put_text(d, (dk_slice){(const uint8_t *)field->name, field->size}) && put_json(d, ":", 1);
}

static bool
dk_sink_record_put(dk_sink_run *d, dk_sink_frame *f, const dk_avro_op *step, bool v)
{
    return true;
}

static bool
dk_sink_record_end(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *f)
{
    return put_json(d, "}", 1);
}

static bool
dk_sink_items_begin(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *f)
{
    return put_json(d, op->code == DK_OP_ARRAY ? "[" : "{", 1);
}

static bool
dk_sink_items_more(dk_sink_run *d, dk_sink_frame *f, uint64_t n)
{
    return d->row->out->st == DK_OK; /* else many items would be read for nothing */
}

/* A comma behind each item; the last becomes the bracket. */
static bool
dk_sink_array_put(dk_sink_run *d, dk_sink_frame *f, bool v)
{
    return put_json(d, ",", 1);
}

static bool
close_items(dk_sink_run *d, uint8_t bracket)
{
    dk_buf *b = d->row->out;

    if (b->st == DK_OK && b->p[b->n - 1] == ',')
        b->n--;
    dk_buf_put_byte(b, bracket);
    return true;
}

static bool
dk_sink_array_end(dk_sink_run *d, dk_sink_frame *f)
{
    return close_items(d, ']');
}

static bool
dk_sink_map_key(dk_sink_run *d, dk_sink_frame *f, dk_slice key, const uint8_t *at)
{
    return put_text(d, key) && put_json(d, ":", 1);
}

static bool
dk_sink_map_put(dk_sink_run *d, dk_sink_frame *f, bool v)
{
    return put_json(d, ",", 1);
}

static bool
dk_sink_map_end(dk_sink_run *d, dk_sink_frame *f)
{
    return close_items(d, '}');
}

static void
dk_sink_drop(dk_sink_run *d, dk_sink_frame *f)
{
}

static void
dk_sink_discard(dk_sink_run *d, bool v)
{
}

#include "dk/avro_decode.h"

dk_status
dk__avro_document(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op)
{
    dk_sink_run d = {run->reader->code, run->r, run->row, c, DK_OK};
    dk_buf *b = run->row->out;
    size_t at = b->n;

    if (c->array || (c->kind != DK_PG_JSON && c->kind != DK_PG_JSONB))
        return dk__pg_odd(run->row, c, "a nested value in a column that is not JSON");
    if (dk__pg_field(b, c->kind == DK_PG_JSONB) != NULL && c->kind == DK_PG_JSONB)
        b->p[b->n - 1] = 1; /* version */
    if (!dk_avro_decode(&d, op)) {
        run->r = d.r;
        if (b->st != DK_OK)
            return DK_OK;
        dk_avro_path_field(run->r.err, c->name);
        return d.st != DK_OK ? d.st : DK_EAVRO;
    }
    run->r = d.r;
    if (b->st == DK_OK)
        dk__pg_store4(b->p + at, (uint32_t)(b->n - at - 4));
    return DK_OK;
}
