/* SPDX-License-Identifier: MIT
 *
 * Runs tests, each in a child process with a process group, an output file and a deadline of its own, several at a
 * time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

typedef enum result { PASSED, FAILED, SKIPPED } result;

typedef struct job {
    dk_test *test;
    size_t fail_at; /* 0: no allocation fails */
    result result;
    alloc_report report;
} job;

typedef struct slot {
    job *job; /* NULL: free */
    pid_t pid;
    int64_t begin, deadline;
    FILE *output;
    bool timed_out;
    alloc_report *report; /* shared with the child */
} slot;

typedef struct runner {
    const options *opts;
    slot *slots;
    sigset_t signals, old_mask;
    size_t passed, failed, skipped;
} runner;

/* ---- the child's side ------------------------------------------------------------------------------------------ */

DK_TEST_NORETURN static void
run_child(const runner *r, const slot *s)
{
    int null = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDIN_FILENO);
    dup2(fileno(s->output), STDOUT_FILENO);
    dup2(fileno(s->output), STDERR_FILENO);
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigprocmask(SIG_SETMASK, &r->old_mask, NULL);

    alloc_setup(s->job->fail_at, r->opts->fail_alloc);
    s->job->test->run();
    alloc_report_get(s->report);
    exit(alloc_finish() ? EXIT_PASSED : EXIT_FAILED); /* not _exit: LeakSanitizer and gcov finish at exit */
}

/* ---- the parent's side ----------------------------------------------------------------------------------------- */

static void
start(runner *r, slot *s, job *j)
{
    int seconds = j->test->timeout_s != 0 ? j->test->timeout_s : r->opts->timeout_s;

    s->job = j;
    s->timed_out = false;
    s->output = tmpfile();
    *s->report = (alloc_report){0, false};
    s->begin = dk_test_now_ms();
    s->deadline = s->begin + (int64_t)seconds * 1000;
    fflush(stdout);
    s->pid = s->output != NULL ? fork() : -1;
    if (s->pid == 0)
        run_child(r, s);
    if (s->pid < 0) {
        perror("cannot start a test");
        exit(EXIT_FAILED);
    }
    setpgid(s->pid, s->pid); /* in both processes, whoever comes first */
}

static void
print_output(FILE *f)
{
    char line[1024];

    rewind(f);
    while (fgets(line, sizeof line, f) != NULL)
        printf("    %s", line);
}

static void
print_name(const slot *s)
{
    printf("%s", s->job->test->name);
    if (s->job->fail_at != 0)
        printf(" (allocation %zu fails)", s->job->fail_at);
}

static void
report(runner *r, slot *s, const char *note)
{
    static const char *const words[] = {"ok  ", "FAIL", "skip"};
    bool bad = s->job->result == FAILED;
    bool quiet = s->job->fail_at != 0 && !bad; /* the sweep prints a line a test */

    if (!quiet) {
        printf("%s ", words[s->job->result]);
        print_name(s);
        printf(" %lld ms%s%s\n", (long long)(dk_test_now_ms() - s->begin), note[0] != '\0' ? ": " : "", note);
    }
    if (bad || s->job->result == SKIPPED || (r->opts->verbose && !quiet))
        print_output(s->output);
}

/* Whether processes of an ended test live on. What is just ending (a sanitizer's symbolizer) gets a second; orphans
 * come to us, because not every container has an init that buries them. */
static bool
left_processes(pid_t group)
{
    for (int i = 0; i < 100; i++) {
        while (waitpid(-group, NULL, WNOHANG) > 0)
            ;
        if (kill(-group, 0) != 0)
            return false;
        dk_test_pause_ms(10);
    }
    return kill(-group, SIGKILL) == 0;
}

/* A child has ended: judge it, print it, free its slot. */
static void
finish(runner *r, slot *s, int status)
{
    bool left = left_processes(s->pid);
    char note[64] = "";
    result res = FAILED;

    if (s->timed_out)
        snprintf(note, sizeof note, "killed after its time limit");
    else if (WIFSIGNALED(status))
        snprintf(note, sizeof note, "ended by signal %d", WTERMSIG(status));
    else if (left)
        snprintf(note, sizeof note, "left a process behind");
    else if (WEXITSTATUS(status) == EXIT_PASSED)
        res = PASSED;
    else if (WEXITSTATUS(status) == EXIT_SKIPPED && !r->opts->skip_fails)
        res = SKIPPED;
    else if (WEXITSTATUS(status) != EXIT_FAILED)
        snprintf(note, sizeof note, "exit code %d", WEXITSTATUS(status));

    s->job->result = res;
    s->job->report = *s->report;
    report(r, s, note);
    r->passed += res == PASSED;
    r->failed += res == FAILED;
    r->skipped += res == SKIPPED;
    fclose(s->output);
    s->job = NULL;
}

static void
kill_all(runner *r)
{
    int i;

    for (i = 0; i < r->opts->jobs; i++)
        if (r->slots[i].job != NULL)
            kill(-r->slots[i].pid, SIGKILL);
}

