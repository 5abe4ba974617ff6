/* SPDX-License-Identifier: MIT
 *
 * Messages become rows of PostgreSQL's COPY (FORMAT binary), without an object in between.
 *
 * A plan (dk_copy_plan) is a list of columns. A reader (dk_copy_reader) is what a plan makes of one schema: it knows
 * which field goes into which column, and how; there is one for each schema of keys and one for each of values. A
 * block (dk_copy_block) takes messages one after the other, keeps the last row of each key and the keys that were
 * deleted, and is then two streams for COPY, or arrays. The engine knows no server: it makes bytes that COPY ... FROM
 * takes, or a parameter of a statement.
 *
 * What a column cannot hold is an error of that message (DK_ECOLUMN), which leaves no byte behind. What is not the
 * matter of bytes alone is *odd*, and left to somebody who knows more: a value that the source has not sent
 * (Debezium's placeholder), a field that is not there, a type that nobody has a rule for.
 */
#ifndef DK_PGCOPY_H
#define DK_PGCOPY_H

#include "dk/avro.h"
#include "dk/base.h"
#include "dk/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- columns ---- */

/* name, what a plan calls it, what PostgreSQL's messages call it, OID of the type */
#define DK_PG_KIND_MAP(XX)                                                                                           \
    XX(BOOL, "bool", "boolean", 16)                                                                                  \
    XX(INT2, "int2", "smallint", 21)                                                                                 \
    XX(INT4, "int4", "integer", 23)                                                                                  \
    XX(INT8, "int8", "bigint", 20)                                                                                   \
    XX(FLOAT4, "float4", "real", 700)                                                                                \
    XX(FLOAT8, "float8", "double precision", 701)                                                                    \
    XX(NUMERIC, "numeric", "numeric", 1700)                                                                          \
    XX(TEXT, "text", "text", 25)                                                                                     \
    XX(VARCHAR, "varchar", "character varying", 1043)                                                                \
    XX(CHAR, "char", "character", 1042)                                                                              \
    XX(BYTEA, "bytea", "bytea", 17)                                                                                  \
    XX(DATE, "date", "date", 1082)                                                                                   \
    XX(TIME, "time", "time", 1083)                                                                                   \
    XX(TIMESTAMP, "timestamp", "timestamp", 1114)                                                                    \
    XX(TIMESTAMPTZ, "timestamptz", "timestamp with time zone", 1184)                                                 \
    XX(INTERVAL, "interval", "interval", 1186)                                                                       \
    XX(UUID, "uuid", "uuid", 2950)                                                                                   \
    XX(JSON, "json", "json", 114)                                                                                    \
    XX(JSONB, "jsonb", "jsonb", 3802)                                                                                \
    XX(INET, "inet", "inet", 869)                                                                                    \
    XX(CIDR, "cidr", "cidr", 650)                                                                                    \
    XX(INT4RANGE, "int4range", "int4range", 3904)                                                                    \
    XX(INT8RANGE, "int8range", "int8range", 3926)                                                                    \
    XX(NUMRANGE, "numrange", "numrange", 3906)                                                                       \
    XX(TSTZRANGE, "tstzrange", "tstzrange", 3910)                                                                    \
    XX(DATERANGE, "daterange", "daterange", 3912)

typedef enum dk_pg_kind {
#define XX(name, text, sql, oid) DK_PG_##name,
    DK_PG_KIND_MAP(XX)
#undef XX
        DK_PG_KIND_COUNT
} dk_pg_kind;

/* What a text stands for, when no schema says so. BYTEA: bytes in base64 (NONE too) or in hexadecimal digits.
 * NUMERIC: the unscaled value so, in the column's scale; NONE: a number. JSON and JSONB: a document if it is one;
 * NONE: only if it is an object, an array or a quoted text. What is no document is a text. TEXT: HSTORE: a map of
 * texts, also in JSON, is written as hstore's text. */
typedef enum dk_pg_form {
    DK_PG_FORM_NONE,
    DK_PG_FORM_BASE64,
    DK_PG_FORM_HEX,
    DK_PG_FORM_DOCUMENT,
    DK_PG_FORM_HSTORE
} dk_pg_form;

/* What a number counts that is given for a time, when no schema says so. NONE: DATE: days; INTERVAL: microseconds;
 * other times: the coarsest unit in which it is within a day; TIMESTAMP and TIMESTAMPTZ: milliseconds below 10 to the
 * power of 14, microseconds up to the year 9999, else nanoseconds. */
typedef enum dk_pg_unit { DK_PG_UNIT_NONE, DK_PG_UNIT_MILLIS, DK_PG_UNIT_MICROS, DK_PG_UNIT_NANOS } dk_pg_unit;

