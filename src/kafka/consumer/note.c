/* SPDX-License-Identifier: MIT
 *
 * See note.h.
 */
#include "kafka/consumer/note.h"

#include "kafka/consumer/ledger.h"

void
dk__note_adopt(dk__note *n, const dk_alloc *alloc, char *taken, int64_t offset)
{
    dk__free(alloc, n->text);
    n->text = taken;
    n->offset = offset;
    n->dirty = n->pending = false;
}

void
dk__note_clear(dk__note *n, const dk_alloc *alloc)
{
    dk__note_adopt(n, alloc, NULL, DK_OFFSET_INVALID);
}

void
dk__note_make(dk__note *n, const dk_alloc *alloc, char *taken, int64_t offset, bool wait, int64_t now_ms)
{
    dk__note_adopt(n, alloc, taken, offset);
    n->dirty = true;
    n->pending = wait;
    n->made_ms = now_ms;
}

bool
dk__note_still_waits(const dk__note *n, int64_t now_ms)
{
    return n->pending && now_ms - n->made_ms < DK__NOTE_WAIT_MS;
}

int64_t
dk__note_waits_until_ms(const dk__note *n, int64_t offset)
{
    return n->pending && n->offset == offset ? n->made_ms + DK__NOTE_WAIT_MS : 0;
}

void
dk__note_answered(dk__note *n, const char *metadata, size_t size, bool accepted)
{
    size_t len = n->text != NULL ? strlen(n->text) : 0;

    if (n->text == NULL)
        return;
    if (!accepted)
        n->dirty = true;
    else if (size == len && (len == 0 || memcmp(metadata, n->text, len) == 0))
        n->pending = false;
}
