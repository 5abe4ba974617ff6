/* SPDX-License-Identifier: MIT
 *
 * Schemas of Kafka Connect as its JsonConverter writes them before each payload: what they say of the fields that go
 * into columns.
 */
#include "pg/json_reader.h"

/* The members of a schema that matter; of kind NULL what is not there. */
typedef struct node {
    dk__json_token type, name, fields, items, field, parameters;
} node;

static bool
read_node(dk_slice text, node *out, dk_error *err)
{
    static const struct {
        const char *name;
        dk__json_kind kind;
        size_t offset;
    } members[] = {
        {"type", DK__JSON_STRING, offsetof(node, type)},
        {"name", DK__JSON_STRING, offsetof(node, name)},
        {"fields", DK__JSON_ARRAY, offsetof(node, fields)},
        {"items", DK__JSON_OBJECT, offsetof(node, items)},
        {"field", DK__JSON_STRING, offsetof(node, field)},
        {"parameters", DK__JSON_OBJECT, offsetof(node, parameters)},
    };
    dk__json_token name, value;
    dk__json_more more;
    bool first = true;
    dk__json j;
    size_t i;

    *out = (node){.type = {.kind = DK__JSON_NULL}};
    dk__json_init(&j, text, err);
    if (!dk__json_enter(&j, DK__JSON_OBJECT))
        return false;
    for (; (more = dk__json_member(&j, first, &name)) == DK__JSON_MORE; first = false) {
        if (!dk__json_value(&j, &value))
            return false;
        for (i = 0; i < sizeof members / sizeof *members; i++)
            if (value.kind == members[i].kind && dk__json_is(&name, members[i].name))
                memcpy((char *)out + members[i].offset, &value, sizeof value);
    }
    return more == DK__JSON_DONE;
}

/* An integer among the parameters, which are strings. */
static bool
read_parameter(const dk__json_token *parameters, const char *which, int32_t *out)
{
    dk__json_token name, value;
    bool first = true, found = false;
    dk_error err;
    dk__json j;

    if (parameters->kind != DK__JSON_OBJECT)
        return false;
    dk__json_init(&j, parameters->text, &err);
    if (!dk__json_enter(&j, DK__JSON_OBJECT))
        return false;
    for (; dk__json_member(&j, first, &name) == DK__JSON_MORE; first = false) {
        dk__json_token number;
        dk__json inner;
        int64_t v;

        if (!dk__json_value(&j, &value))
            return false;
        if (!dk__json_is(&name, which) || value.kind != DK__JSON_STRING)
            continue;
        dk__json_init(&inner, value.text, &err);
        found = dk__json_value(&inner, &number) && dk__json_end(&inner) && number.kind == DK__JSON_NUMBER &&
                dk__json_int(&number, &v) && v >= INT32_MIN && v <= INT32_MAX;
        if (found)
            *out = (int32_t)v;
    }
    return found;
}

static dk__pg_meaning
find_meaning(const node *n)
{
    dk__pg_meaning m = {DK__PG_PLAIN, 0};
    bool bytes = dk__json_is(&n->type, "bytes"), found;
    char name[128];

    if (n->name.kind == DK__JSON_STRING && n->name.text.n < sizeof name) {
        memcpy(name, n->name.text.p, n->name.text.n);
        name[n->name.text.n] = '\0';
        m = dk__pg_meaning_of(name, 0);
    }
    found = read_parameter(&n->parameters, m.code == DK__PG_BITS ? "length" : "scale", &m.scale);
    if (bytes && !found && (m.code == DK__PG_DECIMAL || m.code == DK__PG_BITS))
        return (dk__pg_meaning){DK__PG_OPAQUE, 0};
    if (bytes && m.code == DK__PG_PLAIN)
        m.code = DK__PG_BASE64;
    return m;
}

/* That of the items, of an array, however many dimensions it has. */
static dk__pg_meaning
find_meaning_within(const node *n)
{
    node inner = *n, items;
    dk_error err;
    int i;

    for (i = 0; i < DK__PG_DIMENSIONS_MAX && dk__json_is(&inner.type, "array"); i++) {
        if (inner.items.kind != DK__JSON_OBJECT || !read_node(inner.items.text, &items, &err))
            break;
        inner = items;
    }
    return find_meaning(&inner);
}

/* The name of a struct's field, without its escapes. false: no memory, or it is none of ours. */
static bool
read_name(const dk__json_token *field, dk_buf *scratch, dk_slice *name)
{
    *name = field->text;
    if (!field->escaped)
        return true;
    scratch->n = 0;
    if (!dk__json_unescape(field, scratch))
        return false;
    *name = (dk_slice){scratch->p, scratch->n};
    return true;
}

