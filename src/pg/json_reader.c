/* SPDX-License-Identifier: MIT
 *
 * Rows from JSON: what a message is (null, an object, an envelope, each with or without Connect's schema), which of
 * its members go into which column, and whether the row is deleted.
 */
#include <strings.h>

#include "pg/json_reader.h"

#define SCHEMAS_MAX 16 /* of which the compiled form is kept */
#define OTHERS_MAX 256 /* names of ignored fields that are learned */
#define WRAP_BEGIN "{\"schema\":"
#define WRAP_MIDDLE ",\"payload\":"

typedef struct json_reader {
    dk_copy_reader base;
    dk_copy_connect connect;
    bool ignore_others;
    bool enveloped; /* the last object without a schema was an envelope */
    uint32_t deleted_at, op_at;
    dk__json_names names;   /* the columns' first: their numbers in the list are those in the plan */
    dk__json_token *tokens; /* the values of the object that is read, by the numbers of names */
    uint32_t *runs;         /* in which object there was such a value last */
    uint32_t run;
    dk_buf text;
    dk__json_shape *plain;
    dk__json_shape *schemas[SCHEMAS_MAX];
    uint32_t nschemas, turn, last;
} json_reader;

static dk_status
be_odd(dk__pg_row *row, dk_slice name, const char *why)
{
    char path[80];
    size_t n = name.n < sizeof path ? name.n : sizeof path - 1;

    while (n > 0 && n < name.n && (name.p[n] & 0xC0) == 0x80)
        n--;
    if (n > 0)
        memcpy(path, name.p, n);
    path[n] = '\0';
    row->odd = why;
    dk__error_set(row->err, DK_ECOLUMN, "%s", why);
    dk_avro_path_field(row->err, path);
    return DK_ECOLUMN;
}

#define NO_NAME ((dk_slice){NULL, 0})

/* j has failed. */
static dk_status
failed(const json_reader *r, const dk__json *j, dk__pg_row *row)
{
    if (r->names.scratch.st != DK_OK)
        return dk__error_set(row->err, DK_ENOMEM, "out of memory while reading JSON");
    if (j->lenient)
        return be_odd(row, NO_NAME, "something that is not JSON, but that Python reads as such");
    return DK_EJSON;
}

/* ---- one object ---- */

/* A field that nobody has named. No field of Django's begins with two underscores: it is Debezium's or Connect's. */
static dk_status
meet_other(json_reader *r, dk__json *j, dk__pg_row *row, dk_slice name)
{
    dk__json_token ignored;

    if (!r->ignore_others && !(name.n > 2 && memcmp(name.p, "__", 2) == 0))
        return be_odd(row, name, "a field that no column takes");
    /* Without memory it is a stranger next time too. */
    (void)dk__json_names_add(&r->names, (const char *)name.p, name.n, DK__JSON_IGNORED);
    return dk__json_value(j, &ignored) ? DK_OK : failed(r, j, row);
}

/* Fills the tokens with the members of the object that begins here; of two with one name the last counts. */
static dk_status
read_fields(json_reader *r, dk__json *j, dk__pg_row *row)
{
    dk__json_more more;
    uint32_t i, known;
    dk_slice name;
    dk_status st;

    if (++r->run == 0) {
        memset(r->runs, 0, r->names.cap * sizeof *r->runs);
        r->run = 1;
    }
    if (!dk__json_enter(j, DK__JSON_OBJECT))
        return failed(r, j, row);
    for (i = 0; (more = dk__json_names_next(&r->names, j, i, &known, &name)) == DK__JSON_MORE; i++) {
        if (known == DK__JSON_UNKNOWN) {
            st = meet_other(r, j, row, name);
            if (st != DK_OK)
                return st;
            continue;
        }
        if (!dk__json_value(j, &r->tokens[known]))
            return failed(r, j, row);
        r->runs[known] = r->run;
        if (r->names.list[known].use == DK__JSON_REFUSED) {
            const dk__json_name *n = &r->names.list[known];

            return be_odd(row, (dk_slice){(uint8_t *)n->quoted + 1, n->n - 3}, "a field that the plan refuses");
        }
    }
    return more == DK__JSON_DONE ? DK_OK : failed(r, j, row);
}

static const dk__json_token *
find_token(const json_reader *r, uint32_t known)
{
    return known != DK__JSON_UNKNOWN && r->runs[known] == r->run ? &r->tokens[known] : NULL;
}

static bool
is_text(const dk__json_token *t, const char *lower)
{
    return t->kind == DK__JSON_STRING && !t->escaped && t->text.n == strlen(lower) &&
           strncasecmp((const char *)t->text.p, lower, t->text.n) == 0;
}

static bool
is_gone(const json_reader *r)
{
    const dk__json_token *deleted = find_token(r, r->deleted_at);

    return deleted != NULL && (deleted->kind == DK__JSON_TRUE || is_text(deleted, "true"));
}

/* Whether it says that it was a deletion, but not that the row is gone. */
static bool
is_doubtful(const json_reader *r)
{
    const dk__json_token *op = find_token(r, r->op_at);

    return op != NULL && dk__json_is(op, "d");
}

