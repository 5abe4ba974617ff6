/* SPDX-License-Identifier: MIT
 *
 * JSON becomes Avro bytes: a source that is not made for the schema, so that values may be missing, or of a wrong
 * kind.
 */
#include <jansson.h>

#include "avro_text.h"

typedef struct dk_source_run {
    const dk_avro_code *c;
    dk_buf *out;
    dk_error *err;
    uint32_t depth, empty;
} dk_source_run;

typedef const json_t *dk_source_given;

typedef struct dk_source_cursor {
    const json_t *from;
    void *it; /* of an object */
    dk_slice key;
} dk_source_cursor;

static bool
dk_source_refuse(dk_source_run *e, const char *text)
{
    *e->err = (dk_error){.code = DK_EAVRO};
    snprintf(e->err->text, sizeof e->err->text, "%s", text);
    return false;
}

static bool
is(dk_source_run *e, bool fits)
{
    return fits || dk_source_refuse(e, "another kind of JSON");
}

static bool
dk_source_null(dk_source_run *e, const json_t *j)
{
    return is(e, json_is_null(j));
}

static bool
dk_source_bool(dk_source_run *e, const json_t *j)
{
    dk_buf_put_byte(e->out, json_is_true(j));
    return is(e, json_is_boolean(j));
}

static bool
dk_source_long(dk_source_run *e, const dk_avro_op *op, const json_t *j)
{
    if (!is(e, json_is_integer(j)))
        return false;
    return dk_avro_put_integer(e->out, op, json_integer_value(j)) ||
           dk_source_refuse(e, "the number does not fit into an int");
}

static bool
dk_source_double(dk_source_run *e, const dk_avro_op *op, const json_t *j)
{
    dk_avro_put_real(e->out, op, json_number_value(j));
    return is(e, json_is_number(j));
}

/* Bytes are written as characters U+0000 to U+00FF. */
static bool
dk_source_bytes(dk_source_run *e, const dk_avro_op *op, const json_t *j)
{
    const uint8_t *text = (const uint8_t *)json_string_value(j);
    size_t n = json_string_length(j), i, k = 0;
    uint8_t bytes[256];

    if (!is(e, text != NULL && n <= sizeof bytes))
        return false;
    for (i = 0; i < n; i++) {
        uint8_t c = text[i];

        if (c >= 0xC2)
            c = (uint8_t)((c & 3) << 6 | (text[++i] & 0x3F));
        bytes[k++] = c;
    }
    return dk_avro_put_raw(e->out, op, bytes, k) || dk_source_refuse(e, "not of the size of the fixed type");
}

static bool
dk_source_text(dk_source_run *e, const dk_avro_op *op, const json_t *j)
{
    return is(e, json_is_string(j)) && dk_avro_put_raw(e->out, op, json_string_value(j), json_string_length(j));
}

static bool
dk_source_enum(dk_source_run *e, const dk_avro_op *op, const json_t *j)
{
    const dk_avro_enum *en = &e->c->enums[op->ref];
    uint32_t i;

    if (!is(e, json_is_string(j)))
        return false;
    for (i = 0; i < en->nsymbols; i++) {
        if (strcmp(en->symbols[i], json_string_value(j)) == 0) {
            dk_buf_put_long(e->out, i);
            return true;
        }
    }
    return dk_source_refuse(e, "no symbol of the enum");
}

static bool
fits(const dk_avro_op *op, const json_t *j)
{
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_NIL:
        return json_is_null(j);
    case DK_OP_BOOL:
        return json_is_boolean(j);
    case DK_OP_INT:
    case DK_OP_LONG:
        return json_is_integer(j);
    case DK_OP_FLOAT:
    case DK_OP_DOUBLE:
        return json_is_real(j);
    case DK_OP_ARRAY:
        return json_is_array(j);
    case DK_OP_MAP:
    case DK_OP_RECORD:
        return json_is_object(j);
    default:
        return json_is_string(j);
    }
}

/* op->n when none fits, which the walk refuses. */
static bool
dk_source_branch(dk_source_run *e, const dk_avro_op *op, const json_t **j, uint32_t *branch)
{
    for (*branch = 0; *branch < op->n && !fits(&e->c->ops[op->a + *branch], *j); ++*branch)
        ;
    return true;
}

static bool
dk_source_record_begin(dk_source_run *e, const dk_avro_op *op, const json_t *j, dk_source_cursor *cursor)
{
    cursor->from = j;
    return is(e, json_is_object(j));
}

static int
dk_source_record_next(dk_source_run *e, const dk_avro_op *op, uint32_t i, dk_source_cursor *cursor,
                      const json_t **item)
{
    *item = json_object_get(cursor->from, e->c->records[op->ref].fields[i].name);
    return *item != NULL;
}

static bool
dk_source_array_begin(dk_source_run *e, const dk_avro_op *op, const json_t *j, dk_source_cursor *cursor, size_t *n)
{
    cursor->from = j;
    *n = json_array_size(j);
    return is(e, json_is_array(j));
}

static bool
dk_source_array_next(dk_source_run *e, size_t i, dk_source_cursor *cursor, const json_t **item)
{
    *item = json_array_get(cursor->from, i);
    return true;
}

static bool
dk_source_array_end(dk_source_run *e, dk_source_cursor *cursor)
{
    return true;
}

static bool
dk_source_map_begin(dk_source_run *e, const dk_avro_op *op, const json_t *j, dk_source_cursor *cursor, size_t *n)
{
    cursor->from = j;
    cursor->it = json_object_iter((json_t *)(uintptr_t)j);
    *n = json_object_size(j);
    return is(e, json_is_object(j));
}

static bool
dk_source_map_next(dk_source_run *e, size_t i, dk_source_cursor *cursor, const json_t **item)
{
    if (i > 0)
        cursor->it = json_object_iter_next((json_t *)(uintptr_t)cursor->from, cursor->it);
    cursor->key = avro_slice(json_object_iter_key(cursor->it));
    dk_buf_put_long(e->out, (int64_t)cursor->key.n);
    dk_buf_put(e->out, cursor->key.p, cursor->key.n);
    *item = json_object_iter_value(cursor->it);
    return true;
}

static bool
dk_source_map_end(dk_source_run *e, dk_source_cursor *cursor)
{
    return true;
}

static void
dk_source_map_path(dk_source_run *e, dk_source_cursor *cursor)
{
    dk_avro_path_key(e->err, cursor->key);
}

static void
dk_source_release(dk_source_run *e, const json_t *j)
{
}

static void
dk_source_drop(dk_source_run *e, dk_source_cursor *cursor)
{
}

#include "dk/avro_encode.h"

dk_status
avro_from_json(const dk_avro_program *p, const char *json, dk_buf *out, dk_error *err)
{
    dk_source_run e = {.c = dk_avro_program_code(p), .out = out, .err = err};
    size_t mark = out->n;
    json_error_t why;
    json_t *j = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    bool ok;

    e.depth = DK_AVRO_DEPTH;
    e.empty = DK_AVRO_EMPTY;
    if (j == NULL)
        FAIL("not JSON: %s", why.text);
    ok = dk_avro_encode(&e, &e.c->ops[e.c->root], j);
    json_decref(j);
    if (ok && out->st == DK_OK)
        return DK_OK;
    out->n = mark;
    return ok ? out->st : DK_EAVRO;
}
