/* SPDX-License-Identifier: MIT
 *
 * Encoders: an AvroSchema makes bytes of values on their way into the queue.
 */
#ifndef DK_BINDING_PRODUCER_ENCODER_H
#define DK_BINDING_PRODUCER_ENCODER_H

#include "avro/native_avro.h"
#include "producer/producer.h"

/* What makes bytes of values on their way into the queue; schema NULL: they are bytes already. */
typedef struct native_encoder {
    AvroSchemaObject *schema;
    const char *prefix;
    size_t n_prefix;
} native_encoder;

/* Borrows from obj: (AvroSchema, bytes), None or NULL. */
int native_encoder_of(const ProducerObject *self, PyObject *obj, native_encoder *out);
/* Appends the bytes of a value. place: which of many, NULL: the only one. */
int native_encode_value(const native_encoder *en, PyObject *value, const avro_place *place, dk_buf *out);
/* The bytes of all values, one behind the other in buf. None is no value. list: what an error calls them. */
int native_encode_values(const native_encoder *en, PyObject *tuple, const char *list, dk_buf *buf, dk_slice *out);

#endif
