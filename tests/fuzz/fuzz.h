/* SPDX-License-Identifier: MIT
 *
 * What the fuzzers share. An input is a few parts with a byte 0xFE between them, so that corpora stay readable.
 */
#ifndef DK_FUZZ_H
#define DK_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "avro_tree.h"
#include "dk/wire.h"

/* What each does with an input: 0. They run under libFuzzer (fuzz_main.c), and the C tests run them over the corpora
 * (tests/c/test_corpus.c). */
int fuzz_decode(const uint8_t *data, size_t n);
int fuzz_json(const uint8_t *data, size_t n);
int fuzz_resolve(const uint8_t *data, size_t n);
int fuzz_rows(const uint8_t *data, size_t n);
int fuzz_schema(const uint8_t *data, size_t n);
int fuzz_wire(const uint8_t *data, size_t n);
int fuzz_native(const uint8_t *data, size_t n); /* needs the extension: only under libFuzzer */

/* mutate.c - changes one part of an input a little, the schemas by their words: its new size, at most max. */
size_t fuzz_mutate(uint8_t *data, size_t n, size_t max, uint64_t *seed);

/* Cuts the part up to the next 0xFE off the front of *rest. */
static inline dk_slice
fuzz_part(dk_slice *rest)
{
    const uint8_t *cut = rest->n > 0 ? memchr(rest->p, 0xFE, rest->n) : NULL;
    dk_slice part = {rest->p, cut == NULL ? rest->n : (size_t)(cut - rest->p)};
    size_t used = cut == NULL ? rest->n : part.n + 1;

    rest->p += used;
    rest->n -= used;
    return part;
}

/* A copy of exactly that size, so that reading beyond it is seen. */
static inline uint8_t *
fuzz_copy(dk_slice s)
{
    uint8_t *p = malloc(s.n > 0 ? s.n : 1);

    MUST(p != NULL);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

/* What must be true of every failure. */
static inline void
fuzz_check_error(const dk_error *err, size_t n)
{
    MUST(err->text[0] != '\0');
    MUST(err->pos <= n);
    MUST(memchr(err->path, '\0', sizeof err->path) != NULL);
    MUST(dk_avro_utf8_valid((const uint8_t *)err->path, strlen(err->path)));
}

#endif
