/* SPDX-License-Identifier: MIT
 *
 * What a message says and holds. A message of the engine makes its parts when first asked, which is what makes a
 * handler that reads only the value cheap; None is kept in the field, too, so that it is looked up once.
 */
#include "base/slices.h"
#include "consumer/message.h"

/* ---- reading --------------------------------------------------------------------------------------------------- */

static inline PyObject *
or_none(PyObject *obj)
{
    return Py_NewRef(obj != NULL ? obj : Py_None);
}

static PyObject *
value_lock_held(MessageObject *msg)
{
    if (msg->value == NULL && msg->core != NULL)
        msg->value = native_bytes_or_none(dk_batch_value(msg->core->b, msg->index));
    if (msg->value == NULL && msg->core != NULL)
        return NULL;
    return or_none(msg->value);
}

static PyObject *
key_lock_held(MessageObject *msg)
{
    if (msg->key == NULL && msg->core != NULL)
        msg->key = native_bytes_or_none(dk_batch_key(msg->core->b, msg->index));
    if (msg->key == NULL && msg->core != NULL)
        return NULL;
    return or_none(msg->key);
}

static PyObject *
topic_lock_held(MessageObject *msg)
{
    if (msg->topic == NULL && msg->core != NULL)
        msg->topic = native_core_topic(msg->core, msg->index);
    if (msg->topic == NULL && msg->core != NULL)
        return NULL;
    return or_none(msg->topic);
}

static PyObject *
make_headers(native_core *core, uint32_t index)
{
    size_t n = dk_batch_headers(core->b, index);
    PyObject *list;
    dk_header h;

    if (n == 0)
        Py_RETURN_NONE;
    list = PyList_New(0);
    for (size_t k = 0; list != NULL && k < n && dk_batch_header(core->b, index, k, &h); k++) {
        PyObject *pair = native_header_pair(&h);

        if (pair == NULL || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static PyObject *
headers_lock_held(MessageObject *msg)
{
    if (msg->headers == NULL && msg->core != NULL) {
        msg->headers = make_headers(msg->core, msg->index);
        if (msg->headers == NULL)
            return NULL;
        if (msg->headers != Py_None)
            native_message_track((PyObject *)msg); /* the list is the user's to fill */
    }
    return or_none(msg->headers);
}

static PyObject *
partition_lock_held(MessageObject *msg)
{
    if (msg->core != NULL)
        return PyLong_FromLong(dk_batch_partition(msg->core->b, msg->index));
    return or_none(msg->own != NULL ? msg->own->partition : NULL);
}

static PyObject *
offset_lock_held(MessageObject *msg)
{
    if (msg->core != NULL)
        return PyLong_FromLongLong(dk_batch_offset(msg->core->b, msg->index));
    return or_none(msg->own != NULL ? msg->own->offset : NULL);
}

static PyObject *
leader_epoch_lock_held(MessageObject *msg)
{
    if (msg->core != NULL) {
        int32_t epoch = dk_batch_leader_epoch(msg->core->b, msg->index);

        return epoch < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(epoch);
    }
    return or_none(msg->own != NULL ? msg->own->leader_epoch : NULL);
}

static PyObject *
timestamp_lock_held(MessageObject *msg)
{
    int type = 0;
    int64_t ms = 0;

    if (msg->core != NULL) {
        ms = dk_batch_timestamp(msg->core->b, msg->index, &type);
    } else if (msg->own != NULL) {
        ms = msg->own->timestamp;
        type = msg->own->timestamp_type;
    }
    return Py_BuildValue("(iL)", type, (long long)ms);
}

static PyObject *
latency_lock_held(MessageObject *msg)
{
    return or_none(msg->own != NULL ? msg->own->latency : NULL);
}

static PyObject *
error_lock_held(MessageObject *msg)
{
    return or_none(msg->error);
}

#define XX(field)                                                                                                    \
    PyObject *message_##field(PyObject *op, PyObject *ignored)                                                       \
    {                                                                                                                \
        PyObject *result;                                                                                            \
                                                                                                                     \
        (void)ignored;                                                                                               \
        Py_BEGIN_CRITICAL_SECTION(op);                                                                               \
        result = field##_lock_held((MessageObject *)op);                                                             \
        Py_END_CRITICAL_SECTION();                                                                                   \
        return result;                                                                                               \
    }
NATIVE_MESSAGE_GETTERS(XX)
#undef XX

/* ---- changing -------------------------------------------------------------------------------------------------- */

#define XX(field)                                                                                                    \
    PyObject *message_set_##field(PyObject *op, PyObject *arg)                                                       \
    {                                                                                                                \
        MessageObject *msg = (MessageObject *)op;                                                                    \
        PyObject *old;                                                                                               \
                                                                                                                     \
        Py_BEGIN_CRITICAL_SECTION(op);                                                                               \
        old = msg->field;                                                                                            \
        msg->field = Py_NewRef(arg);                                                                                 \
        native_message_track(op);                                                                                    \
        Py_END_CRITICAL_SECTION();                                                                                   \
        Py_XDECREF(old);                                                                                             \
        Py_RETURN_NONE;                                                                                              \
    }
NATIVE_MESSAGE_SETTERS(XX)
#undef XX

/* ---- detach ---------------------------------------------------------------------------------------------------- */

static int
detach_numbers(MessageObject *msg, native_own *own)
{
    own->partition = partition_lock_held(msg);
    own->offset = offset_lock_held(msg);
    own->leader_epoch = leader_epoch_lock_held(msg);
    own->timestamp = dk_batch_timestamp(msg->core->b, msg->index, &own->timestamp_type);
    return own->partition == NULL || own->offset == NULL || own->leader_epoch == NULL ? -1 : 0;
}

/* Make everything that is still borrowed, then let the batch go. */
static int
detach_lock_held(MessageObject *msg)
{
    native_own *own;
    PyObject *made[4];
    int rc = 0;

    if (msg->core == NULL)
        return 0;
    made[0] = value_lock_held(msg);
    made[1] = key_lock_held(msg);
    made[2] = topic_lock_held(msg);
    made[3] = headers_lock_held(msg);
    for (int i = 0; i < 4; i++) {
        if (made[i] == NULL)
            rc = -1;
        Py_XDECREF(made[i]);
    }
    own = PyMem_Calloc(1, sizeof *own);
    if (own == NULL)
        PyErr_NoMemory();
    if (rc < 0 || own == NULL || detach_numbers(msg, own) < 0) {
        native_own_free(own);
        return -1;
    }
    msg->own = own;
    return 0;
}

PyObject *
message_detach(PyObject *op, PyObject *ignored)
{
    MessageObject *msg = (MessageObject *)op;
    native_core *core = NULL;
    int rc;

    (void)ignored;
    Py_BEGIN_CRITICAL_SECTION(op);
    rc = detach_lock_held(msg);
    if (rc == 0) {
        core = msg->core;
        msg->core = NULL;
    }
    Py_END_CRITICAL_SECTION();
    native_core_unref(core);
    return rc < 0 ? NULL : Py_NewRef(op);
}
