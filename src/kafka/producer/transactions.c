/* SPDX-License-Identifier: MIT
 *
 * Transactions, as in librdkafka.
 */
#include "kafka/producer/internal.h"

static dk_status
outcome(dk_error *err, rd_kafka_error_t *rderr, const char *what)
{
    return rderr == NULL ? DK_OK : dk__rd_error(err, rderr, what);
}

dk_status
dk_producer_init_transactions(dk_producer *p, int timeout_ms, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? outcome(err, rd_kafka_init_transactions(p->rk, timeout_ms), "init_transactions") : st;
}

dk_status
dk_producer_begin_transaction(dk_producer *p, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? outcome(err, rd_kafka_begin_transaction(p->rk), "begin_transaction") : st;
}

dk_status
dk_producer_commit_transaction(dk_producer *p, int timeout_ms, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? outcome(err, rd_kafka_commit_transaction(p->rk, timeout_ms), "commit_transaction") : st;
}

dk_status
dk_producer_abort_transaction(dk_producer *p, int timeout_ms, dk_error *err)
{
    dk_status st = dk__producer_enter(p, err);

    return st == DK_OK ? outcome(err, rd_kafka_abort_transaction(p->rk, timeout_ms), "abort_transaction") : st;
}
