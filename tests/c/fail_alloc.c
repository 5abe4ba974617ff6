/* SPDX-License-Identifier: MIT
 *
 * The allocator of the tests: it counts, fills memory with junk, notices what is freed twice, overrun or never freed,
 * and fails allocations on demand.
 */
#include <execinfo.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#endif

/* Under ASan the bytes behind the block are its own red zone, which sees reads too. */
#ifdef UNDER_ASAN
#define TAIL 0
#else
#define TAIL 16
#endif

#define LIVE UINT64_C(0x6c6976655f626c6b)
#define DEAD UINT64_C(0x646561645f626c6b)

typedef struct block {
    struct block *prev, *next;
    size_t size;
    size_t number; /* which allocation of the test it was */
    uint64_t state;
    uint64_t pad; /* keeps the user's part aligned to 16 */
} block;

static struct {
    pthread_mutex_t lock;
    block *first;
    size_t live, count;
    size_t fail_in; /* fail the fail_in-th from now; 0: none */
    bool for_good, failing, failed;
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
alloc_setup(size_t fail_at, bool for_good)
{
    dk_test_alloc_fail(fail_at, for_good);
}

void
dk_test_alloc_fail(size_t n, bool for_good)
{
    pthread_mutex_lock(&heap.lock);
    heap.fail_in = n;
    heap.for_good = for_good;
    heap.failing = false;
    pthread_mutex_unlock(&heap.lock);
}

/* Where the first failed allocation was asked for: shown when the test then does not take it well. */
static void
print_where(size_t number)
{
    void *frames[24];
    int n = backtrace(frames, 24);

    fprintf(stderr, "allocation %zu fails here:\n", number);
    backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

static bool
must_fail_locked(void)
{
    bool first;

    if (!heap.failing && (heap.fail_in == 0 || --heap.fail_in > 0))
        return false;
    first = !heap.failed;
    heap.failing = heap.for_good;
    heap.failed = true;
    if (first)
        print_where(heap.count + 1);
    return true;
}

static void
link_locked(block *b, size_t size)
{
    int i;

    b->size = size;
    b->number = ++heap.count;
    b->state = LIVE;
    b->prev = NULL;
    b->next = heap.first;
    if (b->next != NULL)
        b->next->prev = b;
    heap.first = b;
    heap.live++;
    for (i = 0; i < TAIL; i++)
        ((unsigned char *)(b + 1))[size + (size_t)i] = 0xEE;
}

static void
unlink_locked(block *b)
{
    if (b->prev != NULL)
        b->prev->next = b->next;
    else
        heap.first = b->next;
    if (b->next != NULL)
        b->next->prev = b->prev;
    heap.live--;
}

/* The block of a pointer that the test gives back; ends the test if it is not one, or was written past its end. */
static block *
block_of(void *p)
{
    block *b = (block *)p - 1;
    const unsigned char *tail = (unsigned char *)p + b->size;
    int i;

    if (b->state == DEAD)
        dk_test_fail(__FILE__, __LINE__, "allocation %zu (%zu bytes) is freed twice", b->number, b->size);
    if (b->state != LIVE)
        dk_test_fail(__FILE__, __LINE__, "%p is freed but did not come from dk_test_alloc()", p);
    for (i = 0; i < TAIL; i++)
        if (tail[i] != 0xEE)
            dk_test_fail(__FILE__, __LINE__, "allocation %zu (%zu bytes) was written past its end", b->number,
                         b->size);
    return b;
}

static void *
test_malloc(size_t n, void *ctx)
{
    block *b = NULL;

    (void)ctx;
    pthread_mutex_lock(&heap.lock);
    if (n <= SIZE_MAX / 2 && !must_fail_locked())
        b = malloc(sizeof *b + n + TAIL);
    if (b != NULL) {
        link_locked(b, n);
        memset(b + 1, 0xA5, n);
    }
    pthread_mutex_unlock(&heap.lock);
    return b != NULL ? b + 1 : NULL;
}

static void
test_free(void *p, void *ctx)
{
    block *b;

    (void)ctx;
    if (p == NULL)
        return;
    pthread_mutex_lock(&heap.lock);
    b = block_of(p);
    unlink_locked(b);
    b->state = DEAD;
    memset(p, 0xDD, b->size);
    pthread_mutex_unlock(&heap.lock);
    free(b);
}

/* Always moves, so that a pointer kept over a realloc is found out. */
static void *
test_realloc(void *p, size_t n, void *ctx)
{
    size_t old;
    void *moved = test_malloc(n, ctx);

    if (p == NULL || moved == NULL)
        return moved;
    pthread_mutex_lock(&heap.lock);
    old = block_of(p)->size;
    pthread_mutex_unlock(&heap.lock);
    memcpy(moved, p, old < n ? old : n);
    test_free(p, ctx);
    return moved;
}

const dk_alloc *
dk_test_alloc(void)
{
    static const dk_alloc alloc = {test_malloc, test_realloc, test_free, NULL};

    return &alloc;
}

size_t
dk_test_alloc_count(void)
{
    size_t n;

    pthread_mutex_lock(&heap.lock);
    n = heap.count;
    pthread_mutex_unlock(&heap.lock);
    return n;
}

size_t
dk_test_alloc_live(void)
{
    size_t n;

    pthread_mutex_lock(&heap.lock);
    n = heap.live;
    pthread_mutex_unlock(&heap.lock);
    return n;
}

bool
dk_test_alloc_failed(void)
{
    bool failed;

    pthread_mutex_lock(&heap.lock);
    failed = heap.failed;
    pthread_mutex_unlock(&heap.lock);
    return failed;
}

void
alloc_report_get(alloc_report *out)
{
    out->count = dk_test_alloc_count();
    out->failed = dk_test_alloc_failed();
}

bool
alloc_finish(void)
{
    const block *b;
    int shown = 0;

    pthread_mutex_lock(&heap.lock);
    for (b = heap.first; b != NULL && shown < 20; b = b->next, shown++)
        fprintf(stderr, "leak: allocation %zu, %zu bytes\n", b->number, b->size);
    if (heap.live > 0)
        fprintf(stderr, "%zu blocks are not freed\n", heap.live);
    heap.first = NULL; /* now LeakSanitizer sees them too, and prints who made them */
    pthread_mutex_unlock(&heap.lock);
    return heap.live == 0;
}
