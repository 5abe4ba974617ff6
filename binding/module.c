/* SPDX-License-Identifier: MIT
 *
 * The module: its types and constants.
 */
#include "native.h"

#include "avro/native_avro.h"
#include "base/errors.h"
#include "base/state.h"
#include "consumer/batch.h"
#include "consumer/claim.h"
#include "consumer/consumer.h"
#include "consumer/message.h"
#include "consumer/ticket.h"
#include "copy/native_copy.h"
#include "producer/producer.h"

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
        {"TIMESTAMP_NOT_AVAILABLE", DK_TIMESTAMP_NOT_AVAILABLE},
        {"TIMESTAMP_CREATE_TIME", DK_TIMESTAMP_CREATE_TIME},
        {"TIMESTAMP_LOG_APPEND_TIME", DK_TIMESTAMP_LOG_APPEND_TIME},
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
    if (native_library_load() < 0 || add_constants(module) < 0 || native_add_exceptions(module, state) < 0)
        return -1;
    state->exit_flush_ms = NATIVE_EXIT_FLUSH_MS;
    if (add_type(module, &native_message_spec, &state->message_type) < 0 ||
        add_type(module, &native_batch_spec, &state->batch_type) < 0 ||
        add_type(module, &native_claim_spec, &state->claim_type) < 0 ||
        add_type(module, &native_ticket_spec, &state->ticket_type) < 0 ||
        add_type(module, &native_consumer_spec, &state->consumer_type) < 0 ||
        add_type(module, &native_producer_spec, &state->producer_type) < 0 ||
        add_type(module, &native_route_spec, &state->route_type) < 0)
        return -1;
    return add_type(module, &native_broker_spec, &state->broker_type);
}

static PyModuleDef_Slot native_slots[] = {
    {Py_mod_exec, native_exec},
    {Py_mod_exec, native_avro_exec},
    {Py_mod_exec, native_copy_exec},
    NATIVE_MODULE_SLOTS{0, NULL},
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC
PyInit__native(void)
{
    native_def.m_methods = native_library_functions;
    native_def.m_slots = native_slots;
    return PyModuleDef_Init(&native_def);
}
