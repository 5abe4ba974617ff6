/* SPDX-License-Identifier: MIT
 *
 * Readers of JSON: how they are made, and what a message is: null, an object, the value of a key, each with or
 * without Connect's schema.
 */
#include "pg/json_reader.h"

#define OTHERS_MAX 256 /* names of ignored fields that are learned */
#define WRAP_BEGIN "{\"schema\":"
#define WRAP_MIDDLE ",\"payload\":"

/* What stands for a row: null, an object, or the value of a key of one column. */
static dk_status
read_payload(dk__json_reader *r, dk__json *j, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    const dk_copy_plan *plan = r->base.plan;
    dk__json_token t;
    dk_status st;

    if (dk__json_peek(j) == '{')
        return dk__json_object(r, j, shape, row, found);
    if (!dk__json_value(j, &t))
        return dk__json_failed(r, j, row);
    *found = DK__COPY_NULL;
    if (t.kind == DK__JSON_NULL)
        return DK_OK;
    if (r->base.side != DK_COPY_KEY || plan->nkey != 1)
        return dk__json_odd(row, DK__JSON_NO_NAME, "a value that is no object");
    *found = DK__COPY_ROW;
    st = dk__json_cell(row, &r->text, &plan->columns[0], shape->meanings[0], &t);
    row->key_end = row->out->n;
    return st;
}

/* The shape of a schema's text, compiled now if it is new: it takes the place of the one that came first. */
static dk_status
find_shape(dk__json_reader *r, dk_slice text, dk__json_shape **out, dk_error *err)
{
    uint32_t i;
    dk_status st;

    for (i = 0; i < r->nschemas; i++) {
        if (r->schemas[i]->text.n == text.n && memcmp(r->schemas[i]->text.p, text.p, text.n) == 0) {
            r->last = i;
            *out = r->schemas[i];
            return DK_OK;
        }
    }
    st = dk__json_shape_new(&r->base, text, out, err);
    if (st != DK_OK)
        return st;
    i = r->nschemas < DK__JSON_SCHEMAS_MAX ? r->nschemas++ : r->turn++ % DK__JSON_SCHEMAS_MAX;
    dk__json_shape_free(r->base.plan->a, r->schemas[i]);
    r->schemas[i] = *out;
    r->last = i;
    return DK_OK;
}

/* Moves to the payload if the message begins with the same schema as the one before. */
static bool
skip_same_schema(const dk__json_reader *r, dk__json *j)
{
    const size_t begin = sizeof WRAP_BEGIN - 1, middle = sizeof WRAP_MIDDLE - 1;
    size_t left = (size_t)(j->end - j->p), n;

    if (r->nschemas == 0)
        return false;
    n = r->schemas[r->last]->text.n;
    if (left < begin + n + middle || memcmp(j->p, WRAP_BEGIN, begin) != 0 ||
        memcmp(j->p + begin, r->schemas[r->last]->text.p, n) != 0 ||
        memcmp(j->p + begin + n, WRAP_MIDDLE, middle) != 0)
        return false;
    j->p += begin + n + middle;
    j->depth++;
    return true;
}

typedef enum wrap { WRAP_BROKEN, WRAP_NONE, WRAP_FOUND } wrap;

/* The two members in any order. *payload begins at the payload. NONE: there are others, or not these. */
static wrap
find_wrap(dk__json *j, dk__json_token *schema, dk__json *payload)
{
    bool first = true, has_schema = false, has_payload = false;
    dk__json_token name, ignored;
    dk__json_more more;

    if (!dk__json_enter(j, DK__JSON_OBJECT))
        return WRAP_BROKEN;
    for (; (more = dk__json_member(j, first, &name)) == DK__JSON_MORE; first = false) {
        bool is_schema = dk__json_is(&name, "schema");

        if (!is_schema && !dk__json_is(&name, "payload"))
            return WRAP_NONE;
        if (!is_schema)
            *payload = *j;
        if (!dk__json_value(j, is_schema ? schema : &ignored))
            return WRAP_BROKEN;
        if (is_schema && schema->kind != DK__JSON_OBJECT && schema->kind != DK__JSON_NULL)
            return WRAP_NONE;
        has_schema |= is_schema;
        has_payload |= !is_schema;
    }
    if (more == DK__JSON_FAILED)
        return WRAP_BROKEN;
    return has_schema && has_payload ? WRAP_FOUND : WRAP_NONE;
}

static dk_status
read_root(dk__json_reader *r, dk__json *j, dk__pg_row *row, dk__copy_found *found)
{
    dk__json start = *j, payload;
    dk__json_shape *shape = r->plain;
    dk__json_token schema, name;
    size_t at = row->out->n;
    dk_status st;
    wrap kind;

    if (r->connect == DK_COPY_CONNECT_NEVER || dk__json_peek(j) != '{')
        return read_payload(r, j, shape, row, found);
    if (skip_same_schema(r, j)) { /* if that fails, let the way below say why */
        st = read_payload(r, j, r->schemas[r->last], row, found);
        if (st == DK_ENOMEM || (st == DK_OK && dk__json_member(j, false, &name) == DK__JSON_DONE))
            return st;
        dk__json_go_back(j, &start, row, at);
    }
    kind = find_wrap(j, &schema, &payload);
    if (kind == WRAP_BROKEN)
        return dk__json_failed(r, j, row);
    if (kind == WRAP_NONE) {
        *j = start;
        if (r->connect == DK_COPY_CONNECT_AUTO)
            return read_payload(r, j, shape, row, found);
        return dk__json_value(j, &name) ? dk__json_odd(row, DK__JSON_NO_NAME, "no object of a schema and a payload")
                                        : dk__json_failed(r, j, row);
    }
    if (schema.kind == DK__JSON_OBJECT) {
        st = find_shape(r, schema.text, &shape, row->err);
        if (st != DK_OK)
            return st;
    }
    return read_payload(r, &payload, shape, row, found);
}

