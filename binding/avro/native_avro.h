/* SPDX-License-Identifier: MIT
 *
 * What the files of this folder share: the objects, and who makes and reads them.
 *
 * exec.c puts the codec into the module. schema.c (AvroSchema), record.c (its lazy views), reader.c (AvroReader, for
 * messages) and method.c (AvroMethod, for topics) are the types; decode.c and encode.c run programs for them, with
 * plan.c and form.c for names, dates.c, decimals.c and uuids.c for logical types, union.c for the choice of a branch.
 */
#ifndef DK_BINDING_NATIVE_AVRO_H
#define DK_BINDING_NATIVE_AVRO_H

#include "base/args.h"
#include "base/state.h"

/* Its static pointer to the API stays unused: AvroCore has one per module. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#include <datetime.h>
#pragma GCC diagnostic pop

#include "dk/avro.h"
#include "dk/wire.h"

/* type and name of what values need of Python: classes, interned names, exceptions, our own types. */
#define NATIVE_AVRO_OBJECTS(XX)                                                                                      \
    XX(PyObject, decode_error)                                                                                       \
    XX(PyObject, encode_error)                                                                                       \
    XX(PyObject, schema_error)                                                                                       \
    XX(PyObject, decimal)         /* decimal.Decimal */                                                              \
    XX(PyObject, decimal_context) /* decimal.Context */                                                              \
    XX(PyObject, uuid)            /* uuid.UUID */                                                                    \
    XX(PyObject, uuid_unsafe)     /* uuid.SafeUUID.unknown */                                                        \
    XX(PyObject, mapping)         /* abstract base classes */                                                        \
    XX(PyObject, sequence)                                                                                           \
    XX(PyObject, real)                                                                                               \
    XX(PyObject, keys_view)                                                                                          \
    XX(PyObject, values_view)                                                                                        \
    XX(PyObject, items_view)                                                                                         \
    XX(PyObject, epoch)   /* 1970-01-01 UTC */                                                                       \
    XX(PyObject, missing) /* what get() gives where there is nothing */                                              \
    XX(PyObject, s_get)                                                                                              \
    XX(PyObject, s_int)                                                                                              \
    XX(PyObject, s_is_safe)                                                                                          \
    XX(PyObject, s_to_bytes)                                                                                         \
    XX(PyObject, s_from_bytes)                                                                                       \
    XX(PyObject, s_big)                                                                                              \
    XX(PyObject, s_type_hint)                                                                                        \
    XX(PyObject, s_create_decimal)                                                                                   \
    XX(PyObject, s_scaleb)                                                                                           \
    XX(PyObject, s_prec)                                                                                             \
    XX(PyObject, s_utcoffset)                                                                                        \
    XX(PyObject, s_fromisoformat)                                                                                    \
    XX(PyObject, signed_kw)                                                                                          \
    XX(PyObject, empty_args)                                                                                         \
    XX(PyTypeObject, schema_type)                                                                                    \
    XX(PyTypeObject, record_type)                                                                                    \
    XX(PyTypeObject, reader_type)

/* One for each module. */
typedef struct AvroCore {
    PyObject_HEAD PyDateTime_CAPI *dt;
#define XX(type, name) type *name;
    NATIVE_AVRO_OBJECTS(XX)
#undef XX
    bool packs_texts;       /* texts.c has the instruction it needs */
    uint8_t packs[256][16]; /* its operand: moves the 16-bit lanes of a mask together */
} AvroCore;

/* Dicts with the same keys in the same order. */
typedef struct native_form {
    PyObject *template; /* dict of the keys, values None */
    PyObject **names;   /* the keys */
    uint32_t *places;   /* of each key's value in the table of a copy; NULL: not known */
    uint32_t n;
    bool holds; /* values may be containers: the garbage collector has to know the dicts */
} native_form;

/* A record of a program, with Python's names. */
typedef struct avro_plan {
    PyObject **names; /* per field, interned */
    native_form form; /* of the names in the order in which steps deliver them */
    PyObject *index;  /* dict: name -> number of its field; made when a lazy view first asks */
} avro_plan;

typedef struct avro_enum_plan {
    PyObject **symbols; /* interned */
    PyObject *index;    /* dict: symbol -> number */
} avro_enum_plan;

