/* SPDX-License-Identifier: MIT
 *
 * What the list of operations says about each, as tables.
 */
#include "codec/internal.h"

const uint8_t dk_avro_wire_of[DK_OP_COUNT] = {
#define XX(name, text, wire, operands) DK_WIRE_##wire,
    DK_AVRO_OP_MAP(XX)
#undef XX
};
