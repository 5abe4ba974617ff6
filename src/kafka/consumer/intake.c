/* SPDX-License-Identifier: MIT
 *
 * From librdkafka's queue into the ledgers, within the consumer's budget.
 *
 * The budget is one for all partitions, so a partition that is held back, or slow, could use all of it. When that is
 * so and another one has nothing, those with more than their share are set apart as their messages come, until they
 * have less than half of it; what they have is not given back, nor fetched a second time.
 */
#include "kafka/consumer/handle.h"

#define SHARE_MIN_BYTES (256u << 10)
#define SHARE_MIN_MESSAGES 1024u
#define CIRCLE_AGAIN_MS 60000 /* a log that is served in a circle is tried again after so long */
#define TURNS_MAX 16 /* times that librdkafka is asked in one call: the first batch should not wait for all of it */

typedef struct intake {
    dk_consumer *c;
    uint64_t wanted;
    bool squeezing;              /* the budget is spent, and somebody waits */
    const rd_kafka_topic_t *rkt; /* of the last message, and its partition */
    int32_t number;
    dk__part *part;
} intake;

static size_t
assigned(const dk_consumer *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_parts; i++)
        n += c->parts[i]->assigned;
    return n;
}

/* Has it more than half its share (parts 2), or more than all of it (parts 1)? */
static bool
exceeds(const dk_consumer *c, const dk__part *part, size_t n_assigned, unsigned parts)
{
    size_t bytes = c->rules.budget.max_bytes / n_assigned;
    uint64_t messages = c->rules.budget.max_messages / n_assigned;

    if (bytes < SHARE_MIN_BYTES)
        bytes = SHARE_MIN_BYTES;
    if (messages < SHARE_MIN_MESSAGES)
        messages = SHARE_MIN_MESSAGES;
    return dk__ledger_waiting_bytes(part->ledger) > bytes / parts ||
           dk__ledger_waiting(part->ledger) > messages / parts;
}

static bool
has_room(const intake *in)
{
    const dk__budget *b = &in->c->rules.budget;

    return b->messages == 0 ||
           (b->bytes < b->max_bytes && (b->messages < b->max_messages || b->messages < in->wanted));
}

/* Could a partition go on that has nothing? */
static bool
somebody_waits(const dk_consumer *c)
{
    int64_t now = dk__now_ms();

    for (size_t i = 0; i < c->n_parts; i++) {
        const dk__part *part = c->parts[i];

        if (dk__part_is_open(part, now) && !part->apart && !dk__ledger_has_waiting(part->ledger))
            return true;
    }
    return false;
}

static bool
circles(const dk__part *part)
{
    int64_t end;

    return dk__ledger_circles(part->ledger, &end);
}

static void
unite(dk_consumer *c)
{
    size_t n = assigned(c);
    int64_t now = dk__now_ms();

    for (size_t i = 0; i < c->n_parts; i++) {
        dk__part *part = c->parts[i];

        if (!part->assigned || !part->apart || part->damage_due_ms != 0 ||
            (atomic_load(&part->gate) & (DK__GATE_CLOSED | DK__GATE_SEEKING)) || exceeds(c, part, n, 2))
            continue;
        if (!circles(part) || now - part->circle_ms >= CIRCLE_AGAIN_MS)
            dk__part_set_apart(part, false);
    }
}

/* ---- one message ----------------------------------------------------------------------------------------------- */

static dk__part *
part_of(intake *in, const rd_kafka_message_t *msg)
{
    if (msg->rkt == NULL)
        return NULL;
    if (msg->rkt != in->rkt || msg->partition != in->number) {
        in->rkt = msg->rkt;
        in->number = msg->partition;
        in->part = dk__part_find(in->c, rd_kafka_topic_name(msg->rkt), msg->partition);
    }
    return in->part;
}

/* Not ours (any more): in no ledger, so it is never committed. */
static bool
is_foreign(const dk__part *part)
{
    return part == NULL || !part->assigned || (atomic_load(&part->gate) & DK__GATE_CLOSED);
}

