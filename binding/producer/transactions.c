/* SPDX-License-Identifier: MIT
 *
 * Producer: transactions.
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/times.h"
#include "producer/producer.h"

typedef dk_status (*transaction_call)(dk_producer *p, int timeout_ms, dk_error *err);

static PyObject *
transaction(PyObject *op, const char *name, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
            transaction_call call)
{
    native_signature sig = {.func = name, .names = {"timeout", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    dk_error err = {.code = DK_OK};
    dk_status st;
    int ms, count = 0;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[0], &ms) < 0 ||
        native_producer_enter(self) < 0)
        return NULL;
    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = call(self->p, ms, &err);
    Py_END_ALLOW_THREADS
    self->users--;
    if (st != DK_OK)
        return native_raise(self->state, st, &err);
    return native_producer_events(self, &count) < 0 ? NULL : Py_NewRef(Py_None);
}

#define TRANSACTION(name)                                                                                            \
    PyObject *producer_##name(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)              \
    {                                                                                                                \
        return transaction(op, #name, args, nargs, kwnames, dk_producer_##name);                                     \
    }
TRANSACTION(init_transactions)
TRANSACTION(commit_transaction)
TRANSACTION(abort_transaction)

PyObject *
producer_begin_transaction(PyObject *op, PyObject *ignored)
{
    ProducerObject *self = (ProducerObject *)op;
    dk_error err = {.code = DK_OK};
    dk_status st;

    (void)ignored;
    if (native_producer_enter(self) < 0)
        return NULL;
    st = dk_producer_begin_transaction(self->p, &err);
    return st != DK_OK ? native_raise(self->state, st, &err) : Py_NewRef(Py_None);
}
