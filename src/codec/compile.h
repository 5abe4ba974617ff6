/* SPDX-License-Identifier: MIT
 *
 * What the files share that make programs: the compiler's tables while a program grows, and who fills them.
 *
 * program.c runs them: compile.c turns types into ops, record.c the fields of records into steps, match.c says which
 * of the reader's types takes a writer's, and when all ops are there, measure.c and readable.c look them over.
 */
#ifndef DK_CODEC_COMPILE_H
#define DK_CODEC_COMPILE_H

#include "codec/internal.h"

#define DK__OPS_MAX (1u << 22)

/* A writer's type, and the reader's that it is read as; NULL: as the writer has it. */
typedef struct dk__pair {
    const dk__type *w, *r;
} dk__pair;

/* Pairs that were met, numbered in their order. */
typedef struct dk__memo {
    dk__pair *pairs;
    uint32_t n, cap;
    uint32_t *slots; /* hash table: number + 1 */
    uint32_t cap_slots;
} dk__memo;

typedef struct dk__compiler {
    const dk_alloc *a;
    dk__arena *arena; /* of the program */
    dk_avro_op *ops;
    const char **names;
    dk_avro_connect *connect;
    uint32_t nops, cap_ops;
    dk__memo record_pairs; /* the work list: their steps are made later */
    dk_avro_record *records;
    uint32_t nrecords, cap_records;
    dk__memo enum_pairs;
    dk_avro_enum *enums;
    uint32_t nenums, cap_enums;
    dk_slice *consts;
    uint32_t nconsts, cap_consts;
    const char **texts;
    uint32_t ntexts, cap_texts;
    bool bad; /* out of memory, or too large */
    bool too_large;
} dk__compiler;

/* ---- tables.c: they grow; bad is set when the compiler has given up ---- */

void dk__compiler_fini(dk__compiler *c);
/* Room for one more item in a table of n; false when there is no memory. */
bool dk__table_grow(dk__compiler *c, void *table, uint32_t n, uint32_t *cap, size_t size);
/* Memory that lives as long as the program. */
void *dk__compiler_alloc(dk__compiler *c, size_t count, size_t size);
/* n ops in a row; DK_AVRO_NONE when there is no room. */
uint32_t dk__reserve_ops(dk__compiler *c, uint32_t n);
uint32_t dk__add_const(dk__compiler *c, dk_slice bytes);
/* ops[dst] becomes a FAIL with this text. */
void dk__put_fail(dk__compiler *c, uint32_t dst, const char *fmt, ...) DK_PRINTF(3, 4);
/* The record that reads w as r, put on the work list the first time. */
uint32_t dk__find_record(dk__compiler *c, const dk__type *w, const dk__type *r);
/* The enum that reads w as r; *made: it was not there, and is the caller's to fill. */
uint32_t dk__find_enum(dk__compiler *c, const dk__type *w, const dk__type *r, bool *made);

/* ---- match.c ---- */

/* Whether some value of w can be read as r, seen from outside: fields of records are looked at when they are
 * compiled. */
bool dk__types_match(const dk__type *w, const dk__type *r);
/* The branch of the reader's union that takes the writer's type; r->n if there is none. */
uint32_t dk__pick_branch(const dk__type *w, const dk__type *r);

/* ---- compile.c, record.c ---- */

/* Fills ops[dst], but for slot and name, with what reads a value of w as r (NULL: as it is). */
void dk__compile_type(dk__compiler *c, uint32_t dst, const dk__type *w, const dk__type *r);
/* The steps of the record that is at index in the work list. */
void dk__compile_record(dk__compiler *c, uint32_t index);

/* ---- measure.c, readable.c: when all ops are there ---- */

/* Fills in how few bytes an item of each array and map takes; false when there is no memory. */
bool dk__measure(dk__compiler *c);
/* DK_ESCHEMA, with its path, when no value can be read. */
dk_status dk__check_readable(dk__compiler *c, dk_error *err);

#endif
