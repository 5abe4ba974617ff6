/* SPDX-License-Identifier: MIT
 *
 * The readers of a plan's schemas, by what a message's framing says. There are few, and mostly the last one is meant.
 */
#include "copy/native_copy.h"

void
native_copy_schemas_fini(copy_schemas *s)
{
    for (size_t i = 0; i < s->n; i++)
        dk_copy_reader_free(s->list[i].reader);
    dk_copy_reader_free(s->bare);
    PyMem_Free(s->list);
    *s = (copy_schemas){0};
}

static bool
same(const copy_schema *a, const copy_schema *b)
{
    return a->has_guid == b->has_guid &&
           (a->has_guid ? memcmp(a->guid, b->guid, sizeof a->guid) == 0 : a->id == b->id);
}

static int
read_id(PyObject *id, copy_schema *out)
{
    unsigned long v;

    if (PyBytes_Check(id) && PyBytes_GET_SIZE(id) == 16) {
        out->has_guid = true;
        memcpy(out->guid, PyBytes_AS_STRING(id), 16);
        return 0;
    }
    if (!PyLong_Check(id)) {
        PyErr_SetString(PyExc_TypeError, "a schema's id is an int, a GUID of 16 bytes, or None");
        return -1;
    }
    v = PyLong_AsUnsignedLong(id);
    if (v == (unsigned long)-1 && PyErr_Occurred())
        return -1;
    if (v > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a schema id has 32 bits");
        return -1;
    }
    out->id = (uint32_t)v;
    return 0;
}

int
native_copy_schemas_put(copy_schemas *s, PyObject *id, dk_copy_reader *reader)
{
    copy_schema schema = {.reader = reader}, *list;
    size_t i;

    if (id == Py_None) {
        dk_copy_reader_free(s->bare);
        s->bare = reader;
        return 0;
    }
    if (read_id(id, &schema) < 0)
        goto fail;
    for (i = 0; i < s->n && !same(&s->list[i], &schema); i++)
        continue;
    if (i < s->n) {
        dk_copy_reader_free(s->list[i].reader);
        s->list[i] = schema;
        return 0;
    }
    list = PyMem_Realloc(s->list, (s->n + 1) * sizeof *list);
    if (list == NULL) {
        PyErr_NoMemory();
        goto fail;
    }
    s->list = list;
    s->list[s->n++] = schema;
    return 0;
fail:
    dk_copy_reader_free(reader);
    return -1;
}

dk_status
native_copy_schemas_find(copy_schemas *s, dk_slice bytes, dk_slice header, const dk_copy_reader **reader,
                         dk_slice *payload, dk_wire *wire, dk_error *err)
{
    copy_schema wanted = {0};
    dk_status st;
    size_t i;

    if (s->bare != NULL) {
        *reader = s->bare;
        *payload = bytes;
        return DK_OK;
    }
    st = dk_wire_parse(bytes, header, wire, err);
    if (st != DK_OK)
        return st;
    wanted.has_guid = wire->has_guid;
    wanted.id = wire->id;
    memcpy(wanted.guid, wire->guid, sizeof wanted.guid);
    *payload = wire->payload;
    if (s->last >= s->n || !same(&s->list[s->last], &wanted)) {
        for (i = 0; i < s->n && !same(&s->list[i], &wanted); i++)
            continue;
        if (i == s->n)
            return DK_ESCHEMA;
        s->last = i;
    }
    *reader = s->list[s->last].reader;
    return DK_OK;
}

int
native_copy_enter(CopyPlanObject *self)
{
    if (!atomic_exchange(&self->busy, true))
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "the plan is in use by another thread");
    return -1;
}

void
native_copy_leave(CopyPlanObject *self)
{
    atomic_store(&self->busy, false);
}

int
native_copy_side(PyObject *obj, dk_copy_side *out)
{
    const char *side;

    if (native_str(obj, "side", &side) < 0)
        return -1;
    *out = strcmp(side, "key") == 0 ? DK_COPY_KEY : DK_COPY_VALUE;
    if (*out == DK_COPY_VALUE && strcmp(side, "value") != 0) {
        PyErr_Format(PyExc_ValueError, "a side is \"key\" or \"value\", not %R", obj);
        return -1;
    }
    return 0;
}
