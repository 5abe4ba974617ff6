/* SPDX-License-Identifier: MIT
 *
 * Runs a reader over the bytes of one message: finds the fields, then writes the columns in their order.
 */
#include "pg/avro.h"

static dk_status
broken(dk__avro_run *run, const dk_avro_op *record, const dk_avro_op *step)
{
    if (step->slot != DK_AVRO_NONE)
        dk_avro_path_field(run->r.err, run->reader->code->records[record->ref].fields[step->slot].name);
    return DK_EAVRO;
}

static inline void
end_key(const dk__avro_run *run, uint32_t column)
{
    if (column + 1 == run->reader->base.plan->nkey)
        run->row->key_end = run->row->out->n;
}

static dk_status
write_ordered(dk__avro_run *run, const dk__avro_fields *f)
{
    const dk_avro_code *code = run->reader->code;
    const dk_avro_op *steps = &code->ops[f->record->a];
    const dk_pg_column *columns = run->reader->base.plan->columns;
    dk_status st;
    uint32_t i;

    for (i = 0; i < f->record->n; i++) {
        if (f->columns[i] == DK_AVRO_NONE) {
            if (!dk_avro_skip_value(code, &run->r, &steps[i]))
                return broken(run, f->record, &steps[i]);
            continue;
        }
        st = dk__avro_value(run, &columns[f->columns[i]], &steps[i]);
        if (st != DK_OK)
            return st;
        end_key(run, f->columns[i]);
    }
    return DK_OK;
}

/* A boolean, or a text "true" or "false". Anything else says nothing. */
static bool
is_true(dk__avro_run *run, const dk_avro_op *op)
{
    const dk_avro_code *code = run->reader->code;
    dk_slice s = {NULL, 0};
    bool b = false;

    if (op->code == DK_OP_DEFAULT)
        return false; /* the writer knew nothing of it */
    while (op->code == DK_OP_OPTION || op->code == DK_OP_UNION || op->code == DK_OP_BRANCH) {
        if (op->code == DK_OP_BRANCH)
            op = &code->ops[op->a];
        else if (!dk_avro_read_branch(code, &run->r, op, &op))
            return false;
    }
    if (op->code == DK_OP_BOOL)
        return dk_avro_read_bool(&run->r, &b) && b;
    return op->code == DK_OP_STRING && dk_avro_read_bytes(&run->r, &s) && s.n == 4 && (s.p[0] | 0x20) == 't' &&
           (s.p[1] | 0x20) == 'r' && (s.p[2] | 0x20) == 'u' && (s.p[3] | 0x20) == 'e';
}

/* Where the value of each of the reader's columns begins, and which step it is. */
typedef struct place {
    const uint8_t *at;
    uint32_t step;
} place;

static dk_status
find_places(dk__avro_run *run, const dk__avro_fields *f, place *places, const uint8_t **deleted)
{
    const dk_avro_code *code = run->reader->code;
    const dk_avro_op *steps = &code->ops[f->record->a];
    uint32_t i;

    for (i = 0; i < f->record->n; i++) {
        if (f->columns[i] != DK_AVRO_NONE)
            places[f->columns[i]] = (place){run->r.p, i};
        if (i == f->deleted)
            *deleted = run->r.p;
        if (!dk_avro_skip_value(code, &run->r, &steps[i]))
            return broken(run, f->record, &steps[i]);
    }
    return DK_OK;
}

static dk_status
write_places(dk__avro_run *run, const dk__avro_fields *f, dk__copy_found *found)
{
    const dk_copy_reader *base = &run->reader->base;
    const dk_avro_op *steps = &run->reader->code->ops[f->record->a];
    place places[DK__PG_COLUMNS_MAX];
    const uint8_t *deleted = NULL, *end;
    uint32_t i, last = base->end;
    dk_status st = find_places(run, f, places, &deleted);

    end = run->r.p;
    if (st == DK_OK && deleted != NULL) {
        run->r.p = deleted;
        if (is_true(run, &steps[f->deleted]))
            *found = DK__COPY_GONE;
    }
    if (*found == DK__COPY_GONE)
        last = base->first < base->plan->nkey ? base->plan->nkey : base->first;
    for (i = base->first; i < last && st == DK_OK; i++) {
        run->r.p = places[i].at;
        st = dk__avro_value(run, &base->plan->columns[i], &steps[places[i].step]);
        end_key(run, i);
    }
    run->r.p = end;
    return st;
}

