/* SPDX-License-Identifier: MIT
 *
 * A configuration dict, as confluent_kafka takes it: values into text, Python callables picked out.
 */
#include "base/config.h"

#include <string.h>

#include "base/errors.h"

int
native_callbacks_visit(native_callbacks *cbs, visitproc visit, void *arg)
{
#define XX(name) Py_VISIT(cbs->name);
    NATIVE_CALLBACK_MAP(XX)
#undef XX
    Py_VISIT(cbs->logger);
    return 0;
}

void
native_callbacks_clear(native_callbacks *cbs)
{
#define XX(name) Py_CLEAR(cbs->name);
    NATIVE_CALLBACK_MAP(XX)
#undef XX
    Py_CLEAR(cbs->logger);
}

/* ---- callables ------------------------------------------------------------------------------------------------- */

static int
keep_callable(const char *name, PyObject *value, PyObject **slot)
{
    if (value != Py_None && !PyCallable_Check(value)) {
        PyErr_Format(PyExc_TypeError, "expected %s property as a callable function", name);
        return -1;
    }
    Py_XSETREF(*slot, value == Py_None ? NULL : Py_NewRef(value));
    return 1;
}

int
native_logger(PyObject *value, PyObject **slot)
{
    PyObject *log;
    int found;

    if (value == Py_None)
        return 0;
    found = PyObject_GetOptionalAttrString(value, "log", &log);
    Py_XDECREF(log);
    if (found <= 0) {
        if (found == 0)
            PyErr_Format(PyExc_TypeError, "logger must be a logging.Logger, not %.100s", Py_TYPE(value)->tp_name);
        return -1;
    }
    Py_XSETREF(*slot, Py_NewRef(value));
    return 0;
}

