/* SPDX-License-Identifier: MIT
 *
 * Avro 1.12: schemas, their resolution, and values in the binary encoding.
 *
 * A schema is parsed once (dk_avro_schema) and compiled once, alone or for a pair of writer and reader
 * (dk_avro_program). A program is run by dk_avro_skip(), which finds the end of a value, dk_avro_index(), which finds
 * fields without decoding them, and by the walks of avro_decode.h and avro_encode.h, for sinks and sources of one's
 * own. None trusts bytes: lengths are checked against what is left, depth and the number of items without bytes are
 * bounded, and they allocate nothing.
 */
#ifndef DK_AVRO_H
#define DK_AVRO_H

#include "dk/avro_ops.h"
#include "dk/base.h"
#include "dk/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- schemas ----------------------------------------------------------------------------------------------------
 */

typedef struct dk_avro_schema dk_avro_schema;

/* A schema that others may refer to by name, or by that of a type inside it; parsed when one does. */
typedef struct dk_avro_named {
    dk_slice name; /* full name */
    dk_slice json;
} dk_avro_named;

typedef struct dk_avro_schema_options {
    size_t size;                /* sizeof this */
    const dk_avro_named *names; /* schemas that may be referred to */
    size_t nnames;
    bool strict; /* refuse what the specification forbids but readers put up with: names that are not Avro
                  * names, defaults that do not fit their type, unions in unions */
} dk_avro_schema_options;

/* dk_avro_schema_new - parse a schema (JSON text).
 *
 * options may be NULL. A logical type that is unknown, or does not fit its type, is ignored as the specification
 * says. Ownership: json and options are borrowed for the call; on DK_OK *out is yours, drop it with
 * dk_avro_schema_unref(). Threads:   the schema is immutable and may be shared. Errors:    DK_ESCHEMA (err->path is
 * the field at fault, err->pos the byte of a syntax error), DK_EINVAL, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_avro_schema_new(const dk_alloc *a, dk_slice json,
                                                  const dk_avro_schema_options *options, dk_avro_schema **out,
                                                  dk_error *err);
DK_API dk_avro_schema *dk_avro_schema_ref(dk_avro_schema *s);
DK_API void dk_avro_schema_unref(dk_avro_schema *s);

/* dk_avro_schema_name - full name of a record, enum or fixed; name of any other type ("union" for a union).
 * Ownership: lives as long as the schema. Threads: any.
 */
DK_API const char *dk_avro_schema_name(const dk_avro_schema *s);

/* dk_avro_schema_canonical - append the parsing canonical form to out.
 * dk_avro_schema_fingerprint - CRC-64-AVRO of that form.
 * Threads: any. Errors: DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_avro_schema_canonical(const dk_avro_schema *s, dk_buf *out, dk_error *err);
DK_API DK_MUST_CHECK dk_status dk_avro_schema_fingerprint(const dk_avro_schema *s, uint64_t *out, dk_error *err);

/* dk_avro_fingerprint64 - CRC-64-AVRO of any bytes. Threads: any. */
DK_API uint64_t dk_avro_fingerprint64(dk_slice bytes);

/* ---- programs ---------------------------------------------------------------------------------------------------
 */

typedef struct dk_avro_program dk_avro_program;

/* dk_avro_program_new - compile.
 *
 * reader may be NULL: values are read, and can be written, as the writer's schema has them. With a reader, values
 * written with the writer's schema come out as the reader's. A logical type is the writer's; types that have one are
 * not promoted. Ownership: the schemas are shared (referenced by the program); on DK_OK *out is yours:
 * dk_avro_program_unref(). Threads:   the program is immutable and may be shared. Errors:    DK_ESCHEMA when no value
 * of the writer can become one of the reader (err->path says where); what only some values run into (a branch of a
 * union) is an error when such a value is decoded. DK_EINVAL, DK_ENOMEM.
 */
DK_API DK_MUST_CHECK dk_status dk_avro_program_new(const dk_alloc *a, dk_avro_schema *writer, dk_avro_schema *reader,
                                                   dk_avro_program **out, dk_error *err);
DK_API dk_avro_program *dk_avro_program_ref(dk_avro_program *p);
DK_API void dk_avro_program_unref(dk_avro_program *p);

/* dk_avro_program_code - the ops, for runners of one's own. Lives as long as the program. Threads: any. */
DK_API const dk_avro_code *dk_avro_program_code(const dk_avro_program *p);

/* dk_avro_program_dump - append a listing of the program, for people. Threads: any. Errors: DK_ENOMEM. */
DK_API DK_MUST_CHECK dk_status dk_avro_program_dump(const dk_avro_program *p, dk_buf *out, dk_error *err);

/* ---- reading ---- */

#define DK_AVRO_DEPTH 200      /* default of dk_avro_limits.depth */
#define DK_AVRO_DEPTH_MAX 1024 /* the largest it may be */
#define DK_AVRO_EMPTY 65536    /* default of dk_avro_limits.empty */

typedef struct dk_avro_limits {
    size_t size;    /* sizeof this */
    uint32_t depth; /* levels of records, arrays and maps in a value; at most DK_AVRO_DEPTH_MAX */
    uint32_t empty; /* items that take no bytes, in one value */
} dk_avro_limits;

/* dk_avro_reader_init - a cursor over bytes with the budgets of limits (NULL: the defaults). Threads: owner. */
DK_API void dk_avro_reader_init(dk_avro_reader *r, dk_slice bytes, const dk_avro_limits *limits, dk_error *err);

/* dk_avro_skip - find the end of the value at the start of bytes: *used bytes belong to it.
 * Threads: any. Errors: DK_EAVRO, DK_EINVAL.
 */
DK_API DK_MUST_CHECK dk_status dk_avro_skip(const dk_avro_program *p, dk_slice bytes, const dk_avro_limits *limits,
                                            size_t *used, dk_error *err);

/* dk_avro_index - find where the steps of a record begin, without decoding: the primitive of lazy views.
 *
 * record is an op RECORD whose value begins at offsets[0] (the caller's to set, as is *known = 1 the first time).
 * offsets[i] becomes the byte at which step i begins, for all i <= step; *known is how many are known so far, so that
 * a second question goes on where the first ended. offsets has room for nsteps + 1; step may be nsteps (the record's
 * end). Threads: owner of offsets. Errors: DK_EAVRO, DK_EINVAL.
 */
DK_API DK_MUST_CHECK dk_status dk_avro_index(const dk_avro_code *c, const dk_avro_op *record, dk_slice bytes,
                                             const dk_avro_limits *limits, uint32_t *offsets, uint32_t *known,
                                             uint32_t step, dk_error *err);

#ifdef __cplusplus
}
#endif

#endif
