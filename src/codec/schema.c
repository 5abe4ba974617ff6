/* SPDX-License-Identifier: MIT
 *
 * A schema's JSON becomes a tree of types: names, namespaces, aliases, logical types, defaults. Nothing is compiled
 * here.
 */
#include <math.h>

#include "codec/internal.h"

typedef struct parser {
    dk_avro_schema *s;
    const dk_avro_schema_options *options;
    dk__names names;    /* full name -> dk__type */
    dk__field **fields; /* all fields with a default, which is encoded when all names are known */
    size_t nfields, cap_fields;
    json_t **roots; /* documents that the defaults point into */
    bool *used;     /* per options->names: its document has been read */
    size_t nroots;
    unsigned depth;
    dk_error *err;
} parser;

static const char *const kind_names[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                         "string", "record",  "enum", "fixed", "array", "map",    "union"};

/* Primitive types without attributes need no memory. */
static const dk__type primitives[] = {
    {.kind = DK__NULL, .name = "null"},   {.kind = DK__BOOLEAN, .name = "boolean"},
    {.kind = DK__INT, .name = "int"},     {.kind = DK__LONG, .name = "long"},
    {.kind = DK__FLOAT, .name = "float"}, {.kind = DK__DOUBLE, .name = "double"},
    {.kind = DK__BYTES, .name = "bytes"}, {.kind = DK__STRING, .name = "string"},
};

static dk_status parse_type(parser *p, const json_t *j, const char *ns, const dk__type **out);

const char *
dk__kind_name(dk__kind k)
{
    return kind_names[k];
}

static dk_status
nomem(parser *p)
{
    return dk__error_set(p->err, DK_ENOMEM, "out of memory while parsing a schema");
}

static void *
alloc(parser *p, size_t count, size_t size)
{
    return dk__arena_calloc(&p->s->arena, count, size);
}

static const dk__type *
find_primitive(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof primitives / sizeof *primitives; i++)
        if (strcmp(primitives[i].name, name) == 0)
            return &primitives[i];
    return NULL;
}

/* The text of a JSON string, NULL if it is none or holds a NUL. */
static const char *
text_of(const json_t *j)
{
    const char *s = json_is_string(j) ? json_string_value(j) : NULL;

    return s != NULL && strlen(s) == json_string_length(j) ? s : NULL;
}

static bool
is_name_part(const char *s, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        char c = s[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9')))
            return false;
    }
    return n > 0;
}

/* Whether s is a name, or with dots a full name, as the specification wants it. */
static bool
is_name(const char *s, bool dots)
{
    const char *dot;

    while (dots && (dot = strchr(s, '.')) != NULL) {
        if (!is_name_part(s, (size_t)(dot - s)))
            return false;
        s = dot + 1;
    }
    return is_name_part(s, strlen(s));
}

static dk_status
check_name(parser *p, const char *what, const char *name, bool dots)
{
    if (name == NULL || name[0] == '\0')
        return dk__error_set(p->err, DK_ESCHEMA, "%s needs a \"name\" that is a non-empty string", what);
    if (p->options->strict && !is_name(name, dots))
        return dk__error_set(
            p->err, DK_ESCHEMA,
            "%s name \"%.100s\" is not an Avro name (letters, digits and _, not beginning with a digit)", what, name);
    return DK_OK;
}

/* name seen from namespace ns: "" is no namespace. */
static char *
full_name(parser *p, const char *name, const char *ns)
{
    size_t n_ns = strlen(ns), n_name = strlen(name);
    char *s;

    if (strchr(name, '.') != NULL || n_ns == 0)
        return dk__arena_str(&p->s->arena, name, n_name);
    s = alloc(p, n_ns + n_name + 2, 1);
    if (s != NULL) {
        memcpy(s, ns, n_ns);
        s[n_ns] = '.';
        memcpy(s + n_ns + 1, name, n_name);
    }
    return s;
}

/* The namespace of a full name. */
static char *
namespace_of(parser *p, const char *full)
{
    const char *dot = strrchr(full, '.');

    return dk__arena_str(&p->s->arena, full, dot == NULL ? 0 : (size_t)(dot - full));
}

