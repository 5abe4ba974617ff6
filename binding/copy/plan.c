/* SPDX-License-Identifier: MIT
 *
 * CopyPlan: the columns of a table, and the schemas of the messages that become its rows.
 */
#include "copy/native_copy.h"

#include "avro/native_avro.h"

/* The columns whose names are in `key`, in its order, and then the others. A new tuple of the tuples. */
static PyObject *
order_columns(PyObject *columns, PyObject *key)
{
    Py_ssize_t n = PySequence_Fast_GET_SIZE(columns), nkey = PySequence_Fast_GET_SIZE(key), at = 0;
    PyObject *out = PyTuple_New(n);

    for (int pass = 0; out != NULL && pass < 2; pass++) {
        for (Py_ssize_t k = 0; k < (pass == 0 ? nkey : 1); k++) {
            for (Py_ssize_t i = 0; i < n; i++) {
                PyObject *c = PySequence_Fast_GET_ITEM(columns, i), *name;
                int found;

                if (!PyTuple_Check(c) || PyTuple_GET_SIZE(c) < 2) {
                    PyErr_SetString(PyExc_TypeError, "a column is a tuple (name, type) or (name, type, options)");
                    Py_DECREF(out);
                    return NULL;
                }
                name = PyTuple_GET_ITEM(c, 0);
                found = pass == 0 ? PyObject_RichCompareBool(name, PySequence_Fast_GET_ITEM(key, k), Py_EQ)
                                  : !PySequence_Contains(key, name);
                if (found > 0 && at < n)
                    PyTuple_SET_ITEM(out, at++, Py_NewRef(c));
            }
        }
        if (pass == 0 && at != nkey) {
            PyErr_SetString(PyExc_ValueError, "the key names a column that is not there, or one twice");
            Py_CLEAR(out);
        }
    }
    return out;
}

static int
make_plan(CopyPlanObject *self, PyObject *columns, dk_copy_plan_options options)
{
    Py_ssize_t n = PyTuple_GET_SIZE(columns);
    dk_pg_column *list = PyMem_Calloc((size_t)n + 1, sizeof *list);
    dk_error err;
    dk_status st;

    if (list == NULL)
        return PyErr_NoMemory(), -1;
    options.columns = list;
    options.ncolumns = (size_t)n;
    self->columns = PyTuple_New(n);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *c = PyTuple_GET_ITEM(columns, i);

        if (self->columns == NULL || native_copy_column(c, &list[i]) < 0) {
            PyMem_Free(list);
            return -1;
        }
        PyTuple_SET_ITEM(self->columns, i, Py_NewRef(PyTuple_GET_ITEM(c, 0)));
    }
    st = dk_copy_plan_new(NULL, &options, &self->plan, &err);
    PyMem_Free(list);
    if (st == DK_ENOMEM)
        PyErr_NoMemory();
    else if (st != DK_OK)
        PyErr_SetString(PyExc_ValueError, err.text);
    return st == DK_OK ? 0 : -1;
}

static PyObject *
plan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"columns",   "key", "key_in_value", "placeholder", "deleted", "odd_tombstones",
                            "versioned", NULL};
    dk_copy_plan_options options = {.size = sizeof options};
    PyObject *columns, *key, *fast = NULL, *fast_key = NULL, *ordered = NULL;
    CopyPlanObject *self = NULL;
    int key_in_value = 0, odd_tombstones = 0, versioned = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|$pzzpp:CopyPlan", names, &columns, &key, &key_in_value,
                                     &options.placeholder, &options.deleted, &odd_tombstones, &versioned))
        return NULL;
    fast = PySequence_Fast(columns, "columns has to be a sequence");
    fast_key = PySequence_Fast(key, "key has to be a sequence of names");
    if (fast != NULL && fast_key != NULL)
        ordered = order_columns(fast, fast_key);
    if (ordered != NULL)
        self = (CopyPlanObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        atomic_init(&self->busy, false);
        self->key_in_value = options.key_in_value = key_in_value;
        options.odd_tombstones = odd_tombstones;
        options.versioned = versioned;
        options.nkey = (size_t)PySequence_Fast_GET_SIZE(fast_key);
        if (make_plan(self, ordered, options) < 0)
            Py_CLEAR(self);
    }
    Py_XDECREF(ordered);
    Py_XDECREF(fast);
    Py_XDECREF(fast_key);
    return (PyObject *)self;
}

