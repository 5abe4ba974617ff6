/* SPDX-License-Identifier: MIT
 *
 * Names of types and fields: which are names, what they are called in full, what else they are called.
 */
#include "codec/parse.h"

static const char *const kind_names[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                         "string", "record",  "enum", "fixed", "array", "map",    "union"};

/* Primitive types without attributes need no memory. */
static const dk__type primitives[] = {
    {.kind = DK__NULL, .name = "null"},   {.kind = DK__BOOLEAN, .name = "boolean"},
    {.kind = DK__INT, .name = "int"},     {.kind = DK__LONG, .name = "long"},
    {.kind = DK__FLOAT, .name = "float"}, {.kind = DK__DOUBLE, .name = "double"},
    {.kind = DK__BYTES, .name = "bytes"}, {.kind = DK__STRING, .name = "string"},
};

const char *
dk__kind_name(dk__kind k)
{
    return kind_names[k];
}

const dk__type *
dk__find_primitive(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof primitives / sizeof *primitives; i++)
        if (strcmp(primitives[i].name, name) == 0)
            return &primitives[i];
    return NULL;
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
bool
dk__is_name(const char *s, bool dots)
{
    const char *dot;

    while (dots && (dot = strchr(s, '.')) != NULL) {
        if (!is_name_part(s, (size_t)(dot - s)))
            return false;
        s = dot + 1;
    }
    return is_name_part(s, strlen(s));
}

dk_status
dk__check_name(dk__parser *p, const char *what, const char *name, bool dots)
{
    if (name == NULL || name[0] == '\0')
        return dk__error_set(p->err, DK_ESCHEMA, "%s needs a \"name\" that is a non-empty string", what);
    if (p->options->strict && !dk__is_name(name, dots))
        return dk__error_set(
            p->err, DK_ESCHEMA,
            "%s name \"%.100s\" is not an Avro name (letters, digits and _, not beginning with a digit)", what, name);
    return DK_OK;
}

/* name seen from namespace ns: "" is no namespace. */
char *
dk__full_name(dk__parser *p, const char *name, const char *ns)
{
    size_t n_ns = strlen(ns), n_name = strlen(name);
    char *s;

    if (strchr(name, '.') != NULL || n_ns == 0)
        return dk__arena_str(&p->s->arena, name, n_name);
    s = dk__parse_alloc(p, n_ns + n_name + 2, 1);
    if (s != NULL) {
        memcpy(s, ns, n_ns);
        s[n_ns] = '.';
        memcpy(s + n_ns + 1, name, n_name);
    }
    return s;
}

/* The namespace of a full name. */
char *
dk__namespace_of(dk__parser *p, const char *full)
{
    const char *dot = strrchr(full, '.');

    return dk__arena_str(&p->s->arena, full, dot == NULL ? 0 : (size_t)(dot - full));
}

dk_status
dk__parse_aliases(dk__parser *p, const json_t *j, const char *ns, const char ***out, uint32_t *n)
{
    const json_t *list = json_object_get(j, "aliases");
    size_t i;

    if (list == NULL)
        return DK_OK;
    if (!json_is_array(list))
        return dk__error_set(p->err, DK_ESCHEMA, "\"aliases\" has to be a list of names");
    *out = dk__parse_alloc(p, json_array_size(list), sizeof **out);
    if (*out == NULL)
        return dk__parse_nomem(p);
    for (i = 0; i < json_array_size(list); i++) {
        const char *s = dk__json_text(json_array_get(list, i));

        if (s == NULL)
            return dk__error_set(p->err, DK_ESCHEMA, "\"aliases\" has to be a list of names");
        (*out)[i] = ns == NULL ? dk__arena_str(&p->s->arena, s, strlen(s)) : dk__full_name(p, s, ns);
        if ((*out)[i] == NULL)
            return dk__parse_nomem(p);
    }
    *n = (uint32_t)json_array_size(list);
    return DK_OK;
}
