/* SPDX-License-Identifier: MIT
 *
 * JSON, from byte to byte: strings eight bytes at a time, containers that nobody looks into without recursion.
 */
#include "pg/json_scan.h"

#include "base/internal.h"
#include "dk/avro_ops.h"

#define EACH(byte) (0x0101010101010101u * (byte))

void
dk__json_init(dk__json *j, dk_slice text, dk_error *err)
{
    *j = (dk__json){.p = text.p, .end = text.p + text.n, .start = text.p, .err = err};
}

bool
dk__json_fail(dk__json *j, const uint8_t *p, const char *what)
{
    if (p >= j->end)
        dk__error_set(j->err, DK_EJSON, "%s at the end of the text (byte %zu)", what, (size_t)(p - j->start));
    else
        dk__error_set(j->err, DK_EJSON, "%s at byte %zu", what, (size_t)(p - j->start));
    j->err->pos = (size_t)(p - j->start);
    return false;
}

/* A mask whose lowest set bit is in the first byte of eight that a string does not just go on with: a quote, a
 * backslash, a control character, one beyond ASCII. */
static inline uint64_t
find_special(const uint8_t *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return (((w ^ EACH('"')) - EACH(1)) | ((w ^ EACH('\\')) - EACH(1)) | (w - EACH(0x20)) | w) & EACH(0x80);
}

static inline const uint8_t *
skip_plain(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 8) {
        uint64_t special = find_special(p);

        if (special != 0)
            return p + ((unsigned)__builtin_ctzll(special) >> 3);
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\' && *p >= 0x20 && *p < 0x80)
        p++;
    return p;
}

/* Four digits of a \u escape; -1 if they are not there. */
static int
read_hex(const uint8_t *p, const uint8_t *end)
{
    int i, code = 0;

    if (end - p < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        uint8_t c = p[i], low = c | 0x20;

        if (c >= '0' && c <= '9')
            code = code * 16 + (c - '0');
        else if (low >= 'a' && low <= 'f')
            code = code * 16 + (low - 'a' + 10);
        else
            return -1;
    }
    return code;
}

/* Moves over one escape, at the backslash. */
static bool
scan_escape(dk__json *j)
{
    const uint8_t *at = j->p;
    int code, low;

    if (j->end - at < 2)
        return dk__json_fail(j, j->end, "a string without an end");
    j->p += 2;
    if (at[1] != 'u')
        return strchr("\"\\/bfnrt", at[1]) != NULL && at[1] != '\0' ? true
                                                                    : dk__json_fail(j, at, "an unknown escape");
    code = read_hex(j->p, j->end);
    if (code < 0)
        return dk__json_fail(j, at, "an escape \\u without four digits");
    j->p += 4;
    if (!j->as_jsonb)
        return true;
    if (code == 0)
        return dk__json_fail(j, at, "U+0000, which jsonb cannot have,");
    if (code >= 0xDC00 && code <= 0xDFFF)
        return dk__json_fail(j, at, "half a surrogate pair");
    if (code < 0xD800 || code > 0xDFFF)
        return true;
    low = j->end - j->p >= 6 && j->p[0] == '\\' && j->p[1] == 'u' ? read_hex(j->p + 2, j->end) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return dk__json_fail(j, at, "half a surrogate pair");
    j->p += 6;
    return true;
}

/* Moves over characters beyond ASCII. */
static bool
scan_wide(dk__json *j)
{
    const uint8_t *at = j->p;

    while (j->p < j->end && *j->p >= 0x80)
        j->p++;
    return dk_avro_utf8_valid(at, (size_t)(j->p - at)) ? true : dk__json_fail(j, at, "something that is not UTF-8");
}

/* At the opening quote. */
static bool
scan_string(dk__json *j, dk__json_token *out)
{
    const uint8_t *first = ++j->p;

    out->kind = DK__JSON_STRING;
    out->escaped = false;
    for (;;) {
        j->p = skip_plain(j->p, j->end);
        if (j->p == j->end)
            return dk__json_fail(j, j->p, "a string without an end");
        if (*j->p == '"')
            break;
        if (*j->p >= 0x80) {
            if (!scan_wide(j))
                return false;
        } else if (*j->p == '\\') {
            out->escaped = true;
            if (!scan_escape(j))
                return false;
        } else {
            return dk__json_fail(j, j->p, "a control character in a string");
        }
    }
    out->text = (dk_slice){first, (size_t)(j->p - first)};
    j->p++;
    return true;
}

static inline const uint8_t *
skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool
scan_number(dk__json *j, dk__json_token *out)
{
    const uint8_t *first = j->p, *p = first, *digits;

    out->kind = DK__JSON_NUMBER;
    out->integer = true;
    if (*p == '-')
        p++;
    digits = p;
    p = skip_digits(p, j->end);
    if (p == digits) {
        j->lenient = j->end - p >= 8 && memcmp(p, "Infinity", 8) == 0;
        return dk__json_fail(j, p, "no digit of a number");
    }
    if (*digits == '0' && p - digits > 1)
        return dk__json_fail(j, digits, "a number with a leading zero");
    if (p < j->end && *p == '.') {
        out->integer = false;
        digits = ++p;
        p = skip_digits(p, j->end);
        if (p == digits)
            return dk__json_fail(j, p, "no digit behind the point of a number");
    }
    if (p < j->end && (*p | 0x20) == 'e') {
        out->integer = false;
        p++;
        if (p < j->end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = skip_digits(p, j->end);
        if (p == digits)
            return dk__json_fail(j, p, "no digit of an exponent");
    }
    j->p = p;
    out->text = (dk_slice){first, (size_t)(p - first)};
    if (j->as_jsonb && !dk__json_numeric_fits(out->text))
        return dk__json_fail(j, first, "a number beyond PostgreSQL's numeric");
    return true;
}

static bool
scan_word(dk__json *j, const char *word, size_t n, dk__json_kind kind, dk__json_token *out)
{
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, word, n) != 0)
        return dk__json_fail(j, j->p, "an unknown word");
    out->kind = kind;
    out->text = (dk_slice){j->p, n};
    j->p += n;
    return true;
}

