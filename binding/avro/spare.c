/* SPDX-License-Identifier: MIT
 *
 * The buffer of a schema's last encode(), kept so that the next needs no memory.
 */
#include "avro/native_avro.h"

dk_buf
native_avro_take_spare(AvroSchemaObject *self)
{
    dk_buf b;

    Py_BEGIN_CRITICAL_SECTION(self);
    b = self->spare;
    dk_buf_init(&self->spare, NULL);
    Py_END_CRITICAL_SECTION();
    b.n = 0;
    return b;
}

#define SPARE_MAX 65536

void
native_avro_give_spare(AvroSchemaObject *self, dk_buf *b)
{
    dk_buf old;

    if (b->cap > SPARE_MAX || b->st != DK_OK) {
        dk_buf_fini(b);
        return;
    }
    Py_BEGIN_CRITICAL_SECTION(self);
    old = self->spare;
    self->spare = *b;
    Py_END_CRITICAL_SECTION();
    dk_buf_fini(&old);
}
