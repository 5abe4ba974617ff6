/* SPDX-License-Identifier: MIT
 *
 * One of the fuzzers as libFuzzer wants it: FUZZ names it.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    return FUZZ(data, n);
}

/* Half of the changes know what the parts are, the other half are libFuzzer's own. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;

    return seed % 2 == 0 ? LLVMFuzzerMutate(data, n, max) : fuzz_mutate(data, n, max, &state);
}
