/* SPDX-License-Identifier: MIT
 *
 * Confluent's framing of a schema's identity: in front of the payload (magic byte 0 and a 4-byte id, or magic byte 1
 * and a 16-byte GUID), or in a message header with the payload left bare.
 */
#ifndef DK_WIRE_H
#define DK_WIRE_H

#include "dk/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DK_WIRE_PREFIX 5     /* bytes of magic 0 and id */
#define DK_WIRE_GUID_SIZE 17 /* bytes of magic 1 and GUID */
#define DK_WIRE_KEY_HEADER "__key_schema_id"
#define DK_WIRE_VALUE_HEADER "__value_schema_id"

typedef struct dk_wire {
    bool has_guid;    /* guid is set instead of id */
    uint32_t id;      /* schema id in the registry */
    uint8_t guid[16]; /* big-endian, as uuid.UUID(bytes=...) */
    dk_slice payload; /* borrowed from the value given */
} dk_wire;

/* dk_wire_parse - find the schema's identity and the payload.
 *
 * header is the value of the message header named above, p == NULL when there is none; when there is one it wins and
 * the whole value is payload. Ownership: value and header are borrowed; out->payload points into value. Threads: any.
 * Errors:    DK_EINVAL (value.p is NULL: a tombstone has no framing), DK_EWIRE with err->pos.
 */
DK_API DK_MUST_CHECK dk_status dk_wire_parse(dk_slice value, dk_slice header, dk_wire *out, dk_error *err);

/* dk_wire_id - whether value begins with an id, the framing of nearly all messages; then *id is it, and the payload
 * begins behind DK_WIRE_PREFIX bytes. Threads: any.
 */
static inline bool
dk_wire_id(dk_slice value, uint32_t *id)
{
    if (value.n < DK_WIRE_PREFIX || value.p[0] != 0)
        return false;
    *id = (uint32_t)value.p[1] << 24 | (uint32_t)value.p[2] << 16 | (uint32_t)value.p[3] << 8 | (uint32_t)value.p[4];
    return true;
}

/* dk_wire_write_id, dk_wire_write_guid - the bytes that go in front of a payload or, of the GUID, into a header.
 * Threads: any. Errors: none.
 */
DK_API void dk_wire_write_id(uint8_t out[DK_WIRE_PREFIX], uint32_t id);
DK_API void dk_wire_write_guid(uint8_t out[DK_WIRE_GUID_SIZE], const uint8_t guid[16]);

#ifdef __cplusplus
}
#endif

#endif
