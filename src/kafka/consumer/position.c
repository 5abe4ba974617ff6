/* SPDX-License-Identifier: MIT
 *
 * Where a consumer is: pause, resume, position.
 */
#include "kafka/consumer/handle.h"

/* Do `act` to each assigned partition of the list; the others get an error of their own. */
dk_status
dk__each_part(dk_consumer *c, dk_partitions *parts, void (*act)(dk_consumer *, dk__part *, dk_partition *),
              dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < parts->len; i++) {
        dk_partition *p = &parts->items[i];
        dk__part *part = dk__part_find(c, p->topic, p->partition);

        p->kafka_err = part != NULL && part->assigned ? 0 : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
        if (p->kafka_err == 0)
            act(c, part, p);
    }
    pthread_mutex_unlock(&c->lock);
    return DK_OK;
}

static void
pause_part(dk_consumer *c, dk__part *part, dk_partition *p)
{
    (void)c;
    (void)p;
    dk__part_shut(part, DK__GATE_PAUSED);
    if (part->busy == NULL) /* it may be for long */
        dk__ledger_own(part->ledger);
}

static void
resume_part(dk_consumer *c, dk__part *part, dk_partition *p)
{
    (void)p;
    dk__part_unshut(part, DK__GATE_PAUSED);
    dk__wake_raise(&c->wake);
}

dk_status
dk_consumer_pause(dk_consumer *c, dk_partitions *parts, dk_error *err)
{
    return dk__each_part(c, parts, pause_part, err);
}

dk_status
dk_consumer_resume(dk_consumer *c, dk_partitions *parts, dk_error *err)
{
    return dk__each_part(c, parts, resume_part, err);
}

/* ---- position -------------------------------------------------------------------------------------------------- */

static void
position_part(dk_consumer *c, dk__part *part, dk_partition *p)
{
    dk_batch *b = part->busy;
    int hand = b == NULL ? -1 : atomic_load(&b->hand);
    uint32_t end = b == NULL ? 0 : atomic_load(&b->hand_end);

    (void)c;
    p->offset = dk__ledger_position(part->ledger);
    for (uint32_t i = (uint32_t)hand; hand >= 0 && i < end && i < b->len; i++)
        if (b->entries[i].part == part)
            p->offset = b->entries[i].msg->offset + 1;
}

dk_status
dk_consumer_position(dk_consumer *c, dk_partitions *parts, dk_error *err)
{
    dk_status st = dk__consumer_enter(c, err);

    if (st != DK_OK)
        return st;
    pthread_mutex_lock(&c->lock);
    dk__settle_open(c);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < parts->len; i++)
        parts->items[i].offset = DK_OFFSET_INVALID;
    return dk__each_part(c, parts, position_part, err);
}
