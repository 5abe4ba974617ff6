/* SPDX-License-Identifier: MIT
 *
 * Rows from JSON with Connect's schemas: what the schema says of values, and that it is compiled once.
 */
#include <stdlib.h>

#include "json_rig.h"

#define FIELD(name, type, more) "{\"type\":\"" type "\",\"optional\":true" more ",\"field\":\"" name "\"}"
#define NAMED(name) ",\"name\":\"" name "\",\"version\":1"
#define PARAMETERS(p) ",\"parameters\":{" p "}"
#define STRUCT(fields)                                                                                               \
    "{\"type\":\"struct\",\"fields\":[" fields "],\"optional\":false,\"name\":\"live.public.t.Value\"}"
#define WRAP(schema, payload) "{\"schema\":" schema ",\"payload\":" payload "}"
#define ID FIELD("id", "int64", "")

static json_rig rig;

static void
check_one(const char *column, const char *field, const char *value, const char *want)
{
    char columns[128], text[4096], fields[512];

    snprintf(columns, sizeof columns, "id int8 key,v %s null", column);
    snprintf(text, sizeof text, WRAP(STRUCT(ID ",%s"), "{\"id\":1,\"v\":%s}"), field, value);
    snprintf(fields, sizeof fields, "1|%s", want);
    CHECK(json_rig_init(&rig, columns, DK_COPY_VALUE, true, NULL));
    json_rig_row(&rig, text, fields);
    json_rig_row(&rig, text, fields); /* by the schema that is known now */
    json_rig_fini(&rig);
}

#define V(type, name, parameters) FIELD("v", type, NAMED(name) PARAMETERS(parameters))

DK_TEST(json_schema_times)
{
    check_one("date", V("int32", "io.debezium.time.Date", ""), "10957", "0");
    check_one("time", V("int64", "io.debezium.time.MicroTime", ""), "86400000000", "86400000000");
    check_one("time", V("int32", "io.debezium.time.Time", ""), "1", "1000");
    check_one("time", V("int64", "io.debezium.time.NanoTime", ""), "1000", "1");
    check_one("timestamp", V("int64", "io.debezium.time.Timestamp", ""), "946684800001", "1000");
    check_one("timestamp", V("int64", "io.debezium.time.MicroTimestamp", ""), "946684800000001", "1");
    check_one("timestamp", V("int64", "org.apache.kafka.connect.data.Timestamp", ""), "946684800001", "1000");
    check_one("timestamptz", V("string", "io.debezium.time.ZonedTimestamp", ""), "\"2000-01-01T00:00:00.000001Z\"",
              "1");
    check_one("int4", V("int32", "io.debezium.time.Year", ""), "2024", "2024");
}

DK_TEST(json_schema_decimals)
{
    check_one("numeric", V("bytes", "org.apache.kafka.connect.data.Decimal", "\"scale\":\"2\""), "\"B88=\"",
              "19 9900e0.2");
    check_one("numeric", V("bytes", "org.apache.kafka.connect.data.Decimal", "\"scale\":\"2\""), "19.99",
              "19 9900e0.2");
    check_one("numeric",
              "{\"type\":\"struct\",\"fields\":[" FIELD("scale", "int32", "") "," FIELD(
                  "value", "bytes", "") "],\"name\":\"io.debezium.data.VariableScaleDecimal\",\"field\":\"v\"}",
              "{\"scale\":2,\"value\":\"B88=\"}", "19 9900e0.2");
    check_one("numeric(8,2)", FIELD("v", "double", ""), "19.99", "19 9900e0.2");
    check_one("numeric(8,2) base64", FIELD("v", "string", ""), "null", "null");
}

DK_TEST(json_schema_others)
{
    check_one("bytea", FIELD("v", "bytes", ""), "\"AP8Q\"", "00ff10");
    check_one("bytea hex", FIELD("v", "bytes", ""), "\"AP8Q\"", "00ff10");
    check_one("text", V("bytes", "io.debezium.data.Bits", "\"length\":\"10\""), "\"AwI=\"", "1000000011");
    check_one("uuid", V("string", "io.debezium.data.Uuid", ""), "\"9b2e4f3a-0a4c-4f0e-8d55-6c1f0d1e2a3b\"",
              "9b2e4f3a0a4c4f0e8d556c1f0d1e2a3b");
    check_one("jsonb", V("string", "io.debezium.data.Json", ""), "\"{\\\"a\\\": 1}\"", "{\"a\": 1}");
    check_one("text", V("string", "io.debezium.data.Enum", "\"allowed\":\"a,b\""), "\"b\"", "b");
    check_one("int4[]", "{\"type\":\"array\",\"items\":{\"type\":\"int32\",\"optional\":true},\"field\":\"v\"}",
              "[1,null]", "[1,null]");
    check_one(
        "date[]",
        "{\"type\":\"array\",\"items\":{\"type\":\"int32\",\"name\":\"io.debezium.time.Date\"},\"field\":\"v\"}",
        "[10957]", "[0]");
    check_one("bool", FIELD("\\u0076", "boolean", ""), "true", "true");
}

