/* SPDX-License-Identifier: MIT
 *
 * Command line of the C tests: which tests to run, and how.
 */
#include <getopt.h>
#include <stdlib.h>

#include "runner.h"

static dk_test *registered;

void
dk_test_register(dk_test *test)
{
    test->next = registered;
    registered = test;
}

static const char usage[] =
    "usage: dk-test [options] [part of a name]...\n"
    "  -j N            run N tests at a time (default 1)\n"
    "  -r, --repeat N  run each test N times\n"
    "  -t, --timeout S time limit of a test in seconds (default 150)\n"
    "  -l, --list      print the names and end\n"
    "  -v, --verbose   print what passed tests print, too\n"
    "  --here          no child processes, for a debugger\n"
    "  --seed N        seed of the randomised tests\n"
    "  --fail-alloc    let each allocation of the fault tests, and all after it, fail in turn\n"
    "  --fail-one      the same, but only that one fails\n"
    "  --no-skip       a skipped test is a failed one\n";

/* A number of at least 1, or the end. */
static int
positive(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (*end != '\0' || n < 1 || n > 1000000) {
        fprintf(stderr, "\"%s\" is not a number from 1 on\n%s", text, usage);
        exit(2);
    }
    return (int)n;
}

enum { HERE = 256, SEED, FAIL_ALLOC, FAIL_ONE, NO_SKIP }; /* options without a letter */

static void
take(options *o, int c)
{
    switch (c) {
    case 'j':
        o->jobs = positive(optarg);
        break;
    case 'r':
        o->repeat = positive(optarg);
        break;
    case 't':
        o->timeout_s = positive(optarg);
        break;
    case 'l':
        o->list = true;
        break;
    case 'v':
        o->verbose = true;
        break;
    case HERE:
        o->here = true;
        break;
    case SEED:
        check_set_seed(strtoull(optarg, NULL, 0));
        break;
    case FAIL_ALLOC:
        o->fail_alloc = true;
        break;
    case FAIL_ONE:
        o->fail_one = true;
        break;
    case NO_SKIP:
        o->skip_fails = true;
        break;
    case 'h':
        fputs(usage, stdout);
        exit(0);
    default:
        fputs(usage, stderr);
        exit(2);
    }
}

static void
parse(int argc, char **argv, options *o)
{
    static const struct option longs[] = {
        {"repeat", required_argument, NULL, 'r'},
        {"timeout", required_argument, NULL, 't'},
        {"list", no_argument, NULL, 'l'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"here", no_argument, NULL, HERE},
        {"seed", required_argument, NULL, SEED},
        {"fail-alloc", no_argument, NULL, FAIL_ALLOC},
        {"fail-one", no_argument, NULL, FAIL_ONE},
        {"no-skip", no_argument, NULL, NO_SKIP},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "j:r:t:lvh", longs, NULL)) != -1)
        take(o, c);
    o->select = (const char **)argv + optind;
    o->n_select = argc - optind;
}

const char *
dk_test_bootstrap(void)
{
    const char *text = getenv("DK_TEST_BOOTSTRAP");

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool
selected(const options *o, const dk_test *test)
{
    int i;

    if (test->live && !o->list && dk_test_bootstrap() == NULL)
        return false;
    for (i = 0; i < o->n_select; i++)
        if (strstr(test->name, o->select[i]) != NULL)
            return true;
    return o->n_select == 0;
}

static int
by_name(const void *a, const void *b)
{
    const dk_test *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* The chosen tests in order of their names, whatever order they were linked in. */
static size_t
choose(const options *o, dk_test ***out)
{
    size_t n = 0;
    dk_test *t, **chosen;

    for (t = registered; t != NULL; t = t->next)
        n++;
    chosen = calloc(n + 1, sizeof(*chosen));
    if (chosen == NULL)
        exit(EXIT_FAILED);
    n = 0;
    for (t = registered; t != NULL; t = t->next)
        if (selected(o, t))
            chosen[n++] = t;
    qsort(chosen, n, sizeof(*chosen), by_name);
    *out = chosen;
    return n;
}

int
main(int argc, char **argv)
{
    options o = {.jobs = 1, .repeat = 1, .timeout_s = 150};
    dk_test **tests;
    size_t n, i;
    int code = 0;

    parse(argc, argv, &o);
    n = choose(&o, &tests);
    if (n == 0) {
        fprintf(stderr, "no test has such a name, or it needs DK_TEST_BOOTSTRAP; --list prints them\n");
        code = 2;
    } else if (o.list) {
        for (i = 0; i < n; i++)
            printf("%s%s%s\n", tests[i]->name, tests[i]->fault ? " (fault)" : "", tests[i]->live ? " (live)" : "");
    } else {
        code = run_tests(&o, tests, n);
    }
    free(tests);
    return code;
}
