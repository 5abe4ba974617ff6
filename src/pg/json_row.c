/* SPDX-License-Identifier: MIT
 *
 * Rows from objects of JSON: which members go into which column, whether the row is deleted, and envelopes.
 */
#include <strings.h>

#include "pg/json_reader.h"

dk_status
dk__json_odd(dk__pg_row *row, dk_slice name, const char *why)
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

/* j has failed. */
dk_status
dk__json_failed(const dk__json_reader *r, const dk__json *j, dk__pg_row *row)
{
    if (r->names.scratch.st != DK_OK)
        return dk__error_set(row->err, DK_ENOMEM, "out of memory while reading JSON");
    if (j->lenient)
        return dk__json_odd(row, DK__JSON_NO_NAME, "something that is not JSON, but that Python reads as such");
    return DK_EJSON;
}

/* ---- one object ---- */

/* A field that nobody has named. No field of Django's begins with two underscores: it is Debezium's or Connect's. */
static dk_status
meet_other(dk__json_reader *r, dk__json *j, dk__pg_row *row, dk_slice name)
{
    dk__json_token ignored;

    if (!r->ignore_others && !(name.n > 2 && memcmp(name.p, "__", 2) == 0))
        return dk__json_odd(row, name, "a field that no column takes");
    /* Without memory it is a stranger next time too. */
    (void)dk__json_names_add(&r->names, (const char *)name.p, name.n, DK__JSON_IGNORED);
    return dk__json_value(j, &ignored) ? DK_OK : dk__json_failed(r, j, row);
}

/* Fills the tokens with the members of the object that begins here; of two with one name the last counts. */
static dk_status
read_fields(dk__json_reader *r, dk__json *j, dk__pg_row *row)
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
        return dk__json_failed(r, j, row);
    for (i = 0; (more = dk__json_names_next(&r->names, j, i, &known, &name)) == DK__JSON_MORE; i++) {
        if (known == DK__JSON_UNKNOWN) {
            st = meet_other(r, j, row, name);
            if (st != DK_OK)
                return st;
            continue;
        }
        if (!dk__json_value(j, &r->tokens[known]))
            return dk__json_failed(r, j, row);
        r->runs[known] = r->run;
        if (r->names.list[known].use == DK__JSON_REFUSED) {
            const dk__json_name *n = &r->names.list[known];

            return dk__json_odd(row, (dk_slice){(uint8_t *)n->quoted + 1, n->n - 3}, "a field that the plan refuses");
        }
    }
    return more == DK__JSON_DONE ? DK_OK : dk__json_failed(r, j, row);
}

static const dk__json_token *
find_token(const dk__json_reader *r, uint32_t known)
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
is_gone(const dk__json_reader *r)
{
    const dk__json_token *deleted = find_token(r, r->deleted_at);

    return deleted != NULL && (deleted->kind == DK__JSON_TRUE || is_text(deleted, "true"));
}

/* Whether it says that it was a deletion, but not that the row is gone. */
static bool
is_doubtful(const dk__json_reader *r)
{
    const dk__json_token *op = find_token(r, r->op_at);

    return op != NULL && dk__json_is(op, "d");
}

/* Writes columns from `first` to `end` of what the tokens hold. */
static dk_status
write_columns(dk__json_reader *r, const dk__json_shape *shape, dk__pg_row *row, uint32_t end)
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
write_row(dk__json_reader *r, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    *found = DK__COPY_ROW;
    return write_columns(r, shape, row, r->base.end);
}

/* Of a row that is deleted only the key counts. */
static dk_status
write_gone(dk__json_reader *r, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    *found = DK__COPY_GONE;
    return r->base.first > 0 ? DK_OK : write_columns(r, shape, row, r->base.plan->nkey);
}

/* ---- envelopes ---- */

typedef struct envelope {
    dk__json_token before, op;
    bool has_side;  /* one of before and after */
    bool has_after; /* the tokens are its row's */
} envelope;

static dk_status
read_members(dk__json_reader *r, dk__json *j, dk__pg_row *row, envelope *e)
{
    dk__json_token name, value;
    dk__json_more more;
    bool first = true;

    *e = (envelope){.op = {.kind = DK__JSON_NULL}};
    if (!dk__json_enter(j, DK__JSON_OBJECT))
        return dk__json_failed(r, j, row);
    for (; (more = dk__json_member(j, first, &name)) == DK__JSON_MORE; first = false) {
        bool after = dk__json_is(&name, "after");

        if (after && dk__json_peek(j) == '{') {
            dk_status st = read_fields(r, j, row);

            if (st != DK_OK)
                return st;
            e->has_after = e->has_side = true;
            continue;
        }
        if (!dk__json_value(j, &value))
            return dk__json_failed(r, j, row);
        if (dk__json_is(&name, "op"))
            e->op = value;
        else if (dk__json_is(&name, "before"))
            e->before = value;
        else if (after)
            e->has_after = false;
        e->has_side |=
            (after || dk__json_is(&name, "before")) && (value.kind == DK__JSON_OBJECT || value.kind == DK__JSON_NULL);
    }
    return more == DK__JSON_DONE ? DK_OK : dk__json_failed(r, j, row);
}

