/* SPDX-License-Identifier: MIT
 *
 * Where the fields of a record begin, found by passing over those before: the primitive of lazy views.
 */
#include "codec/internal.h"

dk_status
dk_avro_index(const dk_avro_code *c, const dk_avro_op *record, dk_slice bytes, const dk_avro_limits *limits,
              uint32_t *offsets, uint32_t *known, uint32_t step, dk_error *err)
{
    const dk_avro_record *rec;
    dk_avro_reader r;

    dk__error_clear(err);
    if (c == NULL || record == NULL || record->code != DK_OP_RECORD || *known == 0 || step > record->n ||
        bytes.n > UINT32_MAX || offsets[*known - 1] > bytes.n || (limits != NULL && limits->size != sizeof *limits))
        return dk__error_set(err, DK_EINVAL, "not a record, or no such step in it");
    rec = &c->records[record->ref];
    dk_avro_reader_init(&r, bytes, limits, err);
    r.p += offsets[*known - 1];
    while (*known <= step) {
        const dk_avro_op *op = &c->ops[record->a + *known - 1];

        if (!dk_avro_skip_value(c, &r, op)) {
            if (op->slot != DK_AVRO_NONE)
                dk_avro_path_field(err, rec->fields[op->slot].name);
            return DK_EAVRO;
        }
        offsets[(*known)++] = (uint32_t)(r.p - r.start);
    }
    return DK_OK;
}
