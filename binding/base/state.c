/* SPDX-License-Identifier: MIT
 *
 * The state of the module: how an object finds it, and how it ends. What the state refers to is made elsewhere.
 */
#include "base/state.h"

native_state *
native_state_of(PyTypeObject *type)
{
    PyObject *module = PyType_GetModuleByDef(type, &native_def);

    return module != NULL ? PyModule_GetState(module) : NULL;
}

static int
native_traverse(PyObject *module, visitproc visit, void *arg)
{
    native_state *state = PyModule_GetState(module);

    Py_VISIT(state->message_type);
    Py_VISIT(state->batch_type);
    Py_VISIT(state->claim_type);
    Py_VISIT(state->ticket_type);
    Py_VISIT(state->consumer_type);
    Py_VISIT(state->producer_type);
    Py_VISIT(state->broker_type);
    Py_VISIT(state->route_type);
    Py_VISIT(state->copy_plan_type);
    Py_VISIT(state->copy_result_type);
    Py_VISIT(state->copy_ahead_type);
    Py_VISIT(state->copy_stream_type);
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

    while (state->n_free > 0)
        PyObject_GC_Del(state->free_messages[--state->n_free]);
    Py_CLEAR(state->message_type);
    Py_CLEAR(state->batch_type);
    Py_CLEAR(state->claim_type);
    Py_CLEAR(state->ticket_type);
    Py_CLEAR(state->consumer_type);
    Py_CLEAR(state->producer_type);
    Py_CLEAR(state->broker_type);
    Py_CLEAR(state->route_type);
    Py_CLEAR(state->copy_plan_type);
    Py_CLEAR(state->copy_result_type);
    Py_CLEAR(state->copy_ahead_type);
    Py_CLEAR(state->copy_stream_type);
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
    native_state *state = PyModule_GetState(module);

    native_clear(module);
    if (state->free_orphans != NULL)
        state->free_orphans(state);
}

PyDoc_STRVAR(native_doc, "The binding of the engine: see _native.pyi.");

PyModuleDef native_def = {
    PyModuleDef_HEAD_INIT,          .m_name = "django_kafka._native", .m_doc = native_doc,
    .m_size = sizeof(native_state), .m_traverse = native_traverse,    .m_clear = native_clear,
    .m_free = native_free,
};
