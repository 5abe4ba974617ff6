/* SPDX-License-Identifier: MIT
 *
 * A small test runner: tests register themselves, each runs in a process of its own with a time limit.
 *
 *     DK_TEST(offsets_begin_empty)
 *     {
 *         CHECK_EQ(1 + 1, 2);
 *     }
 *
 * A failed check prints both values and ends the test's process, so checks work in helper functions and in threads
 * too. Memory that comes from dk_test_alloc() must be back when the test returns; what is left is reported as a leak.
 *
 * DK_TEST_FAULT(name) takes part in the --fail-alloc sweep: it runs once for each of its allocations, with that one
 * and all after it failing. Wrap what may run out of memory in NOMEM() and leave by the clean-up:
 *
 *     DK_TEST_FAULT(thing_new)
 *     {
 *         dk_thing *t = NULL;
 *         if (NOMEM(dk_thing_new(dk_test_alloc(), &t)))
 *             goto out;
 *         CHECK_EQ(dk_thing_len(t), 0);
 *     out:
 *         dk_thing_free(t);
 *     }
 */
#ifndef DK_TEST_H
#define DK_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dk/base.h"

/* ---- registration ---------------------------------------------------------------------------------------------- */

typedef struct dk_test {
    const char *name;
    void (*run)(void);
    bool fault;    /* takes part in --fail-alloc */
    bool live;     /* needs a real broker */
    int timeout_s; /* 0: the runner's default, 60 */
    struct dk_test *next;
} dk_test;

void dk_test_register(dk_test *test);

#define DK_TEST_DEFINE(id, is_fault, is_live, seconds)                                                               \
    static void test_##id(void);                                                                                     \
    static dk_test test_entry_##id = {#id, test_##id, (is_fault), (is_live), (seconds), NULL};                       \
    __attribute__((constructor)) static void test_register_##id(void)                                                \
    {                                                                                                                \
        dk_test_register(&test_entry_##id);                                                                          \
    }                                                                                                                \
    static void test_##id(void)

#define DK_TEST(id) DK_TEST_DEFINE(id, false, false, 0)
#define DK_TEST_FAULT(id) DK_TEST_DEFINE(id, true, false, 0)
#define DK_TEST_SLOW(id, seconds) DK_TEST_DEFINE(id, false, false, seconds) /* a time limit of its own */
/* Needs a real broker: chosen only where DK_TEST_BOOTSTRAP names one (tests/live/test_c_engine.py does). */
#define DK_TEST_LIVE(id) DK_TEST_DEFINE(id, false, true, 0)
const char *dk_test_bootstrap(void); /* what it names, or NULL */

/* ---- checks ---------------------------------------------------------------------------------------------------- */

/* The functions behind the macros; none of them returns. */
#define DK_TEST_NORETURN __attribute__((noreturn))
DK_TEST_NORETURN void dk_test_fail(const char *file, int line, const char *fmt, ...) DK_PRINTF(3, 4);
DK_TEST_NORETURN void dk_test_skip(const char *file, int line, const char *why);

void dk_test_check_eq(const char *file, int line, const char *what, long long got, long long want);
void dk_test_check_str(const char *file, int line, const char *what, const char *got, const char *want);
void dk_test_check_contains(const char *file, int line, const char *what, const char *text, const char *part);
void dk_test_check_mem(const char *file, int line, const char *what, const void *got, size_t n_got, const void *want,
                       size_t n_want);
void dk_test_check_status(const char *file, int line, const char *what, dk_status got, dk_status want,
                          const dk_error *err);
bool dk_test_nomem(const char *file, int line, const char *what, dk_status got, const dk_error *err);

#define FAIL(...) dk_test_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(why) dk_test_skip(__FILE__, __LINE__, (why))
#define CHECK(cond) ((cond) ? (void)0 : dk_test_fail(__FILE__, __LINE__, "not true: %s", #cond))
/* Integers, as long long. */
#define CHECK_EQ(got, want) dk_test_check_eq(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
/* NUL-terminated strings; NULL equals only NULL. */
#define CHECK_STR(got, want) dk_test_check_str(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_CONTAINS(text, part) dk_test_check_contains(__FILE__, __LINE__, #text, (text), (part))
/* Bytes with their lengths. */
#define CHECK_MEM(got, n_got, want, n_want)                                                                          \
    dk_test_check_mem(__FILE__, __LINE__, #got, (got), (n_got), (want), (n_want))
/* Status codes, printed by name; the _ERR forms print err->text too. */
#define CHECK_STATUS(got, want) dk_test_check_status(__FILE__, __LINE__, #got, (got), (want), NULL)
#define CHECK_STATUS_ERR(got, want, err) dk_test_check_status(__FILE__, __LINE__, #got, (got), (want), (err))
#define CHECK_OK(got) CHECK_STATUS(got, DK_OK)
#define CHECK_OK_ERR(got, err) CHECK_STATUS_ERR(got, DK_OK, err)
/* false for DK_OK; true for DK_ENOMEM if the sweep has failed an allocation; anything else fails the test. */
#define NOMEM(got) dk_test_nomem(__FILE__, __LINE__, #got, (got), NULL)
#define NOMEM_ERR(got, err) dk_test_nomem(__FILE__, __LINE__, #got, (got), (err))

/* ---- waiting --------------------------------------------------------------------------------------------------- */

int64_t dk_test_now_ms(void);
void dk_test_pause_ms(int ms); /* only between two looks at a condition */

/* Look at a condition every few milliseconds until it holds; fails the test after ms milliseconds. */
#define WAIT_UNTIL(cond, ms)                                                                                         \
    do {                                                                                                             \
        int64_t dk_test_until_ = dk_test_now_ms() + (ms);                                                            \
        while (!(cond)) {                                                                                            \
            if (dk_test_now_ms() > dk_test_until_)                                                                   \
                dk_test_fail(__FILE__, __LINE__, "not within %d ms: %s", (int)(ms), #cond);                          \
            dk_test_pause_ms(2);                                                                                     \
        }                                                                                                            \
    } while (0)

/* ---- randomness ------------------------------------------------------------------------------------------------ */

/* The seed of this run: --seed, else a fixed number. The first call prints it. */
uint64_t dk_test_seed(void);
/* Next number of a generator whose state the caller owns (begin with dk_test_seed()); below n: uniform in [0, n). */
uint64_t dk_test_random(uint64_t *state);
uint32_t dk_test_below(uint64_t *state, uint32_t n);

/* ---- memory ---------------------------------------------------------------------------------------------------- */

/* dk_test_alloc - the test's allocator: counts, fills fresh and freed memory with junk, finds double frees, overruns
 * and leaks, and fails allocations in the sweep. Threads: any. */
const dk_alloc *dk_test_alloc(void);

size_t dk_test_alloc_count(void); /* successful malloc and realloc calls so far */
size_t dk_test_alloc_live(void);  /* blocks that are not freed yet */
bool dk_test_alloc_failed(void);  /* an allocation was made to fail */

/* Make allocation number n from now (1: the next one) fail, and all after it if for_good; 0 ends it. For tests that
 * want one certain failure without the sweep. */
void dk_test_alloc_fail(size_t n, bool for_good);

#endif
