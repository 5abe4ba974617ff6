/* SPDX-License-Identifier: MIT
 *
 * See held.h.
 */
#include "kafka/consumer/held.h"

enum { FIRST_CAP = 16 };

/* Grow an array of *cap items of this size so that len + room fit. */
static void *
grow(const dk_alloc *alloc, void *items, size_t size, uint32_t len, uint32_t room, uint32_t *cap)
{
    uint32_t wanted = *cap == 0 ? FIRST_CAP : *cap;
    void *grown;

    while (wanted - len < room)
        wanted *= 2;
    grown = dk__realloc(alloc, items, wanted, size);
    if (grown != NULL)
        *cap = wanted;
    return grown;
}

/* ---- what came back -------------------------------------------------------------------------------------------- */

dk_status
dk__back_reserve(dk__back *h, const dk_alloc *alloc, uint32_t room)
{
    dk__held *grown;

    if (h->cap - h->len >= room)
        return DK_OK;
    grown = grow(alloc, h->items, sizeof *grown, h->len, room, &h->cap);
    if (grown == NULL)
        return DK_ENOMEM;
    h->items = grown;
    return DK_OK;
}

void
dk__back_push(dk__back *h, dk__held item)
{
    uint32_t i = h->len++;

    assert(i < h->cap);
    while (i > 0 && h->items[(i - 1) / 2].offset > item.offset) {
        h->items[i] = h->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->items[i] = item;
}

dk__held
dk__back_pop(dk__back *h)
{
    dk__held lowest = h->items[0], last = h->items[--h->len];
    uint32_t i = 0, child;

    while ((child = 2 * i + 1) < h->len) {
        if (child + 1 < h->len && h->items[child + 1].offset < h->items[child].offset)
            child++;
        if (last.offset <= h->items[child].offset)
            break;
        h->items[i] = h->items[child];
        i = child;
    }
    h->items[i] = last;
    return lowest;
}

void
dk__back_own(dk__back *h, const dk_alloc *alloc)
{
    for (uint32_t i = 0; i < h->len; i++) {
        dk__held *item = &h->items[i];
        rd_kafka_message_t *copy = dk__message_is_copy(item->msg) ? NULL : dk__message_copy(alloc, item->msg);

        if (copy == NULL)
            continue;
        if (item->home != NULL)
            dk__lend_end(item->home, item->home_index);
        else
            dk__message_free(item->msg);
        item->msg = copy;
        item->home = NULL;
    }
}

/* ---- what was read --------------------------------------------------------------------------------------------- */

dk_status
dk__stock_reserve(dk__stock *s, const dk_alloc *alloc, uint32_t room)
{
    uint32_t old = s->cap;
    uintptr_t *grown;

    if (s->cap - s->len >= room)
        return DK_OK;
    grown = grow(alloc, s->ring, sizeof *grown, s->len, room, &s->cap);
    if (grown == NULL)
        return DK_ENOMEM;
    s->ring = grown;
    /* What had wrapped round goes behind what had not. */
    for (uint32_t i = 0; s->head + s->len > old && i < s->head + s->len - old; i++)
        grown[(old + i) & (s->cap - 1)] = grown[i];
    return DK_OK;
}

void
dk__stock_push(dk__stock *s, rd_kafka_message_t *msg, bool begins_log)
{
    assert(s->len < s->cap);
    s->ring[(s->head + s->len++) & (s->cap - 1)] = (uintptr_t)msg | begins_log;
    s->bytes += dk__message_weight(msg);
}

rd_kafka_message_t *
dk__stock_head(const dk__stock *s, bool *begins_log)
{
    if (s->len == 0)
        return NULL;
    *begins_log = (s->ring[s->head] & 1) != 0;
    return (rd_kafka_message_t *)(s->ring[s->head] & ~(uintptr_t)1);
}

rd_kafka_message_t *
dk__stock_pop(dk__stock *s)
{
    rd_kafka_message_t *msg;

    if (s->len == 0)
        return NULL;
    msg = (rd_kafka_message_t *)(s->ring[s->head] & ~(uintptr_t)1);
    s->head = (s->head + 1) & (s->cap - 1);
    s->len--;
    s->bytes -= dk__message_weight(msg);
    return msg;
}

void
dk__stock_own(dk__stock *s, const dk_alloc *alloc)
{
    for (uint32_t i = 0; i < s->len; i++) {
        uintptr_t *slot = &s->ring[(s->head + i) & (s->cap - 1)];
        rd_kafka_message_t *msg = (rd_kafka_message_t *)(*slot & ~(uintptr_t)1), *copy;

        if (msg->err || dk__message_is_copy(msg))
            continue;
        copy = dk__message_copy(alloc, msg);
        if (copy == NULL)
            return;
        *slot = (uintptr_t)copy | (*slot & 1);
        dk__message_free(msg);
    }
}
