/* SPDX-License-Identifier: MIT
 *
 * What tests of the clients need: an embedded broker with topics filled, and consumers on it.
 */
#ifndef DK_TEST_RIG_H
#define DK_TEST_RIG_H

#include "dk/dk.h"
#include "dk_test.h"

#define RIG_PAIRS_MAX 24

typedef struct rig {
    dk_broker *broker;
    dk_producer *producer;
    dk_pair pairs[RIG_PAIRS_MAX]; /* consumer configuration; a later pair of the same name wins */
    size_t n_pairs;
} rig;

/* A broker with one topic, and a consumer configuration for group "g" that reads from the beginning. */
void rig_open(rig *r, const char *topic, int partitions);
void rig_close(rig *r);
void rig_set(rig *r, const char *key, const char *value);

/* Produce values "<from>" .. "<from + n - 1>" to one partition and wait until they are on the broker. */
void rig_produce(rig *r, const char *topic, int32_t partition, int from, int n);

/* A consumer with the rig's pairs. rig_assign - all of these partitions by hand, from the beginning. */
dk_consumer *rig_consumer(rig *r, const dk_consumer_opts *opts);
void rig_assign(dk_consumer *c, const char *topic, int partitions);
void rig_subscribe(dk_consumer *c, const char *topic);
/* Subscribe and wait for the assignment. The mock cluster of librdkafka 2.0.2 forgets a join that comes while its
 * group becomes empty, so a consumer that follows another one may have to ask again. */
void rig_join(dk_consumer *c, const char *topic);
/* Close (waits) and free. */
void rig_end(dk_consumer *c);

/* The next batch; events are dropped on the way. NULL after ms milliseconds. */
dk_batch *rig_fetch(dk_consumer *c, uint32_t max, int ms);
/* A batch of at least n messages: the first one has what has arrived, which may be fewer. Those are given back, and
 * are handed out again together with the next ones. Fails the test after 30 seconds. */
dk_batch *rig_fetch_n(dk_consumer *c, uint32_t max, uint32_t n);

/* The number in message i's value. */
int rig_number(const dk_batch *b, uint32_t i);

/* Committed offset of one partition, asked from the broker. */
int64_t rig_committed(dk_consumer *c, const char *topic, int32_t partition);

/* A list with one item. Release it with dk_partitions_fini(). */
dk_partitions rig_list(const char *topic, int32_t partition, int64_t offset);

#endif
