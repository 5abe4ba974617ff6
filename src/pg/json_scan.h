/* SPDX-License-Identifier: MIT
 *
 * A pull tokenizer for JSON (RFC 8259), which neither builds a tree nor allocates: each value is given as the bytes
 * that it was written with. What is read is checked to its last byte, UTF-8 and nesting too, also of values that
 * nobody wants. Of strings and numbers the meaning is asked for separately: dk__json_unescape(), dk__json_int(),
 * dk__json_double().
 */
#ifndef DK_PG_JSON_SCAN_H
#define DK_PG_JSON_SCAN_H

#include "dk/base.h"
#include "dk/buf.h"

#define DK__JSON_DEPTH 1000 /* objects and arrays in one another */

typedef enum dk__json_kind {
    DK__JSON_NULL,
    DK__JSON_FALSE,
    DK__JSON_TRUE,
    DK__JSON_NUMBER,
    DK__JSON_STRING,
    DK__JSON_ARRAY,
    DK__JSON_OBJECT
} dk__json_kind;

typedef struct dk__json_token {
    dk_slice text; /* as written; of a string, what is between the quotes */
    dk__json_kind kind;
    bool escaped; /* a string has a backslash */
    bool integer; /* a number has neither fraction nor exponent */
} dk__json_token;

typedef enum dk__json_more { DK__JSON_FAILED, DK__JSON_MORE, DK__JSON_DONE } dk__json_more;

typedef struct dk__json {
    const uint8_t *p;
    const uint8_t *end;
    const uint8_t *start;
    uint32_t depth;
    bool as_jsonb; /* refuse what the type jsonb of PostgreSQL refuses: U+0000, half a surrogate pair, numbers beyond
                    * its numeric */
    bool lenient;  /* of a failure: it is something that Python's json accepts (NaN, Infinity, a byte order mark) */
    dk_error *err; /* DK_EJSON: pos is the byte at fault */
} dk__json;

/* dk__json_init - begin to read text; err must not be NULL. */
void dk__json_init(dk__json *j, dk_slice text, dk_error *err);

/* dk__json_value - the value that begins here (white space may precede it), to its end. false: it is malformed. */
bool dk__json_value(dk__json *j, dk__json_token *out);

/* dk__json_enter - step into the object or array that begins here; false: it is malformed, or something else.
 * dk__json_member - the next member of the object: its name; the value is to be read next. `first` is true for the
 * first one.
 * dk__json_item - whether there is an item in the array to be read next.
 */
bool dk__json_enter(dk__json *j, dk__json_kind kind);
dk__json_more dk__json_member(dk__json *j, bool first, dk__json_token *name);
dk__json_more dk__json_item(dk__json *j, bool first);

/* dk__json_end - true if nothing but white space follows. */
bool dk__json_end(dk__json *j);

/* dk__json_fail - set j->err to "malformed" at byte p; returns false. */
bool dk__json_fail(dk__json *j, const uint8_t *p, const char *what);

/* dk__json_peek - the first byte of what follows, behind white space; 0 at the end. */
static inline uint8_t
dk__json_peek(dk__json *j)
{
    while (j->p < j->end && *j->p <= ' ' && (*j->p == ' ' || *j->p == '\n' || *j->p == '\r' || *j->p == '\t'))
        j->p++;
    return j->p < j->end ? *j->p : 0;
}

/* json_value.c, json_number.c - what a token means.
 *
 * dk__json_unescape - append a string's characters to out. false: half a surrogate pair is in it, or no memory
 * (out->st says so).
 * dk__json_int - a number without fraction and exponent; false: it has one, or is beyond 64 bits.
 * dk__json_double - the nearest double, as Python's json has it: -0 without a fraction is 0. Infinite when beyond.
 */
bool dk__json_unescape(const dk__json_token *string, dk_buf *out);
bool dk__json_int(const dk__json_token *number, int64_t *out);
double dk__json_double(const dk__json_token *number);

/* dk__json_is - whether the token of a string has just these characters, and no escape. */
static inline bool
dk__json_is(const dk__json_token *string, const char *text)
{
    return !string->escaped && string->text.n == strlen(text) && memcmp(string->text.p, text, strlen(text)) == 0;
}

/* dk__json_check - DK_OK if text is one JSON value, which the type json (or jsonb) of PostgreSQL accepts. */
DK_MUST_CHECK dk_status dk__json_check(dk_slice text, bool as_jsonb, dk_error *err);

/* dk__json_numeric_fits - whether a number is within PostgreSQL's numeric: 131072 digits before the point, 16383
 * behind it. */
bool dk__json_numeric_fits(dk_slice number);

#endif