static dk_status
write_fields(dk__avro_run *run, const dk__avro_fields *f, dk__copy_found *found)
{
    dk_status st;

    if (!dk_avro_enter(&run->r))
        return DK_EAVRO;
    st = f->ordered && *found == DK__COPY_ROW ? write_ordered(run, f) : write_places(run, f, found);
    dk_avro_leave(&run->r);
    return st;
}

/* The record of an envelope's `before` or `after`, which begins at r; *found is DK__COPY_NULL if there is none. */
static dk_status
write_part(dk__avro_run *run, const dk__avro_fields *f, const dk_avro_op *op, dk__copy_found *found)
{
    const dk_avro_code *code = run->reader->code;

    if (op->code == DK_OP_OPTION && !dk_avro_read_branch(code, &run->r, op, &op))
        return DK_EAVRO;
    if (op->code == DK_OP_BRANCH)
        op = &code->ops[op->a];
    if (op->code == DK_OP_RECORD)
        return write_fields(run, f, found);
    *found = DK__COPY_NULL;
    return DK_OK;
}

static dk_status
odd(dk__avro_run *run, const char *why)
{
    run->row->odd = why;
    return dk__error_set(run->row->err, DK_ECOLUMN, "%s", why);
}

static dk_status
write_envelope(dk__avro_run *run, dk__copy_found *found)
{
    const dk__avro_reader *r = run->reader;
    const dk_avro_op *root = &r->code->ops[r->code->root], *steps = &r->code->ops[root->a], *op;
    const uint8_t *at[3] = {NULL, NULL, NULL}, *end;
    dk_slice name = {NULL, 0};
    dk_status st;
    uint32_t i;

    for (i = 0; i < root->n; i++) {
        if (i == r->op_step || i == r->after_step || i == r->before_step)
            at[i == r->op_step ? 0 : i == r->after_step ? 1 : 2] = run->r.p;
        if (!dk_avro_skip_value(r->code, &run->r, &steps[i]))
            return broken(run, root, &steps[i]);
    }
    end = run->r.p;
    op = &steps[r->op_step];
    run->r.p = at[0];
    if (op->code == DK_OP_OPTION && !dk_avro_read_branch(r->code, &run->r, op, &op))
        return DK_EAVRO;
    if (op->code != DK_OP_STRING || !dk_avro_read_bytes(&run->r, &name) || name.n != 1)
        return odd(run, "an envelope without an operation");
    if (name.p[0] == 'd') {
        *found = r->base.first < r->base.plan->nkey ? DK__COPY_GONE : DK__COPY_NULL;
        run->r.p = at[2];
        st = *found == DK__COPY_NULL ? DK_OK : write_part(run, &r->before, &steps[r->before_step], found);
    } else if (name.p[0] == 'c' || name.p[0] == 'r' || name.p[0] == 'u') {
        run->r.p = at[1];
        st = write_part(run, &r->row, &steps[r->after_step], found);
        if (st == DK_OK && *found == DK__COPY_NULL)
            st = odd(run, "an envelope without a row");
    } else {
        return odd(run, "an envelope that is not about a row");
    }
    run->r.p = end;
    return st;
}

static dk_status
read_avro(const dk_copy_reader *base, dk_slice bytes, dk__pg_row *row, dk__copy_found *found)
{
    const dk__avro_reader *r = (const dk__avro_reader *)base;
    const dk_avro_op *root = &r->code->ops[r->code->root];
    dk__avro_run run = {.reader = r, .row = row};
    dk_status st;

    *found = DK__COPY_ROW;
    dk_avro_reader_init(&run.r, bytes, NULL, row->err);
    if (r->envelope)
        st = write_envelope(&run, found);
    else if (root->code == DK_OP_RECORD)
        st = write_fields(&run, &r->row, found);
    else
        st = dk__avro_value(&run, &base->plan->columns[base->first], root);
    if (root->code != DK_OP_RECORD)
        end_key(&run, base->first);
    if (st != DK_OK || run.r.p == run.r.end)
        return st;
    dk_avro_reader_fail(&run.r, run.r.p, "%zu bytes are left over after the value", (size_t)(run.r.end - run.r.p));
    return DK_EAVRO;
}

static void
free_avro(dk_copy_reader *base)
{
    dk__avro_reader *r = (dk__avro_reader *)base;
    const dk_alloc *a = base->plan->a;

    dk__free(a, r->meanings);
    dk__free(a, r->row.columns);
    dk__free(a, r->before.columns);
    dk_avro_program_unref(r->program);
}

const dk__copy_reader_type dk__avro_reader_type = {read_avro, free_avro};
