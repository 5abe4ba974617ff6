/* SPDX-License-Identifier: MIT
 *
 * Tests of src/base/alloc.c.
 */
#include "base/internal.h"
#include "dk_test.h"

DK_TEST(alloc_null_is_libc)
{
    const dk_alloc *a = dk__alloc_or_libc(NULL);
    char *p = a->malloc(10, a->ctx);

    CHECK(p != NULL);
    p = a->realloc(p, 20, a->ctx);
    CHECK(p != NULL);
    a->free(p, a->ctx);
    a->free(NULL, a->ctx);
    CHECK(dk__alloc_or_libc(dk_test_alloc()) == dk_test_alloc());
}

DK_TEST(alloc_helpers_on_libc)
{
    char *p = dk__malloc(NULL, 4);

    CHECK(p != NULL);
    memcpy(p, "abc", 4);
    p = dk__realloc(NULL, p, 100, 2);
    CHECK_STR(p, "abc");
    dk__free(NULL, p);
    p = dk__strdup(NULL, "text");
    CHECK_STR(p, "text");
    dk__free(NULL, p);
    dk__free(NULL, NULL);
}

DK_TEST(alloc_zero_sizes_are_no_failure)
{
    const dk_alloc *a = dk_test_alloc();
    void *p = dk__malloc(a, 0), *q = dk__calloc(a, 0, 8), *r = dk__realloc(a, NULL, 8, 0);

    CHECK(p != NULL && q != NULL && r != NULL);
    dk__free(a, p);
    dk__free(a, q);
    dk__free(a, r);
}

DK_TEST(alloc_calloc_clears)
{
    static const unsigned char zero[60];
    unsigned char *p = dk__calloc(dk_test_alloc(), 20, 3);

    CHECK_MEM(p, 60, zero, 60);
    dk__free(dk_test_alloc(), p);
}

DK_TEST(alloc_overflow)
{
    const dk_alloc *a = dk_test_alloc();
    char *p = dk__strdup(a, "kept");

    CHECK(dk__calloc(a, SIZE_MAX, 2) == NULL);
    CHECK(dk__calloc(a, SIZE_MAX / 2 + 1, 2) == NULL);
    CHECK(dk__calloc(a, SIZE_MAX, 1) == NULL);
    CHECK(dk__realloc(a, p, SIZE_MAX, SIZE_MAX) == NULL);
    CHECK_STR(p, "kept");
    dk__free(a, p);
}

DK_TEST(alloc_failure_is_null)
{
    const dk_alloc *a = dk_test_alloc();
    char *p = dk__strdup(a, "kept");

    dk_test_alloc_fail(1, true);
    CHECK(dk__malloc(a, 1) == NULL);
    CHECK(dk__calloc(a, 1, 1) == NULL);
    CHECK(dk__strdup(a, "x") == NULL);
    CHECK(dk__realloc(a, p, 100, 1) == NULL);
    CHECK_STR(p, "kept");
    CHECK(dk_test_alloc_failed());
    dk_test_alloc_fail(0, false);
    dk__free(a, p);
}

DK_TEST(alloc_test_allocator_counts)
{
    const dk_alloc *a = dk_test_alloc();
    void *p = dk__malloc(a, 1), *q;

    CHECK_EQ(dk_test_alloc_count(), 1);
    CHECK_EQ(dk_test_alloc_live(), 1);
    dk_test_alloc_fail(2, false);
    q = dk__malloc(a, 1);
    CHECK(q != NULL);
    CHECK(dk__malloc(a, 1) == NULL);
    dk__free(a, q);
    q = dk__malloc(a, 1);
    CHECK(q != NULL);
    dk__free(a, q);
    dk__free(a, p);
    CHECK_EQ(dk_test_alloc_count(), 3);
    CHECK_EQ(dk_test_alloc_live(), 0);
}

DK_TEST_FAULT(alloc_strdup_fault)
{
    const dk_alloc *a = dk_test_alloc();
    char *p = dk__strdup(a, "one"), *q = dk__strdup(a, "two");

    CHECK((p != NULL && q != NULL) || dk_test_alloc_failed());
    dk__free(a, p);
    dk__free(a, q);
}
