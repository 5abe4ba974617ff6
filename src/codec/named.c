/* SPDX-License-Identifier: MIT
 *
 * The types that have names: what records, enums and fixed have in common, and the latter two.
 */
#include "codec/parse.h"

/* Makes the node of a record, enum or fixed and enters its name. *ns becomes the namespace inside it. */
dk_status
dk__new_named(dk__parser *p, const json_t *j, dk__kind kind, const char **ns, dk__type **out)
{
    const char *name = dk__json_text(json_object_get(j, "name"));
    const json_t *space = json_object_get(j, "namespace");
    dk__type *t;
    dk_status st = dk__check_name(p, dk__kind_name(kind), name, true);

    if (st != DK_OK)
        return st;
    if (space != NULL && !json_is_null(space)) {
        *ns = dk__json_text(space);
        if (*ns == NULL || (p->options->strict && **ns != '\0' && !dk__is_name(*ns, true)))
            return dk__error_set(p->err, DK_ESCHEMA, "namespace of %s \"%.100s\" is not a dotted Avro name",
                                 dk__kind_name(kind), name);
    }
    t = dk__parse_alloc(p, 1, sizeof *t);
    if (t == NULL)
        return dk__parse_nomem(p);
    t->kind = kind;
    t->id = p->s->nnamed++;
    t->name = dk__full_name(p, name, *ns);
    if (t->name == NULL || (*ns = dk__namespace_of(p, t->name)) == NULL)
        return dk__parse_nomem(p);
    if (dk__find_primitive(t->name) != NULL)
        return dk__error_set(p->err, DK_ESCHEMA, "%s cannot be named \"%s\", which is a type of Avro",
                             dk__kind_name(kind), t->name);
    if (!dk__parse_connect(p, j, t))
        return dk__parse_nomem(p);
    st = dk__parse_aliases(p, j, *ns, &t->aliases, &t->naliases);
    if (st != DK_OK)
        return st;
    st = dk__names_put(&p->names, t->name, t);
    if (st == DK_EBUSY)
        return dk__error_set(p->err, DK_ESCHEMA, "the name \"%.100s\" is defined twice", t->name);
    if (st != DK_OK)
        return dk__parse_nomem(p);
    *out = t;
    return DK_OK;
}

dk_status
dk__parse_enum(dk__parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    const json_t *list = json_object_get(j, "symbols"), *dflt = json_object_get(j, "default");
    dk__names seen;
    dk__type *t;
    size_t i;
    dk_status st = dk__new_named(p, j, DK__ENUM, &ns, &t);

    if (st != DK_OK)
        return st;
    if (!json_is_array(list) || json_array_size(list) >= UINT32_MAX)
        return dk__error_set(p->err, DK_ESCHEMA, "enum %s needs \"symbols\", a list of names", t->name);
    t->n = (uint32_t)json_array_size(list);
    t->u.symbols = dk__parse_alloc(p, t->n, sizeof *t->u.symbols);
    if (t->u.symbols == NULL)
        return dk__parse_nomem(p);
    dk__names_init(&seen, p->s->a);
    for (i = 0; i < t->n && st == DK_OK; i++) {
        const char *s = dk__json_text(json_array_get(list, i));

        st = dk__check_name(p, "enum symbol", s, false);
        if (st != DK_OK)
            break;
        t->u.symbols[i] = dk__arena_str(&p->s->arena, s, strlen(s));
        st = t->u.symbols[i] == NULL ? DK_ENOMEM : dk__names_put(&seen, t->u.symbols[i], t);
        if (st == DK_EBUSY)
            st = dk__error_set(p->err, DK_ESCHEMA, "enum %s has the symbol \"%.100s\" twice", t->name, s);
        else if (st != DK_OK)
            st = dk__parse_nomem(p);
    }
    if (st == DK_OK && dflt != NULL) {
        const char *s = dk__json_text(dflt);

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

dk_status
dk__parse_fixed(dk__parser *p, const json_t *j, const char *ns, const dk__type **out)
{
    dk__type *t;
    dk_status st = dk__new_named(p, j, DK__FIXED, &ns, &t);

    if (st != DK_OK)
        return st;
    if (!dk__json_uint(json_object_get(j, "size"), INT32_MAX, &t->size))
        return dk__error_set(p->err, DK_ESCHEMA, "fixed %s needs \"size\", a number of bytes", t->name);
    dk__parse_logical(j, t);
    *out = t;
    return DK_OK;
}
