/* SPDX-License-Identifier: MIT
 *
 * Resolution: the writer's schema, the reader's, the bytes, with 0xFE between them. What can be read as the reader's
 * can be read as the writer's.
 */
#include "avro_tree.h"
#include "fuzz.h"

int
fuzz_resolve(const uint8_t *data, size_t n)
{
    dk_slice rest = {data, n}, wj = fuzz_part(&rest), rj = fuzz_part(&rest), bytes = {NULL, rest.n};
    dk_avro_schema *w = NULL, *r = NULL;
    dk_avro_program *p = NULL, *plain = NULL;
    avro_memory m = {NULL};
    uint8_t *copy = NULL;
    size_t used = 0;
    dk_error err;

    if (wj.n == 0 || rj.n == 0 || dk_avro_schema_new(NULL, wj, NULL, &w, &err) != DK_OK)
        return 0;
    if (dk_avro_schema_new(NULL, rj, NULL, &r, &err) != DK_OK)
        goto out;
    if (dk_avro_program_new(NULL, w, r, &p, &err) != DK_OK) {
        fuzz_check_error(&err, n);
        goto out;
    }
    if (dk_avro_program_new(NULL, w, NULL, &plain, &err) != DK_OK)
        goto out;
    copy = fuzz_copy(rest);
    bytes.p = copy;
    if (avro_tree_decode(p, bytes, NULL, &m, &err) != NULL) {
        MUST(dk_avro_skip(p, bytes, NULL, &used, &err) == DK_OK && used == bytes.n);
        MUST(dk_avro_skip(plain, bytes, NULL, &used, &err) == DK_OK && used == bytes.n);
    } else {
        fuzz_check_error(&err, bytes.n);
    }
out:
    avro_memory_free(&m);
    free(copy);
    dk_avro_program_unref(p);
    dk_avro_program_unref(plain);
    dk_avro_schema_unref(w);
    dk_avro_schema_unref(r);
    return 0;
}
