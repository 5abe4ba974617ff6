/* SPDX-License-Identifier: MIT
 *
 * Message: the object, how the engine's are made, and what its methods read and write.
 */
#ifndef DK_BINDING_CONSUMER_MESSAGE_H
#define DK_BINDING_CONSUMER_MESSAGE_H

#include "consumer/core.h"

/* What a message that does not borrow knows by itself. */
typedef struct native_own {
    PyObject *partition, *offset, *leader_epoch, *latency; /* objects or NULL for None */
    int64_t timestamp;
    int timestamp_type;
} native_own;

typedef struct MessageObject {
    PyObject_HEAD native_core *core; /* NULL: stands alone */
    native_own *own;                 /* NULL: borrows */
    uint32_t index;
    PyObject *topic, *key, *value, *headers, *error; /* NULL: not made yet, or None when it stands alone */
} MessageObject;

extern PyType_Spec native_message_spec;

/* ---- message_make.c -------------------------------------------------------------------------------------------- */

PyObject *native_message_borrow(native_core *core, uint32_t index);
typedef struct native_message_fields {
    const char *topic;
    int32_t partition;
    int64_t offset;
    dk_slice key, value;
    int64_t timestamp;
    int timestamp_type;
    double latency; /* negative: None */
    int32_t leader_epoch;
    PyObject *error; /* borrowed, NULL for None */
} native_message_fields;

PyObject *native_message_new(native_state *state, const native_message_fields *fields);

MessageObject *native_message_alone(PyTypeObject *type); /* with `own`, and nothing else */
void native_message_dealloc(PyObject *op);
int native_message_clear(PyObject *op);
void native_own_free(native_own *own);
void native_message_clear_parts(MessageObject *msg);

/* From now on the message may be part of a cycle. */
void native_message_track(PyObject *op);

/* ---- message_fields.c: methods of Message ---------------------------------------------------------------------- */

#define NATIVE_MESSAGE_GETTERS(XX)                                                                                   \
    XX(topic)                                                                                                        \
    XX(partition)                                                                                                    \
    XX(offset)                                                                                                       \
    XX(key)                                                                                                          \
    XX(value)                                                                                                        \
    XX(headers)                                                                                                      \
    XX(timestamp)                                                                                                    \
    XX(error)                                                                                                        \
    XX(latency)                                                                                                      \
    XX(leader_epoch)

#define NATIVE_MESSAGE_SETTERS(XX)                                                                                   \
    XX(value)                                                                                                        \
    XX(key)                                                                                                          \
    XX(headers)                                                                                                      \
    XX(error)                                                                                                        \
    XX(topic)

#define XX(field) PyObject *message_##field(PyObject *op, PyObject *ignored);
NATIVE_MESSAGE_GETTERS(XX)
#undef XX
#define XX(field) PyObject *message_set_##field(PyObject *op, PyObject *arg);
NATIVE_MESSAGE_SETTERS(XX)
#undef XX
PyObject *message_detach(PyObject *op, PyObject *ignored);

/* ---- message_object.c: as an object among others --------------------------------------------------------------- */

PyObject *native_message_compare(PyObject *op, PyObject *other, int how);
PyObject *message_reduce(PyObject *op, PyObject *ignored);
PyObject *message_delivery_count(PyObject *op, PyObject *ignored);
/* The constructor's arguments, borrowed: topic, partition, offset, key, value, headers, error, timestamp, latency,
 * leader_epoch. -1 with an exception. */
int native_message_arguments(PyObject *args, PyObject *kwargs, PyObject **a);

/* ---- message_walk.c -------------------------------------------------------------------------------------------- */

/* Make msg the message at index, if nobody else holds it; else a new one. Takes the reference msg (may be NULL). */
PyObject *native_message_reuse(MessageObject *msg, native_core *core, uint32_t index);
/* The walk has left it behind: drop a reference (NULL is fine). Keeps the current exception, if there is one. */
void native_message_let_go(MessageObject *msg);

#endif
