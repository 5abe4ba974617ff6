/* SPDX-License-Identifier: MIT
 *
 * What the files of this folder share: plans of COPY, and what came of messages that were run through one.
 *
 * plan.c is the type CopyPlan, column.c reads its columns, schemas.c has the readers of its schemas, part.c gets the
 * bytes out of what stands for a message, json.c has readers of JSON, run.c runs messages, ahead.c those that are not
 * in hand yet, and result.c is the type CopyResult.
 */
#ifndef DK_BINDING_NATIVE_COPY_H
#define DK_BINDING_NATIVE_COPY_H

#include <stdatomic.h>

#include "base/args.h"
#include "base/state.h"

#include "dk/consumer.h"
#include "dk/pgcopy.h"
#include "dk/wire.h"

/* The readers of the schemas of keys, or of values. */
typedef struct copy_schema {
    bool has_guid;
    uint32_t id;
    uint8_t guid[16];
    dk_copy_reader *reader;
} copy_schema;

typedef struct copy_schemas {
    copy_schema *list;
    size_t n;
    size_t last;          /* that was asked for */
    dk_copy_reader *bare; /* of bytes without framing, which all are then; NULL: they are framed */
} copy_schemas;

typedef struct CopyPlanObject {
    PyObject_HEAD dk_copy_plan *plan;
    PyObject *columns; /* tuple of names, in COPY's order */
    bool key_in_value;
    atomic_bool busy; /* a thread is in run(), maybe without the GIL */
    copy_schemas schemas[2];
} CopyPlanObject;

/* ---- column.c ---- */

/* A column from (name, type) or (name, type, options): -1 with an exception. It borrows the name. */
int native_copy_column(PyObject *item, dk_pg_column *out);

/* ---- schemas.c ---- */

void native_copy_schemas_fini(copy_schemas *s);
/* Takes the reader, in place of the one that was there. id: int, 16 bytes, or None for bytes without framing. -1 with
 * an exception. */
int native_copy_schemas_put(copy_schemas *s, PyObject *id, dk_copy_reader *reader);
/* The reader of a message's bytes, and their payload. DK_OK; DK_EWIRE with err; DK_ESCHEMA: not known, *wire says
 * which. Without the GIL. */
dk_status native_copy_schemas_find(copy_schemas *s, dk_slice bytes, dk_slice header, const dk_copy_reader **reader,
                                   dk_slice *payload, dk_wire *wire, dk_error *err);

/* Keeps other threads out of the plan: -1 with an exception if one is in it. */
int native_copy_enter(CopyPlanObject *self);
void native_copy_leave(CopyPlanObject *self);
int native_copy_side(PyObject *obj, dk_copy_side *out); /* "key" or "value"; -1 with an exception */

/* ---- part.c ---- */

/* The bytes of a message, and the objects that own them. */
typedef struct copy_part {
    dk_slice key, value, key_header, value_header;
    PyObject *held[4];
    unsigned nheld;
} copy_part;

/* Of message i of a sequence, which the caller holds. -1 with an exception; fini anyway. */
int native_copy_part(native_state *state, PyObject *seq, Py_ssize_t i, copy_part *out);
void native_copy_part_fini(copy_part *part);
/* The same of an entry of a batch: without an object, and without the GIL. */
void native_copy_entry(const dk_batch *b, uint32_t index, copy_part *out);

/* ---- run.c ---- */

typedef struct CopyResultObject CopyResultObject;

/* Messages that go through a plan, until one of them ends it. */
typedef enum copy_end { COPY_ON, COPY_UNKNOWN, COPY_STRAY, COPY_ERROR, COPY_NOMEM } copy_end;

typedef struct copy_run {
    CopyPlanObject *plan;
    CopyResultObject *result; /* belongs to the plan */
    bool stop_at_error;
    copy_end end;
    dk_copy_side side; /* of what is unknown */
    dk_wire wire;
    dk_error err;
} copy_run;

/* The next message, whose index this is. COPY_ON: it is part of the result. Without the GIL. */
copy_end native_copy_run_one(copy_run *r, const copy_part *part, Py_ssize_t index);
/* The run is over: it ended at this index. -1 with an exception. */
int native_copy_run_end(copy_run *r, Py_ssize_t index);

/* Runs messages start <= i < stop of seq into the result. -1 with an exception. */
int native_copy_run(CopyPlanObject *plan, CopyResultObject *result, PyObject *seq, Py_ssize_t start, Py_ssize_t stop,
                    bool stop_at_error);

/* ---- result.c ---- */

/* A message that is in neither stream. */
typedef struct copy_note {
    Py_ssize_t index;
    dk_status code;
    bool odd;
    char *text;  /* field behind it, in the same memory */
    char *field; /* "": none */
} copy_note;

struct CopyResultObject {
    PyObject_HEAD PyObject *plan; /* CopyPlan */
    dk_copy_block *block;
    dk_copy_streams streams;
    Py_ssize_t exports; /* buffers that others have */
    copy_note *notes;
    size_t nnotes, cap_notes;
    Py_ssize_t stopped_at; /* -1: not before the end */
    PyObject *unknown;     /* (side, id) or None */
    PyObject *stray;       /* str or None */
};

/* Without the GIL. DK_ENOMEM. */
dk_status native_copy_note(CopyResultObject *result, Py_ssize_t index, bool odd, const dk_error *err);
PyObject *native_copy_result_new(native_state *state, PyObject *plan, dk_copy_plan *c);

extern PyType_Spec native_copy_plan_spec, native_copy_result_spec, native_copy_stream_spec, native_copy_ahead_spec;

/* ---- ahead.c ---- */

PyObject *native_copy_ahead(PyObject *op, PyObject *messages); /* CopyPlan.ahead() */

/* ---- json.c ---- */

PyObject *native_copy_add_json(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);

/* ---- plan.c ---- */

int native_copy_exec(PyObject *module); /* its part of the module; -1 with an exception */

#endif
