/* SPDX-License-Identifier: MIT
 *
 * Bytes and headers: Python's into slices of the engine, and back.
 */
#ifndef DK_BINDING_BASE_SLICES_H
#define DK_BINDING_BASE_SLICES_H

#include "base/shims.h"

#include "dk/kafka.h"

#define NATIVE_FEW_VIEWS 4
#define NATIVE_CHUNK_VIEWS 64

/* Buffers stay where they were got: what an exporter has put into one may point into it. */
typedef struct native_view_chunk {
    struct native_view_chunk *next;
    int n;
    Py_buffer items[NATIVE_CHUNK_VIEWS];
} native_view_chunk;

/* Buffers of bytearray, memoryview and the like, held for the time of a call. Begin with n = 0 and more = NULL. */
typedef struct native_views {
    Py_buffer few[NATIVE_FEW_VIEWS];
    int n;
    native_view_chunk *more; /* the last one made is the first */
} native_views;

void native_views_release(native_views *v);

/* The bytes of bytes, str, None or NULL, borrowed; with v also of objects with a buffer, which v holds. -1 with
 * TypeError, where `what` is what an error calls it. */
int native_slice(PyObject *obj, const char *what, native_views *v, dk_slice *out);

static inline PyObject *
native_bytes_or_none(dk_slice s)
{
    if (s.p == NULL)
        Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

#define NATIVE_FEW_HEADERS 16

typedef struct native_headers {
    PyObject *keep; /* tuple of pairs that the slices point into */
    dk_header few[NATIVE_FEW_HEADERS], *items;
    size_t n;
} native_headers;

/* Pairs or a dict as headers. native_headers_fini() it in any case. */
int native_headers_of(PyObject *obj, native_headers *h);
void native_headers_fini(native_headers *h);

PyObject *native_header_pair(const dk_header *h);                 /* (name, value) */
PyObject *native_header_list(const dk_header *headers, size_t n); /* list of pairs */

#endif