static void
plan_dealloc(PyObject *op)
{
    CopyPlanObject *self = (CopyPlanObject *)op;
    PyTypeObject *type = Py_TYPE(op);

    native_copy_schemas_fini(&self->schemas[DK_COPY_KEY]);
    native_copy_schemas_fini(&self->schemas[DK_COPY_VALUE]);
    dk_copy_plan_unref(self->plan);
    Py_XDECREF(self->columns);
    type->tp_free(op);
    Py_DECREF(type);
}

PyDoc_STRVAR(plan_add_doc, "add(side, id, schema)\n--\n\n"
                           "Keys or values with this id (int) or GUID (16 bytes) are of this AvroSchema; None: all,\n"
                           "without framing. Returns why all of them will be odd, or None.");

static PyObject *
plan_add(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"add", 3, {"side", "id", "schema", NULL}};
    CopyPlanObject *self = (CopyPlanObject *)op;
    native_state *state = native_state_of(Py_TYPE(op));
    PyObject *in[3], *odd;
    dk_copy_reader *reader;
    dk_copy_side side;
    dk_error err;
    int rc;

    if (state == NULL || native_args(&sig, args, nargs, kwnames, in) < 0 || native_copy_side(in[0], &side) < 0)
        return NULL;
    if (!PyObject_TypeCheck(in[2], ((AvroCore *)state->avro)->schema_type)) {
        PyErr_Format(PyExc_TypeError, "an AvroSchema is wanted, not %.100s", Py_TYPE(in[2])->tp_name);
        return NULL;
    }
    if (dk_copy_reader_avro(self->plan, side, ((AvroSchemaObject *)in[2])->program, &reader, &err) != DK_OK)
        return PyErr_NoMemory();
    odd = dk_copy_reader_odd(reader) == NULL ? Py_NewRef(Py_None) : PyUnicode_FromString(dk_copy_reader_odd(reader));
    if (odd == NULL || native_copy_enter(self) < 0) {
        dk_copy_reader_free(reader);
        Py_XDECREF(odd);
        return NULL;
    }
    rc = native_copy_schemas_put(&self->schemas[side], in[1], reader);
    native_copy_leave(self);
    if (rc < 0)
        Py_CLEAR(odd);
    return odd;
}

PyDoc_STRVAR(plan_add_json_doc,
             "add_json(side, id=None, connect=None, ignored=(), refused=(), ignore_others=False)\n--\n\n"
             "Keys or values are JSON: all, or those with this id or GUID. connect: whether they are in Connect's\n"
             "{\"schema\", \"payload\"}; None: those that look so. Fields that no column takes make a message odd,\n"
             "unless they are ignored.");