static dk_status
parse_aliases(parser *p, const json_t *j, const char *ns, const char ***out, uint32_t *n)
{
    const json_t *list = json_object_get(j, "aliases");
    size_t i;

    if (list == NULL)
        return DK_OK;
    if (!json_is_array(list))
        return dk__error_set(p->err, DK_ESCHEMA, "\"aliases\" has to be a list of names");
    *out = alloc(p, json_array_size(list), sizeof **out);
    if (*out == NULL)
        return nomem(p);
    for (i = 0; i < json_array_size(list); i++) {
        const char *s = text_of(json_array_get(list, i));

        if (s == NULL)
            return dk__error_set(p->err, DK_ESCHEMA, "\"aliases\" has to be a list of names");
        (*out)[i] = ns == NULL ? dk__arena_str(&p->s->arena, s, strlen(s)) : full_name(p, s, ns);
        if ((*out)[i] == NULL)
            return nomem(p);
    }
    *n = (uint32_t)json_array_size(list);
    return DK_OK;
}

/* ---- logical types ---- */

/* The most decimal digits that n bytes of two's complement always hold. */
static uint32_t
digits_of(uint32_t n)
{
    double d = floor(log10(2.0) * (8.0 * n - 1.0));

    return n == 0 ? 0 : d > 1e9 ? 1000000000u : (uint32_t)d;
}

static bool
uint_of(const json_t *j, uint32_t max, uint32_t *out)
{
    json_int_t v = json_integer_value(j);

    if (!json_is_integer(j) || v < 0 || v > (json_int_t)max)
        return false;
    *out = (uint32_t)v;
    return true;
}

static bool
parse_decimal(const json_t *j, dk__type *t)
{
    const json_t *scale = json_object_get(j, "scale");
    uint32_t s = 0, precision;

    if (t->kind != DK__BYTES && t->kind != DK__FIXED)
        return false;
    if (!uint_of(json_object_get(j, "precision"), 1000000, &precision) || precision == 0)
        return false;
    if (scale != NULL && !json_is_null(scale) && !uint_of(scale, UINT16_MAX, &s))
        return false;
    if (s > precision || (t->kind == DK__FIXED && precision > digits_of(t->size)))
        return false;
    t->precision = precision;
    t->scale = s;
    return true;
}

static bool
logical_fits(dk_avro_logical l, const json_t *j, dk__type *t)
{
    switch (l) {
    case DK_LOGICAL_DECIMAL:
        return parse_decimal(j, t);
    case DK_LOGICAL_UUID:
        return t->kind == DK__STRING || (t->kind == DK__FIXED && t->size == 16);
    case DK_LOGICAL_DATE:
    case DK_LOGICAL_TIME_MILLIS:
        return t->kind == DK__INT;
    case DK_LOGICAL_DURATION:
        return t->kind == DK__FIXED && t->size == 12;
    case DK_LOGICAL_NONE:
    case DK_LOGICAL_COUNT:
        return false;
    case DK_LOGICAL_TIME_MICROS:
    case DK_LOGICAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_TIMESTAMP_MICROS:
    case DK_LOGICAL_TIMESTAMP_NANOS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_MICROS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_NANOS:
        return t->kind == DK__LONG;
    }
    return false;
}

static void
parse_logical(const json_t *j, dk__type *t)
{
    static const char *const texts[] = {
#define XX(name, text) text,
        DK_AVRO_LOGICAL_MAP(XX)
#undef XX
    };
    const char *name = text_of(json_object_get(j, "logicalType"));
    int l;

    for (l = 1; name != NULL && l < DK_LOGICAL_COUNT; l++)
        if (strcmp(texts[l], name) == 0 && logical_fits((dk_avro_logical)l, j, t))
            t->logical = (dk_avro_logical)l;
}

/* ---- named types ---- */

/* Makes the node of a record, enum or fixed and enters its name. *ns becomes the namespace inside it. */
static dk_status
new_named(parser *p, const json_t *j, dk__kind kind, const char **ns, dk__type **out)
{
    const char *name = text_of(json_object_get(j, "name"));
    const json_t *space = json_object_get(j, "namespace");
    dk__type *t;
    dk_status st = check_name(p, dk__kind_name(kind), name, true);

    if (st != DK_OK)
        return st;
    if (space != NULL && !json_is_null(space)) {
        *ns = text_of(space);
        if (*ns == NULL || (p->options->strict && **ns != '\0' && !is_name(*ns, true)))
            return dk__error_set(p->err, DK_ESCHEMA, "namespace of %s \"%.100s\" is not a dotted Avro name",
                                 dk__kind_name(kind), name);
    }
    t = alloc(p, 1, sizeof *t);
    if (t == NULL)
        return nomem(p);
    t->kind = kind;
    t->id = p->s->nnamed++;
    t->name = full_name(p, name, *ns);
    if (t->name == NULL || (*ns = namespace_of(p, t->name)) == NULL)
        return nomem(p);
    if (find_primitive(t->name) != NULL)
        return dk__error_set(p->err, DK_ESCHEMA, "%s cannot be named \"%s\", which is a type of Avro",
                             dk__kind_name(kind), t->name);
    st = parse_aliases(p, j, *ns, &t->aliases, &t->naliases);
    if (st != DK_OK)
        return st;
    st = dk__names_put(&p->names, t->name, t);
    if (st == DK_EBUSY)
        return dk__error_set(p->err, DK_ESCHEMA, "the name \"%.100s\" is defined twice", t->name);
    if (st != DK_OK)
        return nomem(p);
    *out = t;
    return DK_OK;
}

