/* SPDX-License-Identifier: MIT
 *
 * Decoding: the vectors, callbacks that stop, limits, and that nothing is allocated.
 */
#include <stdlib.h>

#include "avro_text.h"

/* Whether the lines "path: ", "pos: " and "text: " of a vector say what err says. */
static void
check_error(const avro_vector *v, const char *lines, const dk_error *err)
{
    char copy[1024], *line, *save = NULL;

    snprintf(copy, sizeof copy, "%s", lines);
    for (line = strtok_r(copy, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "path: ", 6) == 0)
            CHECK_STR(err->path, line + 6);
        else if (strncmp(line, "pos: ", 5) == 0)
            CHECK_EQ(err->pos, atoi(line + 5));
        else if (strncmp(line, "text: ", 6) == 0)
            CHECK_CONTAINS(err->text, line + 6);
        else
            FAIL("%s: unknown line %s", v->name, line);
    }
}

static void
check_pair(const avro_vector *v)
{
    dk_avro_schema *w = avro_schema(v->avsc), *r = avro_schema(v->reader);
    dk_avro_program *p = NULL;
    dk_error err;

    CHECK_STATUS_ERR(dk_avro_program_new(dk_test_alloc(), w, r, &p, &err), DK_ESCHEMA, &err);
    check_error(v, v->schema_error, &err);
    dk_avro_schema_unref(w);
    dk_avro_schema_unref(r);
}

static void
check_bytes(const avro_vector *v)
{
    dk_avro_program *p = avro_program(v->avsc, v->reader);
    dk_buf bytes, json;
    dk_error err;
    size_t used = 0, before;
    dk_status st;

    dk_buf_init(&bytes, NULL);
    dk_buf_init(&json, NULL);
    avro_unhex(v->hex, &bytes);
    before = dk_test_alloc_count();
    st = avro_to_json(p, (dk_slice){bytes.p, bytes.n}, NULL, &json, &err);
    CHECK_EQ(dk_test_alloc_count(), before);
    if (v->error != NULL) {
        CHECK_STATUS_ERR(st, DK_EAVRO, &err);
        check_error(v, v->error, &err);
    } else {
        CHECK_OK_ERR(st, &err);
        CHECK_STR((char *)json.p, v->json);
        CHECK_OK_ERR(dk_avro_skip(p, (dk_slice){bytes.p, bytes.n}, NULL, &used, &err), &err);
        CHECK_EQ(used, bytes.n);
    }
    /* A value cut off anywhere is refused, without reading beyond its end (memory of exactly that size shows it). */
    for (used = 0; v->error == NULL && used < bytes.n; used++) {
        uint8_t *part = malloc(used + 1);

        memcpy(part, bytes.p, used);
        CHECK_STATUS_ERR(avro_to_json(p, (dk_slice){part, used}, NULL, &json, &err), DK_EAVRO, &err);
        free(part);
    }
    dk_buf_fini(&bytes);
    dk_buf_fini(&json);
    dk_avro_program_unref(p);
}

static void
run_vectors(const char *file)
{
    avro_vectors vs = avro_vectors_read(file);
    size_t i;

    for (i = 0; i < vs.n; i++) {
        printf("%s\n", vs.v[i].name);
        if (vs.v[i].hex != NULL)
            check_bytes(&vs.v[i]);
        else if (vs.v[i].reader != NULL)
            check_pair(&vs.v[i]);
        else
            FAIL("%s says nothing to check", vs.v[i].name);
    }
    avro_vectors_free(&vs);
}

DK_TEST(decode_primitives)
{
    run_vectors("primitives");
}

DK_TEST(decode_complex)
{
    run_vectors("complex");
}

DK_TEST(decode_logical)
{
    run_vectors("logical");
}

DK_TEST(decode_resolution)
{
    run_vectors("resolution");
}

DK_TEST(decode_real_messages)
{
    run_vectors("debezium");
}

DK_TEST(decode_hostile)
{
    run_vectors("hostile");
}

/* What a sink does not take has its path, like what the walk refuses. */
DK_TEST(decode_ends_when_the_sink_says_so)
{
    dk_avro_program *p =
        avro_program("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":"
                     "\"array\",\"items\":\"int\"}}]}",
                     NULL);
    dk_slice bytes = {(const uint8_t *)"\x06\x02\x04\x06\x00", 5};
    int64_t number = 2;
    avro_how how = {.refuse = &number};
    dk_error err;
    dk_buf json;

    dk_buf_init(&json, NULL);
    CHECK_STATUS_ERR(avro_to_json(p, bytes, &how, &json, &err), DK_EAVRO, &err);
    CHECK_STR(err.path, "a[1]");
    CHECK_EQ(err.pos, 2);
    number = 99;
    CHECK_OK_ERR(avro_to_json(p, bytes, &how, &json, &err), &err);
    CHECK_STR((char *)json.p, "{\"a\": [1, 2, 3]}");
    dk_buf_fini(&json);
    dk_avro_program_unref(p);
}

