/* SPDX-License-Identifier: MIT
 *
 * The module: its state, its types, and which librdkafka it uses.
 *
 * confluent_kafka's wheel carries a current librdkafka. It is found without importing confluent_kafka, which takes its
 * time and is needed later at most; as the loader knows libraries by their names, both end up with one copy.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

native_state *
native_state_of(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(type, &native_def);

    return module != NULL ? PyModule_GetState(module) : NULL;
}

/* ---- freeing elsewhere -------------------------------------------------------------------------------------------- */

typedef struct later {
    void (*fn)(void *);
    void *arg;
} later;

static void *
run_later(void *arg)
{
    later job = *(later *)arg;

    PyMem_RawFree(arg);
    job.fn(job.arg);
    return NULL;
}

/* Closing a client joins its threads, which a dealloc must not wait for. */
void
native_free_later(void (*fn)(void *), void *arg)
{
    later *job = PyMem_RawMalloc(sizeof *job);
    sigset_t all, old;
    pthread_t thread;
    int rc = -1;

    if (job != NULL) {
        *job = (later){.fn = fn, .arg = arg};
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        rc = pthread_create(&thread, NULL, run_later, job);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    if (rc == 0) {
        pthread_detach(thread);
        return;
    }
    PyMem_RawFree(job);
    fn(arg);
}

/* ---- librdkafka --------------------------------------------------------------------------------------------------- */

/* The first file in folder whose name begins with librdkafka: a new path, or NULL (perhaps with an exception). */
static PyObject *
library_in(PyObject *folder)
{
    PyObject *os = PyImport_ImportModule("os"), *names = NULL, *path = NULL;

    if (os != NULL)
        names = PyObject_CallMethod(os, "listdir", "O", folder);
    if (names == NULL && PyErr_ExceptionMatches(PyExc_OSError))
        PyErr_Clear();
    for (Py_ssize_t i = 0; names != NULL && path == NULL && i < PyList_GET_SIZE(names); i++) {
        const char *name = PyUnicode_AsUTF8(PyList_GET_ITEM(names, i));

        if (name == NULL)
            break;
        if (strncmp(name, "librdkafka", 10) == 0 && strncmp(name, "librdkafka++", 12) != 0)
            path = PyUnicode_FromFormat("%U/%s", folder, name);
    }
    Py_XDECREF(os);
    Py_XDECREF(names);
    return path;
}

/* Beside or inside the folder of confluent_kafka, where repaired wheels keep their libraries. */
static PyObject *
library_of(PyObject *package_folder)
{
    static const char *const places[] = {"%U.libs", "%U/.dylibs", "%U/.libs"};
    PyObject *path = NULL;

    for (size_t i = 0; path == NULL && !PyErr_Occurred() && i < sizeof places / sizeof *places; i++) {
        PyObject *folder = PyUnicode_FromFormat(places[i], package_folder);

        if (folder == NULL)
            break;
        path = library_in(folder);
        Py_DECREF(folder);
    }
    return path;
}

static PyObject *
confluent_folder(void)
{
    PyObject *util = PyImport_ImportModule("importlib.util"), *spec = NULL, *places = NULL, *folder = NULL;

    if (util != NULL)
        spec = PyObject_CallMethod(util, "find_spec", "s", "confluent_kafka");
    if (spec != NULL && spec != Py_None)
        places = PyObject_GetAttrString(spec, "submodule_search_locations");
    if (places != NULL && places != Py_None)
        folder = PySequence_GetItem(places, 0);
    Py_XDECREF(util);
    Py_XDECREF(spec);
    Py_XDECREF(places);
    return folder;
}

static int
load_library(void)
{
    PyObject *folder = confluent_folder(), *path = folder != NULL ? library_of(folder) : NULL, *bytes = NULL;
    dk_error err = {.code = DK_OK};
    dk_status st;

    Py_XDECREF(folder);
    if (path != NULL) {
        bytes = PyUnicode_EncodeFSDefault(path);
        Py_DECREF(path);
    }
    PyErr_Clear(); /* whatever went wrong, the system may have one */
    st = dk_library_load(bytes != NULL ? PyBytes_AS_STRING(bytes) : NULL, &err);
    Py_XDECREF(bytes);
    if (st == DK_OK)
        return 0;
    PyErr_SetString(PyExc_ImportError, err.text[0] != '\0' ? err.text : dk_status_text(st));
    return -1;
}

static PyObject *
librdkafka_version(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyUnicode_FromString(dk_library_version_text());
}

static PyObject *
librdkafka_version_int(PyObject *module, PyObject *ignored)
{
    (void)module;
    (void)ignored;
    return PyLong_FromLong(dk_library_version());
}

static PyObject *
librdkafka_source(PyObject *module, PyObject *ignored)
{
    char *real = realpath(dk_library_path(), NULL); /* the loader may know it by a way around */
    PyObject *path = PyUnicode_DecodeFSDefault(real != NULL ? real : dk_library_path());

    (void)module;
    (void)ignored;
    free(real);
    return path;
}

/* ---- module ------------------------------------------------------------------------------------------------------- */

static int
add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out)
{
    *out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *out == NULL ? -1 : PyModule_AddType(module, *out);
}

