/* SPDX-License-Identifier: MIT
 *
 * Values as trees: what the tests and the fuzzers make of Avro bytes, and make Avro bytes of, by the walks that ship.
 * Whatever the walks promise to a sink or a source is checked here, and ends the process where it is not so.
 */
#ifndef DK_TEST_AVRO_TREE_H
#define DK_TEST_AVRO_TREE_H

#include <stdlib.h>

#include "dk/avro.h"

#define MUST(cond) ((cond) ? (void)0 : abort()) /* what the walks promise */

typedef enum avro_kind {
    AVRO_NULL,
    AVRO_BOOL,
    AVRO_LONG,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_TEXT,
    AVRO_ENUM,
    AVRO_RECORD,
    AVRO_ARRAY,
    AVRO_MAP
} avro_kind;

typedef struct avro_tree avro_tree;

typedef struct avro_item {
    avro_tree *value;
    uint32_t slot; /* of a record: which field */
    dk_slice key;  /* of a map */
} avro_item;

struct avro_tree {
    avro_kind kind;
    uint32_t branch; /* of the union that it is a value of; DK_AVRO_NONE: of none */
    union {
        bool truth;
        int64_t number;
        double real;
        dk_slice bytes; /* borrowed from what was decoded */
        struct {
            const dk_avro_enum *type;
            uint32_t symbol;
        } e;
        struct {
            const dk_avro_record *type; /* of a record */
            avro_item *items;
            size_t n, cap;
        } of;
    } u;
};

/* The memory of trees, given back all at once. */
typedef struct avro_memory {
    struct avro_chunk *chunks;
} avro_memory;

void avro_memory_free(avro_memory *m);

typedef struct avro_how {
    const dk_avro_limits *limits; /* NULL: the defaults */
    const int64_t *refuse;        /* a number that the sink does not take */
} avro_how;

/* The value that bytes are; NULL: they are none, and err says why. how may be NULL. */
avro_tree *avro_tree_decode(const dk_avro_program *p, dk_slice bytes, const avro_how *how, avro_memory *m,
                            dk_error *err);
/* Appends the bytes of a value that was decoded with the same schema. */
dk_status avro_tree_encode(const dk_avro_program *p, const avro_tree *t, dk_buf *out, dk_error *err);
/* Bytes as characters U+0000 to U+00FF, unions as their value. */
void avro_tree_json(const avro_tree *t, dk_buf *out);
/* What has to be true of a value that was decoded: what it is encoded to decodes to the same value, which is encoded
 * to the same bytes. p has no reader's schema. */
void avro_tree_check(const dk_avro_program *p, const avro_tree *t, avro_memory *m);

#endif
