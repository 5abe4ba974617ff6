/* SPDX-License-Identifier: MIT
 *
 * Framing: value, and after a 0xFE the header.
 */
#include "fuzz.h"

int
fuzz_wire(const uint8_t *data, size_t n)
{
    dk_slice rest = {data, n}, value = fuzz_part(&rest), header = {NULL, 0};
    uint8_t *v = fuzz_copy(value), *h = NULL, id[DK_WIRE_PREFIX], guid[DK_WIRE_GUID_SIZE];
    dk_wire w;
    dk_error err;

    if (value.n < n) {
        h = fuzz_copy(rest);
        header = (dk_slice){h, rest.n};
    }
    if (dk_wire_parse((dk_slice){v, value.n}, header, &w, &err) != DK_OK) {
        fuzz_check_error(&err, n);
    } else {
        MUST(w.payload.p >= v && w.payload.p + w.payload.n == v + value.n);
        dk_wire_write_id(id, w.id);
        dk_wire_write_guid(guid, w.guid);
        if (w.has_guid)
            MUST(memcmp(h != NULL ? h : v, guid, sizeof guid) == 0);
        else
            MUST(memcmp(h != NULL ? h : v, id, sizeof id) == 0);
    }
    free(v);
    free(h);
    return 0;
}
