/* SPDX-License-Identifier: MIT
 *
 * One value into one column: a length and PostgreSQL's binary form of it. Whatever a message is written in, its
 * values come through here, each as one of a few primitives and with what its schema says that it means.
 *
 * A writer appends the whole field, or returns DK_ECOLUMN with row->err filled (path: the column's field; text: the
 * value, and what was expected). If nobody has a rule for such a value in such a column, it sets row->odd (a
 * constant text) and returns DK_ECOLUMN too: the message is then left to others. After a failure what was appended
 * is garbage; whoever began the row cuts it off. A failed allocation is not told here, it is in row->out->st.
 */
#ifndef DK_PG_VALUE_H
#define DK_PG_VALUE_H

#include "base/internal.h"
#include "dk/buf.h"
#include "dk/pgcopy.h"

/* What a value means, as its schema says; decided when a reader is made. name, what primitive it is given as. */
#define DK__PG_MEANING_MAP(XX)                                                                                       \
    XX(PLAIN)       /* what its type says; numbers for times count what the column's unit says */                    \
    XX(DAYS)        /* since 1970 */                                                                                 \
    XX(MILLIS)      /* since 1970 */                                                                                 \
    XX(MICROS)      /* since 1970 */                                                                                 \
    XX(NANOS)       /* since 1970 */                                                                                 \
    XX(TIME_MILLIS) /* since midnight */                                                                             \
    XX(TIME_MICROS) /* since midnight */                                                                             \
    XX(TIME_NANOS)  /* since midnight */                                                                             \
    XX(SPAN_MICROS) /* a duration */                                                                                 \
    XX(SPAN_NANOS)  /* a duration */                                                                                 \
    XX(DECIMAL)     /* bytes: unscaled, two's complement, big-endian; text: that in base64. With scale */            \
    XX(UUID)        /* text, or 16 bytes */                                                                          \
    XX(DOCUMENT)    /* text: JSON */                                                                                 \
    XX(BITS)        /* bytes: bits, little-endian; scale: how many */                                                \
    XX(BASE64)      /* text: bytes */                                                                                \
    XX(OPAQUE)      /* nobody has a rule for it */

typedef enum dk__pg_meaning_code {
#define XX(name) DK__PG_##name,
    DK__PG_MEANING_MAP(XX)
#undef XX
        DK__PG_MEANING_COUNT
} dk__pg_meaning_code;

typedef struct dk__pg_meaning {
    uint8_t code;
    int32_t scale;
} dk__pg_meaning;

/* Where values of a row go. */
typedef struct dk__pg_row {
    dk_buf *out;
    dk_error *err;        /* never NULL */
    const char *odd;      /* why the message is left to others; NULL: it is not */
    dk_slice placeholder; /* of a value that was not sent */
    size_t key_end;       /* in out: a reader says where the key's columns end */
    bool sound;           /* the text that is put is known to be UTF-8 without a NUL */
} dk__pg_row;

/* ---- types.c: the writers ---- */

DK_MUST_CHECK dk_status dk__pg_put_null(dk__pg_row *row, const dk_pg_column *c);
DK_MUST_CHECK dk_status dk__pg_put_bool(dk__pg_row *row, const dk_pg_column *c, bool v);
DK_MUST_CHECK dk_status dk__pg_put_int(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, int64_t v);
DK_MUST_CHECK dk_status dk__pg_put_double(dk__pg_row *row, const dk_pg_column *c, double v);
/* text: not checked yet. A number that is only known as text (of JSON) comes here too. */
DK_MUST_CHECK dk_status dk__pg_put_text(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, dk_slice text);
DK_MUST_CHECK dk_status dk__pg_put_bytes(dk__pg_row *row, const dk_pg_column *c, dk__pg_meaning m, dk_slice bytes);

/* dk__pg_put_document - text that is sure to be JSON (made here, or cut out of a document that was read), into JSON,
 * JSONB; odd for other columns. */
DK_MUST_CHECK dk_status dk__pg_put_document(dk__pg_row *row, const dk_pg_column *c, dk_slice json);

/* Arrays: begin, the items by the writers above with `&list.item` as their column, end. Items may be null. Those of
 * an array of several dimensions are arrays themselves: lists of the same lengths, neither empty nor null, else the
 * whole is odd. */
#define DK__PG_DIMENSIONS_MAX 6 /* PostgreSQL's */

typedef struct dk__pg_list {
    const dk_pg_column *column;
    dk_pg_column item;
    size_t at;    /* of the field in row->out */
    size_t first; /* of the first item */
    uint32_t n;
    bool nulls;
} dk__pg_list;

DK_MUST_CHECK dk_status dk__pg_list_begin(dk__pg_row *row, const dk_pg_column *c, dk__pg_list *list);
/* Before each item. */
DK_MUST_CHECK dk_status dk__pg_list_item(dk__pg_row *row, dk__pg_list *list, bool null);
DK_MUST_CHECK dk_status dk__pg_list_end(dk__pg_row *row, dk__pg_list *list);
/* What is in front of n items, and its bytes. */
size_t dk__pg_list_head_size(uint32_t n);
void dk__pg_list_head(uint8_t *p, dk_pg_kind kind, uint32_t n, bool nulls);

/* dk__pg_refuse_… - "X is no date" and the like: an excerpt of the value, and what the column holds. DK_ECOLUMN. */
dk_status dk__pg_refuse_text(dk__pg_row *row, const dk_pg_column *c, dk_slice text, const char *why);
dk_status dk__pg_refuse_int(dk__pg_row *row, const dk_pg_column *c, int64_t v, const char *why);
dk_status dk__pg_refuse_double(dk__pg_row *row, const dk_pg_column *c, double v, const char *why);
dk_status dk__pg_refuse_bytes(dk__pg_row *row, const dk_pg_column *c, dk_slice bytes, const char *why);
/* why: a constant text. DK_ECOLUMN, with row->odd. */
dk_status dk__pg_odd(dk__pg_row *row, const dk_pg_column *c, const char *why);

static inline bool
dk__pg_is_placeholder(const dk__pg_row *row, dk_slice s)
{
    return s.n == row->placeholder.n && s.n > 0 && memcmp(s.p, row->placeholder.p, s.n) == 0;
}

#endif