typedef struct dk_pg_column {
    size_t size;        /* sizeof this */
    const char *name;   /* of the field in the message */
    dk_pg_kind kind;    /* of the column, or of the items of its array */
    uint8_t array;      /* its dimensions, 6 at most; 0: it is none */
    bool nullable;      /* a null is written; else it is an error */
    uint32_t length;    /* VARCHAR, CHAR: most characters; 0: any */
    uint32_t precision; /* NUMERIC: most digits; 0: any number with any scale */
    int32_t scale;      /* NUMERIC: of them, behind the point */
    dk_pg_form form;
    dk_pg_unit unit;
    bool narrow; /* what PostgreSQL has and Python's types have not is odd (infinity, years beyond 1 to 9999, 24:00,
                  * the numeric NaN, a zero below zero), and so are texts in another form than all write. An interval
                  * is days of 24 hours and less: a year is 365 of them, a month 30 */
} dk_pg_column;

/* dk_pg_kind_of - the kind that a plan calls so; DK_PG_KIND_COUNT if there is none. Threads: any. */
DK_API dk_pg_kind dk_pg_kind_of(const char *text);

/* ---- plans ---- */

typedef struct dk_copy_plan dk_copy_plan;

typedef struct dk_copy_plan_options {
    size_t size;                 /* sizeof this */
    const dk_pg_column *columns; /* in the order of COPY's list of columns: those of the key first */
    size_t ncolumns;
    size_t nkey;             /* so many are the key: 1 at least */
    bool key_in_value;       /* the key's columns of a row are read from the value, else from the message's key; the
                              * key of a message without a value always is */
    const char *placeholder; /* of a value that the source has not sent; NULL: __debezium_unavailable_value */
    const char *deleted;     /* field that says whether the row is deleted; NULL: __deleted */
    bool odd_tombstones;     /* a message without a value is odd, else it deletes */
    bool versioned; /* whoever sends the rows compares versions: a deletion is odd, and so is a second message of a
                     * key, since the first may be older than what is there, or than the second */
} dk_copy_plan_options;

/* dk_copy_plan_new - Ownership: options are copied; on DK_OK *out is yours, drop it with dk_copy_plan_unref().
 * Threads: the plan is immutable and may be shared. Errors: DK_EINVAL, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_copy_plan_new(const dk_alloc *a, const dk_copy_plan_options *options,
                                                dk_copy_plan **out, dk_error *err);
DK_API dk_copy_plan *dk_copy_plan_ref(dk_copy_plan *p);
DK_API void dk_copy_plan_unref(dk_copy_plan *p);

/* ---- readers ---- */

typedef struct dk_copy_reader dk_copy_reader;

typedef enum dk_copy_side { DK_COPY_KEY, DK_COPY_VALUE } dk_copy_side;

/* dk_copy_reader_avro - what a plan makes of keys or values of an Avro schema.
 *
 * A record at the root, or an envelope of Debezium's (`op`, `before`, `after`), whose inner record it then reads; a
 * key may also be a single value, if the plan's key has one column. Ownership: plan and program are shared
 * (referenced); on DK_OK *out is yours, drop it with dk_copy_reader_free(). Threads: the reader is immutable and may
 * be shared. Errors: DK_EINVAL, DK_ENOMEM. Columns that the schema lacks are no error: all values are odd then, and
 * dk_copy_reader_odd() says why.
 */
DK_API DK_MUST_CHECK dk_status dk_copy_reader_avro(dk_copy_plan *plan, dk_copy_side side, dk_avro_program *program,
                                                   dk_copy_reader **out, dk_error *err);
DK_API void dk_copy_reader_free(dk_copy_reader *r);

/* Whether messages are {"schema": ..., "payload": ...}, as Kafka Connect's JsonConverter writes them. AUTO: those
 * that look so are, unless a column is called so. */
typedef enum dk_copy_connect { DK_COPY_CONNECT_AUTO, DK_COPY_CONNECT_ALWAYS, DK_COPY_CONNECT_NEVER } dk_copy_connect;

typedef struct dk_copy_json_options {
    size_t size; /* sizeof this */
    dk_copy_connect connect;
    const char *const *ignored; /* fields that no column takes, besides those that begin with two underscores */
    size_t nignored;
    const char *const *refused; /* fields that make a message odd */
    size_t nrefused;
    bool ignore_others; /* what becomes of all other fields: ignored, else the message is odd */
} dk_copy_json_options;

