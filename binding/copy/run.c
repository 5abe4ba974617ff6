/* SPDX-License-Identifier: MIT
 *
 * Messages through a plan: their bytes are taken with the GIL, some at a time, and become rows without it.
 */
#include "copy/native_copy.h"

#include "avro/native_avro.h"

#define CHUNK 256

typedef struct chunks {
    copy_run run;
    copy_part parts[CHUNK];
} chunks;

/* The reader of a message's key. Where the value tells it, a key that cannot be read is none. */
static dk_status
find_key(copy_run *r, const copy_part *part, dk_copy_message *m)
{
    copy_schemas *s = &r->plan->schemas[DK_COPY_KEY];
    dk_status st;

    m->key = (dk_slice){NULL, 0};
    m->key_reader = NULL;
    if (part->key.p == NULL)
        return DK_OK;
    st = native_copy_schemas_find(s, part->key, part->key_header, &m->key_reader, &m->key, &r->wire, &r->err);
    if (st != DK_OK && r->plan->key_in_value && part->value.p != NULL && (st != DK_ESCHEMA || s->n == 0)) {
        m->key = (dk_slice){NULL, 0};
        m->key_reader = NULL;
        return DK_OK;
    }
    r->side = DK_COPY_KEY;
    return st;
}

static dk_status
find_value(copy_run *r, const copy_part *part, dk_copy_message *m)
{
    m->value = (dk_slice){NULL, 0};
    m->value_reader = NULL;
    r->side = DK_COPY_VALUE;
    if (part->value.p == NULL)
        return DK_OK;
    return native_copy_schemas_find(&r->plan->schemas[DK_COPY_VALUE], part->value, part->value_header,
                                    &m->value_reader, &m->value, &r->wire, &r->err);
}

static copy_end
fail_one(copy_run *r, Py_ssize_t index)
{
    if (native_copy_note(r->result, index, false, &r->err) != DK_OK)
        return COPY_NOMEM;
    return r->stop_at_error ? COPY_ERROR : COPY_ON;
}

static copy_end
try_one(copy_run *r, const copy_part *part, Py_ssize_t index)
{
    dk_copy_message m;
    dk_copy_verdict verdict;
    dk_status st;

    st = find_key(r, part, &m);
    if (st == DK_OK)
        st = find_value(r, part, &m);
    if (st == DK_ESCHEMA)
        return COPY_UNKNOWN;
    if (st != DK_OK)
        return fail_one(r, index);
    st = dk_copy_block_add(r->result->block, &m, &verdict, &r->err);
    if (st != DK_OK)
        return COPY_NOMEM;
    switch (verdict) {
    case DK_COPY_ROW:
    case DK_COPY_DELETED:
        return COPY_ON;
    case DK_COPY_ODD:
        return native_copy_note(r->result, index, true, &r->err) == DK_OK ? COPY_ON : COPY_NOMEM;
    case DK_COPY_STRAY:
        return COPY_STRAY;
    case DK_COPY_FAILED:
        break;
    }
    return fail_one(r, index);
}

copy_end
native_copy_run_one(copy_run *r, const copy_part *part, Py_ssize_t index)
{
    r->end = try_one(r, part, index);
    return r->end;
}

static Py_ssize_t
run_chunk(chunks *c, Py_ssize_t first, Py_ssize_t n)
{
    Py_ssize_t i = 0;

    Py_BEGIN_ALLOW_THREADS
    while (i < n && native_copy_run_one(&c->run, &c->parts[i], first + i) == COPY_ON)
        i++;
    Py_END_ALLOW_THREADS
    return i;
}

/* Takes the bytes of up to CHUNK messages; how many, -1 with an exception. */
static Py_ssize_t
take_parts(chunks *c, native_state *state, PyObject *seq, Py_ssize_t first, Py_ssize_t stop)
{
    Py_ssize_t n = stop - first < CHUNK ? stop - first : CHUNK, i;

    for (i = 0; i < n; i++) {
        if (native_copy_part(state, seq, first + i, &c->parts[i]) < 0) {
            for (; i >= 0; i--)
                native_copy_part_fini(&c->parts[i]);
            return -1;
        }
    }
    return n;
}

static int
tell_end(copy_run *r, Py_ssize_t index)
{
    static const char *const sides[] = {"key", "value"};
    PyObject *id, *unknown = NULL, *stray = NULL;

    r->result->stopped_at = r->end == COPY_ON ? -1 : index;
    if (r->end == COPY_NOMEM) {
        PyErr_NoMemory();
        return -1;
    }
    if (r->end == COPY_UNKNOWN) {
        id = native_wire_identity(&r->wire);
        unknown = id == NULL ? NULL : Py_BuildValue("(sN)", sides[r->side], id);
        if (unknown == NULL)
            return -1;
        Py_XSETREF(r->result->unknown, unknown);
    }
    if (r->end == COPY_STRAY) {
        stray = PyUnicode_DecodeUTF8(r->err.text, (Py_ssize_t)strlen(r->err.text), "replace");
        if (stray == NULL)
            return -1;
        Py_XSETREF(r->result->stray, stray);
    }
    return 0;
}

/* Its streams are those of all that is in it, whatever the end was. */
static int
finish(CopyResultObject *result)
{
    dk_error err;

    result->streams = (dk_copy_streams){{NULL, 0}, {NULL, 0}, 0, 0}; /* what is there may have moved */
    if (dk_copy_block_finish(result->block, &result->streams, &err) == DK_OK)
        return 0;
    if (!PyErr_Occurred())
        PyErr_NoMemory();
    return -1;
}

int
native_copy_run_end(copy_run *r, Py_ssize_t index)
{
    int rc = tell_end(r, index);

    return finish(r->result) < 0 ? -1 : rc;
}

int
native_copy_run(CopyPlanObject *plan, CopyResultObject *result, PyObject *seq, Py_ssize_t start, Py_ssize_t stop,
                bool stop_at_error)
{
    native_state *state = native_state_of(Py_TYPE(plan));
    chunks *c = state == NULL ? NULL : PyMem_Malloc(sizeof *c);
    Py_ssize_t at = start, n, i;
    int rc = 0;

    if (c == NULL)
        return state == NULL ? -1 : (PyErr_NoMemory(), -1);
    c->run = (copy_run){.plan = plan, .result = result, .stop_at_error = stop_at_error, .end = COPY_ON};
    while (at < stop && c->run.end == COPY_ON && rc == 0) {
        n = take_parts(c, state, seq, at, stop);
        if (n < 0) {
            rc = -1;
            break;
        }
        at += run_chunk(c, at, n);
        for (i = 0; i < n; i++)
            native_copy_part_fini(&c->parts[i]);
        rc = PyErr_CheckSignals();
    }
    if (rc == 0)
        rc = native_copy_run_end(&c->run, at);
    else
        finish(result);
    PyMem_Free(c);
    return rc;
}
