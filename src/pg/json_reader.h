/* SPDX-License-Identifier: MIT
 *
 * What the files share that read rows from JSON: names of fields, what a schema says of them, one value.
 */
#ifndef DK_PG_JSON_READER_H
#define DK_PG_JSON_READER_H

#include "pg/json_scan.h"
#include "pg/reader.h"

/* ---- json_names.c: the names that are known, and in which order they came last time ---- */

/* What becomes of a member: the number of a column, or one of these. */
#define DK__JSON_IGNORED UINT32_MAX
#define DK__JSON_REFUSED (UINT32_MAX - 1)
#define DK__JSON_DELETED (UINT32_MAX - 2) /* it says whether the row is deleted: true, "true" */
#define DK__JSON_OP (UINT32_MAX - 3)      /* what was done to the row */

#define DK__JSON_HEAD 16

typedef struct dk__json_name {
    char *quoted;              /* "name": as a message has it, with the colon */
    uint32_t n;                /* bytes of that */
    uint64_t head[2], mask[2]; /* the first of them, and which bits of it count */
    uint32_t hash;
    uint32_t use;
    bool simple; /* nothing in it has to be escaped */
} dk__json_name;

typedef struct dk__json_names {
    const dk_alloc *a;
    dk__json_name *list;
    uint32_t n, cap;
    uint32_t *slots; /* by hash: 1 + the number in the list, or 0 */
    uint32_t mask;
    uint32_t *order; /* numbers in the list, as the members of the last object came */
    uint32_t norder;
    dk_buf scratch; /* a name without its escapes */
} dk__json_names;

/* Room for cap names, which is not exceeded. */
DK_MUST_CHECK dk_status dk__json_names_init(dk__json_names *t, const dk_alloc *a, uint32_t cap);
void dk__json_names_fini(dk__json_names *t);
/* Unless the name is there already. false: no memory, or no room. */
bool dk__json_names_add(dk__json_names *t, const char *name, size_t n, uint32_t use);

#define DK__JSON_UNKNOWN UINT32_MAX
/* The next member's name, as member number i of its object: *known is its number in the list or UNKNOWN, and then
 * *name is its text (valid until the next call). DK__JSON_FAILED: j->err says why, or t->scratch.st is DK_ENOMEM. */
dk__json_more dk__json_names_next(dk__json_names *t, dk__json *j, uint32_t i, uint32_t *known, dk_slice *name);

/* ---- json_schema.c: Connect's schemas ---- */

/* What a schema, or its absence, says of the fields of rows. */
typedef struct dk__json_shape {
    dk_slice text;            /* of the schema, as messages have it; p NULL: none */
    bool envelope;            /* rows are in `before` and `after` */
    dk__pg_meaning *meanings; /* of the plan's columns */
} dk__json_shape;

/* Compiles one. DK_ESCHEMA with err, DK_ENOMEM. */
DK_MUST_CHECK dk_status dk__json_shape_new(const dk_copy_reader *r, dk_slice text, dk__json_shape **out,
                                           dk_error *err);
/* A shape without a schema: all is plain. NULL: no memory. */
dk__json_shape *dk__json_shape_plain(const dk_copy_reader *r);
void dk__json_shape_free(const dk_alloc *a, dk__json_shape *s);

/* ---- json_cell.c: one value into one column ---- */

/* text is for unescaped strings: what it holds is lost. */
DK_MUST_CHECK dk_status dk__json_cell(dk__pg_row *row, dk_buf *text, const dk_pg_column *c, dk__pg_meaning m,
                                      const dk__json_token *t);

/* ---- json_reader.c ---- */

#define DK__JSON_SCHEMAS_MAX 16 /* of which the compiled form is kept */

typedef struct dk__json_reader {
    dk_copy_reader base;
    dk_copy_connect connect;
    bool ignore_others;
    bool enveloped; /* the last object without a schema was an envelope */
    uint32_t given; /* names, at the beginning of the list; behind them are those that were met */
    uint32_t deleted_at, op_at;
    dk__json_names names;   /* the columns' first: their numbers in the list are those in the plan */
    dk__json_token *tokens; /* the values of the object that is read, by the numbers of names */
    uint32_t *runs;         /* in which object there was such a value last */
    uint32_t run;
    dk_buf text;
    dk__json_shape *plain;
    dk__json_shape *schemas[DK__JSON_SCHEMAS_MAX];
    uint32_t nschemas, turn, last;
} dk__json_reader;

/* ---- json_row.c ---- */

/* A row, or that it is gone, from the object that begins at j. */
DK_MUST_CHECK dk_status dk__json_object(dk__json_reader *r, dk__json *j, const dk__json_shape *shape, dk__pg_row *row,
                                        dk__copy_found *found);

/* The message is left to others, because of the member of this name: DK_ECOLUMN. why is a constant text. */
#define DK__JSON_NO_NAME ((dk_slice){NULL, 0})
dk_status dk__json_odd(dk__pg_row *row, dk_slice name, const char *why);
/* j has failed: why. */
dk_status dk__json_failed(const dk__json_reader *r, const dk__json *j, dk__pg_row *row);
/* Back to where the reading of something began that turned out to be something else; its row began at byte `at`. */
void dk__json_go_back(dk__json *j, const dk__json *start, dk__pg_row *row, size_t at);

#endif
