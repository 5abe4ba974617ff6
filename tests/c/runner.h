/* SPDX-License-Identifier: MIT
 *
 * What the files of the test runner share; tests include only dk_test.h.
 */
#ifndef DK_RUNNER_H
#define DK_RUNNER_H

#include "dk_test.h"

enum { EXIT_PASSED = 0, EXIT_FAILED = 1, EXIT_SKIPPED = 77 };

typedef struct options {
    const char **select; /* substrings of names */
    int n_select;
    int jobs;
    int repeat;
    int timeout_s;
    bool list;
    bool verbose;    /* show the output of passed tests too */
    bool here;       /* no child processes, for a debugger */
    bool fail_alloc; /* sweep: the k-th allocation and all after it fail */
    bool fail_one;   /* sweep: only the k-th fails */
    bool skip_fails; /* a skip counts as a failure */
} options;

/* fail_alloc.c: what a test's process tells its parent about its allocations. */
typedef struct alloc_report {
    size_t count;
    bool failed;
} alloc_report;

void alloc_setup(size_t fail_at, bool for_good);
/* Print the blocks that are still there; true if there are none. */
bool alloc_finish(void);
void alloc_report_get(alloc_report *out);

/* check.c */
void check_set_seed(uint64_t seed);

/* runner.c: run the chosen tests and print the results. Returns the exit code. */
int run_tests(const options *opts, dk_test *const *tests, size_t n);

#endif
