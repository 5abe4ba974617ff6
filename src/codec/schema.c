/* SPDX-License-Identifier: MIT
 *
 * Schemas: parsed from JSON, shared, counted.
 */
#include "codec/parse.h"

static dk_status
parse_schema(dk__parser *p, dk_slice json)
{
    json_t *root;
    dk_status st = DK_OK;

    p->roots = dk__calloc(p->s->a, p->options->nnames + 1, sizeof *p->roots);
    p->used = dk__calloc(p->s->a, p->options->nnames + 1, sizeof *p->used);
    if (p->roots == NULL || p->used == NULL)
        return dk__parse_nomem(p);
    st = dk__read_document(p, json, &root);
    if (st == DK_OK)
        st = dk__parse_type(p, root, "", &p->s->root);
    if (st == DK_OK)
        st = dk__encode_defaults(p);
    return st;
}

dk_status
dk_avro_schema_new(const dk_alloc *a, dk_slice json, const dk_avro_schema_options *options, dk_avro_schema **out,
                   dk_error *err)
{
    static const dk_avro_schema_options defaults = {.size = sizeof defaults};
    dk__parser p = {.depth = DK__DEPTH_SCHEMA, .err = err};
    dk_status st;
    size_t i;

    dk__error_clear(err);
    if (out == NULL || json.p == NULL || (options != NULL && options->size != sizeof *options))
        return dk__error_set(err, DK_EINVAL, "no schema given");
    a = dk__alloc_or_libc(a);
    p.options = options == NULL ? &defaults : options;
    p.s = dk__malloc(a, sizeof *p.s);
    if (p.s == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while parsing a schema");
    *p.s = (dk_avro_schema){.a = a};
    atomic_init(&p.s->refs, 1);
    dk__arena_init(&p.s->arena, a);
    dk__names_init(&p.names, a);

    st = parse_schema(&p, json);

    dk__names_fini(&p.names);
    for (i = 0; i < p.nroots; i++)
        json_decref(p.roots[i]);
    dk__free(a, p.roots);
    dk__free(a, p.used);
    dk__free(a, p.fields);
    if (st != DK_OK)
        dk_avro_schema_unref(p.s);
    else
        *out = p.s;
    return st;
}

dk_avro_schema *
dk_avro_schema_ref(dk_avro_schema *s)
{
    if (s != NULL)
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void
dk_avro_schema_unref(dk_avro_schema *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    dk__arena_fini(&s->arena);
    dk__free(s->a, s);
}

const char *
dk_avro_schema_name(const dk_avro_schema *s)
{
    return s == NULL ? "" : s->root->name;
}
