/* SPDX-License-Identifier: MIT
 *
 * Schemas: parse, leniently and strictly, canonical form (which has to be a schema with the same canonical form),
 * compile, list, and resolve against itself.
 */
#include "fuzz.h"

static void
check_canonical(const dk_avro_schema *s)
{
    dk_avro_schema *again = NULL;
    uint64_t fp, fp2;
    dk_error err;
    dk_buf b, c;

    dk_buf_init(&b, NULL);
    dk_buf_init(&c, NULL);
    MUST(dk_avro_schema_canonical(s, &b, &err) == DK_OK);
    if (dk_avro_schema_new(NULL, (dk_slice){b.p, b.n}, NULL, &again, &err) == DK_OK) {
        MUST(dk_avro_schema_canonical(again, &c, &err) == DK_OK);
        MUST(b.n == c.n && memcmp(b.p, c.p, b.n) == 0);
        MUST(dk_avro_schema_fingerprint(s, &fp, &err) == DK_OK &&
             dk_avro_schema_fingerprint(again, &fp2, &err) == DK_OK);
        MUST(fp == fp2);
        dk_avro_schema_unref(again);
    }
    dk_buf_fini(&b);
    dk_buf_fini(&c);
}

int
fuzz_schema(const uint8_t *data, size_t n)
{
    dk_slice rest = {data, n}, json = fuzz_part(&rest), named = fuzz_part(&rest);
    dk_avro_named names[] = {{{(const uint8_t *)"n.N", 3}, named}};
    dk_avro_schema_options o = {.size = sizeof o, .names = names, .nnames = 1};
    dk_avro_schema *s = NULL, *strict = NULL, *same = NULL;
    dk_avro_program *p = NULL, *q = NULL;
    dk_error err;
    dk_buf b;

    if (json.n == 0 || dk_avro_schema_new(NULL, json, &o, &s, &err) != DK_OK) {
        if (json.n > 0)
            fuzz_check_error(&err, n);
        return 0;
    }
    o.strict = true;
    if (dk_avro_schema_new(NULL, json, &o, &strict, &err) != DK_OK)
        fuzz_check_error(&err, n);
    o.strict = false;
    check_canonical(s);
    dk_buf_init(&b, NULL);
    MUST(dk_avro_schema_new(NULL, json, &o, &same, &err) == DK_OK);
    if (dk_avro_program_new(NULL, s, NULL, &p, &err) == DK_OK)
        MUST(dk_avro_program_dump(p, &b, &err) == DK_OK);
    if (dk_avro_program_new(NULL, s, same, &q, &err) != DK_OK)
        fuzz_check_error(&err, n);
    dk_buf_fini(&b);
    dk_avro_program_unref(p);
    dk_avro_program_unref(q);
    dk_avro_schema_unref(s);
    dk_avro_schema_unref(same);
    dk_avro_schema_unref(strict);
    return 0;
}