typedef struct AvroSchemaObject {
    PyObject_HEAD AvroCore *core;
    dk_avro_schema *schema;   /* the writer's */
    dk_avro_program *program; /* of schema, or of schema and a reader's */
    const dk_avro_code *code;
    avro_plan *plans;      /* per record of code */
    avro_enum_plan *enums; /* per enum of code */
    dk_buf spare;          /* memory of the last encode(); empty while one is running */
    dk_avro_limits limits;
} AvroSchemaObject;

/* A lazy view of a record. */
typedef struct AvroRecordObject {
    PyObject_VAR_HEAD AvroSchemaObject *schema;
    PyObject *data; /* bytes */
    const dk_avro_op *op;
    dk_slice bytes;    /* of data, from where the value begins */
    PyObject **values; /* per field, NULL: not read yet; behind offsets in the same memory */
    uint32_t known;    /* offsets that are known */
    uint32_t unused;   /* so that offsets, and values behind an even number of them, are aligned */
    uint32_t offsets[];
} AvroRecordObject;

/* ---- exec.c ---- */

int native_avro_exec(PyObject *module); /* the codec's part of the module; -1 with an exception */

/* ---- core.c ---- */

/* Makes the module's AvroCore, which is the state's, and adds the exceptions. Borrowed; NULL with an exception. */
AvroCore *native_avro_core(PyObject *module);
PyObject *native_avro_intern(const char *s);

/* ---- errors.c ---- */

/* An exception with .path and .pos. */
void native_avro_raise(PyObject *type, const dk_error *err);
PyObject *native_avro_raise_decode(AvroCore *core, const dk_error *err); /* unless an exception is set; NULL */
void native_avro_raise_schema(AvroCore *core, dk_status st, const dk_error *err);

/* ---- form.c ---- */

/* names: n of them, interned. -1 with an exception; fini anyway. */
int native_form_init(native_form *form, PyObject *const *names, uint32_t n, bool holds);
void native_form_fini(native_form *form);
/* A dict with these values, in the order of the names. Takes the values; NULL with an exception. */
PyObject *native_form_make(const native_form *form, PyObject *const *values);

/* ---- plan.c ---- */

int native_plans_make(AvroSchemaObject *self); /* -1 with an exception; free anyway */
void native_plans_free(AvroSchemaObject *self);

/* ---- decode.c ---- */

/* The value at the start of bytes, which have to end with it; NULL with DecodeError. */
PyObject *native_avro_decode(AvroSchemaObject *self, dk_slice bytes);
/* One value of op at r; NULL with an exception, or without one when r->err tells. */
PyObject *native_avro_value(AvroSchemaObject *self, dk_avro_reader *r, const dk_avro_op *op);

/* ---- encode.c ---- */

/* Which of many values one is, for the paths of errors: values[57].price. */
typedef struct avro_place {
    const char *list; /* may be NULL */
    uint64_t index;
} avro_place;

/* Appends value; -1 with EncodeError. place may be NULL. */
int native_avro_encode(AvroSchemaObject *self, PyObject *value, const avro_place *place, dk_buf *out);

/* ---- spare.c ---- */

/* The buffer of the last encode(), emptied, so that encoding needs no memory; give it back. */
dk_buf native_avro_take_spare(AvroSchemaObject *self);
void native_avro_give_spare(AvroSchemaObject *self, dk_buf *b);

/* ---- bytes.c ---- */

/* The bytes of an argument from `start` (may be NULL) on. -1 with an exception; release view, if not. */
int native_avro_bytes(PyObject *data, PyObject *start, Py_buffer *view, dk_slice *out);

/* ---- wire.c ---- */

extern PyMethodDef native_wire_functions[];
PyObject *native_wire_identity(const dk_wire *wire); /* the id, or the 16 bytes of the GUID, that a message names */

/* ---- schema.c, record.c, reader.c, method.c ---- */

/* A view of the record in slice, which is part of data (bytes); of what is no record, the value. */
PyObject *native_avro_record(AvroSchemaObject *self, PyObject *data, dk_slice bytes);
/* What the AvroReader `reader` makes of a message without a header for its schema: 1 with *out, NULL with an
 * exception; 0 when it does not know the schema. */
int native_avro_read(PyObject *reader, PyObject *data, PyObject **out);

extern PyType_Spec native_avro_schema_spec, native_avro_record_spec, native_avro_reader_spec, native_avro_method_spec;

#endif
