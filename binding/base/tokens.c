/* SPDX-License-Identifier: MIT
 *
 * The tokens of a client. A handler may run for longer than a token lives, and a producer may be idle for days, so
 * nobody who polls is waited for: a thread per client asks oauth_cb. It runs no other callable, and between two
 * tokens it has no thread state and no reference to the client.
 */
#include "base/tokens.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/errors.h"
#include "base/later.h"
#include "base/log.h"
#include "base/oauth.h"
#include "base/times.h"

#define FIRST_MS 5000 /* librdkafka asks at once; should it not, the thread waits on */
#define END_MS 2000   /* how long the end waits for a callable that is running */
#define LOOK_MS 5

typedef struct native_token_thread {
    struct native_token_thread *prev, *next; /* the state's list: written by whoever holds the GIL */
    native_state *state;
    PyObject *module; /* keeps the state */
    PyObject *client; /* weak reference */
    PyInterpreterState *interp;
    native_client_of client_of;
    dk_tokens *tokens;
} token_thread;

/* ---- the thread ------------------------------------------------------------------------------------------------ */

/* There is nobody to raise to: a line, and librdkafka asks again. */
static void
tell(const native_client *client)
{
    PyObject *exc = PyErr_GetRaisedException();

    if (native_log(client->state, client->cbs->logger, 3, "oauth_cb failed: %.200s: %S", Py_TYPE(exc)->tp_name, exc) <
        0)
        PyErr_WriteUnraisable(client->cbs->logger);
    Py_DECREF(exc);
}

/* Whether there is a client still. */
static bool
answer(token_thread *job)
{
    PyThreadState *ts = PyThreadState_New(job->interp);
    PyObject *op;
    bool alive;

    PyEval_AcquireThread(ts);
    op = native_weakref_get(job->client);
    alive = op != NULL;
    if (alive) {
        native_client client = job->client_of(op);

        if (client.cbs->oauth_cb != NULL && native_oauth_answer(&client) < 0)
            tell(&client);
        Py_DECREF(op);
    }
    PyThreadState_Clear(ts);
    PyThreadState_DeleteCurrent();
    return alive;
}

static void
link_job(token_thread *job)
{
    job->next = job->state->token_threads;
    if (job->next != NULL)
        job->next->prev = job;
    job->state->token_threads = job;
}

static void
unlink_job(token_thread *job)
{
    if (job->prev != NULL)
        job->prev->next = job->next;
    else
        job->state->token_threads = job->next;
    if (job->next != NULL)
        job->next->prev = job->prev;
}

static void
free_job(token_thread *job)
{
    Py_XDECREF(job->client);
    Py_XDECREF(job->module);
    dk_tokens_unref(job->tokens);
    PyMem_RawFree(job);
}

static void *
tokens_main(void *arg)
{
    token_thread *job = arg;
    PyThreadState *ts;

    while (dk_tokens_wait(job->tokens, -1) == DK_OK && answer(job))
        ;
    ts = PyThreadState_New(job->interp);
    PyEval_AcquireThread(ts);
    unlink_job(job);
    free_job(job);
    PyThreadState_Clear(ts);
    PyThreadState_DeleteCurrent();
    return NULL;
}

/* ---- the end of the interpreter -------------------------------------------------------------------------------- */

/* A producer's own hook flushes, for which it may need tokens; then it ends the threads itself. */
static PyObject *
end_threads(PyObject *module, PyObject *ignored)
{
    native_state *state = PyModule_GetState(module);

    (void)ignored;
    if (state->exit_pid != (long)getpid())
        native_tokens_end(state);
    Py_RETURN_NONE;
}

static PyMethodDef end_hook = {"_end_token_threads", end_threads, METH_NOARGS, NULL};

static int
register_hook(native_state *state)
{
    PyObject *hook, *atexit, *done = NULL;

    if (state->token_pid == (long)getpid())
        return 0;
    state->token_threads = NULL; /* those of a parent process are not here */
    state->tokens_over = false;
    hook = PyCFunction_New(&end_hook, state->module);
    atexit = PyImport_ImportModule("atexit");
    if (hook != NULL && atexit != NULL)
        done = PyObject_CallMethod(atexit, "register", "O", hook);
    if (done != NULL)
        state->token_pid = (long)getpid();
    Py_XDECREF(hook);
    Py_XDECREF(atexit);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

void
native_tokens_end(native_state *state)
{
    int64_t deadline = native_deadline(END_MS);

    if (state->token_pid != (long)getpid())
        return;
    state->tokens_over = true;
    for (token_thread *job = state->token_threads; job != NULL; job = job->next)
        dk_tokens_stop(job->tokens);
    while (state->token_threads != NULL && native_now_ms() < deadline) {
        Py_BEGIN_ALLOW_THREADS
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
        Py_END_ALLOW_THREADS
    }
}

/* ---- the beginning --------------------------------------------------------------------------------------------- */

static int
start_thread(PyObject *op, const native_client *client, native_client_of client_of)
{
    token_thread *job;

    if (register_hook(client->state) < 0)
        return -1;
    if (client->state->tokens_over) /* the interpreter ends */
        return 0;
    job = PyMem_RawCalloc(1, sizeof *job);
    if (job == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    job->state = client->state;
    job->module = Py_NewRef(client->state->module);
    job->interp = PyInterpreterState_Get();
    job->client_of = client_of;
    job->tokens =
        client->consumer != NULL ? dk_consumer_tokens(client->consumer) : dk_producer_tokens(client->producer);
    job->client = PyWeakref_NewRef(op, NULL);
    if (job->client != NULL && job->tokens != NULL && native_thread_start(tokens_main, job) == 0) {
        link_job(job);
        return 0;
    }
    free_job(job);
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_RuntimeError, "the thread that renews tokens could not be started");
    return -1;
}

/* librdkafka's first question; what the callable raises fails the construction. */
static int
first_token(const native_client *client)
{
    int64_t deadline = native_deadline(FIRST_MS);
    dk_status st;

    do {
        Py_BEGIN_ALLOW_THREADS
        st = dk_tokens_wait(client->tokens, native_left_ms(deadline, NATIVE_SLICE_MS));
        Py_END_ALLOW_THREADS
        if (st == DK_OK)
            return native_oauth_answer(client);
        if (PyErr_CheckSignals() < 0)
            return -1;
    } while (st == DK_ETIMEOUT && native_now_ms() < deadline);
    return 0;
}

static int
raise_no_callable(native_state *state)
{
    PyObject *key = PyUnicode_FromString("sasl.mechanism");

    if (key != NULL)
        native_raise_config(state, key,
                            "\"sasl.mechanism\" OAUTHBEARER needs tokens: set \"oauth_cb\", or let librdkafka get "
                            "them with \"sasl.oauthbearer.method\": \"oidc\"");
    Py_XDECREF(key);
    return -1;
}

int
native_tokens_begin(PyObject *op, native_client_of client_of)
{
    native_client client = client_of(op);

    if (client.tokens == NULL)
        return 0;
    if (client.cbs->oauth_cb == NULL)
        return raise_no_callable(client.state);
    if (first_token(&client) < 0)
        return -1;
    return start_thread(op, &client, client_of);
}
