/* SPDX-License-Identifier: MIT
 *
 * Producer: many records of one topic into the queue, in one call of the engine.
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/slices.h"
#include "producer/encoder.h"

#define RELEASE_GIL_FROM 64 /* records */

static int
slices_of(PyObject *tuple, const char *what, native_views *v, dk_slice *out)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (native_slice(PyTuple_GET_ITEM(tuple, i), what, v, &out[i]) < 0)
            return -1;
    return 0;
}

/* All of them, or what was queued before an exception in *done. */
static int
queue_many(ProducerObject *self, const dk_record *rec, const dk_slice *values, const dk_slice *keys, size_t n,
           size_t *done)
{
    int64_t deadline = 0;
    dk_error err;
    dk_status st;
    int rc = 0;

    while (rc >= 0 && *done < n) {
        const dk_slice *v = values + *done, *k = keys != NULL ? keys + *done : NULL;
        size_t rest = n - *done, now = 0;

        self->users++;
        if (rest >= RELEASE_GIL_FROM) {
            Py_BEGIN_ALLOW_THREADS
            st = dk_producer_produce_many(self->p, rec, v, k, rest, &now, &err);
            Py_END_ALLOW_THREADS
        } else {
            st = dk_producer_produce_many(self->p, rec, v, k, rest, &now, &err);
        }
        self->users--;
        *done += now;
        if (now > 0)
            deadline = 0; /* max_block is how long nothing moves */
        rc = native_queued(self, st, &err, &deadline);
    }
    return rc < 0 ? -1 : 0;
}

/* Puts on the exception that is set how many records were queued before it: `queued`, and a note for people. */
static void
tell_queued(size_t done, size_t n)
{
    PyObject *exc = PyErr_GetRaisedException(), *number, *result = NULL;

    number = exc != NULL ? PyLong_FromSize_t(done) : NULL;
    if (number != NULL && PyObject_SetAttrString(exc, "queued", number) == 0)
        result = PyObject_CallMethod(exc, "add_note", "N",
                                     PyUnicode_FromFormat("%zu of %zu records were queued before.", done, n));
    Py_XDECREF(result);
    Py_XDECREF(number);
    PyErr_Clear();
    PyErr_SetRaisedException(exc);
}

/* Values and the encoder of each, keys likewise or NULL. */
typedef struct tuples {
    PyObject *values, *keys;
    native_encoder value, key;
} tuples;

static int
bytes_of(PyObject *tuple, const char *what, const char *list, const native_encoder *en, native_views *v, dk_buf *buf,
         dk_slice *out)
{
    if (tuple == NULL)
        return 0;
    return en->schema != NULL ? native_encode_values(en, tuple, list, buf, out) : slices_of(tuple, what, v, out);
}

static int
produce_tuples(ProducerObject *self, dk_record *rec, const tuples *t, PyObject *callback)
{
    PyObject *values = t->values, *keys = t->keys;
    size_t n = (size_t)PyTuple_GET_SIZE(values), done = 0;
    dk_slice *slices = PyMem_Calloc(2 * n + 1, sizeof *slices);
    native_report *report = NULL;
    dk_buf value_buf, key_buf;
    native_views v = {.n = 0, .more = NULL};
    int rc = -1, count = 0;

    if (slices == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    dk_buf_init(&value_buf, NULL);
    dk_buf_init(&key_buf, NULL);
    if (bytes_of(values, "each value", "values", &t->value, &v, &value_buf, slices) == 0 &&
        bytes_of(keys, "each key", "keys", &t->key, &v, &key_buf, slices + n) == 0 &&
        native_producer_enter(self) == 0 && (!self->quiet || native_producer_events(self, &count) == 0) &&
        native_producer_enter(self) == 0 && /* what was called since may have closed it */
        (n == 0 || native_report_new(self, callback, n, &report) == 0)) {
        rec->opaque = report;
        rc = queue_many(self, rec, slices, keys != NULL ? slices + n : NULL, n, &done);
        if (done < n)
            native_report_done(self, report, n - done);
        if (rc < 0)
            tell_queued(done, n);
    }
    native_views_release(&v);
    dk_buf_fini(&value_buf);
    dk_buf_fini(&key_buf);
    PyMem_Free(slices);
    return rc;
}

static PyObject *
as_tuple(PyObject *obj, const char *what)
{
    if (PyUnicode_Check(obj) || PyBytes_Check(obj)) {
        PyErr_Format(PyExc_TypeError, "%s must be a sequence of bytes, str or None, not one %.100s", what,
                     Py_TYPE(obj)->tp_name);
        return NULL;
    }
    return PySequence_Tuple(obj);
}

PyObject *
producer_produce_many(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "produce_many",
                                         .required = 2,
                                         .names = {"topic", "values", "keys", "partition", "timestamp", "headers",
                                                   "on_delivery", "value_encoder", "key_encoder", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *callback;
    tuples t = {.keys = NULL};
    dk_record rec = {.topic = NULL};
    native_headers h;
    Py_ssize_t n = 0;
    int rc = -1;

    if (nargs > 3) {
        PyErr_Format(PyExc_TypeError, "produce_many() takes at most 3 positional arguments (%zd given)", nargs);
        return NULL;
    }
    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_producer_enter(self) < 0)
        return NULL;
    if (native_record_of(a[0], a[3], a[4], &rec) < 0 || native_callback_of(self, NULL, a[6], &callback) < 0)
        return NULL;
    if (native_encoder_of(self, a[7], &t.value) < 0 || native_encoder_of(self, a[8], &t.key) < 0)
        return NULL;
    t.values = as_tuple(a[1], "values");
    if (t.values != NULL && a[2] != NULL && a[2] != Py_None)
        t.keys = as_tuple(a[2], "keys");
    if (t.values != NULL && t.keys != NULL && PyTuple_GET_SIZE(t.keys) != PyTuple_GET_SIZE(t.values))
        PyErr_Format(PyExc_ValueError, "values and keys differ in length: %zd and %zd", PyTuple_GET_SIZE(t.values),
                     PyTuple_GET_SIZE(t.keys));
    if (!PyErr_Occurred()) {
        n = PyTuple_GET_SIZE(t.values);
        if (native_headers_of(a[5], &h) == 0) {
            rec.headers = h.items;
            rec.n_headers = h.n;
            rc = produce_tuples(self, &rec, &t, callback);
        }
        native_headers_fini(&h);
    }
    Py_XDECREF(t.values);
    Py_XDECREF(t.keys);
    return rc < 0 ? NULL : PyLong_FromSsize_t(n);
}
