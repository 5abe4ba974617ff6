/* SPDX-License-Identifier: MIT
 *
 * Claim: the object, and its methods by file.
 */
#ifndef DK_BINDING_CONSUMER_CLAIM_PRIVATE_H
#define DK_BINDING_CONSUMER_CLAIM_PRIVATE_H

#include "consumer/claim.h"
#include "consumer/message.h"

typedef struct ClaimObject {
    PyObject_HEAD native_core *core;
    struct ClaimObject *whole; /* itself in a slice's place; NULL: this is the whole */
    PyObject *keeper;          /* whose memory `order` is; NULL: this object's */
    uint32_t *order;           /* entries of the batch */
    Py_ssize_t n;
    /* Of the whole: */
    dk_range range;
    MessageObject **made; /* by entry, range.n of them; NULL before the first */
    int64_t late[2];      /* places in `made` of the last one and of the one before, -1: none */
    bool open;
} ClaimObject;

static inline ClaimObject *
claim_whole(ClaimObject *self)
{
    return self->whole != NULL ? self->whole : self;
}

/* Whether message i has no outcome yet. */
static inline bool
claim_is_in_hand(ClaimObject *self, Py_ssize_t i)
{
    return claim_whole(self)->open && dk_batch_is_claimed(self->core->b, self->order[i]);
}

/* ---- claim.c: the object, and what makes it a sequence --------------------------------------------------------- */

int claim_traverse(PyObject *op, visitproc visit, void *arg);
int claim_clear(PyObject *op);
void claim_dealloc(PyObject *op);
Py_ssize_t claim_len(PyObject *op);
PyObject *claim_item(PyObject *op, Py_ssize_t i);
PyObject *claim_subscript(PyObject *op, PyObject *key);
PyObject *claim_index(PyObject *op, PyObject *msg);
PyObject *claim_count(PyObject *op, PyObject *msg);
PyObject *claim_rest(PyObject *op, PyObject *ignored);
PyObject *claim_behind(PyObject *op, PyObject *most);

/* ---- claim_outcome.c: methods ---------------------------------------------------------------------------------- */

PyObject *claim_fail(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *claim_note(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *claim_defer(PyObject *op, PyObject *index);
PyObject *claim_noted(PyObject *op, PyObject *index);
PyObject *claim_done(PyObject *op, PyObject *ignored);
PyObject *claim_finish(PyObject *op, PyObject *ignored);
PyObject *claim_give_back(PyObject *op, PyObject *delay);

/* ---- claim_read.c ---------------------------------------------------------------------------------------------- */

PyObject *claim_spans(PyObject *op, PyObject *ignored);

#endif
