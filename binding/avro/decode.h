/* SPDX-License-Identifier: MIT
 *
 * The values of logical types, made of what Avro has for them: NULL with an exception, or without one when r->err
 * tells.
 */
#ifndef DK_BINDING_AVRO_DECODE_H
#define DK_BINDING_AVRO_DECODE_H

#include "avro/native_avro.h"

/* dates.c - of an int or long that began at byte `at`. Nanoseconds, which datetime cannot hold, stay a number. */
PyObject *native_date_of(AvroCore *core, dk_avro_reader *r, const dk_avro_op *op, int64_t v, const uint8_t *at);

/* texts.c - of UTF-8; without an exception when it is none. */
void native_text_init(AvroCore *core);
PyObject *native_text_of(const AvroCore *core, dk_slice s);

/* decimals.c - of big-endian two's complement. */
PyObject *native_decimal_of(AvroCore *core, dk_avro_reader *r, const dk_avro_op *op, dk_slice s);

/* uuids.c - the usual form of 36 characters; false for any other, which is left to UUID itself. */
bool native_uuid_parse(dk_slice s, uint8_t out[16]);
PyObject *native_uuid_of(AvroCore *core, const uint8_t b[16]);
PyObject *native_uuid_of_text(AvroCore *core, dk_avro_reader *r, PyObject *text, const uint8_t *at);

#endif
