/* SPDX-License-Identifier: MIT
 *
 * What the files share that encode Avro.
 */
#ifndef DK_BINDING_AVRO_ENCODE_H
#define DK_BINDING_AVRO_ENCODE_H

#include "avro/native_avro.h"

/* One value on its way into out. */
typedef struct native_encoding {
    const dk_avro_code *c;
    dk_buf *out;
    dk_error *err;
    uint32_t depth, empty;
    AvroSchemaObject *self;
    AvroCore *core;
    size_t start;   /* of the value in out */
    uint32_t tried; /* steps of the choice of a union's branch */
} native_encoding;

/* ---- unfit.c ---- */

/* The value does not fit, and why: false. Without an exception, which native_avro_encode() makes of it. */
bool native_unfit(native_encoding *e, const char *fmt, ...) DK_PRINTF(2, 3);
bool native_unfit_type(native_encoding *e, const char *want, PyObject *v);
/* A Python error that says that a value is of the wrong kind becomes ours; others (MemoryError, KeyboardInterrupt)
 * stay. */
bool native_unfit_raised(native_encoding *e, const char *want, PyObject *v);

/* ---- shape.c ---- */

int native_shape_index_of(PyObject *v, int64_t *out);
int native_shape_field_of(native_encoding *e, PyObject *v, PyObject *name, PyObject **out);
int native_shape_is_mapping(native_encoding *e, PyObject *v); /* 1, 0, or -1 with an exception */

/* 1: *out is the number; 0: not an integer; -1: too large for 64 bits; -2 with an exception. */
static inline int
native_shape_index(PyObject *v, int64_t *out)
{
    int overflow;

    if (!PyLong_CheckExact(v))
        return native_shape_index_of(v, out);
    *out = PyLong_AsLongLongAndOverflow(v, &overflow);
    return overflow != 0 ? -1 : 1;
}

/* The value of a field: 1 with a new reference, 0 when there is none, -1 with an exception. */
static inline int
native_shape_field(native_encoding *e, PyObject *v, PyObject *name, PyObject **out)
{
    if (!PyDict_CheckExact(v))
        return native_shape_field_of(e, v, name, out);
    *out = Py_XNewRef(PyDict_GetItemWithError(v, name));
    return *out != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
}

/* Whether the text key, of whatever object, is the same as name. */
static inline bool
native_shape_same(PyObject *key, PyObject *name)
{
    if (key == name)
        return true;
    if (!PyUnicode_CheckExact(key) || PyUnicode_GET_LENGTH(key) != PyUnicode_GET_LENGTH(name) ||
        PyUnicode_KIND(key) != PyUnicode_KIND(name))
        return false;
    return memcmp(PyUnicode_DATA(key), PyUnicode_DATA(name),
                  (size_t)PyUnicode_GET_LENGTH(name) * (size_t)PyUnicode_KIND(name)) == 0;
}

/* ---- dates.c, decimals.c, uuids.c ---- */

/* 1: *out is the number of a date, time or datetime; 0: v is none that this logical type takes; -1: refused or
 * raised. */
int native_date_number(native_encoding *e, const dk_avro_op *op, PyObject *v, int64_t *out);
bool native_decimal_put(native_encoding *e, const dk_avro_op *op, PyObject *v); /* v is a Decimal */
bool native_uuid_put(native_encoding *e, const dk_avro_op *op, PyObject *v);    /* v is a UUID */

/* ---- union.c ---- */

/* The branch that the first of a pair (name, value) names: 0, or -1 refused or raised. */
int native_union_choose_named(native_encoding *e, const dk_avro_op *op, PyObject *pair, uint32_t *branch);
/* The branch for a value without a name: the first that fits, of records the one with most of its fields given,
 * double rather than float. 0, or -1 refused or raised. */
int native_union_choose(native_encoding *e, const dk_avro_op *op, PyObject *v, uint32_t *branch);
/* Whether a "-type" in a record, if there is one, names this record: 1, 0, or -1 with an exception. */
int native_union_hint_fits(native_encoding *e, const dk_avro_record *rec, PyObject *v);

#endif