/* Sleep until a child ends or the nearest deadline; an interrupt takes the children along. */
static void
wait_for_news(runner *r)
{
    int64_t now = dk_test_now_ms(), left = 3600000;
    struct timespec ts;
    int i, sig;

    for (i = 0; i < r->opts->jobs; i++)
        if (r->slots[i].job != NULL && r->slots[i].deadline - now < left)
            left = r->slots[i].deadline - now;
    if (left < 0)
        left = 0;
    ts.tv_sec = left / 1000;
    ts.tv_nsec = (long)(left % 1000) * 1000000;
    sig = sigtimedwait(&r->signals, NULL, &ts);
    if (sig == SIGINT || sig == SIGTERM) {
        kill_all(r);
        exit(128 + sig);
    }
}

static int
collect(runner *r)
{
    int i, running = 0, status;
    slot *s;

    for (i = 0; i < r->opts->jobs; i++) {
        s = &r->slots[i];
        if (s->job == NULL)
            continue;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid) {
            finish(r, s, status);
            continue;
        }
        running++;
        if (!s->timed_out && dk_test_now_ms() >= s->deadline) {
            s->timed_out = true;
            s->deadline = INT64_MAX / 2;
            kill(-s->pid, SIGKILL);
        }
    }
    return running;
}

static slot *
free_slot(runner *r)
{
    int i;

    for (i = 0; i < r->opts->jobs; i++)
        if (r->slots[i].job == NULL)
            return &r->slots[i];
    return NULL;
}

static void
run_jobs(runner *r, job *jobs, size_t n)
{
    size_t next = 0;
    slot *s;

    for (;;) {
        while (next < n && (s = free_slot(r)) != NULL)
            start(r, s, &jobs[next++]);
        if (collect(r) == 0) {
            if (next == n)
                return;
        } else if (next == n || free_slot(r) == NULL) {
            wait_for_news(r);
        }
    }
}

/* Stop, in a place where nothing can go on, if the machine has no memory for the runner itself. */
static void *
must(void *p)
{
    if (p == NULL || p == MAP_FAILED) {
        perror("test runner");
        exit(EXIT_FAILED);
    }
    return p;
}

static void
runner_init(runner *r, const options *opts)
{
    size_t size = (size_t)opts->jobs * sizeof(alloc_report);
    alloc_report *shared = must(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int i;

    *r = (runner){.opts = opts};
    r->slots = must(calloc((size_t)opts->jobs, sizeof *r->slots));
    for (i = 0; i < opts->jobs; i++)
        r->slots[i].report = &shared[i];
    sigemptyset(&r->signals);
    sigaddset(&r->signals, SIGCHLD);
    sigaddset(&r->signals, SIGINT);
    sigaddset(&r->signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &r->signals, &r->old_mask);
}

static void
runner_fini(runner *r)
{
    munmap(r->slots[0].report, (size_t)r->opts->jobs * sizeof(alloc_report));
    free(r->slots);
    sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
}

/* ---- what to run ----------------------------------------------------------------------------------------------- */

static void
run_plain(runner *r, dk_test *const *tests, size_t n)
{
    size_t n_jobs = n * (size_t)r->opts->repeat, i;
    job *jobs = must(calloc(n_jobs, sizeof *jobs));

    for (i = 0; i < n_jobs; i++)
        jobs[i].test = tests[i % n];
    run_jobs(r, jobs, n_jobs);
    free(jobs);
}

/* Once for each allocation that the counting run made; one job more shows that the end was reached. */
static void
sweep_test(runner *r, const job *counted)
{
    size_t n = counted->report.count, i, bad = 0;
    job *jobs;

    if (counted->result != PASSED || n == 0)
        return;
    jobs = must(calloc(n, sizeof *jobs));
    for (i = 0; i < n; i++)
        jobs[i] = (job){.test = counted->test, .fail_at = i + 1};
    run_jobs(r, jobs, n);
    for (i = 0; i < n; i++)
        bad += jobs[i].result == FAILED;
    printf("%s %s: %zu allocations failed in turn%s, %zu of them badly\n", bad == 0 ? "ok  " : "FAIL",
           counted->test->name, n, r->opts->fail_alloc ? ", each with all after it" : "", bad);
    free(jobs);
}

static void
run_sweep(runner *r, dk_test *const *tests, size_t n)
{
    job *jobs = must(calloc(n, sizeof *jobs));
    size_t n_jobs = 0, i;

    for (i = 0; i < n; i++)
        if (tests[i]->fault)
            jobs[n_jobs++].test = tests[i];
    run_jobs(r, jobs, n_jobs);
    for (i = 0; i < n_jobs; i++)
        sweep_test(r, &jobs[i]);
    free(jobs);
}

static void
run_here(runner *r, dk_test *const *tests, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        fprintf(stderr, "%s\n", tests[i]->name);
        alloc_setup(0, false);
        tests[i]->run();
        if (alloc_finish())
            r->passed++;
        else
            r->failed++;
    }
}

int
run_tests(const options *opts, dk_test *const *tests, size_t n)
{
    runner r;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    runner_init(&r, opts);
    if (opts->here)
        run_here(&r, tests, n);
    else if (opts->fail_alloc || opts->fail_one)
        run_sweep(&r, tests, n);
    else
        run_plain(&r, tests, n);
    runner_fini(&r);
    if (r.skipped > 0)
        printf("%zu passed, %zu failed, %zu skipped\n", r.passed, r.failed, r.skipped);
    else
        printf("%zu passed, %zu failed\n", r.passed, r.failed);
    return r.failed == 0 ? EXIT_PASSED : EXIT_FAILED;
}
