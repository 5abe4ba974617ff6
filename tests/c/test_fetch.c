/* SPDX-License-Identifier: MIT
 *
 * Waiting in dk_consumer_fetch(): whatever makes a message due ends it.
 */
#define _GNU_SOURCE /* gettid */
#include <pthread.h>
#include <unistd.h>

#include "kafka/consumer/handle.h"
#include "rig.h"

typedef struct waiter {
    rig r;
    dk_consumer *c;
    pthread_t thread;
    atomic_int tid;
    _Atomic(dk_batch *) got;
} waiter;

static void
open_waiter(waiter *w, int messages, const dk_consumer_opts *opts)
{
    memset(w, 0, sizeof *w);
    rig_open(&w->r, "t", 1);
    rig_set(&w->r, "enable.auto.commit", "false"); /* a commit would wake it too */
    rig_produce(&w->r, "t", 0, 0, messages);
    w->c = rig_consumer(&w->r, opts);
    rig_assign(w->c, "t", 1);
}

static void *
wait_for_messages(void *arg)
{
    waiter *w = arg;
    dk_batch *b = NULL;
    dk_event *ev;

    atomic_store(&w->tid, gettid());
    while (dk_consumer_fetch(w->c, 0, -1, &b, NULL) == DK_ETIMEOUT)
        while ((ev = dk_consumer_event(w->c)) != NULL)
            dk_event_free(ev);
    atomic_store(&w->got, b);
    return NULL;
}

static bool
sleeps(const waiter *w)
{
    char path[64], state = '?';
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(&w->tid));
    f = fopen(path, "r");
    if (f != NULL) {
        CHECK(fscanf(f, "%*d (%*[^)]) %c", &state) == 1);
        fclose(f);
    }
    return state == 'S' && atomic_load(&w->c->fetching) && !atomic_load(&w->c->wake.raised);
}

/* Another thread waits in a fetch without end, and there is nothing for it. */
static void
begin_waiting(waiter *w)
{
    CHECK_EQ(pthread_create(&w->thread, NULL, wait_for_messages, w), 0);
    for (int looks = 0; looks < 20; looks++) /* it may only have waited for a lock */
        WAIT_UNTIL(sleeps(w), 10000);
    CHECK(atomic_load(&w->got) == NULL);
}

static void
check_woken(waiter *w, int number)
{
    dk_batch *b;

    WAIT_UNTIL(atomic_load(&w->got) != NULL, 8000);
    pthread_join(w->thread, NULL);
    b = atomic_load(&w->got);
    CHECK_EQ(rig_number(b, 0), number);
    dk_batch_free(b);
    rig_end(w->c);
    rig_close(&w->r);
}

DK_TEST(fetch_is_woken_by_a_batch_that_is_given_back)
{
    waiter w;
    dk_batch *b;

    open_waiter(&w, 10, NULL);
    b = rig_fetch_n(w.c, 0, 10);
    begin_waiting(&w);
    dk_batch_close(b);
    check_woken(&w, 0);
    dk_batch_free(b);
}

/* All of it was handled: its partition can go on with what has been read meanwhile. */
DK_TEST(fetch_is_woken_by_a_batch_that_was_handled)
{
    waiter w;
    dk_batch *b;

    open_waiter(&w, 20, NULL);
    dk_batch_free(rig_fetch_n(w.c, 0, 20));
    b = rig_fetch(w.c, 10, 10000);
    CHECK_EQ(dk_batch_len(b), 10);
    while (dk_batch_next(b) >= 0)
        ;
    begin_waiting(&w);
    dk_batch_close(b);
    check_woken(&w, 10);
    dk_batch_free(b);
}

DK_TEST(fetch_is_woken_when_failed_messages_are_due)
{
    waiter w;
    dk_batch *b;

    open_waiter(&w, 5, NULL);
    b = rig_fetch_n(w.c, 0, 5);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_EQ(dk_batch_next(b), 1);
    CHECK_OK(dk_batch_fail(b, 700));
    dk_batch_free(b);
    begin_waiting(&w);
    check_woken(&w, 1);
}

DK_TEST(fetch_is_woken_by_a_ticket)
{
    waiter w;
    dk_batch *b;
    dk_ticket ticket;

    open_waiter(&w, 1, NULL);
    b = rig_fetch_n(w.c, 0, 1);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    dk_batch_free(b);
    begin_waiting(&w);
    CHECK_OK(dk_ticket_reject(&ticket, 0));
    check_woken(&w, 0);
}

/* The bound of tickets was reached. */
DK_TEST(fetch_is_woken_by_a_ticket_that_makes_room)
{
    waiter w;
    dk_consumer_opts opts;
    dk_batch *b;
    dk_ticket ticket;

    dk_consumer_opts_init(&opts);
    opts.tickets_max = 1;
    open_waiter(&w, 2, &opts);
    b = rig_fetch_n(w.c, 0, 1);
    CHECK_EQ(dk_batch_len(b), 1);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    dk_batch_free(b);
    begin_waiting(&w);
    CHECK_OK(dk_ticket_resolve(&ticket));
    check_woken(&w, 1);
}

DK_TEST(fetch_is_woken_by_resume)
{
    waiter w;
    dk_partitions list = rig_list("t", 0, DK_OFFSET_INVALID);
    dk_error err;

    open_waiter(&w, 3, NULL);
    CHECK_OK_ERR(dk_consumer_pause(w.c, &list, &err), &err);
    begin_waiting(&w);
    CHECK_OK_ERR(dk_consumer_resume(w.c, &list, &err), &err);
    check_woken(&w, 0);
    dk_partitions_fini(&list);
}

DK_TEST(fetch_is_woken_by_seek)
{
    waiter w;
    dk_partitions list = rig_list("t", 0, 2);
    dk_batch *b;
    dk_error err;

    open_waiter(&w, 3, NULL);
    b = rig_fetch_n(w.c, 0, 3);
    while (dk_batch_next(b) >= 0)
        ;
    dk_batch_free(b);
    begin_waiting(&w);
    CHECK_OK_ERR(dk_consumer_seek(w.c, &list, 10000, &err), &err);
    check_woken(&w, 2);
    dk_partitions_fini(&list);
}
