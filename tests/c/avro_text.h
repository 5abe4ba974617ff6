/* SPDX-License-Identifier: MIT
 *
 * What the tests of the codec share: schemas from text, values as JSON text and from it, and the vectors of
 * tests/vectors/avro.
 */
#ifndef DK_TEST_AVRO_TEXT_H
#define DK_TEST_AVRO_TEXT_H

#include "avro_tree.h"
#include "dk_test.h"

dk_slice avro_slice(const char *s);

/* A schema, or a program of one or two schemas, that has to be valid. */
dk_avro_schema *avro_schema(const char *json);
dk_avro_program *avro_program(const char *writer, const char *reader);

/* "02 04d2" to bytes; the buffer is the caller's. */
void avro_unhex(const char *hex, dk_buf *out);

/* A value as avro_tree_json() writes it, with a NUL behind it. how may be NULL. */
dk_status avro_to_json(const dk_avro_program *p, dk_slice bytes, const avro_how *how, dk_buf *out, dk_error *err);
/* avro_json.c - encodes what that JSON says. A union's branch is the first that fits. */
dk_status avro_from_json(const dk_avro_program *p, const char *json, dk_buf *out, dk_error *err);

/* One section of a Markdown file; absent blocks are NULL. All is borrowed from the file. */
typedef struct avro_vector {
    char *name, *avsc, *reader, *hex, *json, *error, *schema_error, *canonical, *fingerprint, *differs;
    bool one_way; /* the block is "hex one-way": encoding gives other bytes */
} avro_vector;

typedef struct avro_vectors {
    char *text;
    avro_vector *v;
    size_t n;
} avro_vectors;

/* Reads tests/vectors/avro/<name>.md; fails the test when it cannot. */
avro_vectors avro_vectors_read(const char *name);
void avro_vectors_free(avro_vectors *v);

#endif