static int
add_constants(PyObject *module)
{
    static const struct {
        const char *name;
        long value;
    } constants[] = {
        {"OFFSET_BEGINNING", DK_OFFSET_BEGINNING},
        {"OFFSET_END", DK_OFFSET_END},
        {"OFFSET_STORED", DK_OFFSET_STORED},
        {"OFFSET_INVALID", DK_OFFSET_INVALID},
        {"TIMESTAMP_NOT_AVAILABLE", 0},
        {"TIMESTAMP_CREATE_TIME", 1},
        {"TIMESTAMP_LOG_APPEND_TIME", 2},
    };

    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0)
            return -1;
    return PyModule_AddStringConstant(module, "__version__", dk_version());
}

static int
native_exec(PyObject *module)
{
    native_state *state = PyModule_GetState(module);

    state->module = module;
    if (load_library() < 0 || add_constants(module) < 0 || native_add_exceptions(module, state) < 0)
        return -1;
    if (add_type(module, &native_message_spec, &state->message_type) < 0 ||
        add_type(module, &native_batch_spec, &state->batch_type) < 0 ||
        add_type(module, &native_ticket_spec, &state->ticket_type) < 0 ||
        add_type(module, &native_consumer_spec, &state->consumer_type) < 0 ||
        add_type(module, &native_producer_spec, &state->producer_type) < 0 ||
        add_type(module, &native_route_spec, &state->route_type) < 0)
        return -1;
    return add_type(module, &native_broker_spec, &state->broker_type);
}

static int
native_traverse(PyObject *module, visitproc visit, void *arg)
{
    native_state *state = PyModule_GetState(module);

    Py_VISIT(state->message_type);
    Py_VISIT(state->batch_type);
    Py_VISIT(state->ticket_type);
    Py_VISIT(state->consumer_type);
    Py_VISIT(state->producer_type);
    Py_VISIT(state->broker_type);
    Py_VISIT(state->route_type);
    Py_VISIT(state->config_error);
    Py_VISIT(state->forked_error);
    Py_VISIT(state->concurrent_use);
    Py_VISIT(state->stopped);
    Py_VISIT(state->kafka_config_error);
    Py_VISIT(state->logger);
    Py_VISIT(state->avro);
    for (int i = 0; i < NATIVE_CLASSES; i++)
        Py_VISIT(state->vocab[i]);
    return 0;
}

static int
native_clear(PyObject *module)
{
    native_state *state = PyModule_GetState(module);

    native_messages_free(state);
    Py_CLEAR(state->message_type);
    Py_CLEAR(state->batch_type);
    Py_CLEAR(state->ticket_type);
    Py_CLEAR(state->consumer_type);
    Py_CLEAR(state->producer_type);
    Py_CLEAR(state->broker_type);
    Py_CLEAR(state->route_type);
    Py_CLEAR(state->config_error);
    Py_CLEAR(state->forked_error);
    Py_CLEAR(state->concurrent_use);
    Py_CLEAR(state->stopped);
    Py_CLEAR(state->kafka_config_error);
    Py_CLEAR(state->logger);
    Py_CLEAR(state->avro);
    for (int i = 0; i < NATIVE_CLASSES; i++)
        Py_CLEAR(state->vocab[i]);
    return 0;
}

static void
native_free(void *module)
{
    native_clear(module);
    native_orphans_free(PyModule_GetState(module));
}

static PyMethodDef native_methods[] = {
    {"librdkafka_version", librdkafka_version, METH_NOARGS,
     "librdkafka_version($module, /)\n--\n\nVersion of the librdkafka in use, as text."},
    {"librdkafka_version_int", librdkafka_version_int, METH_NOARGS,
     "librdkafka_version_int($module, /)\n--\n\nThe same as 0xMMmmrrxx."},
    {"librdkafka_source", librdkafka_source, METH_NOARGS,
     "librdkafka_source($module, /)\n--\n\nPath of the shared object in use; \"\" when linked plainly."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot native_slots[] = {
    {Py_mod_exec, native_exec},
    {Py_mod_exec, native_avro_exec},
    NATIVE_MODULE_SLOTS{0, NULL},
};

PyDoc_STRVAR(native_doc, "The binding of the engine: see _native.pyi.");

PyModuleDef native_def = {
    PyModuleDef_HEAD_INIT,          .m_name = "django_kafka._native", .m_doc = native_doc,
    .m_size = sizeof(native_state), .m_methods = native_methods,      .m_slots = native_slots,
    .m_traverse = native_traverse,  .m_clear = native_clear,          .m_free = native_free,
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC
PyInit__native(void)
{
    return PyModuleDef_Init(&native_def);
}
