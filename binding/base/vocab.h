/* SPDX-License-Identifier: MIT
 *
 * confluent_kafka's classes, and its KafkaError.
 */
#ifndef DK_BINDING_BASE_VOCAB_H
#define DK_BINDING_BASE_VOCAB_H

#include <stdbool.h>

#include "base/state.h"

PyObject *native_vocab(native_state *state, native_class which); /* borrowed */
PyObject *native_kafka_error(native_state *state, int code, const char *text, bool fatal, bool retriable, bool abort);
PyObject *native_kafka_error_or_none(native_state *state, int code, const char *text);

#endif
