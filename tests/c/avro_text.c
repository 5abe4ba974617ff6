/* SPDX-License-Identifier: MIT
 *
 * See avro_text.h.
 */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "avro_text.h"

dk_slice
avro_slice(const char *s)
{
    return (dk_slice){(const uint8_t *)s, strlen(s)};
}

dk_avro_schema *
avro_schema(const char *json)
{
    dk_avro_schema *s = NULL;
    dk_error err;

    CHECK_OK_ERR(dk_avro_schema_new(dk_test_alloc(), avro_slice(json), NULL, &s, &err), &err);
    return s;
}

dk_avro_program *
avro_program(const char *writer, const char *reader)
{
    dk_avro_schema *w = avro_schema(writer), *r = reader == NULL ? NULL : avro_schema(reader);
    dk_avro_program *p = NULL;
    dk_error err;

    CHECK_OK_ERR(dk_avro_program_new(dk_test_alloc(), w, r, &p, &err), &err);
    dk_avro_schema_unref(w);
    dk_avro_schema_unref(r);
    return p;
}

void
avro_unhex(const char *hex, dk_buf *out)
{
    unsigned v;

    while (*hex != '\0') {
        if (isspace((unsigned char)*hex)) {
            hex++;
            continue;
        }
        if (sscanf(hex, "%2x", &v) != 1)
            FAIL("not hexadecimal: %s", hex);
        dk_buf_put_byte(out, (uint8_t)v);
        hex += 2;
    }
}

/* ---- visitor ---- */

typedef struct writer {
    dk_buf *out;
    bool comma; /* before the next value */
    char ends[80];
    unsigned depth;
} writer;

static void
begin(writer *w)
{
    if (w->comma)
        dk_buf_puts(w->out, ", ");
    w->comma = true;
}

static void
put_quoted(writer *w, dk_slice s, bool latin1)
{
    char esc[8];
    size_t i;

    dk_buf_put_byte(w->out, '"');
    for (i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') {
            dk_buf_put_byte(w->out, '\\');
            dk_buf_put_byte(w->out, s.p[i]);
        } else if (s.p[i] < 0x20 || (latin1 && s.p[i] >= 0x80)) {
            snprintf(esc, sizeof esc, "\\u%04x", (unsigned)s.p[i]);
            dk_buf_puts(w->out, esc);
        } else {
            dk_buf_put_byte(w->out, s.p[i]);
        }
    }
    dk_buf_put_byte(w->out, '"');
}

static int
see_null(void *ctx)
{
    begin(ctx);
    dk_buf_puts(((writer *)ctx)->out, "null");
    return 0;
}

static int
see_bool(void *ctx, bool v)
{
    begin(ctx);
    dk_buf_puts(((writer *)ctx)->out, v ? "true" : "false");
    return 0;
}

static int
see_long(void *ctx, const dk_avro_op *op, int64_t v)
{
    char s[32];

    begin(ctx);
    snprintf(s, sizeof s, "%" PRId64, v);
    dk_buf_puts(((writer *)ctx)->out, s);
    return 0;
}

static int
see_double(void *ctx, const dk_avro_op *op, double v)
{
    char s[40];

    begin(ctx);
    snprintf(s, sizeof s, isfinite(v) && v == floor(v) && fabs(v) < 1e15 ? "%.1f" : "%.17g", v);
    dk_buf_puts(((writer *)ctx)->out, s);
    return 0;
}

static int
see_bytes(void *ctx, const dk_avro_op *op, dk_slice v)
{
    begin(ctx);
    put_quoted(ctx, v, true);
    return 0;
}

static int
see_string(void *ctx, const dk_avro_op *op, dk_slice v)
{
    begin(ctx);
    put_quoted(ctx, v, false);
    return 0;
}

static int
see_enum(void *ctx, const dk_avro_enum *e, uint32_t symbol)
{
    begin(ctx);
    put_quoted(ctx, avro_slice(e->symbols[symbol]), false);
    return 0;
}

