/* SPDX-License-Identifier: MIT
 *
 * UTF-8 becomes str, without a branch per character: texts that are not ASCII mix characters of one and of more bytes
 * (letters and spaces), and what a processor cannot foresee costs it more than the work.
 *
 * A first pass judges all bytes, 32 at a time, and finds how many characters there are and how wide the widest
 * is. The second makes of each byte what would be the character if it ended here, and packs those that do. Without
 * the instruction that packs, and with characters of four bytes, CPython does it all.
 */
#include "avro/decode.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define PACKS 1
#include <immintrin.h>
#else
#define PACKS 0
#endif

#if PACKS

#define AVX2 __attribute__((target("avx2,popcnt")))

#define WIDE 32 /* bytes that are judged at once */

/* ---- judging --------------------------------------------------------------------------------------------------- */

/* What is known of a text. top: in each lane the largest byte there was. */
typedef struct judged {
    __m256i wrong, top;
    size_t n; /* characters */
} judged;

/* What two bytes in a row have, each by its own half bytes, when they cannot follow one another; John Keiser's and
 * Daniel Lemire's way (Validating UTF-8 in less than one instruction per byte, 2021). */
enum {
    SHORT_ONE = 1,   /* a lead byte, then no continuation */
    LONG_ONE = 2,    /* ASCII, then a continuation */
    LOW_THREE = 4,   /* in three bytes what fits into two */
    TOO_HIGH = 8,    /* behind the last character there is, from F4 90 on */
    SURROGATE = 16,  /* no characters */
    LOW_TWO = 32,    /* in two bytes what is ASCII */
    LOW_FOUR = 64,   /* in four bytes what fits into three; or too high, from F5 on */
    CONTINUED = 128, /* two continuations: right behind a lead byte of three or four */
    ANY_LOW = SHORT_ONE | LONG_ONE | CONTINUED,
    HIGH = TOO_HIGH | LOW_FOUR,
};

/* A table of sixteen, for both halves. */
static inline AVX2 __m256i
twice(__m128i table)
{
    return _mm256_broadcastsi128_si256(table);
}

static inline AVX2 __m256i
half_bytes(__m256i bytes)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0F));
}

static inline AVX2 __m256i
pairs_of(__m256i c, __m256i c1)
{
    const __m256i first_high =
        twice(_mm_setr_epi8(LONG_ONE, LONG_ONE, LONG_ONE, LONG_ONE, LONG_ONE, LONG_ONE, LONG_ONE, LONG_ONE,
                            (char)CONTINUED, (char)CONTINUED, (char)CONTINUED, (char)CONTINUED, SHORT_ONE | LOW_TWO,
                            SHORT_ONE, SHORT_ONE | LOW_THREE | SURROGATE, SHORT_ONE | HIGH));
    const __m256i first_low = twice(_mm_setr_epi8(
        (char)(ANY_LOW | LOW_THREE | LOW_TWO | LOW_FOUR), (char)(ANY_LOW | LOW_TWO), (char)ANY_LOW, (char)ANY_LOW,
        (char)(ANY_LOW | TOO_HIGH), (char)(ANY_LOW | HIGH), (char)(ANY_LOW | HIGH), (char)(ANY_LOW | HIGH),
        (char)(ANY_LOW | HIGH), (char)(ANY_LOW | HIGH), (char)(ANY_LOW | HIGH), (char)(ANY_LOW | HIGH),
        (char)(ANY_LOW | HIGH), (char)(ANY_LOW | HIGH | SURROGATE), (char)(ANY_LOW | HIGH), (char)(ANY_LOW | HIGH)));
    const char cont = (char)(LONG_ONE | LOW_TWO | CONTINUED);
    const __m256i second_high = twice(_mm_setr_epi8(
        SHORT_ONE, SHORT_ONE, SHORT_ONE, SHORT_ONE, SHORT_ONE, SHORT_ONE, SHORT_ONE, SHORT_ONE,
        (char)(cont | LOW_THREE | LOW_FOUR), (char)(cont | LOW_THREE | TOO_HIGH), (char)(cont | SURROGATE | TOO_HIGH),
        (char)(cont | SURROGATE | TOO_HIGH), SHORT_ONE, SHORT_ONE, SHORT_ONE, SHORT_ONE));
    __m256i first = _mm256_and_si256(_mm256_shuffle_epi8(first_high, half_bytes(c1)),
                                     _mm256_shuffle_epi8(first_low, _mm256_and_si256(c1, _mm256_set1_epi8(0x0F))));

    return _mm256_and_si256(first, _mm256_shuffle_epi8(second_high, half_bytes(c)));
}

static inline AVX2 __m256i
load(const uint8_t *p)
{
    return _mm256_loadu_si256((const void *)p);
}

