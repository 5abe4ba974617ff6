/* SPDX-License-Identifier: MIT
 *
 * What the files share that read Avro: avro.c makes a reader, avro_read.c runs it, avro_value.c writes one value, and
 * avro_document.c one that is nested, as JSON.
 */
#ifndef DK_PG_AVRO_H
#define DK_PG_AVRO_H

#include "dk/avro.h"
#include "pg/reader.h"

/* A record whose fields are columns. */
typedef struct dk__avro_fields {
    const dk_avro_op *record;
    uint32_t *columns; /* per step: the plan's column, DK_AVRO_NONE for none */
    uint32_t deleted;  /* the step that says whether the row is deleted; DK_AVRO_NONE: there is none */
    bool ordered;      /* the steps have the columns' order: each is written when it is met */
} dk__avro_fields;

typedef struct dk__avro_reader {
    dk_copy_reader base;
    dk_avro_program *program;
    const dk_avro_code *code;
    dk__pg_meaning *meanings; /* per op */
    bool envelope;
    dk__avro_fields row;    /* the root, or what `after` holds; record NULL: a single value is the only column */
    dk__avro_fields before; /* of an envelope: what `before` holds */
    uint32_t op_step, after_step, before_step; /* of an envelope */
} dk__avro_reader;

/* Values on their way into a row. */
typedef struct dk__avro_run {
    const dk__avro_reader *reader;
    dk_avro_reader r;
    dk__pg_row *row;
} dk__avro_run;

/* avro_read.c */
extern const dk__copy_reader_type dk__avro_reader_type;

/* avro_value.c - the value of op at run->r. */
dk_status dk__avro_value(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op);
/* avro_document.c - a record, map or array as JSON. */
dk_status dk__avro_document(dk__avro_run *run, const dk_pg_column *c, const dk_avro_op *op);

#endif
