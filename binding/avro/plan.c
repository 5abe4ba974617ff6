/* SPDX-License-Identifier: MIT
 *
 * Python's names for what a program delivers: of records' fields, of enums' symbols.
 */
#include "avro/native_avro.h"

static PyObject **
intern_names(uint32_t n)
{
    PyObject **names = PyMem_Calloc(n + 1u, sizeof *names);

    if (names == NULL)
        PyErr_NoMemory();
    return names;
}

/* Whether a value may be something that the garbage collector has to know. */
static bool
may_hold(const dk_avro_code *code, const dk_avro_op *op)
{
    uint32_t i;

    switch ((dk_avro_opcode)op->code) {
    case DK_OP_RECORD:
    case DK_OP_ARRAY:
    case DK_OP_MAP:
        return true;
    case DK_OP_UNION:
    case DK_OP_OPTION:
        for (i = 0; i < op->n; i++)
            if (may_hold(code, &code->ops[op->a + i]))
                return true;
        return false;
    case DK_OP_BRANCH:
    case DK_OP_DEFAULT:
        return may_hold(code, &code->ops[op->a]);
    default:
        return op->logical == DK_LOGICAL_UUID; /* the others are objects without references to others */
    }
}

/* The form of a record's dicts: its names in the order of its steps. */
static int
plan_form(avro_plan *plan, const dk_avro_code *code, const dk_avro_record *rec)
{
    PyObject **names = intern_names(rec->nsteps);
    bool holds = false;
    uint32_t n = 0, i;
    int rc;

    if (names == NULL)
        return -1;
    for (i = 0; i < rec->nsteps; i++) {
        const dk_avro_op *step = &code->ops[rec->first + i];

        if (step->slot == DK_AVRO_NONE)
            continue;
        names[n++] = plan->names[step->slot];
        holds = holds || may_hold(code, step);
    }
    rc = native_form_init(&plan->form, names, n, holds);
    PyMem_Free(names);
    return rc;
}

static int
plan_record(avro_plan *plan, const dk_avro_code *code, const dk_avro_record *rec)
{
    uint32_t i;

    plan->names = intern_names(rec->nfields);
    plan->index = PyDict_New();
    if (plan->names == NULL || plan->index == NULL)
        return -1;
    for (i = 0; i < rec->nfields; i++) {
        PyObject *number = PyLong_FromUnsignedLong(i);
        int rc = -1;

        plan->names[i] = native_avro_intern(rec->fields[i].name);
        if (number != NULL && plan->names[i] != NULL)
            rc = PyDict_SetItem(plan->index, plan->names[i], number);
        Py_XDECREF(number);
        if (rc < 0)
            return -1;
    }
    return plan_form(plan, code, rec);
}

static int
plan_enum(avro_enum_plan *plan, const dk_avro_enum *e)
{
    uint32_t i;

    plan->symbols = intern_names(e->nsymbols);
    plan->index = PyDict_New();
    if (plan->symbols == NULL || plan->index == NULL)
        return -1;
    for (i = 0; i < e->nsymbols; i++) {
        PyObject *number = PyLong_FromUnsignedLong(i);
        int rc = -1;

        plan->symbols[i] = native_avro_intern(e->symbols[i]);
        if (number != NULL && plan->symbols[i] != NULL)
            rc = PyDict_SetItem(plan->index, plan->symbols[i], number);
        Py_XDECREF(number);
        if (rc < 0)
            return -1;
    }
    return 0;
}

int
native_plans_make(AvroSchemaObject *self)
{
    const dk_avro_code *code = self->code;
    uint32_t i;

    self->plans = PyMem_Calloc(code->nrecords + 1u, sizeof *self->plans);
    self->enums = PyMem_Calloc(code->nenums + 1u, sizeof *self->enums);
    if (self->plans == NULL || self->enums == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < code->nrecords; i++)
        if (plan_record(&self->plans[i], code, &code->records[i]) < 0)
            return -1;
    for (i = 0; i < code->nenums; i++)
        if (plan_enum(&self->enums[i], &code->enums[i]) < 0)
            return -1;
    return 0;
}

void
native_plans_free(AvroSchemaObject *self)
{
    uint32_t i, k;

    for (i = 0; self->plans != NULL && i < self->code->nrecords; i++) {
        avro_plan *plan = &self->plans[i];

        for (k = 0; plan->names != NULL && k < self->code->records[i].nfields; k++)
            Py_XDECREF(plan->names[k]);
        PyMem_Free(plan->names);
        native_form_fini(&plan->form);
        Py_XDECREF(plan->index);
    }
    for (i = 0; self->enums != NULL && i < self->code->nenums; i++) {
        for (k = 0; self->enums[i].symbols != NULL && k < self->code->enums[i].nsymbols; k++)
            Py_XDECREF(self->enums[i].symbols[k]);
        PyMem_Free(self->enums[i].symbols);
        Py_XDECREF(self->enums[i].index);
    }
    PyMem_Free(self->plans);
    PyMem_Free(self->enums);
    self->plans = NULL;
    self->enums = NULL;
}
