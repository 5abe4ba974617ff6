/* SPDX-License-Identifier: MIT
 *
 * Claim: the type.
 */
#include "base/args.h"
#include "consumer/claim_private.h"

static PyObject *
claim_counts(PyObject *op, void *closure)
{
    ClaimObject *self = (ClaimObject *)op;

    (void)closure;
    return PyBool_FromLong(claim_whole(self)->open && dk_batch_claim_counts(self->core->b));
}

PyDoc_STRVAR(claim_doc, "Messages of a batch in hand at once, as a sequence; a slice is one too.\n\n"
                        "Nothing of it counts as finished before done() or finish() says so.");

static PyMethodDef claim_methods[] = {
    {"fail", NATIVE_METHOD(claim_fail), NATIVE_FAST,
     "fail($self, /, index, delay)\n--\n\nThis message was not handled: it, and those of its partition behind it "
     "that "
     "have no outcome,\nare handed out again after `delay` seconds."},
    {"defer", claim_defer, METH_O,
     "defer($self, index, /)\n--\n\nThe outcome of this message is known later: call exactly one of the ticket's "
     "methods."},
    {"note", NATIVE_METHOD(claim_note), NATIVE_FAST,
     "note($self, /, index, text)\n--\n\nRemember a short text with this message until it is finished."},
    {"noted", claim_noted, METH_O, "noted($self, index, /)\n--\n\nThe note of this message, or None."},
    {"done", claim_done, METH_NOARGS,
     "done($self, /)\n--\n\nThese messages are finished, those that have no outcome yet; whatever becomes of "
     "others."},
    {"rest", claim_rest, METH_NOARGS, "rest($self, /)\n--\n\nThose of these messages that have no outcome yet."},
    {"behind", claim_behind, METH_O,
     "behind($self, most, /)\n--\n\nThe messages that follow in this batch, to be read before they are in hand; or "
     "None."},
    {"finish", claim_finish, METH_NOARGS,
     "finish($self, /)\n--\n\nThe claim is over: what has no outcome is finished."},
    {"give_back", claim_give_back, METH_O,
     "give_back($self, delay, /)\n--\n\nThe claim is over: what has no outcome is handed out again after `delay` "
     "seconds."},
    {"index", claim_index, METH_O, "index($self, value, /)\n--\n\nThe index of a message."},
    {"count", claim_count, METH_O, "count($self, value, /)\n--\n\nHow often a message is in it."},
    {"spans", claim_spans, METH_NOARGS,
     "spans($self, /)\n--\n\n(topic, partition, index of its first message, that one's offset, offset behind its "
     "last\n"
     "message) for each partition."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef claim_getset[] = {
    {"counts", claim_counts, NULL,
     "Whether outcomes still count; not when the claim is over, or one of its partitions was taken away.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot claim_slots[] = {
    {Py_tp_doc, (void *)claim_doc}, {Py_tp_dealloc, claim_dealloc},     {Py_tp_traverse, claim_traverse},
    {Py_tp_clear, claim_clear},     {Py_tp_methods, claim_methods},     {Py_tp_getset, claim_getset},
    {Py_tp_iter, PySeqIter_New},    {Py_sq_length, claim_len},          {Py_sq_item, claim_item},
    {Py_mp_length, claim_len},      {Py_mp_subscript, claim_subscript}, {0, NULL},
};

PyType_Spec native_claim_spec = {
    .name = "django_kafka._native.Claim",
    .basicsize = sizeof(ClaimObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_SEQUENCE,
    .slots = claim_slots,
};