static dk_status
read_envelope(dk__json_reader *r, dk__json *j, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    dk_status st;
    dk__json old;
    envelope e;

    st = read_members(r, j, row, &e);
    if (st != DK_OK)
        return st;
    if (e.op.kind != DK__JSON_STRING || !e.has_side)
        return dk__json_odd(row, DK__JSON_NO_NAME, "neither a row nor a change of one");
    if (dk__json_is(&e.op, "d")) {
        if (r->base.first > 0)
            return write_gone(r, shape, row, found);
        if (e.before.kind != DK__JSON_OBJECT)
            return dk__json_odd(row, DK__JSON_NO_NAME, "a deletion without the row that was there before");
        dk__json_init(&old, e.before.text, row->err);
        st = read_fields(r, &old, row);
        return st != DK_OK ? st : write_gone(r, shape, row, found);
    }
    if (!dk__json_is(&e.op, "c") && !dk__json_is(&e.op, "u") && !dk__json_is(&e.op, "r"))
        return dk__json_odd(row, DK__JSON_NO_NAME, "an event that is no change of a row");
    if (!e.has_after)
        return dk__json_odd(row, DK__JSON_NO_NAME, "a change without the row as it is now");
    return write_row(r, shape, row, found);
}

/* Whether the first name of the object here is one that was given, not met. */
static bool
begins_with_field(dk__json_reader *r, const dk__json *here)
{
    dk__json j = *here;
    uint32_t known;
    dk_slice text;
    dk_error err;

    j.err = &err;
    return dk__json_enter(&j, DK__JSON_OBJECT) &&
           dk__json_names_next(&r->names, &j, 0, &known, &text) == DK__JSON_MORE && known < r->given;
}

/* Whether the object here is an envelope: it has an op, and the row before or after. */
static bool
is_envelope(const dk__json *here)
{
    bool op = false, side = false, first = true;
    dk__json j = *here;
    dk__json_token name, value;
    dk_error err;

    j.err = &err;
    if (!dk__json_enter(&j, DK__JSON_OBJECT))
        return false;
    for (; dk__json_member(&j, first, &name) == DK__JSON_MORE; first = false) {
        if (!dk__json_value(&j, &value))
            return false;
        if (dk__json_is(&name, "op"))
            op = value.kind == DK__JSON_STRING && value.text.n == 1;
        if (dk__json_is(&name, "before") || dk__json_is(&name, "after"))
            side |= value.kind == DK__JSON_OBJECT || value.kind == DK__JSON_NULL;
    }
    return op && side;
}

/* ---- messages ---- */

/* Back to where the reading of something began that turned out to be something else. */
void
dk__json_go_back(dk__json *j, const dk__json *start, dk__pg_row *row, size_t at)
{
    *j = *start;
    row->out->n = at;
    row->odd = NULL;
    dk__error_clear(row->err);
}

static dk_status
read_flat(dk__json_reader *r, dk__json *j, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    dk_status st = read_fields(r, j, row);

    if (st != DK_OK)
        return st;
    if (is_gone(r))
        return write_gone(r, shape, row, found);
    return is_doubtful(r)
               ? dk__json_odd(row, DK__JSON_NO_NAME, "a deletion (__op) that does not say that the row is deleted")
               : write_row(r, shape, row, found);
}

/* When no schema says so, an envelope is known by its members, which are looked at only if the last one was none or
 * if it could not be read as one. */
dk_status
dk__json_object(dk__json_reader *r, dk__json *j, const dk__json_shape *shape, dk__pg_row *row, dk__copy_found *found)
{
    dk__json start = *j;
    size_t at = row->out->n;
    dk_status st;

    if (r->base.side == DK_COPY_KEY)
        return read_flat(r, j, shape, row, found);
    if (shape->text.p != NULL)
        return shape->envelope ? read_envelope(r, j, shape, row, found) : read_flat(r, j, shape, row, found);
    if (begins_with_field(r, j))
        return read_flat(r, j, shape, row, found);
    if (!r->enveloped)
        r->enveloped = is_envelope(&start);
    if (r->enveloped) {
        st = read_envelope(r, j, shape, row, found);
        if (st == DK_OK || st == DK_ENOMEM || is_envelope(&start))
            return st;
        r->enveloped = false;
        dk__json_go_back(j, &start, row, at);
    }
    return read_flat(r, j, shape, row, found);
}
