/* SPDX-License-Identifier: MIT
 *
 * Confluent's framing.
 */
#include "dk/wire.h"
#include "dk_test.h"

#define NONE ((dk_slice){NULL, 0})
#define BYTES(s) ((dk_slice){(const uint8_t *)(s), sizeof(s) - 1})
#define GUID "0123456789abcdef"

DK_TEST(wire_prefix)
{
    uint8_t b[DK_WIRE_PREFIX];
    dk_wire w;
    dk_error err;

    dk_wire_write_id(b, 0x01020304);
    CHECK_MEM(b, sizeof b, "\0\1\2\3\4", 5);
    CHECK_OK_ERR(dk_wire_parse(BYTES("\0\1\2\3\4xyz"), NONE, &w, &err), &err);
    CHECK(!w.has_guid);
    CHECK_EQ(w.id, 0x01020304);
    CHECK_MEM(w.payload.p, w.payload.n, "xyz", 3);
    CHECK_OK_ERR(dk_wire_parse(BYTES("\0\xff\xff\xff\xff"), NONE, &w, &err), &err);
    CHECK_EQ(w.id, 0xffffffffu);
    CHECK_EQ(w.payload.n, 0);
    CHECK(w.payload.p != NULL);
}

DK_TEST(wire_guid)
{
    uint8_t b[DK_WIRE_GUID_SIZE];
    dk_wire w;
    dk_error err;

    dk_wire_write_guid(b, (const uint8_t *)GUID);
    CHECK_MEM(b, sizeof b, "\1" GUID, 17);
    CHECK_OK_ERR(dk_wire_parse(BYTES("\1" GUID "xyz"), NONE, &w, &err), &err);
    CHECK(w.has_guid);
    CHECK_MEM(w.guid, 16, GUID, 16);
    CHECK_MEM(w.payload.p, w.payload.n, "xyz", 3);
}

DK_TEST(wire_header)
{
    dk_wire w;
    dk_error err;

    CHECK_OK_ERR(dk_wire_parse(BYTES("xyz"), BYTES("\1" GUID), &w, &err), &err);
    CHECK(w.has_guid);
    CHECK_MEM(w.payload.p, w.payload.n, "xyz", 3);
    CHECK_OK_ERR(dk_wire_parse(BYTES(""), BYTES("\0\0\0\0\7"), &w, &err), &err);
    CHECK_EQ(w.id, 7);
    CHECK_STATUS(dk_wire_parse(BYTES("\0\0\0\0\7"), BYTES("\0\0\0\0\7x"), &w, &err), DK_EWIRE);
    CHECK_CONTAINS(err.text, "1 bytes follow");
    CHECK_STATUS(dk_wire_parse(BYTES("\0\0\0\0\7"), BYTES(""), &w, &err), DK_EWIRE);
}

DK_TEST(wire_refuses)
{
    dk_wire w;
    dk_error err;

    CHECK_STATUS(dk_wire_parse(NONE, NONE, &w, &err), DK_EINVAL);
    CHECK_STATUS(dk_wire_parse(BYTES(""), NONE, &w, &err), DK_EWIRE);
    CHECK_STATUS(dk_wire_parse(BYTES("\0\0\0\0"), NONE, &w, &err), DK_EWIRE);
    CHECK_CONTAINS(err.text, "4 bytes are too short");
    CHECK_STATUS(dk_wire_parse(BYTES("\1\0\0\0"), NONE, &w, &err), DK_EWIRE);
    CHECK_STATUS(dk_wire_parse(BYTES("{\"a\":1}"), NONE, &w, &err), DK_EWIRE);
    CHECK_CONTAINS(err.text, "0x7b");
}
