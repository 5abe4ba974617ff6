/* SPDX-License-Identifier: MIT
 *
 * Ranges, from PostgreSQL's text of them: `[1,10)`, `["2024-01-01 00:00:00+00",)`, `empty`.
 *
 * They are written as the server keeps them: bounds of integers and dates as `[)`, what holds nothing as empty. What
 * it would refuse is refused here: it would take all the rows of its COPY with it.
 */
#include "pg/kinds.h"

#define EMPTY 0x01
#define LOWER_INCLUSIVE 0x02
#define UPPER_INCLUSIVE 0x04
#define LOWER_INFINITE 0x08
#define UPPER_INFINITE 0x10

#define DATE_LAST 2145031948 /* 5874897-12-31, in days since 2000 */

typedef struct range {
    dk_slice text[2]; /* of the lower bound and of the upper one; p NULL: infinite */
    dk_pg_column bound;
    uint8_t flags;
    size_t at;    /* of the field in row->out */
    size_t of[2]; /* of the bounds' fields in row->out */
} range;

static dk_pg_kind
kind_of_bounds(dk_pg_kind kind)
{
    switch (kind) {
    case DK_PG_INT4RANGE:
        return DK_PG_INT4;
    case DK_PG_INT8RANGE:
        return DK_PG_INT8;
    case DK_PG_NUMRANGE:
        return DK_PG_NUMERIC;
    case DK_PG_TSTZRANGE:
        return DK_PG_TIMESTAMPTZ;
    default:
        return DK_PG_DATE;
    }
}

/* ---- the text ---- */

/* What is in front of the next punctuation, maybe in quotes. false: with what would have to be unescaped. */
static bool
read_bound(const uint8_t **p, const uint8_t *end, dk_slice *out)
{
    bool quoted = *p < end && **p == '"';
    const uint8_t *from = *p + quoted, *to = from;

    while (to < end && *to != '"' && *to != '\\' && (quoted || (*to != '\0' && strchr(",[]()", *to) == NULL)))
        to++;
    if (quoted && (to == end || *to != '"'))
        return false;
    *out = (dk_slice){!quoted && to == from ? NULL : from, (size_t)(to - from)};
    *p = to + quoted;
    return true;
}

static bool
read_range(dk_slice s, range *r)
{
    const uint8_t *p = s.p, *end = s.p + s.n;

    if (s.n < 3 || (*p != '[' && *p != '('))
        return false;
    r->flags = *p++ == '[' ? LOWER_INCLUSIVE : 0;
    if (!read_bound(&p, end, &r->text[0]) || p == end || *p++ != ',' || !read_bound(&p, end, &r->text[1]))
        return false;
    if (end - p != 1 || (*p != ']' && *p != ')'))
        return false;
    r->flags |= *p == ']' ? UPPER_INCLUSIVE : 0;
    if (r->text[0].p == NULL)
        r->flags = (uint8_t)((r->flags & ~LOWER_INCLUSIVE) | LOWER_INFINITE);
    if (r->text[1].p == NULL)
        r->flags = (uint8_t)((r->flags & ~UPPER_INCLUSIVE) | UPPER_INFINITE);
    return true;
}

/* ---- the order of bounds, as they are written ---- */

static int64_t
load(const uint8_t *p, size_t n)
{
    int64_t v = (int8_t)*p;

    while (--n > 0)
        v = v * 256 + *++p;
    return v;
}

/* Of a numeric's sign: what is below zero, not a number, or infinite goes by it alone. */
static int
rank_of(const uint8_t *numeric)
{
    switch (numeric[4]) {
    case 0xC0: /* NaN */
        return 3;
    case 0xD0: /* infinity */
        return 2;
    case 0xF0:
        return -1;
    case 0x40:
        return 0;
    default:
        return 1;
    }
}

/* Groups of four digits, none of them in vain, the first worth 10000 to the power of the weight. */
static int
compare_numerics(const uint8_t *a, const uint8_t *b)
{
    int rank = rank_of(a), sign = rank == 0 ? -1 : 1, order;
    int64_t na = load(a, 2), nb = load(b, 2), weights = load(a + 2, 2) - load(b + 2, 2);

    if (rank != rank_of(b))
        return rank < rank_of(b) ? -1 : 1;
    if (rank != 0 && rank != 1)
        return 0;
    if (na == 0 || nb == 0)
        return sign * ((na > 0) - (nb > 0));
    if (weights != 0)
        return weights < 0 ? -sign : sign;
    order = memcmp(a + 8, b + 8, 2 * (size_t)(na < nb ? na : nb));
    if (order == 0)
        order = (na > nb) - (na < nb);
    return order < 0 ? -sign : order > 0 ? sign : 0;
}