static dk_status
parse_enum(parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    const json_t *list = json_object_get(j, "symbols"), *dflt = json_object_get(j, "default");
    dk__names seen;
    dk__type *t;
    size_t i;
    dk_status st = new_named(p, j, DK__ENUM, &ns, &t);

    if (st != DK_OK)
        return st;
    if (!json_is_array(list) || json_array_size(list) >= UINT32_MAX)
        return dk__error_set(p->err, DK_ESCHEMA, "enum %s needs \"symbols\", a list of names", t->name);
    t->n = (uint32_t)json_array_size(list);
    t->u.symbols = alloc(p, t->n, sizeof *t->u.symbols);
    if (t->u.symbols == NULL)
        return nomem(p);
    dk__names_init(&seen, p->s->a);
    for (i = 0; i < t->n && st == DK_OK; i++) {
        const char *s = text_of(json_array_get(list, i));

        st = check_name(p, "enum symbol", s, false);
        if (st != DK_OK)
            break;
        t->u.symbols[i] = dk__arena_str(&p->s->arena, s, strlen(s));
        st = t->u.symbols[i] == NULL ? DK_ENOMEM : dk__names_put(&seen, t->u.symbols[i], t);
        if (st == DK_EBUSY)
            st = dk__error_set(p->err, DK_ESCHEMA, "enum %s has the symbol \"%.100s\" twice", t->name, s);
        else if (st != DK_OK)
            st = nomem(p);
    }
    if (st == DK_OK && dflt != NULL) {
        const char *s = text_of(dflt);

        for (i = 0; s != NULL && i < t->n; i++)
            if (strcmp(s, t->u.symbols[i]) == 0)
                t->default_symbol = t->u.symbols[i];
        if (t->default_symbol == NULL && p->options->strict)
            st = dk__error_set(p->err, DK_ESCHEMA, "the default of enum %s is not one of its symbols", t->name);
    }
    dk__names_fini(&seen);
    *out = t;
    return st;
}

static dk_status
parse_fixed(parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    dk__type *t;
    dk_status st = new_named(p, j, DK__FIXED, &ns, &t);

    if (st != DK_OK)
        return st;
    if (!uint_of(json_object_get(j, "size"), INT32_MAX, &t->size))
        return dk__error_set(p->err, DK_ESCHEMA, "fixed %s needs \"size\", a number of bytes", t->name);
    parse_logical(j, t);
    *out = t;
    return DK_OK;
}

static bool
remember_default(parser *p, dk__field *f)
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
parse_field(parser *p, const json_t *j, const char *ns, dk__names *seen, dk__field *f)
{
    const char *name = text_of(json_object_get(j, "name"));
    dk_status st = check_name(p, "field", name, false);

    if (st != DK_OK)
        return st;
    f->name = dk__arena_str(&p->s->arena, name, strlen(name));
    if (f->name == NULL)
        return nomem(p);
    st = dk__names_put(seen, f->name, f);
    if (st == DK_EBUSY)
        return dk__error_set(p->err, DK_ESCHEMA, "the field \"%.100s\" is there twice", name);
    if (st != DK_OK)
        return nomem(p);
    if (json_object_get(j, "type") == NULL)
        st = dk__error_set(p->err, DK_ESCHEMA, "the field has no \"type\"");
    if (st == DK_OK)
        st = parse_aliases(p, j, NULL, &f->aliases, &f->naliases);
    if (st == DK_OK)
        st = parse_type(p, json_object_get(j, "type"), ns, &f->type);
    if (st == DK_OK && (f->json_default = json_object_get(j, "default")) != NULL) {
        f->has_default = true;
        if (!remember_default(p, f))
            st = nomem(p);
    }
    if (st != DK_OK)
        dk_avro_path_field(p->err, f->name);
    return st;
}

