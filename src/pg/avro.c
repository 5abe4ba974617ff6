/* SPDX-License-Identifier: MIT
 *
 * What a plan makes of an Avro schema: which step of a record goes into which column, and what each value means.
 */
#include "pg/avro.h"

static dk__pg_meaning
meaning_of_logical(const dk_avro_op *op)
{
    static const uint8_t codes[DK_LOGICAL_COUNT] = {
        [DK_LOGICAL_DECIMAL] = DK__PG_DECIMAL,
        [DK_LOGICAL_UUID] = DK__PG_UUID,
        [DK_LOGICAL_DATE] = DK__PG_DAYS,
        [DK_LOGICAL_TIME_MILLIS] = DK__PG_TIME_MILLIS,
        [DK_LOGICAL_TIME_MICROS] = DK__PG_TIME_MICROS,
        [DK_LOGICAL_TIMESTAMP_MILLIS] = DK__PG_MILLIS,
        [DK_LOGICAL_TIMESTAMP_MICROS] = DK__PG_MICROS,
        [DK_LOGICAL_TIMESTAMP_NANOS] = DK__PG_NANOS,
        [DK_LOGICAL_LOCAL_TIMESTAMP_MILLIS] = DK__PG_MILLIS,
        [DK_LOGICAL_LOCAL_TIMESTAMP_MICROS] = DK__PG_MICROS,
        [DK_LOGICAL_LOCAL_TIMESTAMP_NANOS] = DK__PG_NANOS,
        [DK_LOGICAL_DURATION] = DK__PG_OPAQUE,
    };

    return (dk__pg_meaning){codes[op->logical], op->scale};
}

static bool
find_meanings(dk__avro_reader *r)
{
    const dk_avro_code *c = r->code;
    uint32_t i;

    r->meanings = dk__calloc(r->base.plan->a, c->nops, sizeof *r->meanings);
    for (i = 0; r->meanings != NULL && i < c->nops; i++) {
        const dk_avro_op *op = &c->ops[i];
        bool named = op->code == DK_OP_RECORD || op->code == DK_OP_ENUM || op->code == DK_OP_FIXED;

        if (op->logical != DK_LOGICAL_NONE)
            r->meanings[i] = meaning_of_logical(op);
        else if (c->connect[i].name != NULL || named)
            r->meanings[i] =
                dk__pg_meaning_of(c->connect[i].name != NULL ? c->connect[i].name : c->names[i], c->connect[i].scale);
    }
    return r->meanings != NULL;
}

/* The step of a record that reads the field: DK_AVRO_NONE if there is none. */
static uint32_t
find_step(const dk_avro_code *c, const dk_avro_op *record, const char *name)
{
    const dk_avro_record *rec = &c->records[record->ref];
    uint32_t i;

    for (i = 0; i < record->n; i++) {
        const dk_avro_op *step = &c->ops[record->a + i];

        if (step->code != DK_OP_SKIP && strcmp(rec->fields[step->slot].name, name) == 0)
            return i;
    }
    return DK_AVRO_NONE;
}

/* The record that a value is, or may be if it is not null; NULL: it is something else. */
static const dk_avro_op *
record_of(const dk_avro_code *c, const dk_avro_op *op)
{
    uint32_t i;

    if (op->code == DK_OP_DEFAULT || op->code == DK_OP_BRANCH)
        return record_of(c, &c->ops[op->a]);
    if (op->code == DK_OP_RECORD)
        return op;
    if (op->code != DK_OP_OPTION)
        return NULL;
    for (i = 0; i < op->n; i++)
        if (c->ops[op->a + i].code == DK_OP_RECORD)
            return &c->ops[op->a + i];
    return NULL;
}

static bool
find_columns(dk__avro_reader *r, dk__avro_fields *f, const dk_avro_op *record)
{
    const dk_avro_code *c = r->code;
    const dk_copy_plan *plan = r->base.plan;
    uint32_t i, step, last = 0;

    f->record = record;
    f->ordered = true;
    f->deleted = r->base.side == DK_COPY_VALUE ? find_step(c, record, plan->deleted) : DK_AVRO_NONE;
    f->columns = dk__calloc(plan->a, record->n + 1, sizeof *f->columns);
    if (f->columns == NULL)
        return false;
    for (i = 0; i < record->n; i++)
        f->columns[i] = DK_AVRO_NONE;
    for (i = r->base.first; i < r->base.end; i++) {
        step = find_step(c, record, plan->columns[i].name);
        if (step == DK_AVRO_NONE) {
            dk__copy_reader_set_odd(&r->base, "the schema %.60s has no field %.60s", c->names[record - c->ops],
                                    plan->columns[i].name);
            continue;
        }
        f->columns[step] = i;
        f->ordered = f->ordered && (i == r->base.first || step > last);
        last = step;
    }
    f->ordered = f->ordered && f->deleted == DK_AVRO_NONE;
    return true;
}

static bool
is_envelope(dk__avro_reader *r, const dk_avro_op *root)
{
    r->op_step = find_step(r->code, root, "op");
    r->after_step = find_step(r->code, root, "after");
    r->before_step = find_step(r->code, root, "before");
    return r->op_step != DK_AVRO_NONE && r->after_step != DK_AVRO_NONE && r->before_step != DK_AVRO_NONE &&
           record_of(r->code, &r->code->ops[root->a + r->after_step]) != NULL &&
           record_of(r->code, &r->code->ops[root->a + r->before_step]) != NULL;
}

static bool
find_fields(dk__avro_reader *r)
{
    const dk_avro_op *root = &r->code->ops[r->code->root], *steps = &r->code->ops[root->a];

    if (root->code != DK_OP_RECORD) {
        if (r->base.end - r->base.first != 1)
            dk__copy_reader_set_odd(&r->base, "the schema is no record");
        return true;
    }
    r->envelope = r->base.side == DK_COPY_VALUE && is_envelope(r, root);
    if (!r->envelope)
        return find_columns(r, &r->row, root);
    return find_columns(r, &r->row, record_of(r->code, &steps[r->after_step])) &&
           find_columns(r, &r->before, record_of(r->code, &steps[r->before_step]));
}

dk_status
dk_copy_reader_avro(dk_copy_plan *plan, dk_copy_side side, dk_avro_program *program, dk_copy_reader **out,
                    dk_error *err)
{
    dk__avro_reader *r;

    dk__error_clear(err);
    if (plan == NULL || program == NULL || out == NULL || (side != DK_COPY_KEY && side != DK_COPY_VALUE))
        return dk__error_set(err, DK_EINVAL, "a plan, a side and a program are needed for a reader");
    r = dk__calloc(plan->a, 1, sizeof *r);
    if (r == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while making a reader");
    dk__copy_reader_init(&r->base, &dk__avro_reader_type, plan, side);
    r->program = dk_avro_program_ref(program);
    r->code = dk_avro_program_code(program);
    if (!find_meanings(r) || !find_fields(r)) {
        dk_copy_reader_free(&r->base);
        return dk__error_set(err, DK_ENOMEM, "out of memory while making a reader");
    }
    *out = &r->base;
    return DK_OK;
}
