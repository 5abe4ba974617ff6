/* SPDX-License-Identifier: MIT
 *
 * What the walks have left behind reaches the ledgers: when a batch is left, when something is to be committed,
 * before a partition is given back.
 */
#include "kafka/consumer/handle.h"

void
dk__settle(dk_batch *b)
{
    uint32_t cursor = atomic_load(&b->cursor);

    for (; b->settled < cursor; b->settled++)
        dk__ledger_settle(b->entries[b->settled].part->ledger, &b->entries[b->settled]);
}

void
dk__settle_open(dk_consumer *c)
{
    for (dk_batch *b = c->open; b != NULL; b = b->next)
        dk__settle(b);
}