/* Nothing that JSON has begins so. The last of the words is a byte order mark. */
static bool
fail_value(dk__json *j)
{
    static const char *const words[] = {"NaN", "Infinity", "\xEF\xBB\xBF"};
    size_t i, left = (size_t)(j->end - j->p);

    for (i = 0; i < sizeof words / sizeof *words; i++)
        j->lenient |= left >= strlen(words[i]) && memcmp(j->p, words[i], strlen(words[i])) == 0;
    return dk__json_fail(j, j->p, left == 0 ? "no value" : "something that is no JSON value");
}

static bool
scan_scalar(dk__json *j, uint8_t first, dk__json_token *out)
{
    switch (first) {
    case '"':
        return scan_string(j, out);
    case 't':
        return scan_word(j, "true", 4, DK__JSON_TRUE, out);
    case 'f':
        return scan_word(j, "false", 5, DK__JSON_FALSE, out);
    case 'n':
        return scan_word(j, "null", 4, DK__JSON_NULL, out);
    case '-':
        return scan_number(j, out);
    default:
        return first >= '0' && first <= '9' ? scan_number(j, out) : fail_value(j);
    }
}

static bool
too_deep(dk__json *j)
{
    return dk__json_fail(j, j->p, "more levels of objects and arrays than a value may have");
}

bool
dk__json_enter(dk__json *j, dk__json_kind kind)
{
    if (dk__json_peek(j) != (kind == DK__JSON_OBJECT ? '{' : '['))
        return dk__json_fail(j, j->p, kind == DK__JSON_OBJECT ? "no object" : "no array");
    if (j->depth == DK__JSON_DEPTH)
        return too_deep(j);
    j->depth++;
    j->p++;
    return true;
}

/* What stands between two members or items, or ends them. */
static dk__json_more
step(dk__json *j, bool first, uint8_t close)
{
    uint8_t c = dk__json_peek(j);

    if (c == close) {
        j->p++;
        j->depth--;
        return DK__JSON_DONE;
    }
    if (first)
        return DK__JSON_MORE;
    if (c == ',') {
        j->p++;
        return DK__JSON_MORE;
    }
    dk__json_fail(j, j->p,
                  close == '}' ? "neither a comma nor the end of an object"
                               : "neither a comma nor the end of an array");
    return DK__JSON_FAILED;
}

dk__json_more
dk__json_item(dk__json *j, bool first)
{
    return step(j, first, ']');
}

dk__json_more
dk__json_member(dk__json *j, bool first, dk__json_token *name)
{
    dk__json_more more = step(j, first, '}');

    if (more != DK__JSON_MORE)
        return more;
    if (dk__json_peek(j) != '"') {
        dk__json_fail(j, j->p, "no name of a member");
        return DK__JSON_FAILED;
    }
    if (!scan_string(j, name))
        return DK__JSON_FAILED;
    if (dk__json_peek(j) != ':') {
        dk__json_fail(j, j->p, "no colon behind a name");
        return DK__JSON_FAILED;
    }
    j->p++;
    return DK__JSON_MORE;
}

/* What is open around the cursor, a bit for each level: objects or arrays. */
typedef struct levels {
    uint64_t is_object[DK__JSON_DEPTH / 64 + 1];
    uint32_t n;
} levels;

static bool
push(dk__json *j, levels *l)
{
    uint64_t bit = (uint64_t)1 << (l->n % 64), *word = &l->is_object[l->n / 64];

    if (j->depth == DK__JSON_DEPTH)
        return too_deep(j);
    if (l->n % 64 == 0)
        *word = 0;
    *word = *j->p == '{' ? *word | bit : *word & ~bit;
    l->n++;
    j->depth++;
    j->p++;
    return true;
}

/* Moves over the container at the cursor. */
static bool
scan_container(dk__json *j)
{
    dk__json_token ignored;
    bool first = true;
    levels l;

    l.n = 0;
    if (!push(j, &l))
        return false;
    while (l.n > 0) {
        bool object = (l.is_object[(l.n - 1) / 64] >> ((l.n - 1) % 64)) & 1;
        dk__json_more more = object ? dk__json_member(j, first, &ignored) : dk__json_item(j, first);
        uint8_t c;

        if (more == DK__JSON_FAILED)
            return false;
        if (more == DK__JSON_DONE) {
            l.n--;
            first = false;
            continue;
        }
        c = dk__json_peek(j);
        first = c == '{' || c == '[';
        if (!(first ? push(j, &l) : scan_scalar(j, c, &ignored)))
            return false;
    }
    return true;
}

bool
dk__json_value(dk__json *j, dk__json_token *out)
{
    uint8_t c = dk__json_peek(j);
    const uint8_t *first = j->p;

    if (c != '{' && c != '[')
        return scan_scalar(j, c, out);
    if (!scan_container(j))
        return false;
    out->kind = c == '{' ? DK__JSON_OBJECT : DK__JSON_ARRAY;
    out->text = (dk_slice){first, (size_t)(j->p - first)};
    return true;
}

bool
dk__json_end(dk__json *j)
{
    dk__json_peek(j);
    return j->p == j->end ? true : dk__json_fail(j, j->p, "something behind the value");
}
