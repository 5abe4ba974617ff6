/* SPDX-License-Identifier: MIT
 *
 * What the files share that parse schemas. schema.c runs them: document.c reads the JSON, type.c walks over it, with
 * naming.c, logical.c and named.c for what stands in a type, and default.c encodes defaults when all names are known.
 */
#ifndef DK_CODEC_PARSE_H
#define DK_CODEC_PARSE_H

#include "codec/internal.h"

typedef struct dk__parser {
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
} dk__parser;

/* ---- document.c: JSON, and the parser's memory ---- */

dk_status dk__parse_nomem(dk__parser *p);
void *dk__parse_alloc(dk__parser *p, size_t count, size_t size); /* of the schema's arena; zeroed */
/* *out stays the parser's. */
dk_status dk__read_document(dk__parser *p, dk_slice json, json_t **out);
const char *dk__json_text(const json_t *j); /* of a string; NULL if it is none, or holds a NUL */
bool dk__json_uint(const json_t *j, uint32_t max, uint32_t *out);

/* ---- naming.c ---- */

const dk__type *dk__find_primitive(const char *name);
bool dk__is_name(const char *s, bool dots); /* as the specification wants it; with dots: a full name */
dk_status dk__check_name(dk__parser *p, const char *what, const char *name, bool dots);
char *dk__full_name(dk__parser *p, const char *name, const char *ns); /* name seen from namespace ns ("": none) */
char *dk__namespace_of(dk__parser *p, const char *full);
/* ns NULL: aliases of fields, which have no namespace. */
dk_status dk__parse_aliases(dk__parser *p, const json_t *j, const char *ns, const char ***out, uint32_t *n);

/* ---- logical.c ---- */

/* Reads "logicalType" and what belongs to it; one that is unknown or does not fit t is ignored. */
void dk__parse_logical(const json_t *j, dk__type *t);
/* Reads "connect.name" and "connect.parameters". false: no memory. */
bool dk__parse_connect(dk__parser *p, const json_t *j, dk__type *t);

/* ---- named.c ---- */

/* The node of a record, enum or fixed, its name entered. *ns becomes the namespace inside it. */
dk_status dk__new_named(dk__parser *p, const json_t *j, dk__kind kind, const char **ns, dk__type **out);
dk_status dk__parse_enum(dk__parser *p, const json_t *j, const char *ns, const dk__type **out);
dk_status dk__parse_fixed(dk__parser *p, const json_t *j, const char *ns, const dk__type **out);

/* ---- type.c ---- */

dk_status dk__parse_type(dk__parser *p, const json_t *j, const char *ns, const dk__type **out);

/* ---- default.c ---- */

/* Encodes the defaults of p->fields. */
dk_status dk__encode_defaults(dk__parser *p);

#endif
