/* SPDX-License-Identifier: MIT
 *
 * Rows read from JSON, as text: what the tests of readers compare.
 */
#ifndef DK_JSON_RIG_H
#define DK_JSON_RIG_H

#include "dk_test.h"
#include "pg/json_reader.h"

typedef struct json_rig {
    dk_copy_plan *plan;
    dk_copy_reader *reader;
    dk_buf out;
    dk_error err;
    dk__pg_row row;
    dk__copy_found found;
    char text[2048]; /* the fields: "1|abc|null" */
} json_rig;

/* columns: "id int8 key, name varchar(10) null, price numeric(10,2) base64, tags text[]"; those of the key first.
 * options may be NULL. false: no memory. */
bool json_rig_init(json_rig *r, const char *columns, dk_copy_side side, bool key_in_value,
                   const dk_copy_json_options *options);
void json_rig_fini(json_rig *r);

/* Reads one message; r->text is what was written. */
dk_status json_rig_read(json_rig *r, dk_slice message);

/* One message that is a row of these fields; that says that the row is gone, and then has these; that does not fit,
 * or is odd: the error's path, and a part of its text. */
void json_rig_row(json_rig *r, const char *message, const char *fields);
void json_rig_gone(json_rig *r, const char *message, const char *fields);
void json_rig_refused(json_rig *r, const char *message, const char *path, const char *why);
void json_rig_odd(json_rig *r, const char *message, const char *path, const char *why);
void json_rig_malformed(json_rig *r, const char *message, const char *why);

#endif
