/* SPDX-License-Identifier: MIT
 *
 * A schema's JSON becomes a tree of types. Nothing is compiled here.
 */
#include "codec/parse.h"

static bool
remember_default(dk__parser *p, dk__field *f)
{
    if (p->nfields == p->cap_fields) {
        size_t cap = p->cap_fields == 0 ? 32 : p->cap_fields * 2;
        dk__field **more = dk__realloc(p->s->a, p->fields, cap, sizeof *more);

        if (more == NULL)
            return false;
        p->fields = more;
        p->cap_fields = cap;
    }
    p->fields[p->nfields++] = f;
    return true;
}

static dk_status
parse_field(dk__parser *p, const json_t *j, const char *ns, dk__names *seen, dk__field *f)
{
    const char *name = dk__json_text(json_object_get(j, "name"));
    dk_status st = dk__check_name(p, "field", name, false);

    if (st != DK_OK)
        return st;
    f->name = dk__arena_str(&p->s->arena, name, strlen(name));
    if (f->name == NULL)
        return dk__parse_nomem(p);
    st = dk__names_put(seen, f->name, f);
    if (st == DK_EBUSY)
        return dk__error_set(p->err, DK_ESCHEMA, "the field \"%.100s\" is there twice", name);
    if (st != DK_OK)
        return dk__parse_nomem(p);
    if (json_object_get(j, "type") == NULL)
        st = dk__error_set(p->err, DK_ESCHEMA, "the field has no \"type\"");
    if (st == DK_OK)
        st = dk__parse_aliases(p, j, NULL, &f->aliases, &f->naliases);
    if (st == DK_OK)
        st = dk__parse_type(p, json_object_get(j, "type"), ns, &f->type);
    if (st == DK_OK && (f->json_default = json_object_get(j, "default")) != NULL) {
        f->has_default = true;
        if (!remember_default(p, f))
            st = dk__parse_nomem(p);
    }
    if (st != DK_OK)
        dk_avro_path_field(p->err, f->name);
    return st;
}

static dk_status
parse_record(dk__parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    const json_t *list = json_object_get(j, "fields");
    dk__names seen;
    dk__type *t;
    size_t i;
    dk_status st = dk__new_named(p, j, DK__RECORD, &ns, &t);

    if (st != DK_OK)
        return st;
    if ((list != NULL && !json_is_array(list)) || (list == NULL && p->options->strict))
        return dk__error_set(p->err, DK_ESCHEMA, "record %s needs \"fields\", a list of fields", t->name);
    t->n = (uint32_t)json_array_size(list);
    t->u.fields = dk__parse_alloc(p, t->n, sizeof *t->u.fields);
    if (t->u.fields == NULL)
        return dk__parse_nomem(p);
    dk__names_init(&seen, p->s->a);
    for (i = 0; i < t->n && st == DK_OK; i++) {
        const json_t *f = json_array_get(list, i);

        if (json_is_object(f))
            st = parse_field(p, f, ns, &seen, &t->u.fields[i]);
        else
            st = dk__error_set(p->err, DK_ESCHEMA, "field %zu of record %s is not an object", i, t->name);
    }
    dk__names_fini(&seen);
    *out = t;
    return st;
}

static dk_status
parse_container(dk__parser *p, const json_t *j, dk__kind kind, const char *ns, const dk__type **out)
{
    const char *key = kind == DK__ARRAY ? "items" : "values";
    const json_t *item = json_object_get(j, key);
    dk__type *t = dk__parse_alloc(p, 1, sizeof *t);
    dk_status st;

    if (t == NULL)
        return dk__parse_nomem(p);
    if (item == NULL)
        return dk__error_set(p->err, DK_ESCHEMA, "%s without \"%s\"", dk__kind_name(kind), key);
    t->kind = kind;
    t->name = dk__kind_name(kind);
    st = dk__parse_type(p, item, ns, &t->u.item);
    if (st != DK_OK)
        dk_avro_path_field(p->err, kind == DK__ARRAY ? "[]" : "{}");
    *out = t;
    return st;
}

/* A union may hold each unnamed type once, and each name once. */
static dk_status
check_branches(dk__parser *p, const dk__type *t)
{
    unsigned seen = 0;
    uint32_t i;
    dk__names names;
    dk_status st = DK_OK;

    dk__names_init(&names, p->s->a);
    for (i = 0; i < t->n && st == DK_OK; i++) {
        const dk__type *b = t->u.branches[i];

        if (b->kind == DK__UNION) {
            st = dk__error_set(p->err, DK_ESCHEMA, "a union cannot hold a union");
        } else if (b->kind == DK__RECORD || b->kind == DK__ENUM || b->kind == DK__FIXED) {
            st = dk__names_put(&names, b->name, b);
        } else {
            st = (seen & 1u << b->kind) != 0 ? DK_EBUSY : DK_OK;
            seen |= 1u << b->kind;
        }
        if (st == DK_EBUSY)
            st = dk__error_set(p->err, DK_ESCHEMA, "the union has %s twice", b->name);
        else if (st == DK_ENOMEM)
            st = dk__parse_nomem(p);
    }
    dk__names_fini(&names);
    return st;
}

