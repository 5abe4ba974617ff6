/* SPDX-License-Identifier: MIT
 *
 * Messages of a walk: one object serves again and again, unless somebody keeps it.
 */
#include "consumer/message.h"

/* Somebody keeps it: it gets its own bytes, or it would keep the whole batch in memory. */
void
native_message_let_go(MessageObject *msg)
{
    PyObject *done, *raised;

    if (msg == NULL)
        return;
    if (Py_REFCNT(msg) > 1 && msg->core != NULL) {
        raised = PyErr_GetRaisedException();
        done = message_detach((PyObject *)msg, NULL);
        if (done == NULL)
            PyErr_Clear(); /* no memory for a copy: it goes on borrowing */
        Py_XDECREF(done);
        if (raised != NULL)
            PyErr_SetRaisedException(raised);
    }
    Py_DECREF(msg);
}

PyObject *
native_message_reuse(MessageObject *msg, native_core *core, uint32_t index)
{
#if NATIVE_FREELIST > 0
    if (msg != NULL && Py_REFCNT(msg) == 1 && msg->core == core && !PyObject_GC_IsTracked((PyObject *)msg)) {
        native_message_clear_parts(msg);
        msg->index = index;
        return (PyObject *)msg;
    }
#endif
    native_message_let_go(msg);
    return native_message_borrow(core, index);
}
