/* SPDX-License-Identifier: MIT
 *
 * Changes of an input that know its parts: a schema stays one most of the time, and a value nearly the value it was.
 * Numbers become those at which things break, words of a schema other words.
 */
#include "fuzz.h"

static const char *const words[] = {"null",
                                    "boolean",
                                    "int",
                                    "long",
                                    "float",
                                    "double",
                                    "bytes",
                                    "string",
                                    "record",
                                    "enum",
                                    "fixed",
                                    "array",
                                    "map",
                                    "decimal",
                                    "uuid",
                                    "date",
                                    "time-millis",
                                    "time-micros",
                                    "timestamp-millis",
                                    "timestamp-micros",
                                    "timestamp-nanos",
                                    "local-timestamp-millis",
                                    "local-timestamp-micros",
                                    "duration",
                                    "type",
                                    "name",
                                    "items",
                                    "values",
                                    "default",
                                    "aliases",
                                    "logicalType",
                                    "symbols"};

/* Varints: -1, 1, -64, 64, INT32_MAX, INT32_MIN - 1, INT64_MAX, INT64_MIN, one of 11 bytes, one without an end. */
static const char *const numbers[] = {
    "\x01",
    "\x02",
    "\x7f",
    "\x80\x01",
    "\xfe\xff\xff\xff\x0f",
    "\x81\x80\x80\x80\x10",
    "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    "\x80\x80",
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static size_t
below(uint64_t *seed, size_t n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return n == 0 ? 0 : (size_t)((*seed * 0x2545F4914F6CDD1Du) >> 33) % n;
}

/* Puts new in the place of old_n bytes at `at`; the size, unchanged when there is no room. */
static size_t
replace(uint8_t *data, size_t n, size_t max, size_t at, size_t old_n, const void *new, size_t new_n)
{
    uint8_t copy[256];

    if (new_n > sizeof copy || at + old_n > n || n - old_n + new_n > max)
        return n;
    if (new_n > 0)
        memcpy(copy, new, new_n); /* it may be a part of data */
    memmove(data + at + new_n, data + at + old_n, n - at - old_n);
    if (new_n > 0)
        memcpy(data + at, copy, new_n);
    return n - old_n + new_n;
}

/* The word in quotes that begins at or behind `at`: its text without them. false: there is none before end. */
static bool
find_word(const uint8_t *data, size_t at, size_t end, size_t *first, size_t *n)
{
    const uint8_t *p = at < end ? memchr(data + at, '"', end - at) : NULL, *q;

    if (p == NULL)
        return false;
    q = memchr(p + 1, '"', end - (size_t)(p + 1 - data));
    if (q == NULL)
        return false;
    *first = (size_t)(p + 1 - data);
    *n = (size_t)(q - p - 1);
    return true;
}

static size_t
mutate_schema(uint8_t *data, size_t n, size_t max, size_t start, size_t end, uint64_t *seed)
{
    size_t at, old, other, other_n, i;
    const char *word;

    if (!find_word(data, start + below(seed, end - start), end, &at, &old))
        return n;
    switch (below(seed, 4)) {
    case 0: /* another word of the same schema */
        if (find_word(data, start + below(seed, end - start), end, &other, &other_n))
            return replace(data, n, max, at, old, data + other, other_n);
        return n;
    case 1: /* another digit, if there is one behind the word */
        for (i = at; i < end; i++) {
            if (data[i] >= '0' && data[i] <= '9') {
                data[i] = (uint8_t)('0' + below(seed, 10));
                break;
            }
        }
        return n;
    default:
        word = words[below(seed, COUNT(words))];
        return replace(data, n, max, at, old, word, strlen(word));
    }
}

static size_t
mutate_value(uint8_t *data, size_t n, size_t max, size_t start, size_t end, uint64_t *seed)
{
    size_t at = start + below(seed, end - start + 1), left = end - at;
    size_t some = left == 0 ? 0 : 1 + below(seed, left < 16 ? left : 16);
    const char *number = numbers[below(seed, COUNT(numbers))];
    uint8_t byte = (uint8_t)below(seed, 256);

    switch (below(seed, 6)) {
    case 0:
        if (left > 0)
            data[at] ^= (uint8_t)(1u << below(seed, 8));
        return n;
    case 1:
        return replace(data, n, max, at, left > 0 ? 1 : 0, &byte, 1);
    case 2:
        return replace(data, n, max, at, left > 0 ? 1 : 0, number, strlen(number));
    case 3:
        return replace(data, n, max, at, some, NULL, 0);
    case 4:
        return replace(data, n, max, at, 0, data + at, some);
    default:
        return replace(data, n, max, start + below(seed, end - start + 1), 0, data + at, some);
    }
}

size_t
fuzz_mutate(uint8_t *data, size_t n, size_t max, uint64_t *seed)
{
    const uint8_t *cut, *last = NULL;
    size_t start = 0, end;

    for (cut = data; n > 0 && (cut = memchr(cut, 0xFE, n - (size_t)(cut - data))) != NULL; cut++) {
        last = cut;
        if (last - data + 1 == (ptrdiff_t)n)
            break;
    }
    if (last == NULL)
        return n == 0 ? 0 : mutate_schema(data, n, max, 0, n, seed);
    if (below(seed, 4) > 0)
        return mutate_value(data, n, max, (size_t)(last - data) + 1, n, seed);
    /* one of the schemas */
    end = (size_t)(last - data);
    cut = memchr(data, 0xFE, n);
    if (cut != last && below(seed, 2) > 0)
        start = (size_t)(cut - data) + 1;
    else
        end = (size_t)(cut - data);
    return end > start ? mutate_schema(data, n, max, start, end, seed) : n;
}
