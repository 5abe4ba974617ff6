/* SPDX-License-Identifier: MIT
 *
 * See rewind.h.
 */
#include "kafka/consumer/rewind.h"

enum {
    FIRST_CAP = 64,
    PASS_MAX = 65536
}; /* a longer pass is not remembered: it is no circle that anybody would notice */

static uint64_t
mix(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; p != NULL && i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u; /* FNV-1a */
    return (h ^ n) * 0x100000001b3u;
}

/* Two messages with the same number are the same: offset, time, key and value. */
static uint64_t
number_of(const rd_kafka_message_t *msg)
{
    rd_kafka_timestamp_type_t type;
    int64_t place[2] = {msg->offset, dk__message_timestamp(msg, &type)};

    return mix(mix(mix(0xcbf29ce484222325u, place, sizeof place), msg->key, msg->key_len), msg->payload, msg->len);
}

void
dk__rewind_reset(dk__rewind *r, const dk_alloc *alloc)
{
    dk__free(alloc, r->seen);
    *r = (dk__rewind){.seen = NULL};
}

/* Without memory, or when the pass is too long, nothing is remembered, and so no circle is seen. */
static void
remember(dk__rewind *r, const dk_alloc *alloc, uint64_t number)
{
    uint32_t cap = r->cap == 0 ? FIRST_CAP : r->cap * 2;
    uint64_t *grown;

    if (r->at == r->cap) {
        grown = cap > PASS_MAX ? NULL : dk__realloc(alloc, r->seen, cap, sizeof *grown);
        if (grown == NULL) {
            dk__rewind_reset(r, alloc);
            return;
        }
        r->seen = grown;
        r->cap = cap;
    }
    r->seen[r->at++] = number;
}

static void
begin_pass(dk__rewind *r)
{
    r->circles = r->follows && r->same && r->at > 0 && r->at == r->n_seen;
    if (r->follows)
        r->n_seen = r->at;
    r->follows = true;
    r->same = true;
    r->at = 0;
}

dk__rewind_step
dk__rewind_read(dk__rewind *r, const dk_alloc *alloc, const rd_kafka_message_t *msg, bool begins)
{
    bool circled;
    uint64_t number;

    if (!begins && !r->follows)
        return DK__REWIND_NEW;
    if (begins)
        begin_pass(r);
    number = number_of(msg);
    circled = r->circles;
    r->same = r->same && r->at < r->n_seen && r->seen[r->at] == number;
    r->circles = r->circles && r->same;
    if (r->circles) {
        r->at++;
        return DK__REWIND_DROP;
    }
    /* The circle has ended: behind its last message the log goes on, anything else is another log. */
    begins = begins || (circled && msg->offset <= r->last);
    remember(r, alloc, number);
    r->last = msg->offset;
    return begins ? DK__REWIND_BEGIN : DK__REWIND_NEW;
}
