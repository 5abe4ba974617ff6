/* SPDX-License-Identifier: MIT
 *
 * What methods of CopyPlan begin with: one thread at a time, and whether they mean keys or values.
 */
#include "copy/native_copy.h"

int
native_copy_enter(CopyPlanObject *self)
{
    if (!atomic_exchange(&self->busy, true))
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "the plan is in use by another thread");
    return -1;
}

void
native_copy_leave(CopyPlanObject *self)
{
    atomic_store(&self->busy, false);
}

int
native_copy_side(PyObject *obj, dk_copy_side *out)
{
    const char *side;

    if (native_str(obj, "side", &side) < 0)
        return -1;
    *out = strcmp(side, "key") == 0 ? DK_COPY_KEY : DK_COPY_VALUE;
    if (*out == DK_COPY_VALUE && strcmp(side, "value") != 0) {
        PyErr_Format(PyExc_ValueError, "a side is \"key\" or \"value\", not %R", obj);
        return -1;
    }
    return 0;
}