/* 1: it was one of the callables, 0: it is not, -1: it is, and wrong. */
static int
take_callable(native_callbacks *cbs, const char *key, PyObject *value)
{
#define XX(name)                                                                                                     \
    if (strcmp(key, #name) == 0)                                                                                     \
        return keep_callable(#name, value, &cbs->name);
    NATIVE_CALLBACK_MAP(XX)
#undef XX
    if (strcmp(key, "logger") == 0)
        return native_logger(value, &cbs->logger) < 0 ? -1 : 1;
    return 0;
}

/* ---- values ---------------------------------------------------------------------------------------------------- */

static PyObject *
value_text(native_state *state, PyObject *key, PyObject *value)
{
    if (PyUnicode_Check(value))
        return Py_NewRef(value);
    if (PyBool_Check(value))
        return PyUnicode_FromString(value == Py_True ? "true" : "false");
    if (PyLong_Check(value) || PyFloat_Check(value))
        return PyObject_Str(value);
    if (PyBytes_Check(value))
        return PyUnicode_DecodeUTF8(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), "strict");
    if (PyObject_HasAttrString(value, "__fspath__"))
        return PyOS_FSPath(value);
    if (PyCallable_Check(value))
        return native_raise_config(state, key,
                                   "\"%U\" cannot be a callable; callables are error_cb, stats_cb, throttle_cb, "
                                   "oauth_cb, on_commit, on_delivery",
                                   key);
    if (PyList_Check(value) || PyTuple_Check(value) || PyAnySet_Check(value) || PyDict_Check(value))
        return native_raise_config(state, key, "\"%U\" is a %.100s; write the values as one string with commas", key,
                                   Py_TYPE(value)->tp_name);
    if (Py_TYPE(value)->tp_str == PyBaseObject_Type.tp_str) /* it has no text but that of its address */
        return native_raise_config(state, key, "\"%U\" must be a str, int, float or bool, not %.100s", key,
                                   Py_TYPE(value)->tp_name);
    return PyObject_Str(value); /* lazy texts, enumerations, numbers of other types */
}

/* The UTF-8 of str, which `keep` keeps alive. */
static const char *
kept_text(native_state *state, native_config *conf, PyObject *key, PyObject *str)
{
    const char *text;
    Py_ssize_t n;

    if (PyList_Append(conf->keep, str) < 0)
        return NULL;
    text = PyUnicode_AsUTF8AndSize(str, &n);
    if (text != NULL && strlen(text) != (size_t)n) {
        native_raise_config(state, key, "\"%U\" contains a NUL character", key);
        return NULL;
    }
    return text;
}

static int
append_pair(native_config *conf, const char *key, const char *value)
{
    dk_pair *grown = PyMem_Realloc(conf->pairs, (conf->n + 1) * sizeof *grown);

    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    conf->pairs = grown;
    conf->pairs[conf->n++] = (dk_pair){.key = key, .value = value};
    return 0;
}

static bool
is_true(const char *value)
{
    return PyOS_stricmp(value, "true") == 0 || PyOS_stricmp(value, "t") == 0 || strcmp(value, "1") == 0;
}

static int
add_value(native_state *state, native_config *conf, PyObject *key, const char *key_text, PyObject *value)
{
    PyObject *str = value_text(state, key, value);
    const char *text = str != NULL ? kept_text(state, conf, key, str) : NULL;

    Py_XDECREF(str);
    if (text == NULL)
        return -1;
    if (strcmp(key_text, "enable.auto.offset.store") == 0)
        conf->auto_store = is_true(text);
    if (strcmp(key_text, "delivery.report.only.error") == 0) {
        conf->only_errors = is_true(text); /* reports are counted here, so librdkafka has to make them all */
        if (conf->only_errors)
            return 0;
    }
    return append_pair(conf, key_text, text);
}

/* ---- the dict -------------------------------------------------------------------------------------------------- */

static int parse_items(native_state *state, PyObject *dict, native_callbacks *cbs, native_config *conf, bool nested);

static int
parse_item(native_state *state, PyObject *key, PyObject *value, native_callbacks *cbs, native_config *conf,
           bool nested)
{
    const char *text;
    int taken;

    if (!PyUnicode_Check(key)) {
        native_raise_config(state, key, "configuration keys are strings; %R is a %.100s", key, Py_TYPE(key)->tp_name);
        return -1;
    }
    text = kept_text(state, conf, key, key);
    if (text == NULL)
        return -1;
    taken = take_callable(cbs, text, value);
    if (taken != 0)
        return taken < 0 ? -1 : 0;
    if (value == Py_None)
        return 0; /* librdkafka's default, as confluent_kafka understands it */
    if (!nested && strcmp(text, "default.topic.config") == 0) {
        if (PyDict_Check(value))
            return parse_items(state, value, cbs, conf, true);
        native_raise_config(state, key, "\"%U\" must be a dict", key);
        return -1;
    }
    return add_value(state, conf, key, text, value);
}

static int
parse_items(native_state *state, PyObject *dict, native_callbacks *cbs, native_config *conf, bool nested)
{
    PyObject *copy = PyDict_Copy(dict), *key, *value; /* str() of a value might change the dict */
    Py_ssize_t at = 0;
    int rc = copy == NULL ? -1 : 0;

    while (rc == 0 && PyDict_Next(copy, &at, &key, &value))
        rc = parse_item(state, key, value, cbs, conf, nested);
    Py_XDECREF(copy);
    return rc;
}

int
native_config_parse(native_state *state, PyObject *dict, native_callbacks *cbs, native_config *out)
{
    *out = (native_config){.auto_store = true};
    if (!PyDict_Check(dict)) {
        PyErr_SetString(PyExc_TypeError, "expected configuration dict");
        return -1;
    }
    out->keep = PyList_New(0);
    if (out->keep == NULL)
        return -1;
    return parse_items(state, dict, cbs, out, false);
}

void
native_config_fini(native_config *conf)
{
    PyMem_Free(conf->pairs);
    Py_CLEAR(conf->keep);
    conf->pairs = NULL;
    conf->n = 0;
}

/* ---- arguments ------------------------------------------------------------------------------------------------- */

static bool
is_own(const char *const *own, PyObject *name)
{
    while (*own != NULL)
        if (PyUnicode_CompareWithASCIIString(name, *own++) == 0)
            return true;
    return false;
}

/* The keywords in two dicts. */
static int
sort_keywords(PyObject *kwargs, const char *const *own, PyObject *options, PyObject *config)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;

    while (kwargs != NULL && PyDict_Next(kwargs, &at, &key, &value))
        if (PyDict_SetItem(is_own(own, key) ? options : config, key, value) < 0)
            return -1;
    return 0;
}

/* What is given as a dict, with the keywords over it. */
static PyObject *
merged(PyObject *args, PyObject *keywords)
{
    PyObject *first = PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0) : NULL, *all;

    if (PyTuple_GET_SIZE(args) > 1 || (first == NULL && PyDict_Size(keywords) == 0) ||
        (first != NULL && !PyDict_Check(first))) {
        PyErr_SetString(PyExc_TypeError, "expected configuration dict");
        return NULL;
    }
    all = first != NULL ? PyDict_Copy(first) : PyDict_New();
    if (all != NULL && PyDict_Update(all, keywords) < 0)
        Py_CLEAR(all);
    return all;
}

PyObject *
native_config_args(PyObject *args, PyObject *kwargs, const char *const *own, PyObject **options)
{
    PyObject *keywords = PyDict_New(), *config = NULL, *one = NULL;

    *options = PyDict_New();
    if (keywords != NULL && *options != NULL && sort_keywords(kwargs, own, *options, keywords) == 0)
        config = merged(args, keywords);
    if (config != NULL)
        one = PyTuple_Pack(1, config);
    Py_XDECREF(keywords);
    Py_XDECREF(config);
    if (one == NULL)
        Py_CLEAR(*options);
    return one;
}
