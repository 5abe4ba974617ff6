/* SPDX-License-Identifier: MIT
 *
 * CRC-64-AVRO, of any bytes and of a schema's canonical form.
 */
#include "codec/internal.h"

#define CRC_EMPTY 0xc15d213aa4d7a795u

uint64_t
dk_avro_fingerprint64(dk_slice bytes)
{
    uint64_t fp = CRC_EMPTY;
    size_t i;
    int k;

    for (i = 0; i < bytes.n; i++) {
        uint64_t entry = (fp ^ bytes.p[i]) & 0xFF;

        for (k = 0; k < 8; k++)
            entry = (entry >> 1) ^ (CRC_EMPTY & -(entry & 1));
        fp = (fp >> 8) ^ entry;
    }
    return fp;
}

dk_status
dk_avro_schema_fingerprint(const dk_avro_schema *s, uint64_t *out, dk_error *err)
{
    dk_buf b;
    dk_status st;

    dk__error_clear(err);
    if (s == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no schema given");
    dk_buf_init(&b, s->a);
    st = dk_avro_schema_canonical(s, &b, err);
    if (st == DK_OK)
        *out = dk_avro_fingerprint64((dk_slice){b.p, b.n});
    dk_buf_fini(&b);
    return st;
}