/* Librdkafka stops reading a queue that nobody takes from. */
static void
stop_circle(dk_consumer *c, dk__part *part)
{
    int64_t now = dk__now_ms();

    dk__part_set_apart(part, true);
    if (part->circle_ms != 0 && now - part->circle_ms < CIRCLE_AGAIN_MS)
        return;
    part->circle_ms = now;
    dk__tell_circle(c, part);
}

static dk_status
put(intake *in, rd_kafka_message_t *msg)
{
    dk__part *part = part_of(in, msg);
    rd_kafka_resp_err_t err;
    int64_t offset;
    dk_status st;

    if (is_foreign(part)) {
        if (msg->err && part == NULL)
            dk__tell_error(in->c, msg);
        else
            rd_kafka_message_destroy(msg);
        return DK_OK;
    }
    if (part->damage_due_ms != 0) { /* behind the damage: it may be from anywhere */
        rd_kafka_message_destroy(msg);
        return DK_OK;
    }
    if (msg->err) /* librdkafka counts an error like a message, and moves its position behind it */
        dk__part_distrust_position(part);
    else
        part->damage_again = false;
    err = msg->err;
    offset = msg->offset;
    st = dk__ledger_receive(part->ledger, msg);
    if (st == DK_OK && dk__damage_is(err))
        dk__damage_stop(part, offset);
    if (circles(part))
        stop_circle(in->c, part);
    if (st == DK_OK && in->squeezing && !part->apart && exceeds(in->c, part, assigned(in->c), 1))
        dk__part_set_apart(part, true);
    return st;
}

dk_status
dk__intake_message(dk_consumer *c, rd_kafka_message_t *msg)
{
    intake in = {.c = c};

    return put(&in, msg);
}

/* ---- all that is here ------------------------------------------------------------------------------------------ */

static bool
pop_some(dk_consumer *c)
{
    ssize_t n = rd_kafka_consume_batch_queue(c->intake, 0, c->popped, DK__POP_MAX);

    c->at_popped = 0;
    c->n_popped = n > 0 ? (uint32_t)n : 0;
    return n > 0;
}

/* False: the queue is empty. */
static bool
pop(dk_consumer *c)
{
    if (!atomic_load_explicit(&c->readable, memory_order_acquire))
        return false;
    if (pop_some(c))
        return true;
    /* Lower the flag, then look again: what came in between has raised it or is seen now. */
    atomic_store(&c->readable, false);
    if (!pop_some(c))
        return false;
    atomic_store(&c->readable, true);
    return true;
}

static dk_status
put_popped(intake *in)
{
    dk_consumer *c = in->c;

    for (; c->at_popped < c->n_popped; c->at_popped++)
        if (put(in, c->popped[c->at_popped]) != DK_OK)
            return DK_ENOMEM;
    return DK_OK;
}

dk_status
dk__intake(dk_consumer *c, uint64_t wanted)
{
    intake in = {.c = c, .wanted = wanted};

    dk__parts_forward_strays(c);
    unite(c);
    for (int turn = 0;; turn++) {
        if (put_popped(&in) != DK_OK)
            return DK_ENOMEM;
        if (!has_room(&in)) {
            if (wanted == 0 || !atomic_load(&c->readable) || !somebody_waits(c))
                return DK_OK;
            in.squeezing = true;
        }
        if ((turn >= TURNS_MAX && c->rules.budget.messages >= wanted) || !pop(c))
            return DK_OK;
        in.rkt = NULL; /* the topic of a message that is gone may be gone too, and its place taken by another */
    }
}

bool
dk__intake_is_short(const dk_consumer *c)
{
    intake in = {.c = (dk_consumer *)c};

    return !has_room(&in) && atomic_load(&c->readable) && somebody_waits(c);
}

void
dk__intake_drop(dk_consumer *c)
{
    for (; c->at_popped < c->n_popped; c->at_popped++)
        rd_kafka_message_destroy(c->popped[c->at_popped]);
}