static dk_status
parse_record(parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    const json_t *list = json_object_get(j, "fields");
    dk__names seen;
    dk__type *t;
    size_t i;
    dk_status st = new_named(p, j, DK__RECORD, &ns, &t);

    if (st != DK_OK)
        return st;
    if ((list != NULL && !json_is_array(list)) || (list == NULL && p->options->strict))
        return dk__error_set(p->err, DK_ESCHEMA, "record %s needs \"fields\", a list of fields", t->name);
    t->n = (uint32_t)json_array_size(list);
    t->u.fields = alloc(p, t->n, sizeof *t->u.fields);
    if (t->u.fields == NULL)
        return nomem(p);
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

/* ---- the rest ---- */

static dk_status
parse_container(parser *p, const json_t *j, dk__kind kind, const char *ns, const dk__type **out)
{
    const char *key = kind == DK__ARRAY ? "items" : "values";
    const json_t *item = json_object_get(j, key);
    dk__type *t = alloc(p, 1, sizeof *t);
    dk_status st;

    if (t == NULL)
        return nomem(p);
    if (item == NULL)
        return dk__error_set(p->err, DK_ESCHEMA, "%s without \"%s\"", dk__kind_name(kind), key);
    t->kind = kind;
    t->name = dk__kind_name(kind);
    st = parse_type(p, item, ns, &t->u.item);
    if (st != DK_OK)
        dk_avro_path_field(p->err, kind == DK__ARRAY ? "[]" : "{}");
    *out = t;
    return st;
}

/* A union may hold each unnamed type once, and each name once. */
static dk_status
check_branches(parser *p, const dk__type *t)
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
            st = nomem(p);
    }
    dk__names_fini(&names);
    return st;
}

static dk_status
parse_union(parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    dk__type *t = alloc(p, 1, sizeof *t);
    dk_status st = DK_OK;
    size_t i;

    if (t == NULL)
        return nomem(p);
    t->kind = DK__UNION;
    t->name = "union";
    t->n = (uint32_t)json_array_size(j);
    t->u.branches = alloc(p, t->n, sizeof *t->u.branches);
    if (t->u.branches == NULL)
        return nomem(p);
    for (i = 0; i < t->n && st == DK_OK; i++) {
        st = parse_type(p, json_array_get(j, i), ns, &t->u.branches[i]);
        if (st != DK_OK)
            dk_avro_path_index(p->err, i);
        else if (t->u.branches[i]->kind == DK__UNION)
            st = dk__error_set(p->err, DK_ESCHEMA, "a union cannot hold a union");
    }
    *out = t;
    return st == DK_OK && p->options->strict ? check_branches(p, t) : st;
}

static dk_status read_document(parser *p, dk_slice json, json_t **out);

/* Reads the schema that options->names has under this name, so that the name is defined afterwards. */
static dk_status
parse_referred(parser *p, const char *name, bool *found)
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
        st = read_document(p, n->json, &root);
        if (st == DK_OK)
            st = parse_type(p, root, "", &t);
        return st;
    }
    return DK_OK;
}

/* The type that a string means: a primitive, or a name seen from ns. */
static dk_status
parse_reference(parser *p, const char *name, const char *ns, const dk__type **out)
{
    char *full = full_name(p, name, ns);
    const char *tries[2] = {full, name};
    int i;

    if (full == NULL)
        return nomem(p);
    for (i = 0; i < 2; i++) {
        bool found = false;
        dk_status st;

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
    return dk__error_set(p->err, DK_ESCHEMA,
                         "unknown type \"%.100s\": not a type of Avro, and no type of that name is defined", full);
}

static dk_status
parse_primitive(parser *p, const json_t *j, const dk__type *base, const dk__type **out)
{
    dk__type *t;

    *out = base;
    if (json_object_get(j, "logicalType") == NULL)
        return DK_OK;
    t = alloc(p, 1, sizeof *t);
    if (t == NULL)
        return nomem(p);
    *t = *base;
    parse_logical(j, t);
    *out = t;
    return DK_OK;
}

static dk_status
parse_object(parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    const json_t *type = json_object_get(j, "type");
    const char *name = text_of(type);
    const dk__type *primitive;

    if (json_is_object(type) || json_is_array(type))
        return parse_type(p, type, ns, out);
    if (name == NULL)
        return dk__error_set(p->err, DK_ESCHEMA, "a schema that is an object needs a \"type\"");
    primitive = find_primitive(name);
    if (primitive != NULL)
        return parse_primitive(p, j, primitive, out);
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0)
        return parse_record(p, j, ns, out);
    if (strcmp(name, "enum") == 0)
        return parse_enum(p, j, ns, out);
    if (strcmp(name, "fixed") == 0)
        return parse_fixed(p, j, ns, out);
    if (strcmp(name, "array") == 0)
        return parse_container(p, j, DK__ARRAY, ns, out);
    if (strcmp(name, "map") == 0)
        return parse_container(p, j, DK__MAP, ns, out);
    return parse_reference(p, name, ns, out);
}