static int
open_container(writer *w, char start, char end)
{
    begin(w);
    dk_buf_put_byte(w->out, (uint8_t)start);
    if (w->depth == sizeof w->ends)
        FAIL("deeper than the limit");
    w->ends[w->depth++] = end;
    w->comma = false;
    return 0;
}

static int
see_record(void *ctx, const dk_avro_record *r)
{
    return open_container(ctx, '{', '}');
}

static int
see_map(void *ctx)
{
    return open_container(ctx, '{', '}');
}

static int
see_array(void *ctx)
{
    return open_container(ctx, '[', ']');
}

static int
see_key(void *ctx, dk_slice key)
{
    see_string(ctx, NULL, key);
    dk_buf_puts(((writer *)ctx)->out, ": ");
    ((writer *)ctx)->comma = false;
    return 0;
}

static int
see_field(void *ctx, const dk_avro_record *r, uint32_t field)
{
    return see_key(ctx, avro_slice(r->fields[field].name));
}

static int
see_end(void *ctx)
{
    writer *w = ctx;

    dk_buf_put_byte(w->out, (uint8_t)w->ends[--w->depth]);
    w->comma = true;
    return 0;
}

dk_status
avro_to_json(const dk_avro_program *p, dk_slice bytes, dk_buf *out, dk_error *err)
{
    static const dk_avro_visitor visitor = {
        .on_null = see_null,
        .on_bool = see_bool,
        .on_long = see_long,
        .on_double = see_double,
        .on_bytes = see_bytes,
        .on_string = see_string,
        .on_fixed = see_bytes,
        .on_enum = see_enum,
        .on_record_begin = see_record,
        .on_field = see_field,
        .on_array_begin = see_array,
        .on_map_begin = see_map,
        .on_key = see_key,
        .on_end = see_end,
    };
    writer w = {.out = out};
    dk_status st;

    out->n = 0;
    st = dk_avro_decode(p, bytes, &visitor, &w, NULL, err);
    if (st == DK_OK)
        CHECK_EQ(w.depth, 0);
    dk_buf_put_byte(out, '\0');
    return st;
}

/* ---- source: a value is a json_t ---- */

typedef struct source {
    uint8_t scratch[256]; /* bytes of the string asked for last */
} source;

static int
give_bool(void *ctx, const void *v, bool *out)
{
    *out = json_is_true((const json_t *)v);
    return !json_is_boolean((const json_t *)v);
}

static int
give_long(void *ctx, const dk_avro_op *op, const void *v, int64_t *out)
{
    *out = json_integer_value(v);
    return !json_is_integer((const json_t *)v);
}

static int
give_double(void *ctx, const dk_avro_op *op, const void *v, double *out)
{
    *out = json_number_value(v);
    return !json_is_number((const json_t *)v);
}

static int
give_slice(void *ctx, const dk_avro_op *op, const void *v, dk_slice *out)
{
    source *s = ctx;
    const uint8_t *text = (const uint8_t *)json_string_value(v);
    size_t n = json_string_length(v), i;

    if (text == NULL)
        return 1;
    *out = (dk_slice){text, n};
    if (op->code != DK_OP_BYTES && op->code != DK_OP_FIXED)
        return 0;
    *out = (dk_slice){s->scratch, 0};
    for (i = 0; i < n; i++) {
        uint8_t c = text[i];

        if (c >= 0xC2)
            c = (uint8_t)((c & 3) << 6 | (text[++i] & 0x3F));
        s->scratch[out->n++] = c;
    }
    return 0;
}

static bool
json_fits(const dk_avro_op *op, const json_t *j)
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

static int
give_branch(void *ctx, const dk_avro_code *c, const dk_avro_op *op, const void *v, uint32_t *branch)
{
    for (*branch = 0; *branch < op->n; ++*branch)
        if (json_fits(&c->ops[op->a + *branch], v))
            return 0;
    return 1;
}

static int
give_field(void *ctx, const dk_avro_record *r, uint32_t field, const void *v, const void **out)
{
    *out = json_object_get(v, r->fields[field].name);
    return !json_is_object((const json_t *)v);
}

