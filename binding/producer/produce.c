/* SPDX-License-Identifier: MIT
 *
 * Producer: records into the engine's queue, and their delivery reports to callables.
 */
#include <string.h>

#include "avro/native_avro.h"

int
native_producer_enter(ProducerObject *self)
{
    if (self->p == NULL) {
        PyErr_SetString(PyExc_RuntimeError, self->closed ? "Producer closed" : "Producer.__init__() was not called");
        return -1;
    }
    return 0;
}

/* ---- reports ------------------------------------------------------------------------------------------------------ */

/* A report that waits for n deliveries; NULL without an exception when there is no callable. */
static int
report_new(ProducerObject *self, PyObject *callback, size_t n, native_report **out)
{
    native_report *r = self->spare;

    *out = NULL;
    if (callback == NULL)
        return 0;
    if (r != NULL) {
        self->spare = r->next;
    } else {
        r = PyMem_Malloc(sizeof *r);
        if (r == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    *r = (native_report){.next = self->reports, .callback = Py_NewRef(callback), .waiting = n};
    if (r->next != NULL)
        r->next->prev = r;
    self->reports = r;
    *out = r;
    return 0;
}

void
native_report_done(ProducerObject *self, native_report *r, size_t n)
{
    PyObject *callback;

    if (r == NULL)
        return;
    r->waiting -= n;
    if (r->waiting > 0)
        return;
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        self->reports = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    callback = r->callback;
    r->callback = NULL;
    r->next = self->spare;
    self->spare = r;
    Py_DECREF(callback);
}

static PyObject *
delivered_message(ProducerObject *self, const dk_delivery *d, PyObject *error)
{
    native_message_fields f = {.topic = d->topic,
                               .partition = d->partition,
                               .offset = d->offset,
                               .key = d->key,
                               .value = d->value,
                               .timestamp = d->timestamp,
                               .timestamp_type = d->timestamp_type,
                               .latency = d->latency_us < 0 ? -1.0 : (double)d->latency_us / 1e6,
                               .leader_epoch = -1,
                               .error = error};

    return native_message_new(self->state, &f);
}

static int
call_back(ProducerObject *self, PyObject *callback, const dk_delivery *d)
{
    PyObject *error = native_kafka_error_or_none(self->state, d->kafka_err, d->errstr), *msg = NULL, *result = NULL;

    if (error != NULL)
        msg = delivered_message(self, d, error);
    if (msg != NULL) {
        Py_INCREF(callback);
        result = PyObject_CallFunctionObjArgs(callback, error, msg, NULL);
        Py_DECREF(callback);
    }
    Py_XDECREF(error);
    Py_XDECREF(msg);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static int
run_delivery(ProducerObject *self, const dk_delivery *d)
{
    native_report *r = d->opaque;
    int rc = 0;

    if (r == NULL) {
        if (d->kafka_err != 0)
            native_log(self->state, self->cbs.logger, 3, "a message to %s [%d] was not delivered: %s (%s)", d->topic,
                       (int)d->partition, dk_kafka_err_text(d->kafka_err), dk_kafka_err_name(d->kafka_err));
        return 0;
    }
    if (d->kafka_err != 0 || !self->only_errors)
        rc = call_back(self, r->callback, d);
    native_report_done(self, r, 1);
    return rc;
}

/* Of several callables that raise, the first one's exception is passed on; the others' are reported. */
static void
keep_first(PyObject **first, PyObject *blame)
{
    if (*first == NULL)
        *first = PyErr_GetRaisedException();
    else
        PyErr_WriteUnraisable(blame);
}

static int
run_deliveries(ProducerObject *self, dk_event *ev)
{
    size_t n = dk_event_deliveries(ev);
    PyObject *first = NULL;

    for (size_t i = 0; i < n; i++) {
        dk_delivery d;
        dk_ticket ticket;
        int rc;

        dk_event_delivery(ev, i, &d);
        if (dk_event_ticket(ev, i, &ticket))
            rc = native_refused(self, ev, i, &ticket);
        else
            rc = run_delivery(self, &d);
        if (rc < 0)
            keep_first(&first, (PyObject *)self);
    }
    if (first == NULL)
        return 0;
    PyErr_SetRaisedException(first);
    return -1;
}

int
native_producer_events(ProducerObject *self, int *count)
{
    native_client client = {.state = self->state, .cbs = &self->cbs, .producer = self->p};
    dk_event *ev;
    int rc = 0;

    while (rc == 0 && self->p != NULL && (ev = dk_producer_event(self->p)) != NULL) {
        if (dk_event_kind_of(ev) == DK_EVENT_DELIVERY) {
            *count += (int)dk_event_deliveries(ev);
            rc = run_deliveries(self, ev);
        } else {
            *count += 1;
            rc = native_event_run(&client, ev);
        }
        dk_event_free(ev);
    }
    return rc;
}

/* ---- bytes -------------------------------------------------------------------------------------------------------- */

/* Buffers of bytearray, memoryview and the like, held for the time of a call. */
#define MAX_VIEWS 64

typedef struct views {
    Py_buffer items[MAX_VIEWS];
    int n;
} views;

static void
views_release(views *v)
{
    while (v->n > 0)
        PyBuffer_Release(&v->items[--v->n]);
}

static int
slice_of_buffer(PyObject *obj, const char *what, views *v, dk_slice *out)
{
    if (!PyObject_CheckBuffer(obj)) {
        PyErr_Format(PyExc_TypeError, "%s must be bytes, str or None, not %.100s", what, Py_TYPE(obj)->tp_name);
        return -1;
    }
    if (v == NULL || v->n == MAX_VIEWS) {
        PyErr_Format(PyExc_TypeError, "%s must be bytes, str or None here, not %.100s", what, Py_TYPE(obj)->tp_name);
        return -1;
    }
    if (PyObject_GetBuffer(obj, &v->items[v->n], PyBUF_SIMPLE) < 0)
        return -1;
    out->p = v->items[v->n].buf != NULL ? v->items[v->n].buf : (const void *)"";
    out->n = (size_t)v->items[v->n].len;
    v->n++;
    return 0;
}

static int
slice_of(PyObject *obj, const char *what, views *v, dk_slice *out)
{
    Py_ssize_t n;

    if (obj == NULL || obj == Py_None) {
        *out = (dk_slice){.p = NULL};
        return 0;
    }
    if (PyBytes_Check(obj)) {
        out->p = (const uint8_t *)PyBytes_AS_STRING(obj);
        out->n = (size_t)PyBytes_GET_SIZE(obj);
        return 0;
    }
    if (PyUnicode_Check(obj)) {
        out->p = (const uint8_t *)PyUnicode_AsUTF8AndSize(obj, &n);
        out->n = (size_t)n;
        return out->p == NULL ? -1 : 0;
    }
    return slice_of_buffer(obj, what, v, out);
}

/* ---- encoders ----------------------------------------------------------------------------------------------------- */

/* What makes bytes of values on their way into the queue; schema NULL: they are bytes already. */
typedef struct encoder {
    AvroSchemaObject *schema;
    const char *prefix;
    size_t n_prefix;
} encoder;

/* Borrows from obj: (AvroSchema, bytes), None or NULL. */
static int
encoder_of(const ProducerObject *self, PyObject *obj, encoder *out)
{
    PyObject *schema, *prefix;

    *out = (encoder){.schema = NULL};
    if (obj == NULL || obj == Py_None)
        return 0;
    schema = PyTuple_Check(obj) && PyTuple_GET_SIZE(obj) == 2 ? PyTuple_GET_ITEM(obj, 0) : NULL;
    prefix = schema != NULL ? PyTuple_GET_ITEM(obj, 1) : NULL;
    if (schema == NULL || !PyBytes_Check(prefix) ||
        !Py_IS_TYPE(schema, ((AvroCore *)self->state->avro)->schema_type)) {
        PyErr_SetString(PyExc_TypeError,
                        "an encoder is a tuple of an AvroSchema and the bytes in front of each value");
        return -1;
    }
    out->schema = (AvroSchemaObject *)schema;
    out->prefix = PyBytes_AS_STRING(prefix);
    out->n_prefix = (size_t)PyBytes_GET_SIZE(prefix);
    return 0;
}

/* Appends the bytes of a value. */
static int
encode_value(const encoder *en, PyObject *value, const avro_place *place, dk_buf *out)
{
    dk_buf_put(out, en->prefix, en->n_prefix);
    return native_avro_encode(en->schema, value, place, out);
}

/* The bytes of all values, one behind the other in buf. None is no value. list: what an error calls them. */
static int
encode_values(const encoder *en, PyObject *tuple, const char *list, dk_buf *buf, dk_slice *out)
{
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    const uint8_t *p;

    for (Py_ssize_t i = 0; i < n; i++) {
        avro_place place = {list, (uint64_t)i};
        size_t start = buf->n;

        out[i] = (dk_slice){.p = NULL};
        if (PyTuple_GET_ITEM(tuple, i) == Py_None)
            continue;
        if (encode_value(en, PyTuple_GET_ITEM(tuple, i), &place, buf) < 0)
            return -1;
        out[i] = (dk_slice){(const uint8_t *)"", buf->n - start};
    }
    p = buf->p; /* it moves no more */
    for (Py_ssize_t i = 0; i < n; i++) {
        if (out[i].n == 0)
            continue;
        out[i].p = p;
        p += out[i].n;
    }
    return 0;
}

/* ---- headers ------------------------------------------------------------------------------------------------------ */

int
native_slice(PyObject *obj, const char *what, dk_slice *out)
{
    return slice_of(obj, what, NULL, out);
}

void
native_headers_fini(native_headers *h)
{
    if (h->items != h->few)
        PyMem_Free(h->items);
    Py_XDECREF(h->keep);
}

static int
read_header(PyObject *pair, dk_header *out)
{
    PyObject *value;

    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
        PyErr_SetString(PyExc_TypeError, "expected headers to be dict or list of (key, value) tuples");
        return -1;
    }
    if (native_str(PyTuple_GET_ITEM(pair, 0), "a header's name", &out->name) < 0)
        return -1;
    value = PyTuple_GET_ITEM(pair, 1);
    if (value != Py_None && !PyBytes_Check(value) && !PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "expected header value to be None, binary, or unicode string, not %.100s",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    return slice_of(value, "a header's value", NULL, &out->value);
}

static PyObject *
header_pairs(PyObject *obj)
{
    PyObject *items, *tuple;

    if (PyTuple_Check(obj))
        return Py_NewRef(obj);
    if (PyList_Check(obj))
        return PyList_AsTuple(obj);
    if (!PyDict_Check(obj)) {
        PyErr_Format(PyExc_TypeError, "expected headers to be dict or list of (key, value) tuples, not %.100s",
                     Py_TYPE(obj)->tp_name);
        return NULL;
    }
    items = PyDict_Items(obj);
    tuple = items != NULL ? PyList_AsTuple(items) : NULL;
    Py_XDECREF(items);
    return tuple;
}

int
native_headers_of(PyObject *obj, native_headers *h)
{
    h->keep = NULL;
    h->items = h->few;
    h->n = 0;
    if (obj == NULL || obj == Py_None)
        return 0;
    h->keep = header_pairs(obj);
    if (h->keep == NULL)
        return -1;
    h->n = (size_t)PyTuple_GET_SIZE(h->keep);
    if (h->n > NATIVE_FEW_HEADERS) {
        h->items = PyMem_Calloc(h->n, sizeof *h->items);
        if (h->items == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    for (size_t i = 0; i < h->n; i++)
        if (read_header(PyTuple_GET_ITEM(h->keep, (Py_ssize_t)i), &h->items[i]) < 0)
            return -1;
    return 0;
}

/* ---- waiting for room --------------------------------------------------------------------------------------------- */

int
native_wait_for_room(ProducerObject *self, int64_t *deadline)
{
    int count = 0;
    dk_status st;

    if (*deadline == 0)
        *deadline = native_deadline(self->max_block_ms);
    if (native_producer_events(self, &count) < 0 || native_producer_enter(self) < 0)
        return -1;
    if (count > 0)
        return 0; /* reports that were taken may have made room */
    if (*deadline >= 0 && native_now_ms() >= *deadline) {
        native_raise(self->state, DK_EQUEUEFULL, NULL);
        return -1;
    }
    self->users++;
    Py_BEGIN_ALLOW_THREADS
    st = dk_producer_wait_room(self->p, native_left_ms(*deadline, NATIVE_SLICE_MS));
    Py_END_ALLOW_THREADS
    self->users--;
    if (st == DK_EFORKED) {
        native_raise(self->state, st, NULL);
        return -1;
    }
    return PyErr_CheckSignals();
}

/* ---- produce ------------------------------------------------------------------------------------------------------ */

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

static int
record_of(PyObject *topic, PyObject *partition, PyObject *timestamp, dk_record *rec)
{
    int64_t p = -1, ts = 0;

    if (native_str(topic, "topic", &rec->topic) < 0)
        return -1;
    if (int_arg(partition, "partition", -1, INT32_MAX, &p) < 0 ||
        int_arg(timestamp, "timestamp", 0, INT64_MAX, &ts) < 0)
        return -1;
    rec->partition = (int32_t)p;
    rec->timestamp = ts;
    return 0;
}

static int
callback_of(ProducerObject *self, PyObject *callback, PyObject *on_delivery, PyObject **out)
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
    dk_status st;

    while ((st = dk_producer_produce(self->p, rec, &err)) == DK_EQUEUEFULL)
        if (native_wait_for_room(self, &deadline) < 0)
            return -1;
    if (st == DK_OK)
        return 0;
    native_raise(self->state, st, &err);
    return -1;
}

static int
produce_record(ProducerObject *self, dk_record *rec, PyObject *callback)
{
    native_report *report;
    int count = 0;

    if (self->quiet && native_producer_events(self, &count) < 0)
        return -1;
    if (report_new(self, callback, 1, &report) < 0)
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
    views v;
    int rc = -1;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_producer_enter(self) < 0)
        return NULL;
    if (record_of(a[0], a[3], a[6], &rec) < 0 || callback_of(self, a[4], a[5], &callback) < 0)
        return NULL;
    v.n = 0;
    if (native_headers_of(a[7], &h) == 0 && slice_of(a[1], "value", &v, &rec.value) == 0 &&
        slice_of(a[2], "key", &v, &rec.key) == 0) {
        rec.headers = h.items;
        rec.n_headers = h.n;
        rc = produce_record(self, &rec, callback);
    }
    views_release(&v);
    native_headers_fini(&h);
    return rc < 0 ? NULL : Py_NewRef(Py_None);
}

/* A key or value of write() and its bytes. */
typedef struct part {
    encoder en; /* schema NULL: nothing was encoded */
    dk_buf buf;
} part;

static int
part_bytes(const ProducerObject *self, PyObject *obj, PyObject *en, const char *what, views *v, part *out,
           dk_slice *bytes)
{
    int rc;

    if (encoder_of(self, en, &out->en) < 0)
        return -1;
    if (out->en.schema == NULL || obj == NULL || obj == Py_None) {
        out->en.schema = NULL;
        return slice_of(obj, what, v, bytes);
    }
    out->buf = native_avro_take_spare(out->en.schema);
    rc = encode_value(&out->en, obj, NULL, &out->buf);
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
    views v;
    int rc, count = 0;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_str(a[0], "topic", &rec.topic) < 0)
        return NULL;
    v.n = 0;
    rc = part_bytes(self, a[3], a[4], "key", &v, &key, &rec.key);
    if (rc == 0)
        rc = part_bytes(self, a[1], a[2], "value", &v, &value, &rec.value);
    /* Encoding runs Python code, which may close the producer. */
    if (rc == 0 && (rc = native_producer_enter(self)) == 0)
        rc = produce_record(self, &rec, self->cbs.on_delivery);
    part_release(&key);
    part_release(&value);
    views_release(&v);
    if (rc < 0 || (!self->quiet && native_producer_events(self, &count) < 0))
        return NULL;
    Py_RETURN_NONE;
}

/* ---- produce_many ------------------------------------------------------------------------------------------------- */

#define RELEASE_GIL_FROM 64 /* records */

static int
slices_of(PyObject *tuple, const char *what, views *v, dk_slice *out)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (slice_of(PyTuple_GET_ITEM(tuple, i), what, v, &out[i]) < 0)
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

    while (*done < n) {
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
        if (st == DK_OK)
            continue;
        if (st != DK_EQUEUEFULL) {
            native_raise(self->state, st, &err);
            return -1;
        }
        if (native_wait_for_room(self, &deadline) < 0)
            return -1;
    }
    return 0;
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
    encoder value, key;
} tuples;

static int
bytes_of(PyObject *tuple, const char *what, const char *list, const encoder *en, views *v, dk_buf *buf, dk_slice *out)
{
    if (tuple == NULL)
        return 0;
    return en->schema != NULL ? encode_values(en, tuple, list, buf, out) : slices_of(tuple, what, v, out);
}

static int
produce_tuples(ProducerObject *self, dk_record *rec, const tuples *t, PyObject *callback)
{
    PyObject *values = t->values, *keys = t->keys;
    size_t n = (size_t)PyTuple_GET_SIZE(values), done = 0;
    dk_slice *slices = PyMem_Calloc(2 * n + 1, sizeof *slices);
    native_report *report = NULL;
    dk_buf value_buf, key_buf;
    views v = {.n = 0};
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
        (n == 0 || report_new(self, callback, n, &report) == 0)) {
        rec->opaque = report;
        rc = queue_many(self, rec, slices, keys != NULL ? slices + n : NULL, n, &done);
        if (done < n)
            native_report_done(self, report, n - done);
        if (rc < 0)
            tell_queued(done, n);
    }
    views_release(&v);
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
    if (record_of(a[0], a[3], a[4], &rec) < 0 || callback_of(self, NULL, a[6], &callback) < 0)
        return NULL;
    if (encoder_of(self, a[7], &t.value) < 0 || encoder_of(self, a[8], &t.key) < 0)
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
