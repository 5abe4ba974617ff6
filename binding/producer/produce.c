/* SPDX-License-Identifier: MIT
 *
 * Producer: one record into the queue.
 */
#include "base/args.h"
#include "base/slices.h"
#include "producer/encoder.h"

static int
int_arg(PyObject *obj, const char *what, int64_t low, int64_t high, int64_t *out)
{
    if (obj == NULL)
        return 0;
    *out = PyLong_AsLongLong(obj);
    if (*out == -1 && PyErr_Occurred())
        return -1;
    if (*out < low || *out > high) {
        PyErr_Format(PyExc_ValueError, "%s must be from %lld to %lld, not %lld", what, (long long)low,
                     (long long)high, (long long)*out);
        return -1;
    }
    return 0;
}

int
native_record_of(PyObject *topic, PyObject *partition, PyObject *timestamp, dk_record *rec)
{
    int64_t p = -1, ts = 0;

    if (native_str(topic, "topic", &rec->topic) < 0)
        return -1;
    if (int_arg(partition, "partition", -1, INT32_MAX, &p) < 0 ||
        int_arg(timestamp, "timestamp", -1, INT64_MAX, &ts) < 0)
        return -1;
    rec->partition = (int32_t)p;
    rec->timestamp = ts;
    return 0;
}

int
native_callback_of(ProducerObject *self, PyObject *callback, PyObject *on_delivery, PyObject **out)
{
    PyObject *second;

    if (native_callable(callback, "callback", out) < 0 || native_callable(on_delivery, "on_delivery", &second) < 0)
        return -1;
    if (*out == NULL)
        *out = second != NULL ? second : self->cbs.on_delivery;
    return 0;
}

static int
queue_record(ProducerObject *self, const dk_record *rec)
{
    int64_t deadline = 0;
    dk_error err;
    int rc;

    do
        rc = native_queued(self, dk_producer_produce(self->p, rec, &err), &err, &deadline);
    while (rc > 0);
    return rc;
}

static int
produce_record(ProducerObject *self, dk_record *rec, PyObject *callback)
{
    native_report *report;
    int count = 0;

    if (self->quiet && native_producer_events(self, &count) < 0)
        return -1;
    if (native_producer_enter(self) < 0) /* what was called since may have closed it */
        return -1;
    if (native_report_new(self, callback, 1, &report) < 0)
        return -1;
    rec->opaque = report;
    if (queue_record(self, rec) == 0)
        return 0;
    native_report_done(self, report, 1);
    return -1;
}

PyObject *
producer_produce(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "produce",
        .required = 1,
        .names = {"topic", "value", "key", "partition", "callback", "on_delivery", "timestamp", "headers", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *callback;
    dk_record rec;
    native_headers h;
    native_views v;
    int rc = -1;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_producer_enter(self) < 0)
        return NULL;
    if (native_record_of(a[0], a[3], a[6], &rec) < 0 || native_callback_of(self, a[4], a[5], &callback) < 0)
        return NULL;
    v.n = 0;
    v.more = NULL;
    if (native_headers_of(a[7], &h) == 0 && native_slice(a[1], "value", &v, &rec.value) == 0 &&
        native_slice(a[2], "key", &v, &rec.key) == 0) {
        rec.headers = h.items;
        rec.n_headers = h.n;
        rc = produce_record(self, &rec, callback);
    }
    native_views_release(&v);
    native_headers_fini(&h);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

/* A key or value of write() and its bytes. */
typedef struct part {
    native_encoder en; /* schema NULL: nothing was encoded */
    dk_buf buf;
} part;

static int
part_bytes(const ProducerObject *self, PyObject *obj, PyObject *en, const char *what, native_views *v, part *out,
           dk_slice *bytes)
{
    int rc;

    if (native_encoder_of(self, en, &out->en) < 0)
        return -1;
    if (out->en.schema == NULL || obj == NULL || obj == Py_None) {
        out->en.schema = NULL;
        return native_slice(obj, what, v, bytes);
    }
    out->buf = native_avro_take_spare(out->en.schema);
    rc = native_encode_value(&out->en, obj, NULL, &out->buf);
    *bytes = (dk_slice){out->buf.p != NULL ? out->buf.p : (const uint8_t *)"", out->buf.n};
    return rc;
}

static void
part_release(part *p)
{
    if (p->en.schema != NULL)
        native_avro_give_spare(p->en.schema, &p->buf);
}

PyObject *
producer_write(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "write", .required = 2, .names = {"topic", "value", "encoder", "key", "key_encoder", NULL}};
    ProducerObject *self = (ProducerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    dk_record rec = {.partition = -1};
    part key = {.en = {.schema = NULL}}, value = {.en = {.schema = NULL}};
    native_views v;
    int rc, count = 0;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_str(a[0], "topic", &rec.topic) < 0)
        return NULL;
    v.n = 0;
    v.more = NULL;
    rc = part_bytes(self, a[3], a[4], "key", &v, &key, &rec.key);
    if (rc == 0)
        rc = part_bytes(self, a[1], a[2], "value", &v, &value, &rec.value);
    if (rc == 0)
        rc = produce_record(self, &rec, self->cbs.on_delivery);
    part_release(&key);
    part_release(&value);
    native_views_release(&v);
    if (rc < 0 || (!self->quiet && native_producer_events(self, &count) < 0))
        return NULL;
    Py_RETURN_NONE;
}