/* dk_copy_reader_json - what a plan makes of keys or values in JSON.
 *
 * Messages are objects, or envelopes of Debezium's (`op`, `before`, `after`), each with or without Connect's schema,
 * or `null`; a key may also be a single value, if the plan's key has one column. Schemas are compiled when they are
 * met first; values without one are read as their columns say. A message in which a column's field is missing is odd.
 * options may be NULL. Ownership: the plan is shared, options are copied; on DK_OK *out is yours, drop it with
 * dk_copy_reader_free(). Threads: one at a time: the reader learns. Errors: DK_EINVAL, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_copy_reader_json(dk_copy_plan *plan, dk_copy_side side,
                                                   const dk_copy_json_options *options, dk_copy_reader **out,
                                                   dk_error *err);

/* dk_copy_reader_odd - why all values of a reader are odd; NULL: they are not. Ownership: the reader's. Threads: any.
 */
DK_API const char *dk_copy_reader_odd(const dk_copy_reader *r);

/* ---- blocks ---- */

typedef struct dk_copy_block dk_copy_block;

/* What became of a message. */
typedef enum dk_copy_verdict {
    DK_COPY_ROW,     /* it is its key's row now */
    DK_COPY_DELETED, /* its key is deleted */
    DK_COPY_ODD,     /* somebody else has to write it, when this block is written. So are all of its key behind it */
    DK_COPY_STRAY,   /* odd, and its key is not known: what is behind it may not be added to this block */
    DK_COPY_FAILED   /* it can never pass: see the error */
} dk_copy_verdict;

/* dk_copy_block_new - an empty block. Ownership: the plan is shared; on DK_OK *out is yours: dk_copy_block_free().
 * Threads: the block's owner. Errors: DK_EINVAL, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_copy_block_new(const dk_alloc *a, dk_copy_plan *plan, dk_copy_block **out,
                                                 dk_error *err);
DK_API void dk_copy_block_free(dk_copy_block *b);
/* dk_copy_block_clear - empty it; its memory is kept. */
DK_API void dk_copy_block_clear(dk_copy_block *b);

/* A message as the block wants it: bytes without framing, and the readers of their schemas. A null is p == NULL. */
typedef struct dk_copy_message {
    const dk_copy_reader *key_reader; /* NULL: the key is not read */
    const dk_copy_reader *value_reader;
    dk_slice key;
    dk_slice value;
} dk_copy_message;

/* dk_copy_block_add - the next message.
 *
 * *verdict tells what became of it; err describes FAILED (code is DK_ECOLUMN, DK_EAVRO or DK_EJSON; path is the
 * field), ODD and STRAY (text says why). A message whose value is null, or says that its row is deleted, deletes.
 * Ownership: the message is borrowed for the call. Threads: owner. Errors: DK_ENOMEM (the block is as it was),
 * DK_EINVAL.
 */
DK_API DK_MUST_CHECK dk_status dk_copy_block_add(dk_copy_block *b, const dk_copy_message *m, dk_copy_verdict *verdict,
                                                 dk_error *err);

/* dk_copy_block_finish - the two streams, with header and trailer: rows to be inserted or to replace those of their
 * keys, and keys (only the key's columns) of rows to be deleted before that.
 *
 * A key that was deleted and written again is in both. Ownership: the streams are the block's, until something is
 * added to it or it is cleared. Threads: owner. Errors: DK_ENOMEM.
 */
typedef struct dk_copy_streams {
    dk_slice rows;
    dk_slice deleted;
    size_t nrows;
    size_t ndeleted;
} dk_copy_streams;

DK_API DK_MUST_CHECK dk_status dk_copy_block_finish(dk_copy_block *b, dk_copy_streams *out, dk_error *err);

/* What a block holds: rows, and keys of rows to be deleted. */
typedef enum dk_copy_part { DK_COPY_ROWS, DK_COPY_KEYS } dk_copy_part;

/* dk_copy_block_arrays - the rows or the keys by columns, for a statement that takes them as its parameters
 * (`unnest($1, $2)`): for each column of the plan, or of its key, an array of one dimension in PostgreSQL's binary
 * form. The type of its items is that of the column's kind, and text for VARCHAR.
 *
 * Ownership: the arrays are the block's, until the next call, or until something is added to it or it is cleared; the
 * streams stay what they are. Threads: owner. Errors: DK_EINVAL (a column is an array itself, or would be one of more
 * than 1 GB), DK_ENOMEM.
 */
typedef struct dk_copy_arrays {
    const dk_slice *list;
    size_t n;
} dk_copy_arrays;

DK_API DK_MUST_CHECK dk_status dk_copy_block_arrays(dk_copy_block *b, dk_copy_part part, dk_copy_arrays *out,
                                                    dk_error *err);

#ifdef __cplusplus
}
#endif

#endif