static int
give_count(void *ctx, const dk_avro_op *op, const void *v, size_t *count)
{
    *count = op->code == DK_OP_ARRAY ? json_array_size(v) : json_object_size(v);
    return op->code == DK_OP_ARRAY ? !json_is_array((const json_t *)v) : !json_is_object((const json_t *)v);
}

static int
give_item(void *ctx, const void *v, size_t i, const void **out)
{
    *out = json_array_get(v, i);
    return 0;
}

static int
give_entry(void *ctx, const void *v, size_t i, dk_slice *key, const void **out)
{
    json_t *j = (json_t *)(uintptr_t)v;
    void *it = json_object_iter(j);

    while (i-- > 0)
        it = json_object_iter_next(j, it);
    *key = avro_slice(json_object_iter_key(it));
    *out = json_object_iter_value(it);
    return 0;
}

dk_status
avro_from_json(const dk_avro_program *p, const char *json, dk_buf *out, dk_error *err)
{
    static const dk_avro_source src = {give_bool,  give_long,  give_double, give_slice, give_branch,
                                       give_field, give_count, give_item,   give_entry};
    source s;
    json_error_t e;
    json_t *j = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    dk_status st;

    if (j == NULL)
        FAIL("not JSON: %s", e.text);
    st = dk_avro_encode(p, &src, &s, j, out, err);
    json_decref(j);
    return st;
}

/* ---- vectors ---- */

static char *
read_file(const char *name)
{
    char path[512];
    FILE *f;
    char *text;
    long n;

    snprintf(path, sizeof path, "%s/avro/%s.md", DK_TEST_VECTORS, name);
    f = fopen(path, "rb");
    if (f == NULL)
        FAIL("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    text = calloc((size_t)n + 1, 1);
    if (text == NULL || fread(text, 1, (size_t)n, f) != (size_t)n)
        FAIL("cannot read %s", path);
    fclose(f);
    return text;
}

static char **
block_of(avro_vector *v, const char *info)
{
    v->one_way = v->one_way || strcmp(info, "hex one-way") == 0;
    return strcmp(info, "avsc") == 0           ? &v->avsc
           : strcmp(info, "avsc reader") == 0  ? &v->reader
           : strncmp(info, "hex", 3) == 0      ? &v->hex
           : strcmp(info, "json") == 0         ? &v->json
           : strcmp(info, "error") == 0        ? &v->error
           : strcmp(info, "error schema") == 0 ? &v->schema_error
           : strcmp(info, "canonical") == 0    ? &v->canonical
           : strcmp(info, "fingerprint") == 0  ? &v->fingerprint
           : strcmp(info, "differs") == 0      ? &v->differs
                                               : NULL;
}

/* The end of a line becomes the end of a string. */
static char *
next_line(char *line)
{
    char *end = strchr(line, '\n');

    if (end == NULL)
        return NULL;
    *end = '\0';
    return end + 1;
}

avro_vectors
avro_vectors_read(const char *name)
{
    avro_vectors out = {.text = read_file(name)};
    char *line = out.text, *next, *end;
    char **block;

    out.v = calloc(200, sizeof *out.v);
    if (out.v == NULL)
        FAIL("no memory");
    for (; line != NULL && *line != '\0'; line = next) {
        next = next_line(line);
        if (strncmp(line, "## ", 3) == 0) {
            if (out.n == 200)
                FAIL("too many vectors in %s", name);
            out.v[out.n++].name = line + 3;
        } else if (strncmp(line, "```", 3) == 0) {
            block = out.n == 0 ? NULL : block_of(&out.v[out.n - 1], line + 3);
            end = next == NULL ? NULL : strstr(next, "```");
            if (block == NULL || end == NULL)
                FAIL("unknown or open block %s", line);
            *block = next;
            end[end > next ? -1 : 0] = '\0';
            next = next_line(end + 3);
        }
    }
    CHECK(out.n > 0);
    return out;
}

void
avro_vectors_free(avro_vectors *v)
{
    free(v->text);
    free(v->v);
}
