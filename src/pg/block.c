/* SPDX-License-Identifier: MIT
 *
 * A block: rows of COPY, the last of each key, and the keys that were deleted; the same as arrays.
 *
 * Rows stand one behind the other as they came. One whose key is written or deleted again is marked, and taken out
 * when the block is finished. Keys are compared by their bytes in the row: those of the plan's first columns.
 */
#include "pg/arrays.h"
#include "pg/keys.h"
#include "pg/kinds.h"
#include "pg/reader.h"

#define HEADER 19 /* bytes in front of the rows */

typedef struct row_place {
    size_t at, n;
    uint32_t key; /* of the table's */
    bool gone;
} row_place;

struct dk_copy_block {
    const dk_alloc *a;
    dk_copy_plan *plan;
    dk_buf rows;    /* the stream, but for its trailer */
    dk_buf deleted; /* also */
    dk_buf scratch; /* a key that is not part of a row */
    row_place *places;
    uint32_t nplaces, cap_places, ngone;
    size_t ndeleted;
    dk__pg_keys keys;
    dk__pg_arrays arrays;
};

static bool
begin_stream(dk_buf *b)
{
    static const uint8_t header[HEADER] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";

    b->n = 0;
    dk_buf_put(b, header, sizeof header);
    return b->st == DK_OK;
}

