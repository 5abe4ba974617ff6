/* SPDX-License-Identifier: MIT */
#include "post.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dk/consumer.h"
#include "dk/tokens.h"

#define EXPIRY 4102444800000 /* 2100 */

static dk_pair oauth[] = {{"security.protocol", "SASL_PLAINTEXT"},
                          {"sasl.mechanisms", "OAUTHBEARER"},
                          {"sasl.oauthbearer.config", "who=me"}};

static dk_producer *
must_producer(dk_tokens **t)
{
    dk_producer *p = post_producer(dk_test_alloc(), "127.0.0.1:1", oauth, 3);

    *t = dk_producer_tokens(p);
    CHECK(*t != NULL);
    return p;
}

DK_TEST(tokens_are_asked_for)
{
    dk_pair extensions[] = {{"ext", "1"}};
    dk_tokens *t;
    dk_producer *p = must_producer(&t);
    dk_error err;
    dk_event *ev;

    CHECK_OK(dk_tokens_wait(t, TEN_SECONDS));
    CHECK_STR(dk_tokens_config(t), "who=me");
    CHECK_STATUS(dk_tokens_wait(t, 10), DK_ETIMEOUT);
    CHECK_STATUS(dk_tokens_set(t, NULL, EXPIRY, "me", NULL, 0, &err), DK_EINVAL);
    CHECK_STATUS(dk_tokens_set(t, "token", 1, "me", NULL, 0, &err), DK_EKAFKA);
    CHECK_CONTAINS(err.text, "OAuth token is refused: ");
    CHECK_STATUS(dk_tokens_set(t, "token", EXPIRY, "me", &(dk_pair){"name", NULL}, 1, &err), DK_EINVAL);
    CHECK_STATUS(dk_tokens_set(t, "token", EXPIRY, "me", extensions, 65, &err), DK_EINVAL);
    CHECK_OK_ERR(dk_tokens_set(t, "token", EXPIRY, "me", extensions, 1, &err), &err);
    dk_tokens_fail(t, "no token today");
    ev = post_event(p, DK_EVENT_ERROR);
    while (strstr(dk_event_text(ev), "no token today") == NULL) {
        dk_event_free(ev);
        ev = post_event(p, DK_EVENT_ERROR);
    }
    dk_event_free(ev);
    dk_tokens_unref(t);
    dk_producer_free(p);
}

DK_TEST(tokens_are_asked_for_again_while_the_client_is_idle)
{
    dk_tokens *t;
    dk_producer *p = must_producer(&t);
    dk_error err;
    int64_t now_ms;
    struct timespec now;

    CHECK_OK(dk_tokens_wait(t, TEN_SECONDS));
    clock_gettime(CLOCK_REALTIME, &now);
    now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    CHECK_OK_ERR(dk_tokens_set(t, "token", now_ms + 2000, "me", NULL, 0, &err), &err);
    CHECK_OK(dk_tokens_wait(t, TEN_SECONDS));
    dk_tokens_unref(t);
    dk_producer_free(p);
}

DK_TEST(tokens_of_a_consumer)
{
    dk_pair pairs[] = {oauth[0], oauth[1], {"group.id", "g"}, {"bootstrap.servers", "127.0.0.1:1"}};
    dk_consumer *c = NULL;
    dk_tokens *t;
    dk_error err;

    CHECK_OK_ERR(dk_consumer_new(dk_test_alloc(), pairs, 4, NULL, &c, &err), &err);
    t = dk_consumer_tokens(c);
    CHECK(t != NULL);
    CHECK_STR(dk_tokens_config(t), "");
    CHECK_OK(dk_tokens_wait(t, TEN_SECONDS));
    CHECK_OK_ERR(dk_tokens_set(t, "token", EXPIRY, "me", NULL, 0, &err), &err);
    CHECK_OK_ERR(dk_consumer_close(c, TEN_SECONDS, &err), &err);
    dk_consumer_free(c);
    dk_tokens_unref(t);
}

DK_TEST(tokens_that_librdkafka_gets_or_nobody_needs)
{
    static const dk_pair other[][3] = {
        {{"security.protocol", "SASL_PLAINTEXT"},
         {"sasl.mechanisms", "OAUTHBEARER"},
         {"enable.sasl.oauthbearer.unsecure.jwt", "true"}},
        {{"security.protocol", "PLAINTEXT"}, {"sasl.mechanisms", "OAUTHBEARER"}, {"client.id", "c"}},
    };

    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        dk_producer *p = post_producer(dk_test_alloc(), "127.0.0.1:1", other[i], 3);

        CHECK(dk_producer_tokens(p) == NULL);
        dk_producer_free(p);
    }
    dk_tokens_unref(NULL);
    dk_tokens_stop(NULL);
}

static void *
wait_for_ever(void *arg)
{
    dk_status st;

    do
        st = dk_tokens_wait(arg, -1);
    while (st == DK_OK);
    return st == DK_ECLOSED ? arg : NULL;
}

/* Whoever waits is woken by the end of the client, and may ask the rest after it. */
DK_TEST(tokens_outlive_their_client)
{
    dk_tokens *t;
    dk_producer *p = must_producer(&t);
    pthread_t thread;
    void *result = NULL;
    dk_error err;

    CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, t), 0);
    dk_producer_free(p);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == t);
    CHECK_STATUS(dk_tokens_wait(t, -1), DK_ECLOSED);
    CHECK_STATUS(dk_tokens_set(t, "token", EXPIRY, "me", NULL, 0, &err), DK_ECLOSED);
    dk_tokens_fail(t, "x");
    dk_tokens_stop(t);
    dk_tokens_unref(t);
}

DK_TEST(tokens_stop)
{
    dk_tokens *t;
    dk_producer *p = must_producer(&t);
    pthread_t thread;
    void *result = NULL;

    CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, t), 0);
    dk_tokens_stop(t);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == t);
    dk_tokens_unref(t);
    dk_producer_free(p);
}

DK_TEST(tokens_in_a_forked_child)
{
    dk_tokens *t;
    dk_producer *p = must_producer(&t);
    int status = -1;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        int bad = 0;

        alarm(10); /* whoever waits for a lock is ended */
        bad += dk_producer_tokens(p) != NULL;
        bad += dk_tokens_wait(t, -1) != DK_EFORKED;
        bad += dk_tokens_set(t, "t", EXPIRY, "p", NULL, 0, NULL) != DK_EFORKED;
        dk_tokens_fail(t, "x");
        dk_tokens_stop(t);
        dk_tokens_unref(t);
        _exit(bad);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    dk_tokens_unref(t);
    dk_producer_free(p);
}

DK_TEST_FAULT(tokens_out_of_memory)
{
    dk_pair pairs[] = {oauth[0], oauth[1], oauth[2], {"bootstrap.servers", "127.0.0.1:1"}};
    dk_producer *p = NULL;
    dk_error err;

    (void)NOMEM_ERR(dk_producer_new(dk_test_alloc(), pairs, 4, &p, &err), &err);
    dk_producer_free(p);
}
