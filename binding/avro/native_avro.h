/* SPDX-License-Identifier: MIT
 *
 * What the files avro*.c share. They run the ops of the codec's programs (dk/avro_ops.h) themselves: no callback
 * stands between a byte and the object that is made of it.
 */
#ifndef DK_BINDING_NATIVE_AVRO_H
#define DK_BINDING_NATIVE_AVRO_H

#include "avro/dict_form.h"
#include "base/args.h"
#include "base/state.h"

/* Its static pointer to the API stays unused: AvroCore has one per module. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#include <datetime.h>
#pragma GCC diagnostic pop

#include "dk/avro.h"
#include "dk/wire.h"

/* Classes and names of Python's that values need; one for each module. */
typedef struct AvroCore {
    PyObject_HEAD PyDateTime_CAPI *dt;
    PyObject *decode_error, *encode_error, *schema_error;
    PyObject *decimal, *decimal_context; /* decimal.Decimal, decimal.Context */
    PyObject *uuid, *uuid_unsafe;        /* uuid.UUID, uuid.SafeUUID.unknown */
    PyObject *mapping, *sequence, *real; /* abstract base classes */
    PyObject *keys_view, *values_view, *items_view;
    PyObject *epoch; /* 1970-01-01 UTC */
    PyObject *s_int, *s_is_safe, *s_to_bytes, *s_from_bytes, *s_big, *s_type_hint, *s_create_decimal, *s_scaleb,
        *s_prec, *s_fromisoformat, *signed_kw, *empty_args;
    PyTypeObject *schema_type, *record_type, *reader_type;
} AvroCore;

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

/* avro_decode.c. The value at the start of bytes, which have to end with it; NULL with DecodeError. */
PyObject *native_avro_decode(AvroSchemaObject *self, dk_slice bytes);
/* One value of op at r; NULL with an exception, or without one when r->err tells. */
PyObject *native_avro_value(AvroSchemaObject *self, dk_avro_reader *r, const dk_avro_op *op);
PyObject *native_avro_raise_decode(AvroCore *core, const dk_error *err); /* unless an exception is set; NULL */

/* Which of many values one is, for the paths of errors: values[57].price. */
typedef struct avro_place {
    const char *list; /* may be NULL */
    uint64_t index;
} avro_place;

/* avro_encode.c. Appends value; -1 with EncodeError. place may be NULL. */
int native_avro_encode(AvroSchemaObject *self, PyObject *value, const avro_place *place, dk_buf *out);

/* avro_record.c. data is bytes and holds slice. */
PyObject *native_avro_record(AvroSchemaObject *self, PyObject *data, dk_slice bytes);
extern PyType_Spec native_avro_record_spec;

/* avro_reader.c. What the AvroReader `reader` makes of a message without a header for its schema: 1 with *out, NULL with an
 * exception; 0 when it does not know the schema. */
int native_avro_read(PyObject *reader, PyObject *data, PyObject **out);
extern PyType_Spec native_avro_reader_spec;

int native_avro_exec(PyObject *module); /* the codec's part of the module; -1 with an exception */

/* avro_method.c */
extern PyType_Spec native_avro_method_spec;

/* avro.c. The buffer of the last encode(), emptied, so that encoding needs no memory; give it back. */
dk_buf native_avro_take_spare(AvroSchemaObject *self);
void native_avro_give_spare(AvroSchemaObject *self, dk_buf *b);
/* The bytes of an argument from `start` (may be NULL) on. -1 with an exception; release view, if not. */
int native_avro_bytes(PyObject *data, PyObject *start, Py_buffer *view, dk_slice *out);
/* The id, or the 16 bytes of the GUID, that a message names. */
PyObject *native_avro_identity(const dk_wire *wire);
/* An exception with .path and .pos. */
void native_avro_raise(PyObject *type, const dk_error *err);

#endif