dk_status
dk_copy_block_new(const dk_alloc *a, dk_copy_plan *plan, dk_copy_block **out, dk_error *err)
{
    dk_copy_block *b;

    dk__error_clear(err);
    if (plan == NULL || out == NULL)
        return dk__error_set(err, DK_EINVAL, "no plan given");
    a = dk__alloc_or_libc(a);
    b = dk__calloc(a, 1, sizeof *b);
    if (b == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while making a block");
    b->a = a;
    b->plan = dk_copy_plan_ref(plan);
    dk_buf_init(&b->rows, a);
    dk_buf_init(&b->deleted, a);
    dk_buf_init(&b->scratch, a);
    dk__pg_arrays_init(&b->arrays, a);
    dk__pg_keys_init(&b->keys, a, (uint64_t)(uintptr_t)b * UINT64_C(0xD6E8FEB86659FD93) ^ (uint64_t)dk__now_ms());
    if (!begin_stream(&b->rows) || !begin_stream(&b->deleted)) {
        dk_copy_block_free(b);
        return dk__error_set(err, DK_ENOMEM, "out of memory while making a block");
    }
    *out = b;
    return DK_OK;
}

void
dk_copy_block_free(dk_copy_block *b)
{
    if (b == NULL)
        return;
    dk_buf_fini(&b->rows);
    dk_buf_fini(&b->deleted);
    dk_buf_fini(&b->scratch);
    dk__pg_keys_fini(&b->keys);
    dk__pg_arrays_fini(&b->arrays);
    dk__free(b->a, b->places);
    dk_copy_plan_unref(b->plan);
    dk__free(b->a, b);
}

void
dk_copy_block_clear(dk_copy_block *b)
{
    b->rows.n = b->deleted.n = HEADER;
    b->nplaces = b->ngone = 0;
    b->ndeleted = 0;
    dk__pg_keys_clear(&b->keys);
}

/* ---- what becomes of a key ---- */

static void
drop_row(dk_copy_block *b, dk__pg_key *key)
{
    if (key->row != DK__NO_ROW) {
        b->places[key->row].gone = true;
        b->ngone++;
    }
    key->row = DK__NO_ROW;
}

static dk_status
delete_key(dk_copy_block *b, dk__pg_key *key)
{
    uint8_t count[2];

    if (!key->deleted) {
        if (!dk_buf_reserve(&b->deleted, 2 + (size_t)key->n)) {
            b->deleted.st = DK_OK;
            return DK_ENOMEM;
        }
        dk__pg_store2(count, (uint16_t)b->plan->nkey);
        dk_buf_put(&b->deleted, count, sizeof count);
        dk_buf_put(&b->deleted, b->keys.bytes.p + key->at, key->n);
        b->ndeleted++;
        key->deleted = true;
    }
    drop_row(b, key);
    return DK_OK;
}

/* The row from byte `at` to the end is its key's. */
static dk_status
keep_row(dk_copy_block *b, dk__pg_key *key, size_t at)
{
    if (b->nplaces == b->cap_places) {
        uint32_t cap = b->cap_places == 0 ? 64 : b->cap_places * 2;
        row_place *places = cap > UINT32_MAX / 2 ? NULL : dk__realloc(b->a, b->places, cap, sizeof *places);

        if (places == NULL)
            return DK_ENOMEM;
        b->places = places;
        b->cap_places = cap;
    }
    drop_row(b, key);
    b->places[b->nplaces] = (row_place){at, b->rows.n - at, (uint32_t)(key - b->keys.keys), false};
    key->row = b->nplaces++;
    return DK_OK;
}

/* ---- one message ---- */

/* What is known of a message on its way into a block. */
typedef struct entry {
    const dk_copy_message *m;
    dk__pg_row row;
    dk_slice key; /* p NULL: not known; in rows or scratch */
    size_t at;    /* of its row in rows */
    dk__copy_found found;
    dk_status st; /* of the value's reader */
} entry;

static dk_status
run_reader(const dk_copy_reader *r, dk_slice bytes, dk__pg_row *row, dk__copy_found *found)
{
    if (r->odd[0] != '\0') {
        row->odd = r->odd;
        return dk__error_set(row->err, DK_ECOLUMN, "%s", r->odd);
    }
    return r->type->read(r, bytes, row, found);
}

/* The key of the message's own, at the end of `out`. Without one: odd, or what its reader says. */
static dk_status
read_key(dk_copy_block *b, entry *e, dk_buf *out)
{
    dk__pg_row row = {.out = out, .err = e->row.err, .placeholder = e->row.placeholder};
    size_t at = out->n;
    dk__copy_found found = DK__COPY_NULL;
    dk_status st;

    if (e->m->key_reader == NULL || e->m->key.p == NULL) {
        e->row.odd = "a message without a key";
        return dk__error_set(e->row.err, DK_ECOLUMN, "%s", e->row.odd);
    }
    st = run_reader(e->m->key_reader, e->m->key, &row, &found);
    if (st == DK_OK && found != DK__COPY_ROW) {
        row.odd = "a message whose key is null";
        st = dk__error_set(e->row.err, DK_ECOLUMN, "%s", row.odd);
    }
    if (st != DK_OK)
        e->row.odd = row.odd;
    else
        e->key = (dk_slice){out->p + at, out->n - at};
    return st;
}

/* The row's columns into rows, or as much of them as there is; where the key is. DK_OK unless it cannot go on. */
static dk_status
read_message(dk_copy_block *b, entry *e)
{
    const dk_copy_message *m = e->m;
    bool key_first = !b->plan->key_in_value;
    uint8_t count[2];
    size_t key_at;
    dk_status st;

    dk__pg_store2(count, (uint16_t)b->plan->ncolumns);
    dk_buf_put(&b->rows, count, sizeof count);
    key_at = b->rows.n;
    e->found = DK__COPY_NULL;
    b->scratch.n = 0;
    if (m->value.p == NULL)
        return read_key(b, e, &b->scratch);
    if (key_first) {
        st = read_key(b, e, &b->rows);
        if (st != DK_OK)
            return st;
        e->row.key_end = b->rows.n;
    }
    e->st = run_reader(m->value_reader, m->value, &e->row, &e->found);
    if (b->rows.st != DK_OK)
        return DK_ENOMEM;
    if (e->st == DK_OK && (key_first || e->found != DK__COPY_NULL)) {
        e->key = (dk_slice){b->rows.p + key_at, e->row.key_end - key_at};
        return DK_OK;
    }
    if (key_first) {
        e->key = (dk_slice){b->rows.p + key_at, e->row.key_end - key_at};
        return e->row.odd != NULL ? DK_OK : e->st;
    }
    if (e->st != DK_OK && e->row.odd == NULL)
        return e->st;
    return DK_OK;
}

/* The key of a message whose value did not tell it. The error stays that of the value. */
static dk_status
find_key(dk_copy_block *b, entry *e)
{
    dk_error why = *e->row.err;
    const char *odd = e->row.odd;
    dk_status st;

    if (e->key.p != NULL)
        return DK_OK;
    st = read_key(b, e, &b->scratch);
    if (odd == NULL)
        return st;
    *e->row.err = why;
    e->row.odd = odd;
    return st;
}

/* Why a message that could be in the block is left to others. NULL: it is not. */
static const char *
why_not_here(const dk_copy_plan *plan, const dk__pg_key *key, dk__copy_found found)
{
    if (found == DK__COPY_NULL && plan->odd_tombstones)
        return "a tombstone";
    if (plan->versioned && found != DK__COPY_ROW)
        return "a deletion whose version has to be compared";
    return plan->versioned && key->row != DK__NO_ROW ? "a second message of a key with versions" : NULL;
}

static dk_status
settle(dk_copy_block *b, entry *e, dk_copy_verdict *verdict)
{
    uint32_t i = dk__pg_keys_find(&b->keys, e->key);
    dk__pg_key *key = i == DK__NO_ROW ? NULL : &b->keys.keys[i];
    dk_status st = DK_OK;

    if (key == NULL)
        return DK_ENOMEM;
    if (key->odd && e->row.odd == NULL)
        (void)dk__error_set(e->row.err, DK_ECOLUMN, "a message of the same key before it is odd");
    if (!key->odd && e->row.odd == NULL && (e->row.odd = why_not_here(b->plan, key, e->found)) != NULL)
        (void)dk__error_set(e->row.err, DK_ECOLUMN, "%s", e->row.odd);
    key->odd = key->odd || e->row.odd != NULL;
    if (key->odd) {
        *verdict = DK_COPY_ODD;
    } else if (e->found == DK__COPY_ROW) {
        st = keep_row(b, key, e->at);
        *verdict = DK_COPY_ROW;
    } else {
        st = delete_key(b, key);
        *verdict = DK_COPY_DELETED;
    }
    return st;
}

dk_status
dk_copy_block_add(dk_copy_block *b, const dk_copy_message *m, dk_copy_verdict *verdict, dk_error *err)
{
    dk_error own;
    entry e = {.m = m, .at = b->rows.n};
    dk_status st;

    if (err == NULL)
        err = &own;
    dk__error_clear(err);
    if (m->value.p != NULL && m->value_reader == NULL)
        return dk__error_set(err, DK_EINVAL, "a value without a reader");
    e.row = (dk__pg_row){.out = &b->rows, .err = err};
    e.row.placeholder = (dk_slice){(const uint8_t *)b->plan->placeholder, strlen(b->plan->placeholder)};
    st = read_message(b, &e);
    if (st == DK_OK)
        st = find_key(b, &e);
    if (b->rows.st != DK_OK || b->scratch.st != DK_OK)
        st = DK_ENOMEM;
    if (st == DK_OK) {
        st = settle(b, &e, verdict);
    } else if (st != DK_ENOMEM) { /* the key is not known, or the value is at fault */
        *verdict = e.row.odd != NULL ? DK_COPY_STRAY : DK_COPY_FAILED;
        st = DK_OK;
    }
    if (st != DK_OK || *verdict != DK_COPY_ROW)
        b->rows.n = e.at;
    b->rows.st = b->scratch.st = DK_OK; /* what they hold is still there */
    return st == DK_OK ? DK_OK : dk__error_set(err, DK_ENOMEM, "out of memory while adding to a block");
}

/* ---- the streams ---- */

static void
take_out_gone(dk_copy_block *b)
{
    size_t to = HEADER;
    uint32_t i, kept = 0;

    if (b->ngone == 0)
        return;
    for (i = 0; i < b->nplaces; i++) {
        row_place at = b->places[i];

        if (at.gone)
            continue;
        memmove(b->rows.p + to, b->rows.p + at.at, at.n);
        b->places[kept] = (row_place){to, at.n, at.key, false};
        b->keys.keys[at.key].row = kept++;
        to += at.n;
    }
    b->nplaces = kept;
    b->ngone = 0;
    b->rows.n = to;
}

static dk_status
end_stream(dk_buf *b, dk_slice *out)
{
    if (!dk_buf_reserve(b, 2)) {
        b->st = DK_OK;
        return DK_ENOMEM;
    }
    b->p[b->n] = b->p[b->n + 1] = 0xFF;
    *out = (dk_slice){b->p, b->n + 2};
    return DK_OK;
}

dk_status
dk_copy_block_finish(dk_copy_block *b, dk_copy_streams *out, dk_error *err)
{
    dk__error_clear(err);
    take_out_gone(b);
    if (end_stream(&b->rows, &out->rows) != DK_OK || end_stream(&b->deleted, &out->deleted) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "out of memory while finishing a block");
    out->nrows = b->nplaces;
    out->ndeleted = b->ndeleted;
    return DK_OK;
}

dk_status
dk_copy_block_arrays(dk_copy_block *b, dk_copy_part part, dk_copy_arrays *out, dk_error *err)
{
    const dk_buf *from = part == DK_COPY_KEYS ? &b->deleted : &b->rows;
    size_t n = part == DK_COPY_KEYS ? b->plan->nkey : b->plan->ncolumns;
    dk_status st;

    dk__error_clear(err);
    take_out_gone(b);
    st = dk__pg_arrays_make(&b->arrays, b->plan, n, (dk_slice){from->p + HEADER, from->n - HEADER}, err);
    if (st == DK_OK)
        *out = (dk_copy_arrays){b->arrays.list, n};
    return st;
}
