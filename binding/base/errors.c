/* SPDX-License-Identifier: MIT
 *
 * The module's exceptions and the one mapping of the engine's statuses to exceptions.
 */
#include "base/errors.h"

#include <string.h>

#include "base/vocab.h"

#include "dk/kafka.h"

/* ---- classes --------------------------------------------------------------------------------------------------- */

/* ConfigError's first argument may be a KafkaError (see raise_config_text()); what people read is the text. */
static PyObject *
config_error_str(PyObject *self)
{
    PyObject *text;
    int found = PyObject_GetOptionalAttrString(self, "text", &text);

    if (found < 0)
        return NULL;
    if (found && PyUnicode_Check(text))
        return text;
    Py_XDECREF(text);
    return ((PyTypeObject *)PyExc_ValueError)->tp_str(self);
}

PyDoc_STRVAR(config_error_doc,
             "A configuration key or value is not acceptable; the text names it and says what to do.");

static PyType_Slot config_error_slots[] = {
    {Py_tp_str, config_error_str},
    {Py_tp_doc, (void *)config_error_doc},
    {0, NULL},
};

static PyType_Spec config_error_spec = {
    .name = "django_kafka._native.ConfigError",
    .basicsize = 0, /* as ValueError */
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .slots = config_error_slots,
};

static int
add_exception(PyObject *module, const char *name, const char *doc, PyObject *base, PyObject **out)
{
    *out = PyErr_NewExceptionWithDoc(name, doc, base, NULL);
    return *out == NULL ? -1 : PyModule_AddObjectRef(module, strrchr(name, '.') + 1, *out);
}

int
native_add_exceptions(PyObject *module, native_state *state)
{
    state->config_error = PyType_FromModuleAndSpec(module, &config_error_spec, PyExc_ValueError);
    if (state->config_error == NULL || PyObject_SetAttrString(state->config_error, "key", Py_None) < 0 ||
        PyModule_AddObjectRef(module, "ConfigError", state->config_error) < 0)
        return -1;
    if (add_exception(module, "django_kafka._native.ForkedError",
                      "The handle was made before a fork(); make a new one in this process.", PyExc_RuntimeError,
                      &state->forked_error) < 0)
        return -1;
    if (add_exception(module, "django_kafka._native.ConcurrentUse",
                      "Two threads in one consumer's fetch, poll or consume.", PyExc_RuntimeError,
                      &state->concurrent_use) < 0)
        return -1;
    return add_exception(module, "django_kafka._native.Stopped",
                         "stop() was called while (or before) waiting for messages.", PyExc_Exception,
                         &state->stopped);
}

/* ---- configuration --------------------------------------------------------------------------------------------- */

/* The class that is raised: a ConfigError that code written for confluent_kafka catches as a KafkaException, too. It
 * can only be made once confluent_kafka is imported; without it a plain ConfigError has to do. */
static PyObject *
config_error_class(native_state *state)
{
    PyObject *kafka, *args;

    if (state->kafka_config_error != NULL)
        return state->kafka_config_error;
    kafka = native_vocab(state, NATIVE_KafkaException);
    if (kafka == NULL) {
        PyErr_Clear();
        return state->config_error;
    }
    args =
        Py_BuildValue("s(OO){ss}", "ConfigError", state->config_error, kafka, "__module__", "django_kafka._native");
    if (args == NULL)
        return NULL;
    state->kafka_config_error = PyObject_Call((PyObject *)&PyType_Type, args, NULL);
    Py_DECREF(args);
    return state->kafka_config_error;
}

static PyObject *
raise_config_text(native_state *state, PyObject *key, PyObject *text)
{
    PyObject *cls = config_error_class(state), *arg = NULL, *exc = NULL;

    if (cls == NULL)
        return NULL;
    if (cls == state->config_error)
        arg = Py_NewRef(text);
    else
        arg = native_kafka_error(state, DK_KAFKA_INVALID_ARG, PyUnicode_AsUTF8(text), false, false, false);
    if (arg != NULL)
        exc = PyObject_CallOneArg(cls, arg);
    if (exc != NULL && PyObject_SetAttrString(exc, "text", text) == 0 &&
        PyObject_SetAttrString(exc, "key", key != NULL ? key : Py_None) == 0)
        PyErr_SetObject(cls, exc);
    Py_XDECREF(arg);
    Py_XDECREF(exc);
    return NULL;
}

PyObject *
native_raise_config(native_state *state, PyObject *key, const char *fmt, ...)
{
    PyObject *text;
    va_list ap;

    va_start(ap, fmt);
    text = PyUnicode_FromFormatV(fmt, ap);
    va_end(ap);
    if (text != NULL)
        raise_config_text(state, key, text);
    Py_XDECREF(text);
    return NULL;
}

/* The engine names the key in quotes at first: '"group.id" is …'. */
static PyObject *
key_in_text(const char *text)
{
    const char *open = strchr(text, '"'), *close = open != NULL ? strchr(open + 1, '"') : NULL;

    if (close == NULL)
        return Py_NewRef(Py_None);
    return PyUnicode_DecodeUTF8(open + 1, close - open - 1, "replace");
}

static PyObject *
raise_engine_config(native_state *state, const char *text)
{
    PyObject *key = key_in_text(text), *str = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");

    if (key != NULL && str != NULL)
        raise_config_text(state, key, str);
    Py_XDECREF(key);
    Py_XDECREF(str);
    return NULL;
}

/* ---- the mapping ----------------------------------------------------------------------------------------------- */

static PyObject *
raise_kafka(native_state *state, dk_status st, const dk_error *err, const char *text)
{
    int code = err != NULL && err->kafka != 0 ? err->kafka : DK_KAFKA_FAIL;
    PyObject *error, *cls = native_vocab(state, NATIVE_KafkaException);

    if (cls == NULL)
        return NULL;
    error = native_kafka_error(state, code, text, st == DK_EFATAL || (err != NULL && err->fatal),
                               err != NULL && err->retriable, err != NULL && err->txn_abort);
    if (error != NULL)
        PyErr_SetObject(cls, error);
    Py_XDECREF(error);
    return NULL;
}

PyObject *
native_raise(native_state *state, dk_status st, const dk_error *err)
{
    const char *text = err != NULL && err->text[0] != '\0' ? err->text : dk_status_text(st);
    dk_error timed_out = {.kafka = DK_KAFKA_TIMED_OUT, .retriable = true};

    switch (st) {
    case DK_ENOMEM:
        return PyErr_NoMemory();
    case DK_ECONFIG:
        return raise_engine_config(state, text);
    case DK_EFORKED:
        PyErr_SetString(state->forked_error, "the handle was made before a fork(); make a new one in this process");
        return NULL;
    case DK_EBUSY:
        PyErr_SetString(state->concurrent_use,
                        "another thread is inside fetch(), poll() or consume() of this consumer");
        return NULL;
    case DK_ESTOPPED:
        PyErr_SetString(state->stopped, text);
        return NULL;
    case DK_EINVAL:
        PyErr_SetString(PyExc_ValueError, text);
        return NULL;
    case DK_ECLOSED:
    case DK_ESTATE:
        PyErr_SetString(PyExc_RuntimeError, text);
        return NULL;
    case DK_ELIBRARY:
        PyErr_SetString(PyExc_ImportError, text);
        return NULL;
    case DK_EQUEUEFULL:
        PyErr_SetString(PyExc_BufferError, "Local: Queue full");
        return NULL;
    case DK_ETIMEOUT:
        return raise_kafka(state, st, err != NULL && err->kafka != 0 ? err : &timed_out, text);
    default:
        return raise_kafka(state, st, err, text);
    }
}
