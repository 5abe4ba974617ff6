/* SPDX-License-Identifier: MIT
 *
 * Broker: the embedded development broker.
 */
#include <unistd.h>

#include "base/args.h"
#include "base/errors.h"
#include "base/later.h"
#include "base/state.h"
#include "native.h"

#include "dk/broker.h"

typedef struct BrokerObject {
    PyObject_HEAD native_state *state;
    dk_broker *b;
    long pid;
} BrokerObject;

static PyObject *
broker_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    native_state *state = native_state_of(type);
    BrokerObject *self = state != NULL ? (BrokerObject *)type->tp_alloc(type, 0) : NULL;

    (void)args;
    (void)kwargs;
    if (self != NULL) {
        self->state = state;
        self->pid = (long)getpid();
    }
    return (PyObject *)self;
}

static int
broker_init(PyObject *op, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"nodes", NULL};
    BrokerObject *self = (BrokerObject *)op;
    dk_error err = {.code = DK_OK};
    dk_status st;
    int nodes = 1;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|i:Broker", names, &nodes))
        return -1;
    if (self->b != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "Broker.__init__() was called twice");
        return -1;
    }
    if (nodes < 1 || nodes > 100) {
        PyErr_SetString(PyExc_ValueError, "nodes must be from 1 to 100");
        return -1;
    }
    Py_BEGIN_ALLOW_THREADS
    st = dk_broker_new(NULL, nodes, &self->b, &err);
    Py_END_ALLOW_THREADS
    if (st == DK_OK)
        return 0;
    native_raise(self->state, st, &err);
    return -1;
}

static int
enter(BrokerObject *self)
{
    if (self->b != NULL && self->pid == (long)getpid())
        return 0;
    if (self->b != NULL)
        native_raise(self->state, DK_EFORKED, NULL);
    else
        PyErr_SetString(PyExc_RuntimeError, "Broker closed");
    return -1;
}

static PyObject *
broker_close(PyObject *op, PyObject *ignored)
{
    BrokerObject *self = (BrokerObject *)op;
    dk_broker *b = self->b;

    (void)ignored;
    self->b = NULL;
    if (b != NULL && self->pid == (long)getpid()) {
        Py_BEGIN_ALLOW_THREADS
        dk_broker_free(b);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static void
free_broker(void *b)
{
    dk_broker_free(b);
}

static void
broker_dealloc(PyObject *op)
{
    BrokerObject *self = (BrokerObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    PyObject_GC_UnTrack(op);
    if (self->b != NULL && self->pid == (long)getpid())
        native_free_later(free_broker, self->b);
    type->tp_free(op);
    Py_DECREF(type);
}

static int
broker_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    return 0;
}

static PyObject *
done(BrokerObject *self, dk_status st, const dk_error *err)
{
    return st != DK_OK ? native_raise(self->state, st, err) : Py_NewRef(Py_None);
}

/* One or two plain arguments: those that follow the first are ints, or have a default. */
static PyObject *
broker_create_topic(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {
        .func = "create_topic", .required = 1, .names = {"name", "partitions", NULL}};
    BrokerObject *self = (BrokerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    const char *name;
    long partitions = 1;
    dk_error err = {.code = DK_OK};
    dk_status st;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || enter(self) < 0 || native_str(a[0], "name", &name) < 0)
        return NULL;
    if (a[1] != NULL)
        partitions = PyLong_AsLong(a[1]);
    if (partitions == -1 && PyErr_Occurred())
        return NULL;
    if (partitions < 1 || partitions > 100000) {
        PyErr_SetString(PyExc_ValueError, "partitions must be at least 1");
        return NULL;
    }
    st = dk_broker_create_topic(self->b, name, (int)partitions, &err);
    return done(self, st, &err);
}

static PyObject *
broker_push_errors(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "push_errors", .required = 2, .names = {"api_key", "errors", NULL}};
    BrokerObject *self = (BrokerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS], *tuple;
    dk_error err = {.code = DK_OK};
    dk_status st = DK_OK;
    long key;
    int *numbers;
    size_t n;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || enter(self) < 0)
        return NULL;
    key = PyLong_AsLong(a[0]);
    tuple = key == -1 && PyErr_Occurred() ? NULL : PySequence_Tuple(a[1]);
    if (tuple == NULL)
        return NULL;
    n = (size_t)PyTuple_GET_SIZE(tuple);
    numbers = PyMem_Calloc(n + 1, sizeof *numbers);
    if (numbers == NULL)
        PyErr_NoMemory();
    for (size_t i = 0; numbers != NULL && i < n; i++)
        numbers[i] = (int)PyLong_AsLong(PyTuple_GET_ITEM(tuple, (Py_ssize_t)i));
    if (!PyErr_Occurred())
        st = dk_broker_push_errors(self->b, (int16_t)key, numbers, n, &err);
    PyMem_Free(numbers);
    Py_DECREF(tuple);
    return PyErr_Occurred() ? NULL : done(self, st, &err);
}

