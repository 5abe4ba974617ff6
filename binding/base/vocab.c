/* SPDX-License-Identifier: MIT
 *
 * confluent_kafka's classes: what users import from there is what they get from here. Imported when first needed,
 * which is on cold paths only.
 */
#include "base/vocab.h"

#include "dk/kafka.h"

static const struct {
    const char *module, *name;
} places[] = {
#define XX(name, module) {module, #name},
    NATIVE_VOCAB_MAP(XX)
#undef XX
};

PyObject *
native_vocab(native_state *state, native_class which)
{
    PyObject *module;

    if (state->vocab[which] != NULL)
        return state->vocab[which];
    module = PyImport_ImportModule(places[which].module);
    if (module == NULL)
        return NULL;
    /* Importing can let another thread in, which may have come here first. */
    PyObject *cls = PyObject_GetAttrString(module, places[which].name);
    Py_DECREF(module);
    if (cls != NULL)
        Py_XSETREF(state->vocab[which], cls);
    return cls;
}

PyObject *
native_kafka_error(native_state *state, int code, const char *text, bool fatal, bool retriable, bool abort)
{
    PyObject *cls = native_vocab(state, NATIVE_KafkaError);

    if (cls == NULL)
        return NULL;
    return PyObject_CallFunction(cls, "izOOO", code, text, fatal ? Py_True : Py_False, retriable ? Py_True : Py_False,
                                 abort ? Py_True : Py_False);
}

PyObject *
native_kafka_error_or_none(native_state *state, int code, const char *text)
{
    if (code == 0)
        Py_RETURN_NONE;
    return native_kafka_error(state, code, text != NULL && text[0] != '\0' ? text : dk_kafka_err_text(code), false,
                              false, false);
}