static int
read_index(PyObject *obj, Py_ssize_t otherwise, Py_ssize_t *out)
{
    *out = obj == NULL || obj == Py_None ? otherwise : PyNumber_AsSsize_t(obj, PyExc_OverflowError);
    return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

/* The result to go on with, or a new one: a new reference. */
static PyObject *
result_for(CopyPlanObject *self, native_state *state, PyObject *given)
{
    if (given == NULL || given == Py_None)
        return native_copy_result_new(state, (PyObject *)self, self->plan);
    if (!Py_IS_TYPE(given, state->copy_result_type) || ((CopyResultObject *)given)->plan != (PyObject *)self) {
        PyErr_SetString(PyExc_ValueError, "result has to be a CopyResult of this plan");
        return NULL;
    }
    if (((CopyResultObject *)given)->exports > 0) {
        PyErr_SetString(PyExc_BufferError, "a stream of this result is still in use");
        return NULL;
    }
    Py_CLEAR(((CopyResultObject *)given)->unknown);
    Py_CLEAR(((CopyResultObject *)given)->stray);
    return Py_NewRef(given);
}

PyDoc_STRVAR(
    plan_run_doc,
    "run(messages, start=0, stop=None, result=None, stop_at_error=False)\n--\n\n"
    "Makes rows of messages[start:stop]: Message objects or tuples (key, value). Stops at a schema that was\n"
    "not added and at a message that is not told apart from others; see the result, which goes on with an\n"
    "earlier one if that is given.");

static PyObject *
plan_run(PyObject *op, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    static const native_signature sig = {"run", 1, {"messages", "start", "stop", "result", "stop_at_error", NULL}};
    CopyPlanObject *self = (CopyPlanObject *)op;
    native_state *state = native_state_of(Py_TYPE(op));
    PyObject *in[5] = {NULL}, *result;
    Py_ssize_t size, start, stop;
    int stop_at_error;

    if (state == NULL || native_args(&sig, args, nargs, kwnames, in) < 0)
        return NULL;
    size = PySequence_Size(in[0]);
    if (size < 0 || read_index(in[1], 0, &start) < 0 || read_index(in[2], size, &stop) < 0)
        return NULL;
    stop_at_error = in[4] == NULL ? 0 : PyObject_IsTrue(in[4]);
    if (stop_at_error < 0)
        return NULL;
    if (start < 0 || stop > size || start > stop) {
        PyErr_Format(PyExc_IndexError, "no messages %zd to %zd: there are %zd", start, stop, size);
        return NULL;
    }
    result = result_for(self, state, in[3]);
    if (result == NULL || native_copy_enter(self) < 0) {
        Py_XDECREF(result);
        return NULL;
    }
    if (native_copy_run(self, (CopyResultObject *)result, in[0], start, stop, stop_at_error) < 0)
        Py_CLEAR(result);
    native_copy_leave(self);
    return result;
}

static PyObject *
plan_columns(PyObject *op, void *ignored)
{
    return Py_NewRef(((CopyPlanObject *)op)->columns);
}

static PyGetSetDef plan_getset[] = {
    {"columns", plan_columns, NULL, "Names in the order of COPY's list of columns: those of the key first.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(plan_ahead_doc,
             "ahead($self, messages, /)\n--\n\nBegin to run what Claim.behind() gave on another thread, with\n"
             "stop_at_error; None if that cannot be. Until it is taken or dropped the plan is in use.");

static PyMethodDef plan_methods[] = {
    {"add", NATIVE_METHOD(plan_add), NATIVE_FAST, plan_add_doc},
    {"add_json", NATIVE_METHOD(native_copy_add_json), NATIVE_FAST, plan_add_json_doc},
    {"run", NATIVE_METHOD(plan_run), NATIVE_FAST, plan_run_doc},
    {"ahead", native_copy_ahead, METH_O, plan_ahead_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(plan_doc, "CopyPlan(columns, key, *, key_in_value=False, placeholder=None, deleted=None,\n"
                       "         odd_tombstones=False, versioned=False)\n--\n\n"
                       "Makes rows for PostgreSQL's COPY (FORMAT binary) of the bytes of messages.");

static PyType_Slot plan_slots[] = {
    {Py_tp_doc, (void *)plan_doc}, {Py_tp_new, plan_new},       {Py_tp_dealloc, plan_dealloc},
    {Py_tp_methods, plan_methods}, {Py_tp_getset, plan_getset}, {0, NULL},
};

PyType_Spec native_copy_plan_spec = {
    .name = "django_kafka._native.CopyPlan",
    .basicsize = sizeof(CopyPlanObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};

static int
add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out)
{
    *out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *out == NULL ? -1 : PyModule_AddType(module, *out);
}

int
native_copy_exec(PyObject *module)
{
    native_state *state = PyModule_GetState(module);

    if (add_type(module, &native_copy_plan_spec, &state->copy_plan_type) < 0 ||
        add_type(module, &native_copy_result_spec, &state->copy_result_type) < 0 ||
        add_type(module, &native_copy_ahead_spec, &state->copy_ahead_type) < 0)
        return -1;
    return add_type(module, &native_copy_stream_spec, &state->copy_stream_type);
}