static int
compare_bounds(const dk__pg_row *row, const range *r)
{
    const uint8_t *a = row->out->p + r->of[0], *b = row->out->p + r->of[1];
    size_t n = (size_t)load(a, 4);
    int64_t x, y;

    if (r->bound.kind == DK_PG_NUMERIC)
        return compare_numerics(a + 4, b + 4);
    x = load(a + 4, n);
    y = load(b + 4, n);
    return (x > y) - (x < y);
}

/* ---- as the server keeps it ---- */

/* To the next integer or day. false: there is none. */
static bool
move_bound(dk__pg_row *row, const range *r, int which)
{
    uint8_t *p = row->out->p + r->of[which] + 4;
    bool wide = r->bound.kind == DK_PG_INT8;
    int64_t v = load(p, wide ? 8 : 4);

    if (v == (wide ? INT64_MAX : r->bound.kind == DK_PG_DATE ? DATE_LAST : INT32_MAX))
        return false;
    if (wide)
        dk__pg_store8(p, (uint64_t)v + 1);
    else
        dk__pg_store4(p, (uint32_t)(v + 1));
    return true;
}

static bool
is_infinite(const dk__pg_row *row, const range *r, int which)
{
    int64_t v = load(row->out->p + r->of[which] + 4, 4);

    return r->bound.kind == DK_PG_DATE && (v == INT32_MIN || v == INT32_MAX);
}

/* Bounds of what can be counted become `[)`. false: out of range. */
static bool
make_canonical(dk__pg_row *row, range *r)
{
    if ((r->flags & (LOWER_INFINITE | LOWER_INCLUSIVE)) == 0 && !is_infinite(row, r, 0)) {
        if (!move_bound(row, r, 0))
            return false;
        r->flags |= LOWER_INCLUSIVE;
    }
    if ((r->flags & UPPER_INCLUSIVE) != 0 && !is_infinite(row, r, 1)) {
        if (!move_bound(row, r, 1))
            return false;
        r->flags = (uint8_t)(r->flags & ~UPPER_INCLUSIVE);
    }
    return true;
}

static bool
holds_nothing(const dk__pg_row *row, const range *r)
{
    const uint8_t both = LOWER_INCLUSIVE | UPPER_INCLUSIVE;

    return (r->flags & (LOWER_INFINITE | UPPER_INFINITE)) == 0 && (r->flags & both) != both &&
           compare_bounds(row, r) == 0;
}

/* What is wrong with it, or NULL. */
static const char *
finish(dk__pg_row *row, range *r)
{
    if ((r->flags & (LOWER_INFINITE | UPPER_INFINITE)) == 0 && compare_bounds(row, r) > 0)
        return "its lower bound is greater than its upper one";
    if (!holds_nothing(row, r) && r->bound.kind != DK_PG_NUMERIC && r->bound.kind != DK_PG_TIMESTAMPTZ &&
        !make_canonical(row, r))
        return "out of range";
    if (holds_nothing(row, r)) {
        r->flags = EMPTY;
        row->out->n = r->at + 5;
    }
    row->out->p[r->at + 4] = r->flags;
    dk__pg_store4(row->out->p + r->at, (uint32_t)(row->out->n - r->at - 4));
    return NULL;
}

static dk_status
put_bound(dk__pg_row *row, const dk_pg_column *bound, dk_slice s)
{
    switch (bound->kind) {
    case DK_PG_INT4:
    case DK_PG_INT8:
        return dk__pg_integer_of_text(row, bound, s);
    case DK_PG_NUMERIC:
        return dk__pg_numeric_of_text(row, bound, s);
    default:
        return dk__pg_time_of_text(row, bound, s);
    }
}

dk_status
dk__pg_range_of_text(dk__pg_row *row, const dk_pg_column *c, dk_slice s)
{
    static const uint8_t empty[1] = {EMPTY};
    range r = {.bound = *c, .at = row->out->n};
    const char *why;
    int i;

    if (s.n == 5 && memcmp(s.p, "empty", 5) == 0)
        return dk__pg_field_bytes(row->out, (dk_slice){empty, 1});
    if (!read_range(s, &r))
        return dk__pg_odd(row, c, "a range in another form than PostgreSQL writes");
    r.bound.kind = kind_of_bounds(c->kind);
    (void)dk__pg_field(row->out, 1);
    for (i = 0; i < 2; i++) {
        dk_status st = DK_OK;

        r.of[i] = row->out->n;
        if (r.text[i].p != NULL)
            st = put_bound(row, &r.bound, r.text[i]);
        if (st != DK_OK)
            return st;
    }
    if (row->out->st != DK_OK)
        return DK_OK;
    why = finish(row, &r);
    return why == NULL ? DK_OK : dk__pg_refuse_text(row, c, s, why);
}