static PyObject *
broker_set_topic_error(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "set_topic_error", .required = 2, .names = {"topic", "error", NULL}};
    BrokerObject *self = (BrokerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    const char *topic;
    dk_error err = {.code = DK_OK};
    dk_status st;
    long error;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || enter(self) < 0 || native_str(a[0], "topic", &topic) < 0)
        return NULL;
    error = PyLong_AsLong(a[1]);
    if (error == -1 && PyErr_Occurred())
        return NULL;
    st = dk_broker_set_topic_error(self->b, topic, (int)error, &err);
    return done(self, st, &err);
}

static PyObject *
broker_set_down(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "set_down", .required = 1, .names = {"node", "down", NULL}};
    BrokerObject *self = (BrokerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    dk_error err = {.code = DK_OK};
    dk_status st;
    long node;
    int down;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || enter(self) < 0)
        return NULL;
    node = PyLong_AsLong(a[0]);
    down = a[1] != NULL ? PyObject_IsTrue(a[1]) : 1;
    if (PyErr_Occurred())
        return NULL;
    st = dk_broker_set_down(self->b, (int32_t)node, down, &err);
    return done(self, st, &err);
}

static PyObject *
broker_set_rtt(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {.func = "set_rtt", .required = 2, .names = {"node", "rtt_ms", NULL}};
    BrokerObject *self = (BrokerObject *)op;
    PyObject *a[NATIVE_MAX_ARGS];
    dk_error err = {.code = DK_OK};
    dk_status st;
    long node, rtt;

    if (native_args(&sig, args, nargs, kwnames, a) < 0 || enter(self) < 0)
        return NULL;
    node = PyLong_AsLong(a[0]);
    rtt = PyLong_AsLong(a[1]);
    if (PyErr_Occurred())
        return NULL;
    st = dk_broker_set_rtt(self->b, (int32_t)node, (int)rtt, &err);
    return done(self, st, &err);
}

static PyObject *
broker_bootstrap(PyObject *op, void *closure)
{
    BrokerObject *self = (BrokerObject *)op;

    (void)closure;
    return enter(self) < 0 ? NULL : PyUnicode_FromString(dk_broker_bootstrap(self->b));
}

static PyObject *
broker_enter(PyObject *op, PyObject *ignored)
{
    (void)ignored;
    return enter((BrokerObject *)op) < 0 ? NULL : Py_NewRef(op);
}

static PyObject *
broker_exit(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    (void)args;
    (void)nargs;
    return broker_close(op, NULL);
}

PyDoc_STRVAR(broker_doc,
             "Broker(nodes=1)\n--\n\n"
             "The embedded development broker (librdkafka's mock cluster) on loopback ports. Memory only.");

/* clang-format off */
#define FAST(name, text) {#name, NATIVE_METHOD(broker_##name), NATIVE_FAST, PyDoc_STR(text)}
/* clang-format on */

static PyMethodDef broker_methods[] = {
    FAST(create_topic,
         "create_topic($self, /, name, partitions=1)\n--\n\nTopics nobody creates appear on first use."),
    FAST(push_errors,
         "push_errors($self, /, api_key, errors)\n--\n\nThe next requests of this kind fail with these errors."),
    FAST(set_topic_error, "set_topic_error($self, /, topic, error)\n--\n\nRequests for this topic fail; 0 ends it."),
    FAST(set_down, "set_down($self, /, node, down=True)\n--\n\nTake a node (from 1 on) down, or up."),
    FAST(set_rtt, "set_rtt($self, /, node, rtt_ms)\n--\n\nAdd a delay to every answer of a node."),
    {"close", broker_close, METH_NOARGS, PyDoc_STR("close($self, /)\n--\n\nEnd it; everything in it is gone.")},
    {"__enter__", broker_enter, METH_NOARGS, NULL},
    {"__exit__", NATIVE_METHOD(broker_exit), METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef broker_getset[] = {
    {"bootstrap", broker_bootstrap, NULL, "host:port[,host:port], for bootstrap.servers.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot broker_slots[] = {
    {Py_tp_doc, (void *)broker_doc},   {Py_tp_new, broker_new},
    {Py_tp_init, broker_init},         {Py_tp_dealloc, broker_dealloc},
    {Py_tp_traverse, broker_traverse}, {Py_tp_methods, broker_methods},
    {Py_tp_getset, broker_getset},     {0, NULL},
};

PyType_Spec native_broker_spec = {
    .name = "django_kafka._native.Broker",
    .basicsize = sizeof(BrokerObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = broker_slots,
};
