/* SPDX-License-Identifier: MIT
 *
 * How fast messages become rows of COPY: the same record of eight fields as Avro, as JSON, as JSON with Connect's
 * schema, and in Debezium's envelope with that. Prints a line of JSON for each.
 *
 *   transcode [SECONDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dk/pgcopy.h"

#define MESSAGES 1000
#define MESSAGE_MAX 8192

#define FIELD(name, type, more) "{\"type\":\"" type "\",\"optional\":true" more ",\"field\":\"" name "\"}"
#define NAMED(name) ",\"name\":\"" name "\",\"version\":1"
#define FIELDS                                                                                                               \
    "[" FIELD("id", "int64", "") "," FIELD("customer", "int32", "") "," FIELD("email", "string", "") "," FIELD(              \
        "status", "string",                                                                                                  \
        NAMED(                                                                                                               \
            "io.debezium.data.Enum") ",\"parameters\":{\"allowed\":\"new,paid,"                                              \
                                     "sent\"}") "," FIELD("price", "bytes",                                                  \
                                                          NAMED(                                                             \
                                                              "org.apache.kafka."                                            \
                                                              "connect.data."                                                \
                                                              "Decimal") ",\"par"                                            \
                                                                         "ameter"                                            \
                                                                         "s\":{"                                             \
                                                                         "\"scal"                                            \
                                                                         "e\":"                                              \
                                                                         "\"2\""                                             \
                                                                         "}") "," FIELD("paid", "boolean",                   \
                                                                                        "") "," FIELD("note",                \
                                                                                                      "string",              \
                                                                                                      "") "," FIELD("at",    \
                                                                                                                    "int64", \
                                                                                                                    NAMED(   \
                                                                                                                        "io.debezium.time.MicroTimestamp")) "]"
#define STRUCT(more)                                                                                                 \
    "{\"type\":\"struct\",\"fields\":" FIELDS ",\"optional\":true,\"name\":\"shop.orders.Value\"" more "}"
#define ENVELOPE                                                                                                     \
    "{\"type\":\"struct\",\"fields\":[" STRUCT(",\"field\":\"before\"") "," STRUCT(                                  \
        ",\"field\":\"after\"") "," FIELD("op", "string", "") "," FIELD("ts_ms", "int64",                            \
                                                                        "") "],\"name\":\"shop.orders.Envelope\"}"
#define AVRO                                                                                                         \
    "{\"type\":\"record\",\"name\":\"Value\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"                       \
    "{\"name\":\"customer\",\"type\":[\"null\",\"int\"]},{\"name\":\"email\",\"type\":[\"null\",\"string\"]},"       \
    "{\"name\":\"status\",\"type\":[\"null\",\"string\"]},{\"name\":\"price\",\"type\":[\"null\",{\"type\":"         \
    "\"bytes\",\"logicalType\":\"decimal\",\"precision\":10,\"scale\":2}]},{\"name\":\"paid\",\"type\":[\"null\","   \
    "\"boolean\"]},{\"name\":\"note\",\"type\":[\"null\",\"string\"]},{\"name\":\"at\",\"type\":[\"null\","          \
    "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}]}]}"

static const dk_pg_column columns[] = {
    {.size = sizeof(dk_pg_column), .name = "id", .kind = DK_PG_INT8},
    {.size = sizeof(dk_pg_column), .name = "customer", .kind = DK_PG_INT4, .nullable = true},
    {.size = sizeof(dk_pg_column), .name = "email", .kind = DK_PG_VARCHAR, .length = 254, .nullable = true},
    {.size = sizeof(dk_pg_column), .name = "status", .kind = DK_PG_VARCHAR, .length = 20, .nullable = true},
    {.size = sizeof(dk_pg_column),
     .name = "price",
     .kind = DK_PG_NUMERIC,
     .precision = 10,
     .scale = 2,
     .form = DK_PG_FORM_BASE64,
     .nullable = true},
    {.size = sizeof(dk_pg_column), .name = "paid", .kind = DK_PG_BOOL, .nullable = true},
    {.size = sizeof(dk_pg_column), .name = "note", .kind = DK_PG_TEXT, .nullable = true},
    {.size = sizeof(dk_pg_column), .name = "at", .kind = DK_PG_TIMESTAMPTZ, .nullable = true},
};

typedef struct message {
    size_t n;
    uint8_t bytes[MESSAGE_MAX];
} message;

static message messages[MESSAGES];

static void
check(bool ok, const dk_error *err)
{
    if (!ok) {
        fprintf(stderr, "%s (%s)\n", err->text, err->path);
        exit(1);
    }
}

/* Of this process: others do not count. */
static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
write_row(int i, char *out, size_t room)
{
    snprintf(out, room,
             "{\"id\":%d,\"customer\":%d,\"email\":\"customer%d@example.com\",\"status\":\"paid\",\"price\":\"B88=\","
             "\"paid\":true,\"note\":\"gr\xC3\xBC\xC3\x9F"
             "e, leave it at the door of number %d\",\"at\":%lld}",
             i, i * 7, i, i % 100, 1700000000000000LL + i);
}