static dk_status
json_read(const dk_copy_reader *base, dk_slice bytes, dk__pg_row *row, dk__copy_found *found)
{
    dk__json_reader *r = (dk__json_reader *)(uintptr_t)base; /* it learns */
    dk_status st;
    dk__json j;

    if (r->text.st != DK_OK)
        dk_buf_fini(&r->text);
    if (r->names.scratch.st != DK_OK)
        dk_buf_fini(&r->names.scratch);
    dk__json_init(&j, bytes, row->err);
    st = read_root(r, &j, row, found);
    if (st == DK_OK && !dk__json_end(&j))
        st = dk__json_failed(r, &j, row);
    return st;
}

/* ---- making one ---- */

static void
json_free(dk_copy_reader *base)
{
    dk__json_reader *r = (dk__json_reader *)base;
    const dk_alloc *a = base->plan->a;
    uint32_t i;

    for (i = 0; i < r->nschemas; i++)
        dk__json_shape_free(a, r->schemas[i]);
    dk__json_shape_free(a, r->plain);
    dk__json_names_fini(&r->names);
    dk_buf_fini(&r->text);
    dk__free(a, r->tokens);
    dk__free(a, r->runs);
}

static const dk__copy_reader_type json_type = {.read = json_read, .free = json_free};

/* The names in the order in which they count: what is a column is nothing else. */
static bool
add_names(dk__json_reader *r, const dk_copy_json_options *o)
{
    const dk_copy_plan *plan = r->base.plan;
    bool ok = true;
    uint32_t i;

    for (i = 0; ok && i < plan->ncolumns; i++)
        ok = dk__json_names_add(&r->names, plan->columns[i].name, strlen(plan->columns[i].name), i);
    r->deleted_at = r->names.n;
    ok = ok && dk__json_names_add(&r->names, plan->deleted, strlen(plan->deleted), DK__JSON_DELETED);
    if (r->names.n == r->deleted_at)
        r->deleted_at = DK__JSON_UNKNOWN;
    r->op_at = r->names.n;
    ok = ok && dk__json_names_add(&r->names, "__op", 4, DK__JSON_OP);
    if (r->names.n == r->op_at)
        r->op_at = DK__JSON_UNKNOWN;
    for (i = 0; ok && i < o->nrefused; i++)
        ok = dk__json_names_add(&r->names, o->refused[i], strlen(o->refused[i]), DK__JSON_REFUSED);
    for (i = 0; ok && i < o->nignored; i++)
        ok = dk__json_names_add(&r->names, o->ignored[i], strlen(o->ignored[i]), DK__JSON_IGNORED);
    r->given = r->names.n;
    return ok;
}

static dk_status
fill(dk__json_reader *r, const dk_copy_json_options *o)
{
    const dk_copy_plan *plan = r->base.plan;
    size_t cap = plan->ncolumns + 2 + o->nignored + o->nrefused + OTHERS_MAX;
    uint32_t i;

    r->ignore_others = o->ignore_others;
    r->connect = o->connect;
    dk_buf_init(&r->text, plan->a);
    if (dk__json_names_init(&r->names, plan->a, (uint32_t)cap) != DK_OK || !add_names(r, o))
        return DK_ENOMEM;
    for (i = 0; i < plan->ncolumns; i++)
        if (o->connect == DK_COPY_CONNECT_AUTO &&
            (strcmp(plan->columns[i].name, "schema") == 0 || strcmp(plan->columns[i].name, "payload") == 0))
            r->connect = DK_COPY_CONNECT_NEVER;
    r->tokens = dk__calloc(plan->a, cap, sizeof *r->tokens);
    r->runs = dk__calloc(plan->a, cap, sizeof *r->runs);
    r->plain = dk__json_shape_plain(&r->base);
    return r->tokens != NULL && r->runs != NULL && r->plain != NULL ? DK_OK : DK_ENOMEM;
}

dk_status
dk_copy_reader_json(dk_copy_plan *plan, dk_copy_side side, const dk_copy_json_options *options, dk_copy_reader **out,
                    dk_error *err)
{
    const dk_copy_json_options none = {.size = sizeof none};
    const dk_copy_json_options *o = options != NULL ? options : &none;
    dk__json_reader *r;

    dk__error_clear(err);
    if (plan == NULL || out == NULL || o->size != sizeof *o || (unsigned)o->connect > DK_COPY_CONNECT_NEVER ||
        o->nignored > UINT16_MAX || o->nrefused > UINT16_MAX)
        return dk__error_set(err, DK_EINVAL, "no plan, no place for the reader, or options of another version");
    r = dk__calloc(plan->a, 1, sizeof *r);
    if (r == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while making a reader");
    dk__copy_reader_init(&r->base, &json_type, plan, side);
    if (fill(r, o) != DK_OK) {
        dk_copy_reader_free(&r->base);
        return dk__error_set(err, DK_ENOMEM, "out of memory while making a reader");
    }
    *out = &r->base;
    return DK_OK;
}
