/* SPDX-License-Identifier: MIT
 *
 * Arrays of one dimension.
 */
#include "pg/kinds.h"

#define HEAD 20  /* dimensions, whether there are nulls, type of the items, number of them, first index */
#define EMPTY 12 /* without the last two: no dimension */

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
    list->item.array = false;
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
    row->out->n -= HEAD - dk__pg_list_head_size(list->n);
    p = row->out->p + list->at;
    dk__pg_store4(p, (uint32_t)(row->out->n - list->at - 4));
    dk__pg_list_head(p + 4, list->item.kind, list->n, list->nulls);
    return DK_OK;
}
