/* SPDX-License-Identifier: MIT
 *
 * Numbers of a consumer, and of each of its partitions.
 */
#include "kafka/consumer/handle.h"

/* ---- of the consumer ------------------------------------------------------------------------------------------- */

static void
count_ledgers(dk_consumer *c)
{
    dk__ledger_numbers n;

    c->counters.finished = c->counters.failed = 0;
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__ledger_counts(c->parts[i]->ledger, &n);
        c->counters.finished += n.handled;
        c->counters.failed += n.failed;
    }
}

static void
count_hand(dk_consumer *c, dk_counters *out)
{
    int64_t now = dk__now_ms();

    for (dk_batch *b = c->open; b != NULL; b = b->next) {
        int hand = atomic_load(&b->hand);
        int64_t age = b->seen_ms == 0 || b->seen_cursor != atomic_load(&b->cursor) ? 0 : now - b->seen_ms;

        if (hand < 0 || hand >= (int)b->len || age < out->in_hand_ms)
            continue;
        out->in_hand_ms = age;
        out->in_hand_partition = b->entries[hand].part->partition;
        out->in_hand_offset = b->entries[hand].msg->offset;
        strncpy(out->in_hand_topic, b->entries[hand].part->topic, sizeof out->in_hand_topic - 1);
    }
}

void
dk_consumer_counters(dk_consumer *c, dk_counters *out)
{
    *out = (dk_counters){.in_hand_ms = -1, .in_hand_partition = -1, .in_hand_offset = DK_OFFSET_INVALID};
    if (dk__forked(c->fork_generation))
        return;
    pthread_mutex_lock(&c->lock);
    dk__settle_open(c);
    c->counters.stale_dropped = c->rules.stale;
    count_ledgers(c);
    *out = c->counters;
    out->in_hand_ms = -1;
    out->in_hand_partition = -1;
    out->in_hand_offset = DK_OFFSET_INVALID;
    count_hand(c, out);
    pthread_mutex_unlock(&c->lock);
    out->events_dropped = dk__events_dropped(c->events);
    out->last_poll_ms = dk__now_ms() - atomic_load(&c->last_poll_ms);
}

/* ---- of its partitions ----------------------------------------------------------------------------------------- */

static void
count_part(dk_consumer *c, const dk__part *part, int64_t now_ms, dk_partition_counters *out)
{
    int64_t low, high;
    dk__ledger_numbers n;

    dk__ledger_counts(part->ledger, &n);
    *out = (dk_partition_counters){
        .topic = part->topic,
        .partition = part->partition,
        .position = n.position,
        .committed = n.committed,
        .end = DK_OFFSET_INVALID,
        .held = n.waiting,
        .outstanding = n.tickets,
        .paused = (atomic_load(&part->gate) & DK__GATE_PAUSED) != 0,
        .oldest_ticket_ms = n.oldest_ticket_ms == 0 ? -1 : now_ms - n.oldest_ticket_ms,
        .handled = n.handled,
        .failed = n.failed,
        .commit_latency_ms = n.commit_latency_ms,
    };
    if (rd_kafka_get_watermark_offsets(c->rk, part->topic, part->partition, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0)
        out->end = high;
}

size_t
dk_consumer_partition_counters(dk_consumer *c, dk_partition_counters *out, size_t cap)
{
    int64_t now = dk__now_ms();
    size_t n = 0;

    if (dk__consumer_enter(c, NULL) != DK_OK)
        return 0;
    pthread_mutex_lock(&c->table_lock);
    for (size_t i = 0; i < c->n_parts; i++) {
        if (!atomic_load_explicit(&c->parts[i]->assigned, memory_order_relaxed))
            continue;
        if (n < cap)
            count_part(c, c->parts[i], now, &out[n]);
        n++;
    }
    pthread_mutex_unlock(&c->table_lock);
    return n;
}
