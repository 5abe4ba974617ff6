/* SPDX-License-Identifier: MIT
 *
 * Programs: made of one schema or two, shared, counted.
 */
#include "codec/compile.h"

struct dk_avro_program {
    const dk_alloc *a;
    atomic_uint refs;
    dk__arena arena;
    dk_avro_schema *writer, *reader;
    dk_avro_code code;
};

/* Moves a table into the program's arena. */
static const void *
keep(dk__compiler *c, const void *table, uint32_t n, size_t size)
{
    void *p = dk__compiler_alloc(c, n, size);

    if (p != NULL && n > 0)
        memcpy(p, table, n * size);
    return p;
}

static void
finish(dk__compiler *c, dk_avro_code *code)
{
    uint32_t i;

    for (i = 0; i < c->nops; i++) {
        if (c->ops[i].code == DK_OP_RECORD) {
            c->ops[i].a = c->records[c->ops[i].ref].first;
            c->ops[i].n = c->records[c->ops[i].ref].nsteps;
        }
    }
    if (!dk__measure(c)) {
        c->bad = true;
        return;
    }
    code->nops = c->nops;
    code->ops = keep(c, c->ops, c->nops, sizeof *c->ops);
    code->names = keep(c, c->names, c->nops, sizeof *c->names);
    code->connect = keep(c, c->connect, c->nops, sizeof *c->connect);
    code->nrecords = c->nrecords;
    code->records = keep(c, c->records, c->nrecords, sizeof *c->records);
    code->nenums = c->nenums;
    code->enums = keep(c, c->enums, c->nenums, sizeof *c->enums);
    code->nconsts = c->nconsts;
    code->consts = keep(c, c->consts, c->nconsts, sizeof *c->consts);
    code->ntexts = c->ntexts;
    code->texts = keep(c, c->texts, c->ntexts, sizeof *c->texts);
}

static dk_status
run(dk__compiler *c, dk_avro_program *p, dk_error *err)
{
    uint32_t i;
    dk_status st = DK_OK;

    if (dk__reserve_ops(c, 1) != DK_AVRO_NONE)
        dk__compile_type(c, 0, p->writer->root, p->reader == NULL ? NULL : p->reader->root);
    for (i = 0; i < c->nrecords && !c->bad; i++)
        dk__compile_record(c, i);
    if (!c->bad)
        finish(c, &p->code);
    if (c->too_large)
        st = dk__error_set(err, DK_ESCHEMA, "the schema is too large: more than %u operations", DK__OPS_MAX);
    else if (c->bad)
        st = dk__error_set(err, DK_ENOMEM, "out of memory while compiling a schema");
    else if (p->reader != NULL)
        st = dk__check_readable(c, err);
    return st;
}

dk_status
dk_avro_program_new(const dk_alloc *a, dk_avro_schema *writer, dk_avro_schema *reader, dk_avro_program **out,
                    dk_error *err)
{
    dk__compiler c = {.a = dk__alloc_or_libc(a)};
    dk_avro_program *p;
    dk_status st;

    dk__error_clear(err);
    if (writer == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no schema given");
    if (reader == writer)
        reader = NULL;
    p = dk__malloc(c.a, sizeof *p);
    if (p == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while compiling a schema");
    *p = (dk_avro_program){.a = c.a, .writer = dk_avro_schema_ref(writer), .reader = dk_avro_schema_ref(reader)};
    atomic_init(&p->refs, 1);
    dk__arena_init(&p->arena, c.a);
    p->code.resolved = reader != NULL;
    c.arena = &p->arena;

    st = run(&c, p, err);

    dk__compiler_fini(&c);
    if (st != DK_OK)
        dk_avro_program_unref(p);
    else
        *out = p;
    return st;
}

dk_avro_program *
dk_avro_program_ref(dk_avro_program *p)
{
    if (p != NULL)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void
dk_avro_program_unref(dk_avro_program *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    dk_avro_schema_unref(p->writer);
    dk_avro_schema_unref(p->reader);
    dk__arena_fini(&p->arena);
    dk__free(p->a, p);
}

const dk_avro_code *
dk_avro_program_code(const dk_avro_program *p)
{
    return &p->code;
}