static dk_status
parse_union(dk__parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    dk__type *t = dk__parse_alloc(p, 1, sizeof *t);
    dk_status st = DK_OK;
    size_t i;

    if (t == NULL)
        return dk__parse_nomem(p);
    t->kind = DK__UNION;
    t->name = "union";
    t->n = (uint32_t)json_array_size(j);
    t->u.branches = dk__parse_alloc(p, t->n, sizeof *t->u.branches);
    if (t->u.branches == NULL)
        return dk__parse_nomem(p);
    for (i = 0; i < t->n && st == DK_OK; i++) {
        st = dk__parse_type(p, json_array_get(j, i), ns, &t->u.branches[i]);
        if (st != DK_OK)
            dk_avro_path_index(p->err, i);
        else if (t->u.branches[i]->kind == DK__UNION)
            st = dk__error_set(p->err, DK_ESCHEMA, "a union cannot hold a union");
    }
    *out = t;
    return st == DK_OK && p->options->strict ? check_branches(p, t) : st;
}

/* Reads the schema that options->names has under this name, so that the name is defined afterwards. */
static dk_status
parse_referred(dk__parser *p, const char *name, bool *found)
{
    size_t i;

    for (i = 0; i < p->options->nnames; i++) {
        const dk_avro_named *n = &p->options->names[i];
        const dk__type *t;
        json_t *root;
        dk_status st;

        if (p->used[i] || n->name.n != strlen(name) || memcmp(n->name.p, name, n->name.n) != 0)
            continue;
        p->used[i] = true;
        *found = true;
        st = dk__read_document(p, n->json, &root);
        if (st == DK_OK)
            st = dk__parse_type(p, root, "", &t);
        return st;
    }
    return DK_OK;
}

/* Reads the schemas of options->names that nobody has asked for, until one of them has defined one of two names: it
 * may stand inside of one. */
static dk_status
parse_until_defined(dk__parser *p, const char *const tries[2], const dk__type **out)
{
    size_t i;

    for (i = 0; i < p->options->nnames && *out == NULL; i++) {
        const dk__type *t;
        json_t *root;
        dk_status st;

        if (p->used[i])
            continue;
        p->used[i] = true;
        st = dk__read_document(p, p->options->names[i].json, &root);
        if (st == DK_OK)
            st = dk__parse_type(p, root, "", &t);
        if (st != DK_OK)
            return st;
        *out = dk__names_get(&p->names, tries[0]);
        if (*out == NULL)
            *out = dk__names_get(&p->names, tries[1]);
    }
    return DK_OK;
}

/* The type that a string means: a primitive, or a name seen from ns. */
static dk_status
parse_reference(dk__parser *p, const char *name, const char *ns, const dk__type **out)
{
    char *full = dk__full_name(p, name, ns);
    const char *tries[2] = {full, name};
    dk_status st;
    int i;

    if (full == NULL)
        return dk__parse_nomem(p);
    for (i = 0; i < 2; i++) {
        bool found = false;

        *out = dk__names_get(&p->names, tries[i]);
        if (*out != NULL)
            return DK_OK;
        st = parse_referred(p, tries[i], &found);
        if (st != DK_OK)
            return st;
        *out = found ? dk__names_get(&p->names, tries[i]) : NULL;
        if (*out != NULL)
            return DK_OK;
    }
    st = parse_until_defined(p, tries, out);
    if (st != DK_OK || *out != NULL)
        return st;
    return dk__error_set(p->err, DK_ESCHEMA,
                         "unknown type \"%.100s\": not a type of Avro, and no type of that name is defined", full);
}

static dk_status
parse_primitive(dk__parser *p, const json_t *j, const dk__type *base, const dk__type **out)
{
    dk__type *t;

    *out = base;
    if (json_object_get(j, "logicalType") == NULL && json_object_get(j, "connect.name") == NULL)
        return DK_OK;
    t = dk__parse_alloc(p, 1, sizeof *t);
    if (t == NULL)
        return dk__parse_nomem(p);
    *t = *base;
    dk__parse_logical(j, t);
    *out = t;
    return dk__parse_connect(p, j, t) ? DK_OK : dk__parse_nomem(p);
}

static dk_status
parse_object(dk__parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    const json_t *type = json_object_get(j, "type");
    const char *name = dk__json_text(type);
    const dk__type *primitive;

    if (json_is_object(type) || json_is_array(type))
        return dk__parse_type(p, type, ns, out);
    if (name == NULL)
        return dk__error_set(p->err, DK_ESCHEMA, "a schema that is an object needs a \"type\"");
    primitive = dk__find_primitive(name);
    if (primitive != NULL)
        return parse_primitive(p, j, primitive, out);
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0)
        return parse_record(p, j, ns, out);
    if (strcmp(name, "enum") == 0)
        return dk__parse_enum(p, j, ns, out);
    if (strcmp(name, "fixed") == 0)
        return dk__parse_fixed(p, j, ns, out);
    if (strcmp(name, "array") == 0)
        return parse_container(p, j, DK__ARRAY, ns, out);
    if (strcmp(name, "map") == 0)
        return parse_container(p, j, DK__MAP, ns, out);
    return parse_reference(p, name, ns, out);
}

dk_status
dk__parse_type(dk__parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    const char *name = dk__json_text(j);
    dk_status st;

    *out = NULL;
    if (p->depth == 0)
        return dk__error_set(p->err, DK_ESCHEMA, "the schema is nested more than %d levels deep", DK__DEPTH_SCHEMA);
    p->depth--;
    if (name != NULL)
        st = (*out = dk__find_primitive(name)) != NULL ? DK_OK : parse_reference(p, name, ns, out);
    else if (json_is_object(j))
        st = parse_object(p, j, ns, out);
    else if (json_is_array(j))
        st = parse_union(p, j, ns, out);
    else
        st = dk__error_set(p->err, DK_ESCHEMA, "a schema is a name, an object or a list, not something else");
    p->depth++;
    return st;
}
