/* SPDX-License-Identifier: MIT
 *
 * What is asked of a coordinator that moves or loads is asked again: for as long as the caller gave.
 */
#include "dk_test.h"
#include "rig.h"

enum { OFFSET_COMMIT = 8, OFFSET_FETCH = 9, NOT_COORDINATOR = 16, LOADING = 14, UNAVAILABLE = 15, UNAUTHORIZED = 30 };

static const int moves[] = {NOT_COORDINATOR, LOADING, UNAVAILABLE, NOT_COORDINATOR};

static void
refuse(rig *r, int request, const int *errs, size_t n)
{
    dk_error err;

    CHECK_OK_ERR(dk_broker_push_errors(r->broker, request, errs, n, &err), &err);
}

DK_TEST(coordinator_that_moves_answers_what_is_committed)
{
    dk_consumer *c;
    dk_partitions p = rig_list("t", 0, 0);
    dk_error err;
    rig r;

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    refuse(&r, OFFSET_FETCH, moves, 4);
    CHECK_OK_ERR(dk_consumer_committed(c, &p, 20000, &err), &err);
    CHECK_EQ(p.items[0].offset, DK_OFFSET_INVALID);
    dk_partitions_fini(&p);
    rig_end(c);
    rig_close(&r);
}

DK_TEST(coordinator_that_moves_takes_a_commit)
{
    dk_consumer *c;
    dk_partitions p = rig_list("t", 0, 0);
    dk_error err;
    rig r;

    rig_open(&r, "t", 1);
    rig_produce(&r, "t", 0, 0, 5);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 1);
    p.items[0].offset = 3;
    refuse(&r, OFFSET_COMMIT, moves, 4);
    CHECK_OK_ERR(dk_consumer_commit(c, &p, true, &err), &err);
    CHECK_EQ(rig_committed(c, "t", 0), 3);
    dk_partitions_fini(&p);
    rig_end(c);
    rig_close(&r);
}

/* Another refusal is told at once, and one that stays when the time is up. */
DK_TEST(coordinator_that_refuses_is_told)
{
    const int denied[] = {UNAUTHORIZED};
    int stays[200];
    dk_consumer *c;
    dk_partitions p = rig_list("t", 0, 0);
    dk_error err;
    rig r;

    rig_open(&r, "t", 1);
    c = rig_consumer(&r, NULL);
    refuse(&r, OFFSET_FETCH, denied, 1);
    CHECK_STATUS(dk_consumer_committed(c, &p, 20000, &err), DK_EKAFKA);
    CHECK_EQ(err.kafka, UNAUTHORIZED);
    for (int i = 0; i < 200; i++)
        stays[i] = NOT_COORDINATOR;
    refuse(&r, OFFSET_FETCH, stays, 200);
    CHECK_STATUS(dk_consumer_committed(c, &p, 1000, &err), DK_EKAFKA);
    dk_partitions_fini(&p);
    rig_end(c);
    rig_close(&r);
}