DK_TEST(decode_obeys_its_limits)
{
    dk_avro_program *p = avro_program("{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":\"null\"}}", NULL);
    dk_avro_limits limits = {sizeof limits, 1, DK_AVRO_EMPTY};
    avro_how how = {.limits = &limits};
    dk_slice two = {(const uint8_t *)"\x02\x04\x00\x00", 4};
    size_t used;
    dk_error err;
    dk_buf json;

    dk_buf_init(&json, NULL);
    CHECK_STATUS_ERR(avro_to_json(p, two, &how, &json, &err), DK_EAVRO, &err);
    CHECK_CONTAINS(err.text, "too deeply");
    limits.depth = 2;
    CHECK_OK_ERR(avro_to_json(p, two, &how, &json, &err), &err);
    limits.empty = 1;
    CHECK_STATUS_ERR(avro_to_json(p, two, &how, &json, &err), DK_EAVRO, &err);
    CHECK_CONTAINS(err.text, "no bytes");
    limits.size = 1;
    CHECK_STATUS(dk_avro_skip(p, two, &limits, &used, &err), DK_EINVAL);
    CHECK_STATUS(dk_avro_skip(NULL, two, NULL, &used, &err), DK_EINVAL);
    dk_buf_fini(&json);
    dk_avro_program_unref(p);
}

/* A path that would not fit keeps its inner end. */
DK_TEST(decode_cuts_long_paths)
{
    char schema[4096], name[40];
    dk_avro_program *p;
    dk_error err;
    dk_buf json;
    size_t n = 0;
    int i;

    dk_buf_init(&json, NULL);
    for (i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "field_with_a_long_name_%d", i);
        n +=
            (size_t)snprintf(schema + n, sizeof schema - n,
                             "{\"type\":\"record\",\"name\":\"r%d\",\"fields\":[{\"name\":\"%s\",\"type\":", i, name);
    }
    n += (size_t)snprintf(schema + n, sizeof schema - n, "\"int\"");
    for (i = 0; i < 10; i++)
        n += (size_t)snprintf(schema + n, sizeof schema - n, "}]}");
    p = avro_program(schema, NULL);
    CHECK_STATUS_ERR(avro_to_json(p, (dk_slice){NULL, 0}, NULL, &json, &err), DK_EAVRO, &err);
    CHECK(strncmp(err.path, "...", 3) == 0);
    CHECK_CONTAINS(err.path, "field_with_a_long_name_9");
    CHECK_STATUS(avro_to_json(p, (dk_slice){NULL, 0}, NULL, &json, NULL), DK_EAVRO); /* err may be NULL */
    dk_buf_fini(&json);
    dk_avro_program_unref(p);
}

/* Bytes of chance against a schema of everything: never a crash; what decodes also skips, and encodes to what decodes
 * to the same. */
DK_TEST(decode_random_bytes)
{
    dk_avro_program *p = avro_program(
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"r\",\"string\"]},"
        "{\"name\":\"b\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"double\",{\"type\":\"array\",\"items\":"
        "\"null\"}]}},"
        "{\"name\":\"c\",\"type\":{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}},{\"name\":\"d\","
        "\"type\":\"bytes\"}]}",
        NULL);
    uint64_t seed = dk_test_seed();
    int i, good = 0;

    for (i = 0; i < 200000; i++) {
        uint8_t bytes[24];
        size_t n = dk_test_below(&seed, sizeof bytes), k, used = 0;
        avro_memory m = {NULL};
        avro_tree *t;
        dk_error err;

        for (k = 0; k < n; k++)
            bytes[k] = dk_test_below(&seed, 2) ? 0 : (uint8_t)dk_test_below(&seed, i % 2 ? 8 : 256);
        t = avro_tree_decode(p, (dk_slice){bytes, n}, NULL, &m, &err);
        if (t == NULL) {
            CHECK(err.pos <= n);
            CHECK(err.text[0] != '\0');
        } else {
            good++;
            CHECK_OK_ERR(dk_avro_skip(p, (dk_slice){bytes, n}, NULL, &used, &err), &err);
            CHECK_EQ(used, n);
            avro_tree_check(p, t, &m);
        }
        avro_memory_free(&m);
    }
    CHECK(good > 20);
    dk_avro_program_unref(p);
}
