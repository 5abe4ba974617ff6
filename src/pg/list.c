/* SPDX-License-Identifier: MIT
 *
 * Arrays.
 *
 * One of several dimensions is written like one of arrays, each a whole field. In the end their heads are taken out,
 * as its own has what they all agree in: the server keeps the items alone, one behind the other.
 */
#include "pg/kinds.h"

#define HEAD 20     /* dimensions, whether there are nulls, type of the items, number of them, first index */
#define EMPTY 12    /* without the last two: no dimension */
#define DIMENSION 8 /* those two, once more for each dimension */

static const uint32_t oids[] = {
#define XX(name, text, sql, oid) oid,
    DK_PG_KIND_MAP(XX)
#undef XX
};

size_t
dk__pg_list_head_size(uint32_t n)
{
    return n == 0 ? EMPTY : HEAD;
}

void
dk__pg_list_head(uint8_t *p, dk_pg_kind kind, uint32_t n, bool nulls)
{
    dk__pg_store4(p, n > 0);
    dk__pg_store4(p + 4, nulls);
    dk__pg_store4(p + 8, oids[kind]);
    if (n > 0) {
        dk__pg_store4(p + 12, n);
        dk__pg_store4(p + 16, 1);
    }
}

dk_status
dk__pg_list_begin(dk__pg_row *row, const dk_pg_column *c, dk__pg_list *list)
{
    uint8_t *p;

    if (!c->array)
        return dk__pg_odd(row, c, "a list in a column that is no array");
    *list = (dk__pg_list){.column = c, .item = *c, .at = row->out->n};
    list->item.array = (uint8_t)(c->array - 1);
    list->item.nullable = true;
    p = dk__pg_field(row->out, HEAD);
    list->first = row->out->n;
    if (p != NULL)
        memset(p, 0, HEAD);
    return DK_OK;
}

dk_status
dk__pg_list_item(dk__pg_row *row, dk__pg_list *list, bool null)
{
    if (list->n == INT32_MAX)
        return dk__pg_refuse_int(row, list->column, list->n, "too many items");
    list->n++;
    list->nulls = list->nulls || null;
    return DK_OK;
}

/* How Debezium says in an array of numbers that a value was not sent: the placeholder's bytes. */
static bool
is_placeholder(const dk__pg_row *row, const dk__pg_list *list)
{
    size_t size = list->item.kind == DK_PG_INT2 ? 2 : list->item.kind == DK_PG_INT4 ? 4 : 8, i, k;
    const uint8_t *p = row->out->p + list->first;

    if (list->item.kind != DK_PG_INT2 && list->item.kind != DK_PG_INT4 && list->item.kind != DK_PG_INT8)
        return false;
    if (list->n != row->placeholder.n || row->out->n - list->first != list->n * (4 + size))
        return false;
    for (i = 0; i < list->n; i++, p += 4 + size)
        for (k = 0; k < size; k++)
            if (p[4 + k] != (k + 1 < size ? 0 : row->placeholder.p[i]))
                return false;
    return true;
}

/* In an array of UUIDs it is the one whose name the placeholder is. */
static bool
is_uuid_placeholder(const dk__pg_row *row, const dk__pg_list *list)
{
    static const uint8_t uuid[16] = {0xb6, 0x8a, 0x35, 0xa7, 0x17, 0xad, 0x35, 0xb3,
                                     0xaf, 0x2a, 0xae, 0x46, 0xed, 0xb4, 0x54, 0x5a};

    return list->item.kind == DK_PG_UUID && list->n == 1 && row->out->n - list->first == 20 &&
           memcmp(row->out->p + list->first + 4, uuid, 16) == 0;
}

static uint32_t
load4(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/* Whether the items are lists of as many dimensions as they should have, all of the same lengths. */
static bool
is_rectangular(const dk__pg_row *row, const dk__pg_list *list)
{
    const uint8_t *first = row->out->p + list->first, *p = first;
    const size_t lengths = (size_t)DIMENSION * list->item.array;

    for (; p < row->out->p + row->out->n; p += 4 + load4(p))
        if (load4(p) == UINT32_MAX || load4(p + 4) != list->item.array ||
            memcmp(p + 4 + EMPTY, first + 4 + EMPTY, lengths) != 0)
            return false;
    return true;
}

/* Takes the heads of the items out; their lengths are behind the head of the whole then. */
static void
join_items(dk__pg_row *row, dk__pg_list *list)
{
    const size_t lengths = (size_t)DIMENSION * list->item.array, head = 4 + EMPTY + lengths;
    uint8_t *from = row->out->p + list->first, *to = from;
    const uint8_t *end = row->out->p + row->out->n;

    while (from < end) {
        size_t size = 4 + load4(from);

        list->nulls = list->nulls || load4(from + 8) != 0;
        if (to == row->out->p + list->first) {
            memmove(to, from + 4 + EMPTY, lengths);
            to += lengths;
        }
        memmove(to, from + head, size - head);
        to += size - head;
        from += size;
    }
    row->out->n = (size_t)(to - row->out->p);
}

dk_status
dk__pg_list_end(dk__pg_row *row, dk__pg_list *list)
{
    uint8_t *p;

    if (row->out->st != DK_OK)
        return DK_OK;
    if (is_placeholder(row, list) || is_uuid_placeholder(row, list))
        return dk__pg_odd(row, list->column, "a value that the source has not sent");
    if (row->out->n - list->at > INT32_MAX)
        return dk__pg_refuse_int(row, list->column, list->n, "too many bytes");
    if (list->item.array > 0) {
        if (!is_rectangular(row, list))
            return dk__pg_odd(row, list->column, "lists of different lengths in an array");
        join_items(row, list);
    }
    row->out->n -= HEAD - dk__pg_list_head_size(list->n);
    p = row->out->p + list->at;
    dk__pg_store4(p, (uint32_t)(row->out->n - list->at - 4));
    dk__pg_list_head(p + 4, list->item.kind, list->n, list->nulls);
    if (list->n > 0)
        dk__pg_store4(p + 4, list->column->array);
    return DK_OK;
}