static void
write_json(int i, const char *before, const char *after)
{
    char row[512];

    write_row(i, row, sizeof row);
    messages[i].n = (size_t)snprintf((char *)messages[i].bytes, MESSAGE_MAX, "%s%s%s", before, row, after);
}

static void
put_text(dk_buf *b, const char *s)
{
    dk_buf_put_long(b, 1);
    dk_buf_put_long(b, (int64_t)strlen(s));
    dk_buf_puts(b, s);
}

static void
write_avro(int i)
{
    char text[128];
    dk_buf b;

    dk_buf_init(&b, NULL);
    dk_buf_put_long(&b, i);
    dk_buf_put_long(&b, 1);
    dk_buf_put_long(&b, i * 7);
    snprintf(text, sizeof text, "customer%d@example.com", i);
    put_text(&b, text);
    put_text(&b, "paid");
    put_text(&b, "\x07\xCF");
    dk_buf_put_long(&b, 1);
    dk_buf_put_byte(&b, 1);
    snprintf(text, sizeof text,
             "gr\xC3\xBC\xC3\x9F"
             "e, leave it at the door of number %d",
             i % 100);
    put_text(&b, text);
    dk_buf_put_long(&b, 1);
    dk_buf_put_long(&b, 1700000000000000LL + i);
    messages[i].n = b.n;
    memcpy(messages[i].bytes, b.p, b.n);
    dk_buf_fini(&b);
}

static void
run(const char *name, dk_copy_plan *plan, dk_copy_reader *reader, double seconds)
{
    double begin, took;
    long rows = 0, bytes = 0;
    dk_copy_streams streams;
    dk_copy_block *block;
    dk_error err = {0};

    check(dk_copy_block_new(NULL, plan, &block, &err) == DK_OK, &err);
    begin = now();
    do {
        for (int i = 0; i < MESSAGES; i++) {
            dk_copy_message m = {.value_reader = reader, .value = {messages[i].bytes, messages[i].n}};
            dk_copy_verdict verdict;

            check(dk_copy_block_add(block, &m, &verdict, &err) == DK_OK && verdict == DK_COPY_ROW, &err);
            bytes += (long)messages[i].n;
        }
        check(dk_copy_block_finish(block, &streams, &err) == DK_OK && streams.nrows == MESSAGES, &err);
        dk_copy_block_clear(block);
        rows += MESSAGES;
        took = now() - begin;
    } while (took < seconds);
    printf(
        "{\"bench\": \"transcode\", \"format\": \"%s\", \"bytes\": %zu, \"rows_per_s\": %.0f, \"mb_per_s\": %.0f}\n",
        name, messages[MESSAGES - 1].n, (double)rows / took, (double)bytes / took / 1e6);
    dk_copy_block_free(block);
    dk_copy_reader_free(reader);
}

static dk_copy_reader *
json_reader(dk_copy_plan *plan)
{
    dk_copy_json_options o = {.size = sizeof o};
    dk_copy_reader *reader;
    dk_error err = {0};

    check(dk_copy_reader_json(plan, DK_COPY_VALUE, &o, &reader, &err) == DK_OK, &err);
    return reader;
}

static dk_copy_reader *
avro_reader(dk_copy_plan *plan)
{
    dk_avro_program *program;
    dk_avro_schema *schema;
    dk_copy_reader *reader;
    dk_error err = {0};

    check(dk_avro_schema_new(NULL, (dk_slice){(const uint8_t *)AVRO, strlen(AVRO)}, NULL, &schema, &err) == DK_OK &&
              dk_avro_program_new(NULL, schema, NULL, &program, &err) == DK_OK &&
              dk_copy_reader_avro(plan, DK_COPY_VALUE, program, &reader, &err) == DK_OK,
          &err);
    dk_avro_schema_unref(schema);
    dk_avro_program_unref(program);
    return reader;
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name, *before, *after;
    } forms[] = {
        {"json", "", ""},
        {"json, envelope", "{\"before\":null,\"after\":", ",\"op\":\"c\",\"ts_ms\":1700000000000}"},
        {"json, schema", "{\"schema\":" STRUCT("") ",\"payload\":", "}"},
        {"json, schema, envelope", "{\"schema\":" ENVELOPE ",\"payload\":{\"before\":null,\"after\":",
         ",\"op\":\"c\",\"ts_ms\":1700000000000}}"},
    };
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    dk_copy_plan_options o = {.size = sizeof o, .columns = columns, .ncolumns = 8, .nkey = 1, .key_in_value = true};
    dk_copy_plan *plan;
    dk_error err = {0};

    check(dk_copy_plan_new(NULL, &o, &plan, &err) == DK_OK, &err);
    for (int i = 0; i < MESSAGES; i++)
        write_avro(i);
    run("avro", plan, avro_reader(plan), seconds);
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        for (int i = 0; i < MESSAGES; i++)
            write_json(i, forms[f].before, forms[f].after);
        run(forms[f].name, plan, json_reader(plan), seconds);
    }
    dk_copy_plan_unref(plan);
    return 0;
}
