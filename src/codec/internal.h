/* SPDX-License-Identifier: MIT
 *
 * What the files of src/codec share: the arena, the name table, the tree of a schema.
 */
#ifndef DK_CODEC_INTERNAL_H
#define DK_CODEC_INTERNAL_H

#include <jansson.h>

#include "base/internal.h"
#include "dk/avro.h"

/* arena.c - memory that is given back all at once. */
typedef struct dk__arena {
    const dk_alloc *a;
    struct dk__chunk *chunks;
} dk__arena;

void dk__arena_init(dk__arena *ar, const dk_alloc *a);
void dk__arena_fini(dk__arena *ar);
void *dk__arena_calloc(dk__arena *ar, size_t count, size_t size); /* zeroed; NULL when out of memory */
char *dk__arena_str(dk__arena *ar, const char *s, size_t n);      /* a terminated copy */
dk_slice dk__arena_bytes(dk__arena *ar, const void *p, size_t n); /* p == NULL on failure; never NULL for n == 0 */

/* names.c - a table of names; keys are borrowed. */
typedef struct dk__names {
    const dk_alloc *a;
    struct dk__name_slot *slots;
    uint32_t cap;
    uint32_t n;
} dk__names;

void dk__names_init(dk__names *t, const dk_alloc *a);
void dk__names_fini(dk__names *t);
const void *dk__names_get(const dk__names *t, const char *name);
/* dk__names_put - DK_OK, DK_EBUSY when the name is taken (the old value stays), DK_ENOMEM. value is not NULL. */
dk_status dk__names_put(dk__names *t, const char *name, const void *value);

/* The tree. Named types are shared nodes, so the "tree" of a recursive schema is a graph. */
typedef enum dk__kind {
    DK__NULL,
    DK__BOOLEAN,
    DK__INT,
    DK__LONG,
    DK__FLOAT,
    DK__DOUBLE,
    DK__BYTES,
    DK__STRING,
    DK__RECORD, /* from here on not primitive */
    DK__ENUM,
    DK__FIXED,
    DK__ARRAY,
    DK__MAP,
    DK__UNION
} dk__kind;

typedef struct dk__type dk__type;

typedef struct dk__field {
    const char *name;
    const dk__type *type;
    const char **aliases;
    uint32_t naliases;
    const json_t *json_default; /* while the schema is being parsed, else NULL */
    bool has_default;
    dk_slice dflt;           /* the default in Avro's encoding; p NULL: none, or it does not fit */
    const char *bad_default; /* why it does not fit */
} dk__field;

struct dk__type {
    dk__kind kind;
    dk_avro_logical logical;
    uint32_t precision, scale;
    const char *connect;   /* Kafka Connect's name for what the type means; NULL: none */
    int32_t connect_scale; /* "scale" or "length" of that name's parameters */
    uint32_t id;           /* of a named type: counted from 0 within its schema */
    const char *name;      /* full name; of other types the type's name */
    const char **aliases;  /* full names */
    uint32_t naliases;
    uint32_t n;    /* fields, symbols, branches */
    uint32_t size; /* of a fixed */
    union {
        dk__field *fields;
        const char **symbols;
        const dk__type *item;
        const dk__type **branches;
    } u;
    const char *default_symbol;
};

struct dk_avro_schema {
    const dk_alloc *a;
    atomic_uint refs;
    dk__arena arena;
    const dk__type *root;
    uint32_t nnamed;
};

#define DK__DEPTH_SCHEMA 200 /* nesting of a schema's JSON */
#define DK__DEPTH_MAX DK_AVRO_DEPTH_MAX

const char *dk__kind_name(dk__kind k); /* naming.c */

#endif
