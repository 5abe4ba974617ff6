/* SPDX-License-Identifier: MIT
 *
 * Consumer: the partitions that it has, where it reads them, and what the broker knows of their offsets.
 */
#include <stdio.h>

#include "base/args.h"
#include "base/errors.h"
#include "base/partitions.h"
#include "base/times.h"
#include "consumer/consumer.h"

/* Most methods go like this: lists in, one call of the engine, lists or an exception out. */
typedef dk_status (*list_call)(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err);

typedef enum list_result { GIVE_NONE, GIVE_LIST } list_result;

static PyObject *
call_with_list(ConsumerObject *self, PyObject *seq, list_call call, int timeout_ms, list_result what)
{
    dk_partitions parts;
    dk_error err = {.code = DK_OK};
    dk_status st;
    PyObject *result = NULL;

    if (native_consumer_enter(self) < 0)
        return NULL;
    if (native_partitions_from(seq, &parts) == 0) {
        Py_BEGIN_ALLOW_THREADS
        st = call(self->c, &parts, timeout_ms, &err);
        Py_END_ALLOW_THREADS
        if (st != DK_OK)
            native_raise(self->state, st, &err);
        else
            result = what == GIVE_LIST ? native_partitions_list(self->state, &parts) : Py_NewRef(Py_None);
    }
    dk_partitions_fini(&parts);
    return result;
}

#define LIST_CALL(name)                                                                                              \
    static dk_status call_##name(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)                \
    {                                                                                                                \
        (void)timeout_ms;                                                                                            \
        return dk_consumer_##name(c, parts, err);                                                                    \
    }
LIST_CALL(assign)
LIST_CALL(incremental_assign)
LIST_CALL(incremental_unassign)
LIST_CALL(pause)
LIST_CALL(resume)
LIST_CALL(position)

/* A method whose one argument is `partitions`. */
static PyObject *
partitions_method(PyObject *op, const char *name, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                  list_call call, list_result what)
{
    native_signature sig = {.func = name, .required = 1, .names = {"partitions", NULL}};
    PyObject *a[NATIVE_MAX_ARGS];

    if (native_args(&sig, args, nargs, kwnames, a) < 0)
        return NULL;
    if (a[0] == Py_None) {
        PyErr_SetString(PyExc_TypeError, "requires list of TopicPartition");
        return NULL;
    }
    return call_with_list((ConsumerObject *)op, a[0], call, -1, what);
}

#define PARTITIONS_METHOD(name, what)                                                                                \
    PyObject *consumer_##name(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)              \
    {                                                                                                                \
        return partitions_method(op, #name, args, nargs, kwnames, call_##name, what);                                \
    }
PARTITIONS_METHOD(assign, GIVE_NONE)
PARTITIONS_METHOD(incremental_assign, GIVE_NONE)
PARTITIONS_METHOD(incremental_unassign, GIVE_NONE)
PARTITIONS_METHOD(pause, GIVE_NONE)
PARTITIONS_METHOD(resume, GIVE_NONE)
PARTITIONS_METHOD(position, GIVE_LIST)

/* ---- subscription ---------------------------------------------------------------------------------------------- */
PyObject *
consumer_unassign(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return call_with_list((ConsumerObject *)op, NULL, call_assign, -1, GIVE_NONE);
}

static dk_status
call_assignment(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    (void)timeout_ms;
    return dk_consumer_assignment(c, parts, err);
}

PyObject *
consumer_assignment(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return call_with_list((ConsumerObject *)op, NULL, call_assignment, -1, GIVE_LIST);
}

/* ---- position -------------------------------------------------------------------------------------------------- */

#define SEEK_TIMEOUT_MS 60000

static dk_status
call_seek(dk_consumer *c, dk_partitions *parts, int timeout_ms, dk_error *err)
{
    dk_status st = dk_consumer_seek(c, parts, timeout_ms, err);

    if (st == DK_OK && parts->items[0].kafka_err != 0) {
        *err = (dk_error){.code = DK_EKAFKA, .kafka = parts->items[0].kafka_err};
        snprintf(err->text, sizeof err->text, "Failed to seek to offset %lld: %s", (long long)parts->items[0].offset,
                 dk_kafka_err_text(err->kafka));
        st = DK_EKAFKA;
    }
    return st;
}

PyObject *
consumer_seek(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "seek", .required = 1, .names = {"partition", NULL}};
    PyObject *a[NATIVE_MAX_ARGS], *list, *result;

    if (native_args(&sig, args, nargs, kwnames, a) < 0)
        return NULL;
    list = PyTuple_Pack(1, a[0]);
    if (list == NULL)
        return NULL;
    result = call_with_list((ConsumerObject *)op, list, call_seek, SEEK_TIMEOUT_MS, GIVE_NONE);
    Py_DECREF(list);
    return result;
}

/* A method of partitions and a timeout. */
static PyObject *
timed_method(PyObject *op, const char *name, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
             list_call call)
{
    native_signature sig = {.func = name, .required = 1, .names = {"partitions", "timeout", NULL}};
    PyObject *a[NATIVE_MAX_ARGS];
    int ms;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], &ms) < 0)
        return NULL;
    return call_with_list((ConsumerObject *)op, a[0], call, ms, GIVE_LIST);
}

PyObject *
consumer_committed(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return timed_method(op, "committed", args, nargs, kwnames, dk_consumer_committed);
}

PyObject *
consumer_offsets_for_times(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    return timed_method(op, "offsets_for_times", args, nargs, kwnames, dk_consumer_offsets_for_times);
}

PyObject *
consumer_get_watermark_offsets(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "get_watermark_offsets", .required = 1, .names = {"partition", "timeout", "cached", NULL}};
    ConsumerObject *self = (ConsumerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result = NULL;
    dk_partitions parts;
    dk_error err = {.code = DK_OK};
    int64_t low = 0, high = 0;
    int ms, cached;
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_timeout_ms(a[1], &ms) < 0 ||
        native_consumer_enter(self) < 0)
        return NULL;
    cached = a[2] != NULL ? PyObject_IsTrue(a[2]) : 0;
    dk_partitions_init(&parts, NULL);
    if (cached >= 0 && native_partition_add(a[0], &parts) == 0) {
        Py_BEGIN_ALLOW_THREADS
        st = dk_consumer_watermarks(self->c, parts.items[0].topic, parts.items[0].partition, cached, ms, &low, &high,
                                    &err);
        Py_END_ALLOW_THREADS
        result = st != DK_OK ? native_raise(self->state, st, &err)
                             : Py_BuildValue("(LL)", (long long)low, (long long)high);
    }
    dk_partitions_fini(&parts);
    return result;
}
