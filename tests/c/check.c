/* SPDX-License-Identifier: MIT
 *
 * The checks of dk_test.h: they print both values and end the process of the test. Also time and random numbers.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

/* _exit, not exit: a check may fail in any thread, and clean-up of a broken state would only hide the message. */
DK_TEST_NORETURN static void
end_failed(void)
{
    fputc('\n', stderr);
    _exit(EXIT_FAILED);
}

void
dk_test_fail(const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "%s:%d: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    end_failed();
}

void
dk_test_skip(const char *file, int line, const char *why)
{
    fprintf(stderr, "%s:%d: skipped: %s\n", file, line, why);
    _exit(EXIT_SKIPPED);
}

void
dk_test_check_eq(const char *file, int line, const char *what, long long got, long long want)
{
    if (got != want)
        dk_test_fail(file, line, "%s\n    is     %lld\n    wanted %lld", what, got, want);
}

void
dk_test_check_str(const char *file, int line, const char *what, const char *got, const char *want)
{
    if (got == want || (got != NULL && want != NULL && strcmp(got, want) == 0))
        return;
    dk_test_fail(file, line, "%s\n    is     %s%s%s\n    wanted %s%s%s", what, got != NULL ? "\"" : "",
                 got != NULL ? got : "NULL", got != NULL ? "\"" : "", want != NULL ? "\"" : "",
                 want != NULL ? want : "NULL", want != NULL ? "\"" : "");
}

void
dk_test_check_contains(const char *file, int line, const char *what, const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        dk_test_fail(file, line, "%s\n    is       \"%s\"\n    which lacks \"%s\"", what,
                     text != NULL ? text : "(NULL)", part);
}

static void
print_hex(const char *label, const unsigned char *p, size_t n)
{
    size_t i;

    fprintf(stderr, "\n    %s %zu bytes:", label, n);
    for (i = 0; i < n && i < 256; i++)
        fprintf(stderr, "%s%02x", i % 32 == 0 ? "\n        " : " ", p[i]);
    if (n > 256)
        fprintf(stderr, " ...");
}

void
dk_test_check_mem(const char *file, int line, const char *what, const void *got, size_t n_got, const void *want,
                  size_t n_want)
{
    const unsigned char *g = got, *w = want;
    size_t i = 0;

    if (n_got == n_want && (n_got == 0 || memcmp(g, w, n_got) == 0))
        return;
    while (i < n_got && i < n_want && g[i] == w[i])
        i++;
    fprintf(stderr, "%s:%d: %s differs from byte %zu on", file, line, what, i);
    print_hex("is    ", g, n_got);
    print_hex("wanted", w, n_want);
    end_failed();
}

static const char *
text_of(const dk_error *err)
{
    return err != NULL ? err->text : "";
}

void
dk_test_check_status(const char *file, int line, const char *what, dk_status got, dk_status want, const dk_error *err)
{
    if (got != want)
        dk_test_fail(file, line, "%s\n    is     DK_%s (%d) %s\n    wanted DK_%s (%d)", what, dk_status_name(got),
                     (int)got, text_of(err), dk_status_name(want), (int)want);
}

bool
dk_test_nomem(const char *file, int line, const char *what, dk_status got, const dk_error *err)
{
    if (got == DK_ENOMEM && dk_test_alloc_failed())
        return true;
    dk_test_check_status(file, line, what, got, DK_OK, err);
    return false;
}

int64_t
dk_test_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
dk_test_pause_ms(int ms)
{
    struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&ts, NULL);
}

static uint64_t run_seed = 20240229;

void
check_set_seed(uint64_t seed)
{
    run_seed = seed;
}

uint64_t
dk_test_seed(void)
{
    fprintf(stderr, "seed %llu (repeat with --seed)\n", (unsigned long long)run_seed);
    return run_seed;
}

/* splitmix64: every state is a good one, 0 included. */
uint64_t
dk_test_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint32_t
dk_test_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)(((dk_test_random(state) >> 32) * n) >> 32);
}