/* Writes columns from `first` to `end` of what the tokens hold. */
static dk_status
write_columns(json_reader *r, const dk__json_shape *shape, dk__pg_row *row, uint32_t end)
{
    const dk_copy_plan *plan = r->base.plan;
    uint32_t i;

    for (i = r->base.first; i < end; i++) {
        dk_status st;

        if (r->runs[i] != r->run)
            return dk__pg_odd(row, &plan->columns[i], "a field that the message does not have");
        st = dk__json_cell(row, &r->text, &plan->columns[i], shape->meanings[i], &r->tokens[i]);
        if (st != DK_OK)
            return st;
        if (i + 1 == plan->nkey)
            row->key_end = row->out->n;
    }
    return DK_OK;
}

static dk_status
write_row(json_reader *r, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    *found = DK__COPY_ROW;
    return write_columns(r, shape, row, r->base.end);
}

/* Of a row that is deleted only the key counts. */
static dk_status
write_gone(json_reader *r, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    *found = DK__COPY_GONE;
    return r->base.first > 0 ? DK_OK : write_columns(r, shape, row, r->base.plan->nkey);
}

/* ---- envelopes ---- */

typedef struct envelope {
    dk__json_token before, op;
    bool has_after; /* the tokens are its row's */
} envelope;

/* *is: it is one, though not necessarily with a row that can be written. */
static dk_status
read_members(json_reader *r, dk__json *j, dk__pg_row *row, envelope *e)
{
    dk__json_token name, value;
    dk__json_more more;
    bool first = true;

    *e = (envelope){.op = {.kind = DK__JSON_NULL}};
    if (!dk__json_enter(j, DK__JSON_OBJECT))
        return failed(r, j, row);
    for (; (more = dk__json_member(j, first, &name)) == DK__JSON_MORE; first = false) {
        bool after = dk__json_is(&name, "after");

        if (after && dk__json_peek(j) == '{') {
            dk_status st = read_fields(r, j, row);

            if (st != DK_OK)
                return st;
            e->has_after = true;
            continue;
        }
        if (!dk__json_value(j, &value))
            return failed(r, j, row);
        if (after)
            e->has_after = false;
        else if (dk__json_is(&name, "before"))
            e->before = value;
        else if (dk__json_is(&name, "op"))
            e->op = value;
    }
    return more == DK__JSON_DONE ? DK_OK : failed(r, j, row);
}

static dk_status
read_envelope(json_reader *r, dk__json *j, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    dk_status st;
    dk__json old;
    envelope e;

    st = read_members(r, j, row, &e);
    if (st != DK_OK)
        return st;
    if (dk__json_is(&e.op, "d")) {
        if (r->base.first > 0)
            return write_gone(r, shape, row, found);
        if (e.before.kind != DK__JSON_OBJECT)
            return be_odd(row, NO_NAME, "a deletion without the row that was there before");
        dk__json_init(&old, e.before.text, row->err);
        st = read_fields(r, &old, row);
        return st != DK_OK ? st : write_gone(r, shape, row, found);
    }
    if (!dk__json_is(&e.op, "c") && !dk__json_is(&e.op, "u") && !dk__json_is(&e.op, "r"))
        return be_odd(row, NO_NAME, "an event that is no change of a row");
    if (!e.has_after)
        return be_odd(row, NO_NAME, "a change without the row as it is now");
    return write_row(r, shape, row, found);
}

/* Whether the object here is an envelope, when no schema says so: its first name is none of the fields', and it has an
 * op, and the row before or after. */
static bool
is_envelope(json_reader *r, const dk__json *here)
{
    bool op = false, object = false, first = true, null = false;
    dk__json j = *here;
    dk__json_token name, value;
    uint32_t known;
    dk_slice text;
    dk_error err;

    j.err = &err;
    if (!dk__json_enter(&j, DK__JSON_OBJECT) ||
        dk__json_names_next(&r->names, &j, 0, &known, &text) != DK__JSON_MORE || known != DK__JSON_UNKNOWN)
        return false;
    if (r->enveloped)
        return true;
    j = *here;
    j.err = &err;
    for (dk__json_enter(&j, DK__JSON_OBJECT); dk__json_member(&j, first, &name) == DK__JSON_MORE; first = false) {
        bool side = dk__json_is(&name, "before") || dk__json_is(&name, "after");

        if (!dk__json_value(&j, &value))
            return false;
        op |= dk__json_is(&name, "op") && value.kind == DK__JSON_STRING && value.text.n == 1;
        object |= side && value.kind == DK__JSON_OBJECT;
        null |= side && value.kind == DK__JSON_NULL;
    }
    r->enveloped = op && (object || null);
    return r->enveloped;
}

/* ---- messages ---- */

static dk_status
read_object(json_reader *r, dk__json *j, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    dk_status st;

    if (r->base.side == DK_COPY_VALUE && (shape->text.p != NULL ? shape->envelope : is_envelope(r, j)))
        return read_envelope(r, j, shape, row, found);
    st = read_fields(r, j, row);
    if (st != DK_OK)
        return st;
    if (is_gone(r))
        return write_gone(r, shape, row, found);
    return is_doubtful(r) ? be_odd(row, NO_NAME, "a deletion (__op) that does not say that the row is deleted")
                          : write_row(r, shape, row, found);
}

