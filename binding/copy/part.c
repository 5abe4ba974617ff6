/* SPDX-License-Identifier: MIT
 *
 * The bytes of a message: of a Message, of a tuple (key, value), or of anything with key() and value().
 */
#include "copy/native_copy.h"

#include "consumer/claim.h"
#include "consumer/message.h"

void
native_copy_part_fini(copy_part *part)
{
    while (part->nheld > 0)
        Py_DECREF(part->held[--part->nheld]);
}

/* Takes obj. */
static int
take_bytes(copy_part *part, PyObject *obj, dk_slice *out)
{
    if (obj == NULL)
        return -1;
    part->held[part->nheld++] = obj;
    *out = (dk_slice){NULL, 0};
    if (obj == Py_None)
        return 0;
    if (!PyBytes_Check(obj)) {
        PyErr_Format(PyExc_TypeError, "keys and values are bytes or None, not %.100s", Py_TYPE(obj)->tp_name);
        return -1;
    }
    *out = (dk_slice){(const uint8_t *)PyBytes_AS_STRING(obj), (size_t)PyBytes_GET_SIZE(obj)};
    return 0;
}

static inline bool
is_named(const dk_header *h, const char *name)
{
    return h->name != NULL && strcmp(h->name, name) == 0;
}

static void
find_headers(const dk_batch *b, uint32_t index, copy_part *out)
{
    size_t n = dk_batch_headers(b, index), i;
    dk_header h;

    for (i = 0; i < n && dk_batch_header(b, index, i, &h); i++) {
        if (is_named(&h, DK_WIRE_VALUE_HEADER))
            out->value_header = h.value;
        else if (is_named(&h, DK_WIRE_KEY_HEADER))
            out->key_header = h.value;
    }
}

void
native_copy_entry(const dk_batch *b, uint32_t index, copy_part *out)
{
    *out = (copy_part){.key = dk_batch_key(b, index), .value = dk_batch_value(b, index)};
    find_headers(b, index, out);
}

/* Of a message of the engine's, without an object for what nobody has set. */
static int
part_of_batch(MessageObject *msg, copy_part *out)
{
    const dk_batch *b = msg->core->b;

    out->held[out->nheld++] = Py_NewRef((PyObject *)msg);
    if (msg->key == NULL)
        out->key = dk_batch_key(b, msg->index);
    else if (take_bytes(out, Py_NewRef(msg->key), &out->key) < 0)
        return -1;
    if (msg->value == NULL)
        out->value = dk_batch_value(b, msg->index);
    else if (take_bytes(out, Py_NewRef(msg->value), &out->value) < 0)
        return -1;
    find_headers(b, msg->index, out);
    return 0;
}

static int
part_of_object(native_state *state, PyObject *message, copy_part *out)
{
    MessageObject *msg = (MessageObject *)message;

    if (PyTuple_Check(message) && PyTuple_GET_SIZE(message) == 2) {
        if (take_bytes(out, Py_NewRef(PyTuple_GET_ITEM(message, 0)), &out->key) < 0)
            return -1;
        return take_bytes(out, Py_NewRef(PyTuple_GET_ITEM(message, 1)), &out->value);
    }
    if (PyObject_TypeCheck(message, state->message_type) && msg->core != NULL)
        return part_of_batch(msg, out);
    if (take_bytes(out, PyObject_CallMethod(message, "key", NULL), &out->key) < 0)
        return -1;
    return take_bytes(out, PyObject_CallMethod(message, "value", NULL), &out->value);
}

int
native_copy_part(native_state *state, PyObject *seq, Py_ssize_t i, copy_part *out)
{
    native_claimed claimed;
    PyObject *message;
    int rc;

    *out = (copy_part){0};
    /* Others may change a list while the bytes are read; the messages of a claim are held by whoever holds it. */
    if (!PyList_Check(seq) && !PyTuple_Check(seq) && native_claim_part(state, seq, i, &claimed)) {
        out->key = claimed.key;
        out->value = claimed.value;
        if (claimed.batch != NULL)
            find_headers(claimed.batch, claimed.index, out);
        return 0;
    }
    message = PySequence_GetItem(seq, i);
    if (message == NULL)
        return -1;
    rc = part_of_object(state, message, out);
    Py_DECREF(message);
    return rc;
}