/* Of each lane whether it is ASCII or a lead byte. Continuations are the least of signed bytes, up to -65. */
static inline AVX2 unsigned
starts_of(__m256i c)
{
    return (unsigned)_mm256_movemask_epi8(_mm256_cmpgt_epi8(c, _mm256_set1_epi8(-65)));
}

/* Judges the bytes q[0..31], with regard to the three before. */
static inline AVX2 void
judge_block(judged *j, const uint8_t *q)
{
    __m256i c = load(q), c3 = load(q - 3), due;

    if (_mm256_movemask_epi8(_mm256_or_si256(c, c3)) == 0) {
        j->n += WIDE;
        return;
    }
    /* The third and the fourth byte of a character are the only continuations that follow one. */
    due = _mm256_or_si256(_mm256_subs_epu8(load(q - 2), _mm256_set1_epi8(0xE0 - 0x80)),
                          _mm256_subs_epu8(c3, _mm256_set1_epi8(0xF0 - 0x80)));
    due = _mm256_and_si256(due, _mm256_set1_epi8((char)CONTINUED));
    j->wrong = _mm256_or_si256(j->wrong, _mm256_xor_si256(due, pairs_of(c, load(q - 1))));
    j->top = _mm256_max_epu8(j->top, c);
    j->n += (unsigned)__builtin_popcount(starts_of(c));
}

static inline AVX2 bool
none(__m256i lanes)
{
    return _mm256_movemask_epi8(_mm256_cmpeq_epi8(lanes, _mm256_setzero_si256())) == -1;
}

/* Whether a byte of the text is as large. */
static inline AVX2 bool
reaches(const judged *j, uint8_t bound)
{
    return !none(_mm256_subs_epu8(j->top, _mm256_set1_epi8((char)(bound - 1))));
}

