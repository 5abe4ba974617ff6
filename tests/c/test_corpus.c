/* SPDX-License-Identifier: MIT
 *
 * What the fuzzers do, over their committed corpora: each input as it is, and a few times changed, the same in each
 * run.
 */
#include <dirent.h>
#include <stdlib.h>

#include "../fuzz/fuzz.h"
#include "dk_test.h"

#define INPUT_MAX 65536
#define CHANGES 40 /* of each input */

static size_t
read_input(const char *folder, const char *name, uint8_t *data)
{
    char path[512];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "rb");
    if (f == NULL)
        FAIL("cannot open %s", path);
    n = fread(data, 1, INPUT_MAX, f);
    fclose(f);
    return n;
}

static void
run_corpus(const char *name, int (*fuzz)(const uint8_t *, size_t))
{
    uint8_t *data = malloc(INPUT_MAX), *changed = malloc(INPUT_MAX);
    struct dirent *entry;
    char folder[256];
    int inputs = 0;
    DIR *dir;

    snprintf(folder, sizeof folder, "%s/%s", DK_TEST_CORPUS, name);
    dir = opendir(folder);
    if (dir == NULL || data == NULL || changed == NULL)
        FAIL("cannot read %s", folder);
    while ((entry = readdir(dir)) != NULL) {
        uint64_t seed = dk_test_seed();
        size_t n, k;
        int i;

        if (entry->d_name[0] == '.')
            continue;
        for (k = 0; entry->d_name[k] != '\0'; k++) /* whatever the order of the files */
            seed = (seed ^ (uint8_t)entry->d_name[k]) * 0x100000001B3u;
        n = read_input(folder, entry->d_name, data);
        inputs++;
        fuzz(data, n);
        for (i = 0; i < CHANGES; i++) {
            memcpy(changed, data, n);
            for (k = fuzz_mutate(changed, n, INPUT_MAX, &seed); dk_test_below(&seed, 3) == 0;)
                k = fuzz_mutate(changed, k, INPUT_MAX, &seed);
            fuzz(changed, k);
        }
    }
    closedir(dir);
    free(data);
    free(changed);
    CHECK(inputs > 0);
}

DK_TEST(corpus_decode)
{
    run_corpus("decode", fuzz_decode);
}

DK_TEST(corpus_json)
{
    run_corpus("json", fuzz_json);
}

DK_TEST(corpus_resolve)
{
    run_corpus("resolve", fuzz_resolve);
}

DK_TEST(corpus_rows)
{
    run_corpus("rows", fuzz_rows);
}

DK_TEST(corpus_schema)
{
    run_corpus("schema", fuzz_schema);
}

DK_TEST(corpus_wire)
{
    run_corpus("wire", fuzz_wire);
}
