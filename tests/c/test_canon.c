/* SPDX-License-Identifier: MIT
 *
 * Canonical form and fingerprint.
 */
#include "avro_text.h"

DK_TEST(canon_vectors)
{
    avro_vectors vs = avro_vectors_read("schemas");
    size_t i, checked = 0;

    for (i = 0; i < vs.n; i++) {
        const avro_vector *v = &vs.v[i];
        char hex[20] = "";
        dk_avro_schema *s;
        dk_error err;
        uint64_t fp;
        dk_buf b;
        int k;

        if (v->canonical == NULL)
            continue;
        checked++;
        s = avro_schema(v->avsc);
        dk_buf_init(&b, NULL);
        CHECK_OK_ERR(dk_avro_schema_canonical(s, &b, &err), &err);
        dk_buf_put_byte(&b, '\0');
        CHECK_STR((char *)b.p, v->canonical);
        CHECK_OK_ERR(dk_avro_schema_fingerprint(s, &fp, &err), &err);
        for (k = 0; k < 8; k++)
            snprintf(hex + 2 * k, 3, "%02x", (unsigned)(fp >> (8 * k) & 0xFF));
        CHECK_STR(hex, v->fingerprint);
        dk_buf_fini(&b);
        dk_avro_schema_unref(s);
    }
    CHECK(checked >= 3);
    avro_vectors_free(&vs);
}

DK_TEST(canon_fingerprint_of_nothing)
{
    CHECK(dk_avro_fingerprint64((dk_slice){NULL, 0}) == 0xc15d213aa4d7a795u);
    CHECK(dk_avro_fingerprint64(avro_slice("\"null\"")) == 0x63dd24e7cc258f8au);
}

DK_TEST(canon_quotes_names)
{
    dk_avro_schema *s = avro_schema("{\"type\":\"record\",\"name\":\"a\\\"\\\\\\u0001\",\"fields\":[]}");
    dk_error err;
    dk_buf b;

    dk_buf_init(&b, NULL);
    CHECK_OK_ERR(dk_avro_schema_canonical(s, &b, &err), &err);
    dk_buf_put_byte(&b, '\0');
    CHECK_STR((char *)b.p, "{\"name\":\"a\\\"\\\\\\u0001\",\"type\":\"record\",\"fields\":[]}");
    dk_buf_fini(&b);
    dk_avro_schema_unref(s);
    CHECK_STATUS(dk_avro_schema_canonical(NULL, &b, &err), DK_EINVAL);
}

DK_TEST_FAULT(canon_without_memory)
{
    dk_avro_schema *s = NULL;
    dk_error err;
    uint64_t fp;

    if (NOMEM(
            dk_avro_schema_new(dk_test_alloc(), avro_slice("{\"type\":\"map\",\"values\":\"int\"}"), NULL, &s, &err)))
        return;
    (void)NOMEM(dk_avro_schema_fingerprint(s, &fp, &err));
    dk_avro_schema_unref(s);
}