DK_TEST(json_schema_odd)
{
    CHECK(json_rig_init(&rig, "id int8 key,v text null", DK_COPY_VALUE, true, NULL));
    json_rig_odd(
        &rig, WRAP(STRUCT(ID "," V("struct", "io.debezium.data.geometry.Point", "")), "{\"id\":1,\"v\":{\"x\":1}}"),
        "v", "an object");
    json_rig_odd(
        &rig,
        WRAP(STRUCT(ID "," V("bytes", "org.apache.kafka.connect.data.Decimal", "")), "{\"id\":1,\"v\":\"AA==\"}"),
        "v", "another kind");
    json_rig_odd(&rig, WRAP(STRUCT(ID), "{\"id\":1}"), "v", "does not have");
    json_rig_odd(&rig, WRAP("{\"type\":\"string\"}", "\"x\""), "", "no object");
    json_rig_malformed(&rig, WRAP("{}", "{\"id\":1}"), "without a type");
    json_rig_malformed(&rig, WRAP("{\"type\":\"struct\"}", "{\"id\":1}"), "without fields");
    json_rig_malformed(&rig, WRAP(STRUCT("{\"type\":\"int64\"}"), "{\"id\":1}"), "no name");
    json_rig_malformed(&rig, WRAP(STRUCT("1"), "{\"id\":1}"), "no object");
    json_rig_fini(&rig);
}

#define PLAIN STRUCT(ID "," FIELD("v", "string", ""))

DK_TEST(json_schema_wrap)
{
    dk_copy_json_options o = {.size = sizeof o};

    CHECK(json_rig_init(&rig, "id int8 key,v text null", DK_COPY_VALUE, true, NULL));
    json_rig_row(&rig, WRAP(PLAIN, "{\"id\":1,\"v\":\"x\"}"), "1|x");
    json_rig_row(&rig, WRAP(PLAIN, "{\"id\":1,\"v\":\"x\"}"), "1|x");
    json_rig_row(&rig, " { \"payload\" : {\"id\":1,\"v\":\"x\"} , \"schema\" : " PLAIN " } ", "1|x");
    json_rig_row(&rig, WRAP("null", "{\"id\":1,\"v\":\"x\"}"), "1|x");
    json_rig_row(&rig, "{\"id\":1,\"v\":\"x\"}", "1|x");
    CHECK_OK(json_rig_read(&rig, (dk_slice){(const uint8_t *)WRAP(PLAIN, "null"), sizeof WRAP(PLAIN, "null") - 1}));
    CHECK_EQ(rig.found, DK__COPY_NULL);
    json_rig_malformed(&rig, WRAP(PLAIN, "{\"id\":1,\"v\":\"x\"}") "}", "behind");
    json_rig_malformed(&rig, "{\"schema\":" PLAIN ",\"payload\":{\"id\":1,\"v\":\"x\"}", "comma");
    json_rig_odd(&rig, "{\"schema\":" PLAIN ",\"payload\":{\"id\":1,\"v\":\"x\"},\"more\":1}", "schema",
                 "no column takes");
    json_rig_odd(&rig, "{\"schema\":1,\"payload\":{}}", "schema", "no column takes");
    json_rig_odd(&rig, "{\"schema\":" PLAIN "}", "schema", "no column takes");
    json_rig_fini(&rig);

    CHECK(json_rig_init(&rig, "schema text key,payload text", DK_COPY_VALUE, true, NULL));
    json_rig_row(&rig, "{\"schema\":\"public\",\"payload\":\"x\"}", "public|x");
    json_rig_fini(&rig);

    o.connect = DK_COPY_CONNECT_ALWAYS;
    CHECK(json_rig_init(&rig, "id int8 key,v text null", DK_COPY_VALUE, true, &o));
    json_rig_row(&rig, WRAP(PLAIN, "{\"id\":1,\"v\":\"x\"}"), "1|x");
    json_rig_odd(&rig, "{\"id\":1,\"v\":\"x\"}", "", "schema and a payload");
    json_rig_malformed(&rig, "{\"id\":1,\"v\":\"x\"", "comma");
    json_rig_fini(&rig);

    o.connect = DK_COPY_CONNECT_NEVER;
    CHECK(json_rig_init(&rig, "id int8 key,schema jsonb,payload jsonb", DK_COPY_VALUE, true, &o));
    json_rig_row(&rig, "{\"schema\":{},\"payload\":{},\"id\":1}", "1|{}|{}");
    json_rig_fini(&rig);
}

