/* SPDX-License-Identifier: MIT
 *
 * Tests of src/kafka/producer/transactions.c.
 */
#include "post.h"

DK_TEST(producer_transactions)
{
    post r = POST_OPEN_WITH(1, {"transactional.id", "tx"});
    dk_record rec = post_record("x", &r);
    dk_error err;

    CHECK_STATUS(dk_producer_begin_transaction(r.producer, &err), DK_EKAFKA);
    CHECK_CONTAINS(err.text, "begin_transaction: ");
    CHECK_OK_ERR(dk_producer_init_transactions(r.producer, TEN_SECONDS, &err), &err);
    CHECK_STATUS(dk_producer_produce(r.producer, &rec, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, RD_KAFKA_RESP_ERR__STATE);
    CHECK_CONTAINS(err.text, "begin one first");
    CHECK_OK_ERR(dk_producer_begin_transaction(r.producer, &err), &err);
    for (int i = 0; i < 20; i++)
        post_produce(r.producer, &rec);
    CHECK_OK_ERR(dk_producer_commit_transaction(r.producer, TEN_SECONDS, &err),
                 &err); /* its reports need not be taken */
    CHECK_OK_ERR(dk_producer_begin_transaction(r.producer, &err), &err);
    post_produce(r.producer, &rec);
    CHECK_OK_ERR(dk_producer_abort_transaction(r.producer, TEN_SECONDS, &err), &err);
    post_close(&r);
}