/* What stands for a row: null, an object, or the value of a key of one column. */
static dk_status
read_payload(json_reader *r, dk__json *j, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    const dk_copy_plan *plan = r->base.plan;
    dk__json_token t;
    dk_status st;

    if (dk__json_peek(j) == '{')
        return read_object(r, j, shape, row, found);
    if (!dk__json_value(j, &t))
        return failed(r, j, row);
    *found = DK__COPY_NULL;
    if (t.kind == DK__JSON_NULL)
        return DK_OK;
    if (r->base.side != DK_COPY_KEY || plan->nkey != 1)
        return be_odd(row, NO_NAME, "a value that is no object");
    *found = DK__COPY_ROW;
    st = dk__json_cell(row, &r->text, &plan->columns[0], shape->meanings[0], &t);
    row->key_end = row->out->n;
    return st;
}

/* The shape of a schema's text, compiled now if it is new: it takes the place of the one that came first. */
static dk_status
find_shape(json_reader *r, dk_slice text, dk__json_shape **out, dk_error *err)
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
    i = r->nschemas < SCHEMAS_MAX ? r->nschemas++ : r->turn++ % SCHEMAS_MAX;
    dk__json_shape_free(r->base.plan->a, r->schemas[i]);
    r->schemas[i] = *out;
    r->last = i;
    return DK_OK;
}

/* Moves to the payload if the message begins with the same schema as the one before. */
static bool
skip_same_schema(const json_reader *r, dk__json *j)
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

/* The two members in any order. *payload begins at the payload; false: it has others, or not these. */
static bool
find_wrap(dk__json *j, dk__json_token *schema, dk__json *payload)
{
    bool first = true, has_schema = false, has_payload = false;
    dk__json_token name, ignored;
    dk__json_more more;

    if (!dk__json_enter(j, DK__JSON_OBJECT))
        return false;
    for (; (more = dk__json_member(j, first, &name)) == DK__JSON_MORE; first = false) {
        if (dk__json_is(&name, "schema")) {
            has_schema =
                dk__json_value(j, schema) && (schema->kind == DK__JSON_OBJECT || schema->kind == DK__JSON_NULL);
            if (!has_schema)
                return false;
        } else if (dk__json_is(&name, "payload")) {
            *payload = *j;
            has_payload = dk__json_value(j, &ignored);
            if (!has_payload)
                return false;
        } else {
            return false;
        }
    }
    return more == DK__JSON_DONE && has_schema && has_payload;
}

static dk_status
read_root(json_reader *r, dk__json *j, dk__pg_row *row, dk__copy_found *found)
{
    dk__json start = *j, payload;
    dk__json_shape *shape = r->plain;
    dk__json_more more = DK__JSON_DONE;
    dk__json_token schema, name;
    dk_error ignored;
    dk_status st;

    if (r->connect == DK_COPY_CONNECT_NEVER || dk__json_peek(j) != '{')
        return read_payload(r, j, shape, row, found);
    if (skip_same_schema(r, j)) {
        st = read_payload(r, j, r->schemas[r->last], row, found);
        if (st == DK_OK)
            more = dk__json_member(j, false, &name);
        if (st == DK_OK && more == DK__JSON_MORE)
            return be_odd(row, NO_NAME, "more than a schema and a payload");
        return st == DK_OK && more == DK__JSON_FAILED ? failed(r, j, row) : st;
    }
    j->err = &ignored;
    if (!find_wrap(j, &schema, &payload)) {
        *j = start;
        if (r->connect == DK_COPY_CONNECT_AUTO)
            return read_payload(r, j, shape, row, found);
        if (!dk__json_value(j, &name))
            return failed(r, j, row);
        return be_odd(row, NO_NAME, "no object of a schema and a payload");
    }
    j->err = row->err;
    if (schema.kind == DK__JSON_OBJECT) {
        st = find_shape(r, schema.text, &shape, row->err);
        if (st != DK_OK)
            return st;
    }
    payload.err = row->err;
    return read_payload(r, &payload, shape, row, found);
}

static dk_status
json_read(const dk_copy_reader *base, dk_slice bytes, dk__pg_row *row, dk__copy_found *found)
{
    json_reader *r = (json_reader *)(uintptr_t)base; /* it learns */
    dk_status st;
    dk__json j;

    if (r->text.st != DK_OK)
        dk_buf_fini(&r->text);
    if (r->names.scratch.st != DK_OK)
        dk_buf_fini(&r->names.scratch);
    dk__json_init(&j, bytes, row->err);
    st = read_root(r, &j, row, found);
    if (st == DK_OK && !dk__json_end(&j))
        st = failed(r, &j, row);
    return st;
}

/* ---- making one ---- */

static void
json_free(dk_copy_reader *base)
{
    json_reader *r = (json_reader *)base;
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
add_names(json_reader *r, const dk_copy_json_options *o)
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
    return ok;
}

static dk_status
fill(json_reader *r, const dk_copy_json_options *o)
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
    json_reader *r;

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