static dk_status
parse_type(parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    const char *name = text_of(j);
    dk_status st;

    *out = NULL;
    if (p->depth == 0)
        return dk__error_set(p->err, DK_ESCHEMA, "the schema is nested more than %d levels deep", DK__DEPTH_SCHEMA);
    p->depth--;
    if (name != NULL)
        st = (*out = find_primitive(name)) != NULL ? DK_OK : parse_reference(p, name, ns, out);
    else if (json_is_object(j))
        st = parse_object(p, j, ns, out);
    else if (json_is_array(j))
        st = parse_union(p, j, ns, out);
    else
        st = dk__error_set(p->err, DK_ESCHEMA, "a schema is a name, an object or a list, not something else");
    p->depth++;
    return st;
}

/* ---- documents and defaults ---- */

static dk_status
read_document(parser *p, dk_slice json, json_t **out)
{
    json_error_t e;
    json_t *j = json_loadb((const char *)json.p, json.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    dk_status st;

    if (j == NULL && json_error_code(&e) == json_error_out_of_memory)
        return nomem(p);
    if (j == NULL) {
        st = dk__error_set(p->err, DK_ESCHEMA, "not JSON: %s (line %d, column %d)", e.text, e.line, e.column);
        if (p->err != NULL)
            p->err->pos = e.position < 0 ? 0 : (size_t)e.position;
        return st;
    }
    p->roots[p->nroots++] = j;
    *out = j;
    return DK_OK;
}

static dk_status
encode_defaults(parser *p)
{
    unsigned steps = 1000000;
    size_t i;
    dk_buf buf;
    char why[160];
    dk_status st = DK_OK;

    dk_buf_init(&buf, p->s->a);
    for (i = 0; i < p->nfields && st == DK_OK; i++) {
        dk__field *f = p->fields[i];

        buf.n = 0;
        if (dk__default_encode(f->type, f->json_default, DK_AVRO_DEPTH, &steps, &buf, why, sizeof why)) {
            f->dflt = dk__arena_bytes(&p->s->arena, buf.p, buf.n);
            if (f->dflt.p == NULL || buf.st != DK_OK)
                st = nomem(p);
        } else if (buf.st != DK_OK) {
            st = nomem(p);
        } else if (p->options->strict) {
            st = dk__error_set(p->err, DK_ESCHEMA, "the default does not fit: %s", why);
            dk_avro_path_field(p->err, f->name);
        } else {
            f->bad_default = dk__arena_str(&p->s->arena, why, strlen(why));
            if (f->bad_default == NULL)
                st = nomem(p);
        }
    }
    for (i = 0; i < p->nfields; i++)
        p->fields[i]->json_default = NULL;
    dk_buf_fini(&buf);
    return st;
}

static dk_status
parse_schema(parser *p, dk_slice json)
{
    json_t *root;
    dk_status st = DK_OK;

    p->roots = dk__calloc(p->s->a, p->options->nnames + 1, sizeof *p->roots);
    p->used = dk__calloc(p->s->a, p->options->nnames + 1, sizeof *p->used);
    if (p->roots == NULL || p->used == NULL)
        return nomem(p);
    st = read_document(p, json, &root);
    if (st == DK_OK)
        st = parse_type(p, root, "", &p->s->root);
    if (st == DK_OK)
        st = encode_defaults(p);
    return st;
}

dk_status
dk_avro_schema_new(const dk_alloc *a, dk_slice json, const dk_avro_schema_options *options, dk_avro_schema **out,
                   dk_error *err)
{
    static const dk_avro_schema_options defaults = {.size = sizeof defaults};
    parser p = {.depth = DK__DEPTH_SCHEMA, .err = err};
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
