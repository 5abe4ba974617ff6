/* SPDX-License-Identifier: MIT
 *
 * CopyAhead: messages that are not in hand yet become rows on a thread of its own, while the database writes those
 * before them. What it does depends on their bytes and the plan alone, so it is of use if exactly these messages are
 * taken in hand next, and is thrown away else.
 *
 * The thread knows nothing of Python: the claim keeps the batch, and so its bytes, and the plan is in use meanwhile.
 * A process that was forked has no such thread: there what it had begun is left alone.
 */
#include "copy/native_copy.h"

#include <unistd.h>

#include "base/later.h"
#include "consumer/claim.h"

typedef struct CopyAheadObject {
    PyObject_HEAD PyObject *claim; /* what Claim.behind() gave; NULL: it is over */
    const dk_batch *batch;
    const uint32_t *order;
    Py_ssize_t n;
    copy_run run; /* its plan and result are owned */
    Py_ssize_t at;
    pthread_t thread;
    pid_t pid;
    atomic_bool stop;
} CopyAheadObject;

static void *
ahead_main(void *arg)
{
    CopyAheadObject *self = arg;
    copy_part part;

    for (; self->at < self->n && !atomic_load_explicit(&self->stop, memory_order_relaxed); self->at++) {
        native_copy_entry(self->batch, self->order[self->at], &part);
        if (native_copy_run_one(&self->run, &part, self->at) != COPY_ON)
            break;
    }
    return NULL;
}

/* The claim, if it is not over: it is then. NULL: it is. */
static PyObject *
join(CopyAheadObject *self)
{
    PyObject *claim = self->claim;

    self->claim = NULL;
    if (claim == NULL)
        return NULL;
    if (self->pid == getpid())
        pthread_join(self->thread, NULL);
    else
        self->run.result = NULL; /* half written, by a thread that is not here: it is never freed */
    native_copy_leave(self->run.plan);
    return claim;
}

static bool
is_for(const CopyAheadObject *self, const native_state *state, PyObject *messages)
{
    const dk_batch *batch;
    Py_ssize_t n;
    const uint32_t *order = native_claim_entries(state, messages, &batch, &n);

    return order != NULL && batch == self->batch && n == self->n &&
           memcmp(order, self->order, (size_t)n * sizeof *order) == 0;
}

static PyObject *
ahead_take(PyObject *op, PyObject *messages)
{
    CopyAheadObject *self = (CopyAheadObject *)op;
    native_state *state = native_state_of(Py_TYPE(op));
    PyObject *claim;
    bool fits;

    if (state == NULL)
        return NULL;
    fits = self->claim != NULL && self->pid == getpid() && is_for(self, state, messages);
    atomic_store(&self->stop, !fits);
    Py_BEGIN_ALLOW_THREADS
    claim = join(self);
    Py_END_ALLOW_THREADS
    Py_XDECREF(claim);
    if (!fits)
        Py_RETURN_NONE;
    if (native_copy_run_end(&self->run, self->at) < 0)
        return NULL;
    return Py_NewRef((PyObject *)self->run.result);
}

static void
ahead_dealloc(PyObject *op)
{
    CopyAheadObject *self = (CopyAheadObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    atomic_store(&self->stop, true);
    Py_XDECREF(join(self)); /* it ends with the message that it is at */
    Py_XDECREF((PyObject *)self->run.result);
    Py_XDECREF((PyObject *)self->run.plan);
    type->tp_free(op);
    Py_DECREF(type);
}

/* Headers are parsed when they are first asked for: the thread must not do that while somebody else reads them. */
static void
parse_headers(const CopyAheadObject *self)
{
    for (Py_ssize_t i = 0; i < self->n; i++)
        (void)dk_batch_headers(self->batch, self->order[i]);
}

/* With the plan entered; it is left when the thread is joined. */
static int
begin(CopyAheadObject *self, native_state *state, CopyPlanObject *plan, PyObject *messages)
{
    atomic_init(&self->stop, false);
    self->pid = getpid();
    self->run.plan = (CopyPlanObject *)Py_NewRef((PyObject *)plan);
    self->run.stop_at_error = true;
    self->run.result = (CopyResultObject *)native_copy_result_new(state, (PyObject *)plan, plan->plan);
    if (self->run.result == NULL)
        return -1;
    parse_headers(self);
    if (native_thread_begin(&self->thread, ahead_main, self) == 0)
        self->claim = Py_NewRef(messages);
    return 0;
}

PyObject *
native_copy_ahead(PyObject *op, PyObject *messages)
{
    CopyPlanObject *plan = (CopyPlanObject *)op;
    native_state *state = native_state_of(Py_TYPE(op));
    CopyAheadObject *self;

    if (state == NULL || native_copy_enter(plan) < 0)
        return NULL;
    self = (CopyAheadObject *)state->copy_ahead_type->tp_alloc(state->copy_ahead_type, 0);
    if (self != NULL)
        self->order = native_claim_entries(state, messages, &self->batch, &self->n);
    if (self != NULL && self->order == NULL)
        PyErr_SetString(PyExc_TypeError, "ahead() takes what Claim.behind() gave");
    else if (self != NULL && begin(self, state, plan, messages) == 0 && self->claim != NULL)
        return (PyObject *)self;
    native_copy_leave(plan);
    Py_XDECREF((PyObject *)self);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(take_doc,
             "take($self, messages, /)\n--\n\nThe CopyResult, if these are exactly its messages, else None: "
             "it is over then.");

static PyMethodDef ahead_methods[] = {
    {"take", ahead_take, METH_O, take_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(ahead_doc, "Messages that become rows before they are in hand; made by CopyPlan.ahead().");

static PyType_Slot ahead_slots[] = {
    {Py_tp_doc, (void *)ahead_doc},
    {Py_tp_dealloc, ahead_dealloc},
    {Py_tp_methods, ahead_methods},
    {0, NULL},
};

PyType_Spec native_copy_ahead_spec = {
    .name = "django_kafka._native.CopyAhead",
    .basicsize = sizeof(CopyAheadObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = ahead_slots,
};
