/* SPDX-License-Identifier: MIT
 *
 * A consumer in a child of the process that made it: each function of dk/consumer.h refuses there, and none waits for
 * a lock that a thread of the parent held when the process was copied.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kafka/consumer/handle.h"
#include "rig.h"

enum { NAMES_MAX = 128, CHILD_SECONDS = 20 };

static const char *tried[NAMES_MAX];
static size_t n_tried;

/* Its name comes before it: the last one printed is the one that hangs. */
#define TRY(name, want)                                                                                              \
    do {                                                                                                             \
        tried[n_tried++] = #name;                                                                                    \
        fprintf(stderr, "%s\n", #name);                                                                              \
        CHECK(want);                                                                                                 \
    } while (0)

/* ---- one function after the other ------------------------------------------------------------------------------ */

static void
try_handle(dk_consumer *c)
{
    dk_consumer_opts opts;
    dk_counters counters;
    dk_batch *b;
    char id[8];
    dk_error err;

    TRY(dk_consumer_opts_init, (dk_consumer_opts_init(&opts), opts.size == sizeof opts));
    TRY(dk_consumer_stop, (dk_consumer_stop(c), true));
    TRY(dk_consumer_stopping, !dk_consumer_stopping(c));
    TRY(dk_consumer_wake, (dk_consumer_wake(c), true));
    TRY(dk_consumer_hold_commits, (dk_consumer_hold_commits(c, true), true));
    TRY(dk_consumer_fetch, dk_consumer_fetch(c, 0, -1, &b, &err) == DK_EFORKED && b == NULL);
    CHECK_CONTAINS(err.text, "fork");
    TRY(dk_consumer_event, dk_consumer_event(c) == NULL);
    TRY(dk_consumer_rebalance_ack, (dk_consumer_rebalance_ack(c), true));
    TRY(dk_consumer_set_rebalance_ack, (dk_consumer_set_rebalance_ack(c, false), true));
    TRY(dk_consumer_set_assign_ack, (dk_consumer_set_assign_ack(c, false), true));
    TRY(dk_consumer_member_id, dk_consumer_member_id(c, id, sizeof id) == 0);
    TRY(dk_consumer_counters, (dk_consumer_counters(c, &counters), counters.in_hand_ms == -1));
    TRY(dk_consumer_partition_counters, dk_consumer_partition_counters(c, NULL, 0) == 0);
    TRY(dk_consumer_close_begin, (dk_consumer_close_begin(c, -1), true));
    TRY(dk_consumer_close_wait, dk_consumer_close_wait(c, -1, &err) == DK_EFORKED);
    TRY(dk_consumer_close, dk_consumer_close(c, -1, &err) == DK_EFORKED);
}

static void
try_membership(dk_consumer *c, dk_partitions *list)
{
    const char *topic = "t";

    TRY(dk_consumer_subscribe, dk_consumer_subscribe(c, &topic, 1, NULL) == DK_EFORKED);
    TRY(dk_consumer_unsubscribe, dk_consumer_unsubscribe(c, NULL) == DK_EFORKED);
    TRY(dk_consumer_subscription, dk_consumer_subscription(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_assign, dk_consumer_assign(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_incremental_assign, dk_consumer_incremental_assign(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_incremental_unassign, dk_consumer_incremental_unassign(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_assignment, dk_consumer_assignment(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_pause, dk_consumer_pause(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_resume, dk_consumer_resume(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_seek, dk_consumer_seek(c, list, -1, NULL) == DK_EFORKED);
    TRY(dk_consumer_position, dk_consumer_position(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_committed, dk_consumer_committed(c, list, -1, NULL) == DK_EFORKED);
    TRY(dk_consumer_store, dk_consumer_store(c, list, NULL) == DK_EFORKED);
    TRY(dk_consumer_commit, dk_consumer_commit(c, list, true, NULL) == DK_EFORKED);
}

static void
try_questions(dk_consumer *c, dk_partitions *list)
{
    int64_t low, high;
    dk_metadata *meta;

    TRY(dk_consumer_watermarks, dk_consumer_watermarks(c, "t", 0, false, -1, &low, &high, NULL) == DK_EFORKED);
    TRY(dk_consumer_offsets_for_times, dk_consumer_offsets_for_times(c, list, -1, NULL) == DK_EFORKED);
    TRY(dk_consumer_metadata, dk_consumer_metadata(c, NULL, -1, &meta, NULL) == DK_EFORKED);
    CHECK(dk_consumer_tokens(c) == NULL); /* of dk/tokens.h */
    TRY(dk_consumer_sasl_credentials, dk_consumer_sasl_credentials(c, "u", "p", NULL) == DK_EFORKED);
}

static void
try_walk(dk_batch *b)
{
    dk_ticket ticket;

    TRY(dk_batch_next, dk_batch_next(b) == -1);
    TRY(dk_batch_take, dk_batch_take(b) == -1);
    TRY(dk_batch_peek, dk_batch_peek(b) == -1);
    TRY(dk_batch_current, dk_batch_current(b) == -1);
    TRY(dk_batch_is_cut, !dk_batch_is_cut(b));
    TRY(dk_batch_fail, dk_batch_fail(b, 0) == DK_EFORKED);
    TRY(dk_batch_note, dk_batch_note(b, "x") == DK_EFORKED);
    TRY(dk_batch_note_of, dk_batch_note_of(b, 0) == NULL);
    TRY(dk_batch_defer, dk_batch_defer(b, &ticket) == DK_EFORKED && ticket.batch == NULL);
}

static void
try_tickets(dk_batch *b, dk_ticket ticket)
{
    dk_ticket many[2] = {ticket, ticket}, one = ticket;

    TRY(dk_batch_undefer, dk_batch_undefer(b, &one) == DK_EFORKED);
    one = ticket;
    TRY(dk_ticket_resolve, dk_ticket_resolve(&one) == DK_EFORKED);
    one = ticket;
    TRY(dk_ticket_reject, dk_ticket_reject(&one, 0) == DK_EFORKED);
    TRY(dk_tickets_answer, dk_tickets_answer(many, 2, true, 0) == DK_EFORKED);
    CHECK(many[0].batch == NULL && many[1].batch == NULL);
}

static void
try_claims(dk_batch *b)
{
    dk_range range;
    dk_ticket ticket;

    TRY(dk_batch_claim, dk_batch_claim(b, 9, false, &range) == DK_EFORKED && range.n == 0);
    TRY(dk_batch_is_claimed, !dk_batch_is_claimed(b, 0));
    TRY(dk_batch_claim_counts, !dk_batch_claim_counts(b));
    TRY(dk_batch_claim_hand, dk_batch_claim_hand(b, 9, false, &range) == DK_EFORKED && range.n == 0);
    TRY(dk_batch_claim_done, dk_batch_claim_done(b, 0) == DK_EFORKED);
    TRY(dk_batch_claim_note, dk_batch_claim_note(b, 0, "x") == DK_EFORKED);
    TRY(dk_batch_claim_finish, dk_batch_claim_finish(b) == DK_EFORKED);
    TRY(dk_batch_claim_return, dk_batch_claim_return(b, 0) == DK_EFORKED);
    TRY(dk_batch_claim_fail, dk_batch_claim_fail(b, 0, 0) == DK_EFORKED);
    TRY(dk_batch_claim_defer, dk_batch_claim_defer(b, 0, &ticket) == DK_EFORKED && ticket.batch == NULL);
}

static bool was_full; /* the batch, before the process was copied */

/* Messages stay readable: their memory was copied with the process. */
static void
try_reading(const dk_batch *b)
{
    dk_header header;
    int type;

    TRY(dk_batch_len, dk_batch_len(b) == 3);
    TRY(dk_batch_is_full, dk_batch_is_full(b) == was_full);
    TRY(dk_batch_topic, strcmp(dk_batch_topic(b, 2), "t") == 0);
    TRY(dk_batch_topic_id, dk_batch_topic_id(b, 2) == 0);
    TRY(dk_batch_partition, dk_batch_partition(b, 2) == 0);
    TRY(dk_batch_offset, dk_batch_offset(b, 2) == 2);
    TRY(dk_batch_leader_epoch, dk_batch_leader_epoch(b, 2) >= -1);
    TRY(dk_batch_key, dk_batch_key(b, 2).p == NULL);
    TRY(dk_batch_value, dk_batch_value(b, 2).n == 1);
    TRY(dk_batch_timestamp, dk_batch_timestamp(b, 2, &type) > 0);
    TRY(dk_batch_headers, dk_batch_headers(b, 2) == 0);
    TRY(dk_batch_header, !dk_batch_header(b, 2, 0, &header));
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

static bool
was_tried(const char *name)
{
    for (size_t i = 0; i < n_tried; i++)
        if (strcmp(tried[i], name) == 0)
            return true;
    return strcmp(name, "dk_consumer_new") == 0; /* makes a handle of the child's own */
}

/* Every function that the header declares was tried. */
static void
check_the_header(void)
{
    FILE *f = fopen(DK_TEST_VECTORS "/../../include/dk/consumer.h", "r");
    char line[512];
    size_t declared = 0;

    CHECK(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        char *end = strchr(line, '('), *name = end;

        if (strncmp(line, "DK_API", 6) != 0 || end == NULL)
            continue;
        *end = '\0';
        while (name > line && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
            name--;
        declared++;
        if (!was_tried(name))
            FAIL("%s() was not tried in a child", name);
    }
    fclose(f);
    CHECK_EQ(declared, n_tried + 1);
}

static void
run_child(dk_consumer *c, dk_batch *b, dk_batch *claimed, dk_ticket ticket)
{
    dk_partitions list = rig_list("t", 0, 0);

    alarm(CHILD_SECONDS);
    try_handle(c);
    try_membership(c, &list);
    try_questions(c, &list);
    try_walk(b);
    try_tickets(b, ticket);
    try_claims(claimed);
    try_reading(b);
    TRY(dk_batch_close, (dk_batch_close(b), true));
    TRY(dk_batch_free, (dk_batch_free(b), true));
    TRY(dk_consumer_free, (dk_consumer_free(c), true));
    check_the_header();
    _exit(0);
}

typedef struct holder {
    dk_consumer *c;
    atomic_bool held, enough;
} holder;

static void *
hold_the_locks(void *arg)
{
    holder *h = arg;

    pthread_mutex_lock(&h->c->lock);
    pthread_mutex_lock(&h->c->table_lock);
    pthread_mutex_lock(&h->c->spare_lock);
    atomic_store(&h->held, true);
    while (!atomic_load(&h->enough))
        dk_test_pause_ms(1);
    pthread_mutex_unlock(&h->c->spare_lock);
    pthread_mutex_unlock(&h->c->table_lock);
    pthread_mutex_unlock(&h->c->lock);
    return NULL;
}

/* Copy the process while another thread holds all locks of the consumer. */
static int
status_of_child(dk_consumer *c, dk_batch *b, dk_batch *claimed, dk_ticket ticket)
{
    holder h = {.c = c};
    pthread_t thread;
    int status;
    pid_t pid;

    CHECK_EQ(pthread_create(&thread, NULL, hold_the_locks, &h), 0);
    WAIT_UNTIL(atomic_load(&h.held), 10000);
    pid = fork();
    if (pid == 0)
        run_child(c, b, claimed, ticket);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    atomic_store(&h.enough, true);
    pthread_join(thread, NULL);
    return status;
}

DK_TEST(fork_each_function_refuses_in_a_child)
{
    rig r;
    dk_consumer *c;
    dk_batch *b, *claimed;
    dk_ticket ticket;
    dk_range range;

    rig_open(&r, "t", 2);
    rig_produce(&r, "t", 0, 0, 3);
    c = rig_consumer(&r, NULL);
    rig_assign(c, "t", 2);
    b = rig_fetch_n(c, 0, 3);
    CHECK_EQ(dk_batch_next(b), 0);
    CHECK_OK(dk_batch_defer(b, &ticket));
    CHECK_EQ(dk_batch_next(b), 1);
    rig_produce(&r, "t", 1, 0, 2);
    claimed = rig_fetch_n(c, 0, 2);
    CHECK_OK(dk_batch_claim(claimed, 9, false, &range));
    CHECK_EQ(range.n, 2);
    was_full = dk_batch_is_full(b);
    CHECK_EQ(status_of_child(c, b, claimed, ticket), 0);
    CHECK_OK(dk_batch_fail(b, 0)); /* the parent goes on */
    CHECK(dk_batch_is_claimed(claimed, 1));
    CHECK_OK(dk_ticket_resolve(&ticket));
    dk_batch_free(b);
    dk_batch_free(claimed);
    rig_end(c);
    rig_close(&r);
}
