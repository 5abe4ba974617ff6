/* SPDX-License-Identifier: MIT
 *
 * A batch that librdkafka cannot read. What it makes of its bytes may be a wild offset, from which it goes on: to the
 * end of the log, or back to its beginning. So nothing is read behind the error, and what was not read before it is
 * asked for again after a while.
 */
#include "kafka/consumer/handle.h"

#define FIRST_AGAIN_MS 5000 /* it may have been the way from the broker */
#define AGAIN_MS 60000

bool
dk__damage_is(rd_kafka_resp_err_t err)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED: /* a magic byte that no broker writes */
    case RD_KAFKA_RESP_ERR__UNDERFLOW:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
        return true;
    default:
        return false;
    }
}

void
dk__damage_stop(dk__part *part, int64_t offset)
{
    int64_t wait = part->damage_again ? AGAIN_MS : FIRST_AGAIN_MS;

    part->damage_due_ms = dk__now_ms() + wait;
    part->damage_at = offset;
    part->damage_again = true;
    dk__part_set_apart(part, true);
}

/* The first offset that was not read. A seek that does not wait makes what was read behind it void at once. */
static void
read_again(dk_consumer *c, dk__part *part)
{
    int64_t next = dk__ledger_next(part->ledger);
    rd_kafka_topic_partition_list_t *list;

    if (next < 0)
        next = part->damage_at;
    part->damage_due_ms = 0;
    dk__part_drop_popped(part);
    if (next >= 0) {
        list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, part->topic, part->partition)->offset = next;
        rd_kafka_error_destroy(rd_kafka_seek_partitions(c->rk, list, 0));
        rd_kafka_topic_partition_list_destroy(list);
    }
    dk__part_distrust_position(part);
    dk__part_set_apart(part, false);
}

void
dk__damage_retry(dk_consumer *c, int64_t now_ms)
{
    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part *part = c->parts[i];
        unsigned gate = atomic_load(&part->gate);

        if (part->assigned && part->damage_due_ms != 0 && now_ms >= part->damage_due_ms && part->seeks == 0 &&
            (gate & (DK__GATE_CLOSED | DK__GATE_REVOKING | DK__GATE_SEEKING)) == 0)
            read_again(c, part);
    }
}
