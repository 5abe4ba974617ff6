/* SPDX-License-Identifier: MIT
 *
 * A dk_batch with a count, and the interned topic names of a consumer.
 */
#include "consumer/core.h"

native_topics *
native_topics_new(void)
{
    native_topics *t = PyMem_Calloc(1, sizeof *t);

    if (t == NULL)
        PyErr_NoMemory();
    else
        t->refs = 1;
    return t;
}

void
native_topics_unref(native_topics *t)
{
    if (t == NULL || !NATIVE_REFS_DEC(&t->refs))
        return;
    for (uint32_t i = 0; i < t->cap; i++)
        Py_XDECREF(t->names[i]);
    PyMem_Free(t->names);
    PyMem_Free(t);
}

static int
topics_reserve(native_topics *t, uint32_t id)
{
    uint32_t cap = t->cap != 0 ? t->cap : 8;
    PyObject **grown;

    while (cap <= id)
        cap *= 2;
    grown = PyMem_Realloc(t->names, cap * sizeof *grown);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (uint32_t i = t->cap; i < cap; i++)
        grown[i] = NULL;
    t->names = grown;
    t->cap = cap;
    return 0;
}

native_core *
native_core_new(native_state *state, dk_batch *b, native_topics *topics)
{
    native_core *core = PyMem_Malloc(sizeof *core);

    if (core == NULL) {
        dk_batch_free(b);
        PyErr_NoMemory();
        return NULL;
    }
    *core = (native_core){.refs = 1, .state = state, .b = b, .topics = topics};
    NATIVE_REFS_INC(&topics->refs);
    return core;
}

void
native_core_unref(native_core *core)
{
    if (core == NULL || !NATIVE_REFS_DEC(&core->refs))
        return;
    dk_batch_free(core->b);
    native_topics_unref(core->topics);
    PyMem_Free(core);
}

PyObject *
native_core_topic(native_core *core, uint32_t index)
{
    uint32_t id = dk_batch_topic_id(core->b, index);
    native_topics *t = core->topics;
    PyObject *name;

    if (id < t->cap && t->names[id] != NULL)
        return Py_NewRef(t->names[id]);
    name = PyUnicode_InternFromString(dk_batch_topic(core->b, index));
    if (name == NULL || (id >= t->cap && topics_reserve(t, id) < 0)) {
        Py_XDECREF(name);
        return NULL;
    }
    Py_XSETREF(t->names[id], Py_NewRef(name));
    return name;
}

uint32_t
native_core_run(const native_core *core, uint32_t first, uint32_t max)
{
    const dk_batch *b = core->b;
    uint32_t topic = dk_batch_topic_id(b, first), len = dk_batch_len(b), end = first + 1;

    while (end < len && end - first < max && dk_batch_topic_id(b, end) == topic)
        end++;
    return end - first;
}