static AVX2 bool
judge(judged *out, const uint8_t *p, size_t n)
{
    judged j = {.n = 0, .wrong = _mm256_setzero_si256(), .top = _mm256_setzero_si256()};
    uint8_t edge[3 + WIDE] = {0};
    size_t i = 0;

    if (n >= WIDE) { /* the first: nothing is before it */
        memcpy(edge + 3, p, WIDE);
        judge_block(&j, edge + 3);
        i = WIDE;
    }
    for (; n - i >= WIDE; i += WIDE)
        judge_block(&j, p + i);
    /* The last, filled up with zeros, which end what is cut off. */
    memset(edge, 0, sizeof edge);
    if (i > 0)
        memcpy(edge, p + i - 3, 3);
    memcpy(edge + 3, p + i, n - i);
    judge_block(&j, edge + 3);
    j.n -= WIDE - (n - i);
    *out = j;
    return none(j.wrong);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

void
native_text_init(AvroCore *core)
{
    core->packs_texts = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    for (unsigned mask = 0; mask < 256; mask++) {
        uint8_t *pack = core->packs[mask];

        memset(pack, 0x80, sizeof core->packs[mask]); /* gives zeros */
        for (uint8_t lane = 0; lane < 8; lane++) {
            if ((mask >> lane & 1) == 0)
                continue;
            *pack++ = (uint8_t)(2 * lane);
            *pack++ = (uint8_t)(2 * lane + 1);
        }
    }
}

#define PART 16 /* bytes that are written at once */

static inline AVX2 __m128i
part(const uint8_t *p)
{
    return _mm_loadu_si128((const void *)p);
}

static inline AVX2 __m256i
at_least(__m256i lanes, short bound)
{
    return _mm256_cmpgt_epi16(lanes, _mm256_set1_epi16((short)(bound - 1)));
}

/* In lanes of 16 bits the characters that end at q[0..15]; three: there are some of three bytes. */
static inline AVX2 __attribute__((always_inline)) __m256i
characters(const uint8_t *q, bool three)
{
    const __m256i tail = _mm256_set1_epi16(0x3F);
    __m256i c = _mm256_cvtepu8_epi16(part(q)), c1 = _mm256_cvtepu8_epi16(part(q - 1)), c2, all;
    __m256i last = _mm256_and_si256(c, tail);
    __m256i two = _mm256_or_si256(_mm256_slli_epi16(_mm256_and_si256(c1, _mm256_set1_epi16(0x1F)), 6), last);

    if (three) {
        c2 = _mm256_cvtepu8_epi16(part(q - 2));
        all = _mm256_or_si256(_mm256_slli_epi16(c2, 12), _mm256_slli_epi16(_mm256_and_si256(c1, tail), 6));
        two = _mm256_blendv_epi8(_mm256_or_si256(all, last), two, at_least(c1, 0xC0));
    }
    return _mm256_blendv_epi8(c, two, at_least(c, 0x80));
}

/* Eight lanes to out, whatever of them counts. */
static inline AVX2 void
put_lanes(void *out, bool latin1, __m128i lanes)
{
    if (latin1)
        _mm_storel_epi64(out, _mm_packus_epi16(lanes, lanes));
    else
        _mm_storeu_si128(out, lanes);
}

/* How the characters of a text are written. */
typedef struct width {
    bool latin1; /* in one byte each, else in two */
    bool three;  /* some take three bytes of UTF-8 */
} width;

/* The characters that end in q[0..15], two bytes before and one behind which are read too, one after the other in
 * out, which has room for 16. How many. */
static inline AVX2 __attribute__((always_inline)) unsigned
write_block(const AvroCore *core, const uint8_t *q, void *out, width w)
{
    /* A character ends where another one starts behind it; continuations are the least of signed bytes, up to -65. */
    unsigned ends = (unsigned)_mm_movemask_epi8(_mm_cmpgt_epi8(part(q + 1), _mm_set1_epi8(-65))), n;
    __m256i all = characters(q, w.three);

    n = (unsigned)__builtin_popcount(ends & 0xFF);
    put_lanes(out, w.latin1, _mm_shuffle_epi8(_mm256_castsi256_si128(all), part(core->packs[ends & 0xFF])));
    put_lanes((char *)out + n * (w.latin1 ? 1u : 2u), w.latin1,
              _mm_shuffle_epi8(_mm256_extracti128_si256(all, 1), part(core->packs[ends >> 8])));
    return n + (unsigned)__builtin_popcount(ends >> 8);
}

static inline AVX2 __attribute__((always_inline)) void
put_ascii(void *out, bool latin1, __m128i c)
{
    if (latin1)
        _mm_storeu_si128(out, c);
    else
        _mm256_storeu_si256(out, _mm256_cvtepu8_epi16(c));
}

/* The block at q, of which nothing before s and behind may be read: a copy in edge, which zeros end. */
static inline const uint8_t *
copy_edge(uint8_t edge[2 + PART + 1], const uint8_t *q, dk_slice s)
{
    size_t rest = s.n - (size_t)(q - s.p);

    memset(edge, 0, 2 + PART + 1);
    if (q > s.p)
        memcpy(edge, q - 2, 2);
    memcpy(edge + 2, q, rest > PART ? PART + 1 : rest);
    return edge + 2;
}

/* Writes the n characters of well-formed bytes of at most three each. */
static inline AVX2 __attribute__((always_inline)) void
write_all(const AvroCore *core, void *to, width w, size_t n, dk_slice s)
{
    uint8_t edge[2 + PART + 1];
    uint8_t few[2 * (PART + 8)];
    size_t k = 0, size = w.latin1 ? 1 : 2;

    for (size_t i = 0; i < s.n; i += PART) {
        const uint8_t *q = s.p + i;
        char *out = (char *)to + k * size;
        size_t done;

        if (i == 0 || s.n - i <= PART)
            q = copy_edge(edge, q, s);
        if (n - k < PART) {
            done = write_block(core, q, few, w);
            done = done < n - k ? done : n - k; /* more, if there are zeros */
            memcpy(out, few, done * size);
            k += done;
        } else if (_mm_movemask_epi8(part(q)) == 0) {
            put_ascii(out, w.latin1, part(q));
            k += PART;
        } else {
            k += write_block(core, q, out, w);
        }
    }
}

/* Whether *out is the answer: the text, NULL without an exception when it is not UTF-8, NULL without memory. */
static AVX2 bool
text_packed(const AvroCore *core, dk_slice s, PyObject **out)
{
    judged j;
    bool wide;

    *out = NULL;
    if (!judge(&j, s.p, s.n))
        return true;
    if (reaches(&j, 0xF0))
        return false;
    wide = reaches(&j, 0xC4);
    *out = PyUnicode_New((Py_ssize_t)j.n, wide ? 0xFFFF : j.n < s.n ? 0xFF : 0x7F);
    if (*out == NULL)
        return true;
    if (reaches(&j, 0xE0))
        write_all(core, PyUnicode_2BYTE_DATA(*out), (width){.three = true}, j.n, s);
    else if (wide)
        write_all(core, PyUnicode_2BYTE_DATA(*out), (width){.latin1 = false}, j.n, s);
    else
        write_all(core, PyUnicode_1BYTE_DATA(*out), (width){.latin1 = true}, j.n, s);
    return true;
}
#else
void
native_text_init(AvroCore *core)
{
    core->packs_texts = false;
}
#endif

#define SHORT 32 /* bytes up to which CPython is as fast */

PyObject *
native_text_of(const AvroCore *core, dk_slice s)
{
    PyObject *text = NULL;

#if PACKS
    if (core->packs_texts && s.n > SHORT && text_packed(core, s, &text))
        return text;
#endif
    text = PyUnicode_DecodeUTF8((const char *)s.p, (Py_ssize_t)s.n, NULL);
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        PyErr_Clear();
    return text;
}
