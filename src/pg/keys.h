/* SPDX-License-Identifier: MIT
 *
 * The keys of a block: a table from a key's bytes to what has become of it.
 */
#ifndef DK_PG_KEYS_H
#define DK_PG_KEYS_H

#include "base/internal.h"
#include "dk/buf.h"

#define DK__NO_ROW UINT32_MAX

typedef struct dk__pg_key {
    uint64_t hash;
    size_t at; /* of its bytes, in the table's */
    uint32_t n;
    uint32_t row; /* of the block's rows; DK__NO_ROW: none */
    bool deleted; /* at some time since the block was empty */
    bool odd;
} dk__pg_key;

typedef struct dk__pg_keys {
    const dk_alloc *a;
    uint64_t seed;
    dk__pg_key *keys;
    uint32_t n, cap;
    uint32_t *slots; /* number + 1; 0: free */
    uint32_t cap_slots;
    dk_buf bytes;
} dk__pg_keys;

void dk__pg_keys_init(dk__pg_keys *t, const dk_alloc *a, uint64_t seed);
void dk__pg_keys_fini(dk__pg_keys *t);
void dk__pg_keys_clear(dk__pg_keys *t);
/* The number of a key, entered the first time; DK__NO_ROW when there is no memory. */
uint32_t dk__pg_keys_find(dk__pg_keys *t, dk_slice key);

#endif
