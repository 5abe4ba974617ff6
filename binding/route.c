/* SPDX-License-Identifier: MIT
 *
 * Route: names and headers of the copies of a group's failed messages.
 */
#include "base/args.h"
#include "base/errors.h"
#include "base/slices.h"
#include "base/state.h"
#include "base/times.h"
#include "consumer/message.h"
#include "native.h"

#include "dk/route.h"

typedef struct RouteObject {
    PyObject_HEAD native_state *state;
    PyObject *keep[3]; /* what the names point into */
    dk_route_names names;
} RouteObject;

static PyObject *
route_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"group", "retry_suffix", "dead_suffix", NULL};
    native_state *state = native_state_of(type);
    PyObject *a[3];
    RouteObject *self;

    if (state == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "UUU:Route", names, &a[0], &a[1], &a[2]))
        return NULL;
    self = (RouteObject *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->state = state;
    for (int i = 0; i < 3; i++)
        self->keep[i] = Py_NewRef(a[i]);
    if (native_str(a[0], "group", &self->names.group) < 0 ||
        native_str(a[1], "retry_suffix", &self->names.retry_suffix) < 0 ||
        native_str(a[2], "dead_suffix", &self->names.dead_suffix) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void
route_dealloc(PyObject *op)
{
    RouteObject *self = (RouteObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    for (int i = 0; i < 3; i++)
        Py_XDECREF(self->keep[i]);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static PyObject *
name_or_raise(RouteObject *self, dk_status st, const char *name, const dk_error *err)
{
    return st == DK_OK ? PyUnicode_FromString(name) : native_raise(self->state, st, err);
}

static PyObject *
route_retry_topic(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "retry_topic", .required = 1, .names = {"topic", "again", NULL}};
    RouteObject *self = (RouteObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    char name[DK_TOPIC_SIZE];
    dk_error err = {.code = DK_OK};
    const char *topic;
    int again;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_str(a[0], "topic", &topic) < 0)
        return NULL;
    again = a[1] != NULL ? PyObject_IsTrue(a[1]) : 0;
    if (again < 0)
        return NULL;
    return name_or_raise(self, dk_route_retry_topic(&self->names, topic, again, name, &err), name, &err);
}

static PyObject *
route_dead_topic(PyObject *op, PyObject *obj)
{
    RouteObject *self = (RouteObject *)op;
    char name[DK_TOPIC_SIZE];
    dk_error err = {.code = DK_OK};
    const char *topic;

    if (native_str(obj, "topic", &topic) < 0)
        return NULL;
    return name_or_raise(self, dk_route_dead_topic(&self->names, topic, name, &err), name, &err);
}

/* ---- the message ----------------------------------------------------------------------------------------------- */

/* What dk_route_source borrows from. */
typedef struct source {
    dk_route_source s;
    PyObject *topic, *list;
    native_headers headers;
    dk_header *borrowed; /* of a message of the engine's */
} source;

static void
source_fini(source *src)
{
    PyMem_Free(src->borrowed);
    native_headers_fini(&src->headers);
    Py_XDECREF(src->topic);
    Py_XDECREF(src->list);
}

/* A message of the engine's, as it was received, whatever was set on it since. */
static int
source_borrow(const MessageObject *msg, source *src)
{
    const dk_batch *b = msg->core->b;
    size_t n = dk_batch_headers(b, msg->index), k = 0;
    int kind;

    src->s.topic = dk_batch_topic(b, msg->index);
    src->s.partition = dk_batch_partition(b, msg->index);
    src->s.offset = dk_batch_offset(b, msg->index);
    src->s.timestamp = dk_batch_timestamp(b, msg->index, &kind);
    if (kind == 0)
        src->s.timestamp = -1;
    if (n == 0)
        return 0;
    src->borrowed = PyMem_Calloc(n, sizeof *src->borrowed);
    if (src->borrowed == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (k < n && dk_batch_header(b, msg->index, k, &src->borrowed[k]))
        k++;
    src->s.headers = src->borrowed;
    src->s.n_headers = k;
    return 0;
}

/* The result of a method; None is -1. */
static int
ask_number(PyObject *msg, const char *method, int64_t *out)
{
    PyObject *result = PyObject_CallMethod(msg, method, NULL);

    if (result == NULL)
        return -1;
    *out = result != Py_None ? PyLong_AsLongLong(result) : -1;
    Py_DECREF(result);
    return PyErr_Occurred() ? -1 : 0;
}

/* timestamp() of a message is its kind and milliseconds; kind 0 has none. */
static int
ask_timestamp(PyObject *msg, int64_t *out)
{
    PyObject *result = PyObject_CallMethod(msg, "timestamp", NULL);
    PyObject *pair = result != NULL ? PySequence_Tuple(result) : NULL, *ms = NULL;
    int kind = 0;

    Py_XDECREF(result);
    if (pair != NULL && PyArg_ParseTuple(pair, "iO;timestamp() must be its kind and milliseconds", &kind, &ms)) {
        PyObject *whole = PyNumber_Long(ms);

        *out = whole != NULL && kind != 0 ? PyLong_AsLongLong(whole) : -1;
        Py_XDECREF(whole);
    }
    Py_XDECREF(pair);
    return PyErr_Occurred() ? -1 : 0;
}

/* Where any object with the methods of a message comes from. */
static int
source_ask(PyObject *msg, source *src)
{
    int64_t partition = -1;

    if (ask_number(msg, "partition", &partition) < 0 || ask_number(msg, "offset", &src->s.offset) < 0 ||
        ask_timestamp(msg, &src->s.timestamp) < 0)
        return -1;
    src->s.partition = (int32_t)partition;
    return 0;
}

/* Its topic and headers; what is no list of these, as of a stand-in in a project's tests, is none. */
static int
source_ask_topic(PyObject *msg, source *src)
{
    src->topic = PyObject_CallMethod(msg, "topic", NULL);
    if (src->topic == NULL || native_str(src->topic, "the message's topic", &src->s.topic) < 0)
        return -1;
    src->list = PyObject_CallMethod(msg, "headers", NULL);
    if (src->list == NULL)
        return -1;
    if (!PyList_Check(src->list) && !PyTuple_Check(src->list) && !PyDict_Check(src->list))
        return 0;
    if (native_headers_of(src->list, &src->headers) < 0)
        return -1;
    src->s.headers = src->headers.items;
    src->s.n_headers = src->headers.n;
    return 0;
}

/* Of a message that is not the engine's only what is needed is asked for: `whole` is more than topic and headers.
 * source_fini() it in any case. */
static int
source_of(RouteObject *self, PyObject *msg, bool whole, source *src)
{
    src->s = (dk_route_source){.timestamp = -1};
    src->topic = src->list = NULL;
    src->borrowed = NULL;
    src->headers = (native_headers){.keep = NULL};
    src->headers.items = src->headers.few;
    if (Py_IS_TYPE(msg, self->state->message_type) && ((MessageObject *)msg)->core != NULL)
        return source_borrow((MessageObject *)msg, src);
    if (source_ask_topic(msg, src) < 0)
        return -1;
    return whole ? source_ask(msg, src) : 0;
}

static PyObject *
route_attempts(PyObject *op, PyObject *msg)
{
    RouteObject *self = (RouteObject *)op;
    PyObject *result = NULL;
    source src;

    if (source_of(self, msg, false, &src) == 0)
        result = PyLong_FromLong(dk_route_attempts(&self->names, src.s.topic, src.s.headers, src.s.n_headers));
    source_fini(&src);
    return result;
}

/* ---- headers --------------------------------------------------------------------------------------------------- */

static PyObject *
list_or_raise(RouteObject *self, dk_status st, dk_route_headers *list, const dk_error *err)
{
    PyObject *result = st == DK_OK ? native_header_list(list->items, list->len) : native_raise(self->state, st, err);

    dk_route_headers_fini(list);
    return result;
}

static PyObject *
route_retry_headers(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "retry_headers", .required = 4, .names = {"msg", "summary", "attempt", "due", NULL}};
    RouteObject *self = (RouteObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result = NULL;
    dk_route_headers list;
    dk_error err = {.code = DK_OK};
    dk_slice summary;
    source src;
    long attempt;
    double due;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_slice(a[1], "summary", NULL, &summary) < 0)
        return NULL;
    attempt = PyLong_AsLong(a[2]);
    due = PyFloat_AsDouble(a[3]);
    if (PyErr_Occurred())
        return NULL;
    if (!(due >= 0 && due < 1e12) || attempt < 0 || attempt > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "a retry needs a number, and a time after 1970");
        return NULL;
    }
    dk_route_headers_init(&list, NULL);
    if (source_of(self, a[0], true, &src) == 0)
        result = list_or_raise(
            self,
            dk_route_retry_headers(&list, &self->names, &src.s, summary, (int32_t)attempt, native_ms(due), &err),
            &list, &err);
    source_fini(&src);
    return result;
}

static PyObject *
route_dead_headers(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "dead_headers", .required = 4, .names = {"msg", "summary", "exception", "detail", NULL}};
    RouteObject *self = (RouteObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *result = NULL;
    dk_route_headers list;
    dk_error err = {.code = DK_OK};
    dk_route_failure why;
    source src;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || native_slice(a[1], "summary", NULL, &why.summary) < 0 ||
        native_slice(a[2], "exception", NULL, &why.exception) < 0 ||
        native_slice(a[3], "detail", NULL, &why.detail) < 0)
        return NULL;
    dk_route_headers_init(&list, NULL);
    if (source_of(self, a[0], true, &src) == 0)
        result = list_or_raise(self, dk_route_dead_headers(&list, &self->names, &src.s, &why, &err), &list, &err);
    source_fini(&src);
    return result;
}

/* ---- type ------------------------------------------------------------------------------------------------------ */

PyDoc_STRVAR(route_doc, "Route(group, retry_suffix, dead_suffix)\n--\n\n"
                        "Names and headers of the copies of a group's failed messages.");

static PyMethodDef route_methods[] = {
    {"retry_topic", NATIVE_METHOD(route_retry_topic), NATIVE_FAST,
     "retry_topic($self, /, topic, again=False)\n--\n\nWhere a message of this topic waits for its next retry."},
    {"dead_topic", route_dead_topic, METH_O,
     "dead_topic($self, topic, /)\n--\n\nThe dead-letter topic of a topic, also of its retry topics."},
    {"attempts", route_attempts, METH_O, "attempts($self, msg, /)\n--\n\nHow many retries a message has had."},
    {"retry_headers", NATIVE_METHOD(route_retry_headers), NATIVE_FAST,
     "retry_headers($self, /, msg, summary, attempt, due)\n--\n\nHeaders of the copy in a retry topic."},
    {"dead_headers", NATIVE_METHOD(route_dead_headers), NATIVE_FAST,
     "dead_headers($self, /, msg, summary, exception, detail)\n--\n\nHeaders of the dead letter."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot route_slots[] = {
    {Py_tp_doc, (void *)route_doc},
    {Py_tp_new, route_new},
    {Py_tp_dealloc, route_dealloc},
    {Py_tp_methods, (void *)route_methods},
    {0, NULL},
};

PyType_Spec native_route_spec = {
    .name = "django_kafka._native.Route",
    .basicsize = sizeof(RouteObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = route_slots,
};
