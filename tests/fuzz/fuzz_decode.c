/* SPDX-License-Identifier: MIT
 *
 * Decoding: a schema, and after a 0xFE the bytes. What decodes has to skip to the same end, its fields have to be
 * found, and what it is encoded to has to be the same value.
 */
#include "avro_tree.h"
#include "fuzz.h"

static void
check_index(const dk_avro_code *c, dk_slice bytes)
{
    const dk_avro_op *root = &c->ops[c->root];
    uint32_t *offsets, known = 1;
    dk_error err;

    if (root->code != DK_OP_RECORD)
        return;
    offsets = calloc((size_t)root->n + 1, sizeof *offsets);
    MUST(offsets != NULL);
    MUST(dk_avro_index(c, root, bytes, NULL, offsets, &known, root->n, &err) == DK_OK);
    MUST(offsets[root->n] == bytes.n);
    free(offsets);
}

int
fuzz_decode(const uint8_t *data, size_t n)
{
    dk_slice rest = {data, n}, json = fuzz_part(&rest), bytes = {NULL, rest.n};
    dk_avro_schema *s = NULL;
    dk_avro_program *p = NULL;
    avro_memory m = {NULL};
    avro_tree *t;
    uint8_t *copy;
    size_t used = 0;
    dk_error err;

    if (json.n == 0 || dk_avro_schema_new(NULL, json, NULL, &s, &err) != DK_OK)
        return 0;
    copy = fuzz_copy(rest);
    bytes.p = copy;
    if (dk_avro_program_new(NULL, s, NULL, &p, &err) == DK_OK) {
        t = avro_tree_decode(p, bytes, NULL, &m, &err);
        if (t != NULL) {
            MUST(dk_avro_skip(p, bytes, NULL, &used, &err) == DK_OK);
            MUST(used == bytes.n);
            check_index(dk_avro_program_code(p), bytes);
            avro_tree_check(p, t, &m);
        } else {
            fuzz_check_error(&err, bytes.n);
            if (dk_avro_skip(p, bytes, NULL, &used, &err) != DK_OK)
                fuzz_check_error(&err, bytes.n);
        }
    }
    avro_memory_free(&m);
    free(copy);
    dk_avro_program_unref(p);
    dk_avro_schema_unref(s);
    return 0;
}
