/* SPDX-License-Identifier: MIT
 *
 * Is a log that begins again a new one, or the same one, served in a circle? A damaged batch can make librdkafka jump
 * out of the log, auto.offset.reset takes it back to the beginning, and so on for ever. Part of a ledger.
 *
 * After the log has begun again, what is read is remembered, as numbers. A pass that was like the one before, to the
 * last message, shows the circle: what is read again after that is dropped, until something comes that was not in it.
 */
#ifndef DK_KAFKA_CONSUMER_REWIND_H
#define DK_KAFKA_CONSUMER_REWIND_H

#include "kafka/consumer/message.h"

typedef struct dk__rewind {
    uint64_t *seen; /* of the last whole pass: a number for each message */
    uint32_t n_seen, cap;
    uint32_t at;  /* messages of this pass */
    bool follows; /* the log has begun again: passes are remembered */
    bool same;    /* this pass was like the last one so far */
    bool circles; /* and the last one was like the one before */
    int64_t last; /* offset that the circle ends with */
} dk__rewind;

typedef enum dk__rewind_step {
    DK__REWIND_NEW,   /* to be handed out, as what follows */
    DK__REWIND_BEGIN, /* to be handed out, as the first of another log */
    DK__REWIND_DROP,  /* handled already, in an earlier pass */
} dk__rewind_step;

/* dk__rewind_read - the next message that was read; begins: its offset does not grow. */
dk__rewind_step dk__rewind_read(dk__rewind *r, const dk_alloc *alloc, const rd_kafka_message_t *msg, bool begins);
void dk__rewind_reset(dk__rewind *r, const dk_alloc *alloc);

#endif
