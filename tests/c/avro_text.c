/* SPDX-License-Identifier: MIT
 *
 * See avro_text.h.
 */
#include <ctype.h>
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

dk_status
avro_to_json(const dk_avro_program *p, dk_slice bytes, const avro_how *how, dk_buf *out, dk_error *err)
{
    avro_memory m = {NULL};
    avro_tree *t = avro_tree_decode(p, bytes, how, &m, err);

    out->n = 0;
    if (t != NULL)
        avro_tree_json(t, out);
    dk_buf_put_byte(out, '\0');
    avro_memory_free(&m);
    return t != NULL ? DK_OK : DK_EAVRO;
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