DK_TEST(json_schema_keys)
{
    CHECK(json_rig_init(&rig, "id int8 key,v text", DK_COPY_KEY, false, NULL));
    json_rig_row(&rig, WRAP(STRUCT(ID), "{\"id\":7}"), "7");
    json_rig_row(&rig, WRAP("{\"type\":\"int64\",\"optional\":false}", "7"), "7");
    json_rig_fini(&rig);
    CHECK(json_rig_init(&rig, "id date key,v text", DK_COPY_KEY, false, NULL));
    json_rig_row(&rig, WRAP("{\"type\":\"int32\",\"name\":\"io.debezium.time.Date\"}", "10957"), "0");
    json_rig_fini(&rig);
}

#define SIDE(name)                                                                                                   \
    "{\"type\":\"struct\",\"fields\":[" ID                                                                           \
    "," V("int32", "io.debezium.time.Date", "") "],\"optional\":true,\"name\":\"t.Value\",\"field\":\"" name "\"}"
#define ENVELOPE STRUCT(SIDE("before") "," SIDE("after") "," FIELD("op", "string", ""))

DK_TEST(json_schema_envelope)
{
    CHECK(json_rig_init(&rig, "id int8 key,v date null", DK_COPY_VALUE, true, NULL));
    json_rig_row(&rig, WRAP(ENVELOPE, "{\"before\":null,\"after\":{\"id\":1,\"v\":10957},\"op\":\"c\"}"), "1|0");
    json_rig_row(
        &rig, WRAP(ENVELOPE, "{\"before\":{\"id\":1,\"v\":1},\"after\":{\"id\":1,\"v\":10958},\"op\":\"u\"}"), "1|1");
    json_rig_gone(&rig, WRAP(ENVELOPE, "{\"before\":{\"id\":1,\"v\":1},\"after\":null,\"op\":\"d\"}"), "1");
    json_rig_row(&rig, WRAP(STRUCT(ID "," V("int32", "io.debezium.time.Date", "")), "{\"id\":1,\"v\":10957}"), "1|0");
    json_rig_row(&rig, WRAP(ENVELOPE, "{\"before\":null,\"after\":{\"id\":1,\"v\":10957},\"op\":\"c\"}"), "1|0");
    json_rig_fini(&rig);
}

/* More schemas than are kept, each of which says something else; and the number of allocations once they are known.
 */
DK_TEST(json_schema_many)
{
    static const char *const types[] = {"io.debezium.time.Timestamp", "io.debezium.time.MicroTimestamp"};
    char text[1024];
    size_t count;
    int i;

    CHECK(json_rig_init(&rig, "id int8 key,v timestamp null", DK_COPY_VALUE, true, NULL));
    for (i = 0; i < 200; i++) {
        snprintf(text, sizeof text,
                 "{\"schema\":{\"type\":\"struct\",\"doc\":\"%d\",\"fields\":[" ID
                 ",{\"type\":\"int64\",\"name\":\"%s\",\"field\":\"v\"}]},\"payload\":{\"id\":1,\"v\":%s}}",
                 i * 7 % 40, types[i * 7 % 2], i * 7 % 2 == 0 ? "946684800001" : "946684800001000");
        json_rig_row(&rig, text, "1|1000");
    }
    count = dk_test_alloc_count();
    for (i = 0; i < 100; i++)
        json_rig_row(&rig, text, "1|1000");
    CHECK_EQ(dk_test_alloc_count(), count);
    json_rig_fini(&rig);
}

DK_TEST_FAULT(json_schema_without_memory)
{
    static const char text[] = WRAP(STRUCT(FIELD("\\u0069d", "int64", "")), "{\"id\":1}");
    json_rig r;
    int i;

    if (!json_rig_init(&r, "id int8 key", DK_COPY_VALUE, true, NULL))
        goto out;
    for (i = 0; i < 2; i++) {
        r.out.st = DK_OK;
        if (NOMEM_ERR(json_rig_read(&r, (dk_slice){(const uint8_t *)text, sizeof text - 1}), &r.err))
            continue;
        CHECK_STR(r.text, "1");
    }
out:
    json_rig_fini(&r);
}
