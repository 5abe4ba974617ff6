/* SPDX-License-Identifier: MIT
 *
 * Confluent's framing. Knows nothing of what the payload is.
 */
#include "dk/wire.h"
#include "base/internal.h"

#define MAGIC_ID 0
#define MAGIC_GUID 1

/* Reads an identity at the start of s; *used is its size. */
static dk_status
parse_identity(dk_slice s, dk_wire *out, size_t *used, dk_error *err)
{
    if (s.n < 1)
        return dk__error_set(err, DK_EWIRE, "empty, a schema's identity of 5 or 17 bytes was expected");
    if (dk_wire_id(s, &out->id)) {
        *used = DK_WIRE_PREFIX;
        return DK_OK;
    }
    if (s.p[0] == MAGIC_ID)
        return dk__error_set(err, DK_EWIRE, "%zu bytes are too short for a schema id, which takes 5", s.n);
    if (s.p[0] == MAGIC_GUID) {
        if (s.n < DK_WIRE_GUID_SIZE)
            return dk__error_set(err, DK_EWIRE, "%zu bytes are too short for a schema's GUID, which takes 17", s.n);
        memcpy(out->guid, s.p + 1, sizeof out->guid);
        out->has_guid = true;
        *used = DK_WIRE_GUID_SIZE;
        return DK_OK;
    }
    return dk__error_set(
        err, DK_EWIRE,
        "first byte is 0x%02x, but Confluent's framing begins with 0x00 or 0x01: the message was not "
        "produced with a schema registry's serializer",
        s.p[0]);
}

dk_status
dk_wire_parse(dk_slice value, dk_slice header, dk_wire *out, dk_error *err)
{
    bool in_header = header.p != NULL;
    size_t used = 0;
    dk_status st;

    dk__error_clear(err);
    if (value.p == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no bytes to look for a schema's identity in");
    *out = (dk_wire){.payload = value};
    st = parse_identity(in_header ? header : value, out, &used, err);
    if (st != DK_OK)
        return st;
    if (in_header && used != header.n)
        return dk__error_set(err, DK_EWIRE, "%zu bytes follow the schema's identity in the header", header.n - used);
    if (!in_header) {
        out->payload.p += used;
        out->payload.n -= used;
    }
    return DK_OK;
}

void
dk_wire_write_id(uint8_t out[DK_WIRE_PREFIX], uint32_t id)
{
    out[0] = MAGIC_ID;
    out[1] = (uint8_t)(id >> 24);
    out[2] = (uint8_t)(id >> 16);
    out[3] = (uint8_t)(id >> 8);
    out[4] = (uint8_t)id;
}

void
dk_wire_write_guid(uint8_t out[DK_WIRE_GUID_SIZE], const uint8_t guid[16])
{
    out[0] = MAGIC_GUID;
    memcpy(out + 1, guid, 16);
}
