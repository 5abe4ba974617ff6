/* SPDX-License-Identifier: MIT
 *
 * Messages that poll() and consume() gave away. Those that are kept get their own bytes, or each would keep its whole
 * batch in memory. To see whether one is kept, it is looked at when the caller has had time to let it go: a message
 * at the next call, a list once the caller has dropped it.
 */
#include "consumer/consumer.h"
#include "consumer/message.h"

static bool
is_ours(const ConsumerObject *self, PyObject *obj)
{
    return Py_IS_TYPE(obj, self->state->message_type);
}

/* The caller has dropped the list: who is referred to by somebody else than the list is kept. */
static void
let_list_go(ConsumerObject *self, PyObject *list)
{
    Py_ssize_t n = PyList_GET_SIZE(list);

    while (n-- > 0) {
        PyObject *msg = Py_NewRef(PyList_GET_ITEM(list, n));

        if (PyList_SetSlice(list, n, n + 1, NULL) < 0) {
            PyErr_Clear();
            Py_DECREF(msg);
            break;
        }
        if (is_ours(self, msg))
            native_message_let_go((MessageObject *)msg);
        else
            Py_DECREF(msg);
    }
    Py_DECREF(list);
}

static void
look_at(ConsumerObject *self, PyObject **slot, bool last)
{
    PyObject *list = *slot;

    if (list == NULL || (Py_REFCNT(list) > 1 && !last))
        return;
    *slot = NULL;
    if (Py_REFCNT(list) > 1)
        Py_DECREF(list); /* the caller keeps all of it */
    else
        let_list_go(self, list);
}

void
native_given_look(ConsumerObject *self)
{
    PyObject *message = self->given_message;

    self->given_message = NULL;
    native_message_let_go((MessageObject *)message);
    look_at(self, &self->given_lists[1], true);
    look_at(self, &self->given_lists[0], false);
    self->given_lists[1] = self->given_lists[0];
    self->given_lists[0] = NULL;
}

PyObject *
native_given(ConsumerObject *self, PyObject *result)
{
    if (result == NULL)
        return NULL;
    if (is_ours(self, result))
        self->given_message = Py_NewRef(result);
    else if (PyList_CheckExact(result) && PyList_GET_SIZE(result) > 0)
        self->given_lists[0] = Py_NewRef(result);
    return result;
}