/* The meanings of a row's fields: `fields` is an array of schemas, each with the name of its field. */
static bool
read_fields(const dk_copy_reader *r, dk_slice fields, dk__json_shape *s, dk_buf *scratch, dk_error *err)
{
    dk__json_token item;
    dk__json_more more;
    bool first = true;
    dk__json j;

    dk__json_init(&j, fields, err);
    if (!dk__json_enter(&j, DK__JSON_ARRAY))
        return false;
    for (; (more = dk__json_item(&j, first)) == DK__JSON_MORE; first = false) {
        dk_slice name;
        uint32_t i;
        node n;

        if (!dk__json_value(&j, &item) || !read_node(item.text, &n, err))
            return false;
        if (n.field.kind != DK__JSON_STRING) {
            dk__error_set(err, DK_EJSON, "a schema of Connect with a field that has no name");
            return false;
        }
        if (!read_name(&n.field, scratch, &name))
            continue;
        i = dk__copy_column_of(r, (const char *)name.p, name.n);
        if (i < r->plan->ncolumns)
            s->meanings[i] = find_meaning_within(&n);
    }
    return more == DK__JSON_DONE;
}

/* Finds the struct of rows in that of an envelope: *out is its fields, or the root's own. */
static bool
find_rows(dk_slice fields, dk_slice *out, bool *envelope, dk_error *err)
{
    bool first = true, op = false, row = false;
    dk__json_token item;
    dk__json j;

    *out = fields;
    dk__json_init(&j, fields, err);
    if (!dk__json_enter(&j, DK__JSON_ARRAY))
        return false;
    for (; dk__json_item(&j, first) == DK__JSON_MORE; first = false) {
        node n;

        if (!dk__json_value(&j, &item) || !read_node(item.text, &n, err))
            return false;
        if (n.field.kind != DK__JSON_STRING)
            continue;
        op |= dk__json_is(&n.field, "op") && dk__json_is(&n.type, "string");
        if ((dk__json_is(&n.field, "before") || dk__json_is(&n.field, "after")) && dk__json_is(&n.type, "struct") &&
            n.fields.kind == DK__JSON_ARRAY) {
            *out = n.fields.text;
            row = true;
        }
    }
    *envelope = op && row;
    if (!*envelope)
        *out = fields;
    return true;
}

static bool
compile(const dk_copy_reader *r, dk__json_shape *s, dk_buf *scratch, dk_error *err)
{
    dk_slice fields;
    node root;

    if (!read_node(s->text, &root, err))
        return false;
    if (root.type.kind != DK__JSON_STRING) {
        dk__error_set(err, DK_EJSON, "a schema of Connect without a type");
        return false;
    }
    if (!dk__json_is(&root.type, "struct")) { /* of a key that is a single value */
        s->meanings[r->first] = find_meaning_within(&root);
        return true;
    }
    if (root.fields.kind != DK__JSON_ARRAY) {
        dk__error_set(err, DK_EJSON, "a schema of Connect: a struct without fields");
        return false;
    }
    return find_rows(root.fields.text, &fields, &s->envelope, err) && read_fields(r, fields, s, scratch, err);
}

dk__json_shape *
dk__json_shape_plain(const dk_copy_reader *r)
{
    const dk_alloc *a = r->plan->a;
    dk__json_shape *s = dk__calloc(a, 1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->meanings = dk__calloc(a, r->plan->ncolumns, sizeof *s->meanings); /* PLAIN is 0 */
    if (s->meanings == NULL) {
        dk__free(a, s);
        return NULL;
    }
    return s;
}

dk_status
dk__json_shape_new(const dk_copy_reader *r, dk_slice text, dk__json_shape **out, dk_error *err)
{
    const dk_alloc *a = r->plan->a;
    dk__json_shape *s = dk__json_shape_plain(r);
    uint8_t *copy = s == NULL ? NULL : dk__malloc(a, text.n);
    dk_status st = DK_OK;
    dk_buf scratch;

    dk_buf_init(&scratch, a);
    if (copy == NULL) {
        st = dk__error_set(err, DK_ENOMEM, "out of memory while compiling a schema");
        goto out;
    }
    memcpy(copy, text.p, text.n);
    s->text = (dk_slice){copy, text.n};
    if (!compile(r, s, &scratch, err))
        st = DK_EJSON;
    else if (scratch.st != DK_OK)
        st = dk__error_set(err, DK_ENOMEM, "out of memory while compiling a schema");
out:
    dk_buf_fini(&scratch);
    if (st == DK_OK)
        *out = s;
    else
        dk__json_shape_free(a, s);
    return st;
}

void
dk__json_shape_free(const dk_alloc *a, dk__json_shape *s)
{
    if (s == NULL)
        return;
    dk__free(a, s->text.p);
    dk__free(a, s->meanings);
    dk__free(a, s);
}
