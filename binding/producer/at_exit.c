/* SPDX-License-Identifier: MIT
 *
 * Nothing that was produced is lost silently: what is still queued when the interpreter ends is flushed, for a
 * bounded time, and a Producer that is dropped before hands its engine handle to the module until its records are
 * delivered.
 */
#include <unistd.h>

#include "base/later.h"
#include "base/log.h"
#include "base/times.h"
#include "base/tokens.h"
#include "producer/producer.h"

/* ---- at exit --------------------------------------------------------------------------------------------------- */

static size_t
flush_slice(dk_producer *p, int64_t deadline)
{
    size_t left = 0;
    dk_error err;
    dk_status st;

    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_flush(p, native_left_ms(deadline, NATIVE_SLICE_MS), &left, &err);
    Py_END_ALLOW_THREADS
    return st == DK_EFORKED ? 0 : left;
}

static void
events_at_exit(ProducerObject *self)
{
    int count = 0;

    while (native_producer_events(self, &count) < 0)
        PyErr_WriteUnraisable((PyObject *)self);
}

static size_t
flush_at_exit(ProducerObject *self, int64_t deadline)
{
    size_t left;

    if (self->p == NULL || self->pid != (long)getpid())
        return 0;
    self->users++;
    do {
        left = flush_slice(self->p, deadline);
        events_at_exit(self);
    } while (left > 0 && native_now_ms() < deadline && PyErr_CheckSignals() == 0);
    self->users--;
    if (PyErr_Occurred())
        PyErr_WriteUnraisable((PyObject *)self);
    return left;
}

static PyObject *
living_producers(native_state *state)
{
    PyObject *list = PyList_New(0);

    for (ProducerObject *p = state->producers; list != NULL && p != NULL; p = p->next)
        if (PyList_Append(list, (PyObject *)p) < 0)
            Py_CLEAR(list);
    return list;
}

static PyObject *
flush_producers(PyObject *module, PyObject *ignored)
{
    native_state *state = PyModule_GetState(module);
    int64_t deadline = native_deadline(state->exit_flush_ms);
    PyObject *list = living_producers(state);
    size_t left = 0;

    (void)ignored;
    if (list == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++)
        left += flush_at_exit((ProducerObject *)PyList_GET_ITEM(list, i), deadline);
    for (size_t i = 0; i < state->n_orphans; i++) {
        size_t n;

        do
            n = flush_slice(state->orphans[i], deadline);
        while (n > 0 && native_now_ms() < deadline);
        left += n;
    }
    if (left > 0 && native_log(state, NULL, 3,
                               "%zu messages were not delivered when the interpreter ended: the broker did not take "
                               "them within %d.%d s",
                               left, state->exit_flush_ms / 1000, state->exit_flush_ms % 1000 / 100) < 0)
        PyErr_WriteUnraisable(module);
    native_tokens_end(state);
    Py_DECREF(list);
    Py_RETURN_NONE;
}

PyObject *
native_limit_exit_flush(PyObject *cls, PyObject *seconds)
{
    native_state *state = native_state_of((PyTypeObject *)cls);
    int ms;

    if (state == NULL || native_timeout_ms(seconds, &ms) < 0)
        return NULL;
    if (ms < 0)
        return PyErr_Format(PyExc_ValueError, "limit_exit_flush() takes a number of seconds");
    state->exit_flush_ms = ms;
    Py_RETURN_NONE;
}

/* multiprocessing ends its children without running atexit; it has finalizers of its own. */
static int
register_with_multiprocessing(PyObject *hook)
{
    PyObject *modules = PyImport_GetModuleDict(), *util, *process, *parent, *done = NULL;

    util = PyDict_GetItemString(modules, "multiprocessing.util");
    process = PyDict_GetItemString(modules, "multiprocessing.process");
    if (util == NULL || process == NULL)
        return 0;
    parent = PyObject_CallMethod(process, "parent_process", NULL);
    if (parent == NULL)
        return -1;
    if (parent != Py_None) {
        PyObject *cls = PyObject_GetAttrString(util, "Finalize");
        PyObject *args = Py_BuildValue("(OO)", Py_None, hook), *kw = Py_BuildValue("{si}", "exitpriority", 0);

        if (cls != NULL && args != NULL && kw != NULL)
            done = PyObject_Call(cls, args, kw);
        Py_XDECREF(cls);
        Py_XDECREF(args);
        Py_XDECREF(kw);
    }
    Py_XDECREF(done);
    Py_DECREF(parent);
    return PyErr_Occurred() ? -1 : 0;
}

static PyMethodDef exit_hook = {"_flush_producers", flush_producers, METH_NOARGS, NULL};

/* Once per process: a forked child has dropped what its parent registered, or runs it for handles that are not its.
 */
int
native_exit_register(native_state *state)
{
    PyObject *hook, *atexit, *done = NULL;
    int rc = -1;

    if (state->exit_pid == (long)getpid())
        return 0;
    hook = PyCFunction_New(&exit_hook, state->module);
    atexit = PyImport_ImportModule("atexit");
    if (hook != NULL && atexit != NULL)
        done = PyObject_CallMethod(atexit, "register", "O", hook);
    if (done != NULL && register_with_multiprocessing(hook) == 0) {
        state->exit_pid = (long)getpid();
        rc = 0;
    }
    Py_XDECREF(hook);
    Py_XDECREF(atexit);
    Py_XDECREF(done);
    return rc;
}

/* ---- orphans --------------------------------------------------------------------------------------------------- */

static void
free_producer(void *p)
{
    dk_producer_free(p);
}

/* Are records on their way? Reports that wait do not count: nobody will ask for them any more. */
static bool
is_sending(dk_producer *p)
{
    size_t left = 0;
    dk_error err;

    return dk_producer_flush(p, 0, &left, &err) != DK_OK && left > 0;
}

void
native_orphans_sweep(native_state *state)
{
    size_t kept = 0;

    for (size_t i = 0; i < state->n_orphans; i++) {
        if (!is_sending(state->orphans[i]))
            native_free_later(free_producer, state->orphans[i]);
        else
            state->orphans[kept++] = state->orphans[i];
    }
    state->n_orphans = kept;
}

static void
free_orphans(native_state *state)
{
    for (size_t i = 0; i < state->n_orphans; i++)
        native_free_later(free_producer, state->orphans[i]);
    PyMem_Free(state->orphans);
    state->orphans = NULL;
    state->n_orphans = 0;
}

void
native_orphan_adopt(native_state *state, dk_producer *p)
{
    dk_producer **grown;

    if (!is_sending(p)) {
        native_free_later(free_producer, p);
        return;
    }
    grown = PyMem_Realloc(state->orphans, (state->n_orphans + 1) * sizeof *grown);
    if (grown == NULL) {
        native_free_later(free_producer, p);
        return;
    }
    state->orphans = grown;
    state->orphans[state->n_orphans++] = p;
    state->free_orphans = free_orphans;
}
