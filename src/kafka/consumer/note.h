/* SPDX-License-Identifier: MIT
 *
 * The note of a partition: a short text about its first unfinished message, kept in the metadata of the committed
 * offset. Part of a ledger.
 */
#ifndef DK_KAFKA_CONSUMER_NOTE_H
#define DK_KAFKA_CONSUMER_NOTE_H

#include "base/internal.h"

typedef struct dk__note {
    char *text; /* NULL: none */
    int64_t offset;
    bool dirty;   /* to be sent */
    bool pending; /* the broker does not have it yet: the message is not handed out */
    int64_t made_ms;
} dk__note;

void dk__note_clear(dk__note *n, const dk_alloc *alloc);
/* An earlier owner's, which the broker has already; taken may be NULL. */
void dk__note_adopt(dk__note *n, const dk_alloc *alloc, char *taken, int64_t offset);
void dk__note_make(dk__note *n, const dk_alloc *alloc, char *taken, int64_t offset, bool wait, int64_t now_ms);
bool dk__note_still_waits(const dk__note *n, int64_t now_ms); /* pending, and not for too long */

/* What the broker does not know of an attempt, the next owner of the partition would not know either. */
static inline bool
dk__note_is_waited_for(const dk__note *n, int64_t offset, int64_t now_ms)
{
    return n->pending && n->offset == offset && dk__note_still_waits(n, now_ms);
}

/* When that ends; 0: it is not waited for. */
int64_t dk__note_waits_until_ms(const dk__note *n, int64_t offset);
/* The broker's answer to a commit with this metadata. An answer to an older note says nothing. */
void dk__note_answered(dk__note *n, const char *metadata, size_t size, bool accepted);

#endif
