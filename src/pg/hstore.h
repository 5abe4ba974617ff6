/* SPDX-License-Identifier: MIT
 *
 * hstore as a text, for a text column whose values are cast later: "a"=>"1", "b"=>NULL.
 */
#ifndef DK_PG_HSTORE_H
#define DK_PG_HSTORE_H

#include "pg/kinds.h"

typedef struct dk__pg_pairs {
    size_t at; /* of the field in row->out */
    uint32_t n;
} dk__pg_pairs;

static inline bool
dk__pg_is_hstore(const dk_pg_column *c)
{
    return c->kind == DK_PG_TEXT && c->form == DK_PG_FORM_HSTORE && !c->array;
}

void dk__pg_pairs_begin(dk__pg_row *row, dk__pg_pairs *pairs);
/* value.p NULL: a null. */
dk_status dk__pg_pairs_add(dk__pg_row *row, const dk_pg_column *c, dk__pg_pairs *pairs, dk_slice key, dk_slice value);
void dk__pg_pairs_end(dk__pg_row *row, dk__pg_pairs *pairs);

/* An object of JSON whose values are texts or null. Anything else is odd. */
dk_status dk__pg_hstore_of_json(dk__pg_row *row, const dk_pg_column *c, dk_slice json);

#endif
