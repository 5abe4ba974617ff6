/* SPDX-License-Identifier: MIT
 *
 * Values of JSON without a schema, as their columns say.
 */
#include "json_rig.h"

/* A column of one type, besides the key, and one value for it. */
static json_rig rig;

static void
begin(const char *type)
{
    char columns[64];

    snprintf(columns, sizeof columns, "id int4 key,v %s", type);
    CHECK(json_rig_init(&rig, columns, DK_COPY_VALUE, true, NULL));
}

static const char *
with(const char *value)
{
    static char text[4096];

    snprintf(text, sizeof text, "{\"id\":1,\"v\":%s}", value);
    return text;
}

static void
takes(const char *value, const char *field)
{
    char fields[1024];

    snprintf(fields, sizeof fields, "1|%s", field);
    json_rig_row(&rig, with(value), fields);
}

static void
refuses(const char *value, const char *why)
{
    json_rig_refused(&rig, with(value), "v", why);
}

static void
leaves(const char *value, const char *why)
{
    json_rig_odd(&rig, with(value), "v", why);
}

static void
end(void)
{
    json_rig_fini(&rig);
}

DK_TEST(json_cell_integers)
{
    begin("int4 null");
    takes("-2147483648", "-2147483648");
    takes("-0", "0");
    takes("null", "null");
    refuses("2147483648", "out of range");
    refuses("99999999999999999999", "out of range");
    leaves("1.5", "no integer");
    leaves("1e400", "no integer");
    leaves("{}", "an object or array");
    end();
    begin("int8");
    takes("9223372036854775807", "9223372036854775807");
    refuses("9223372036854775808", "out of range");
    refuses("null", "null");
    end();
}

DK_TEST(json_cell_numbers)
{
    begin("float8");
    takes("1.0E300", "1.0000000000000001e+300");
    takes("-0", "0");
    takes("-0.0", "-0");
    takes("12345678901234567890", "1.2345678901234567e+19");
    takes("\"NaN\"", "nan");
    takes("\"-Infinity\"", "-inf");
    leaves("1e400", "beyond those of double precision");
    end();
    begin("float4");
    takes("1.1", "1.10000002");
    refuses("1e300", "out of range");
    end();
    begin("numeric");
    takes("123456789012345678901234567890.123456789", "12 3456 7890 1234 5678 9012 3456 7890 1234 5678 9000e7.9");
    takes("1.10", "1 1000e0.2");
    takes("1e3", "1000e0.0");
    takes("{\"scale\":2,\"value\":\"B88=\"}", "19 9900e0.2");
    takes("{\"value\":\"/w==\",\"scale\":-3}", "-1000e0.0");
    refuses("{\"scale\":2,\"value\":\"*\"}", "base64");
    leaves("{\"scale\":2}", "scale and a value");
    leaves("{\"scale\":2,\"value\":\"B88=\",\"x\":1}", "scale and a value");
    leaves("{\"scale\":99999999999,\"value\":\"B88=\"}", "scale and a value");
    end();
}

DK_TEST(json_cell_forms)
{
    begin("numeric(12,2)");
    takes("\"19.99\"", "19 9900e0.2");
    refuses("\"B88=\"", "number");
    end();
    begin("numeric(12,2) base64");
    takes("\"B88=\"", "19 9900e0.2");
    takes("19.99", "19 9900e0.2");
    takes("7", "7e0.2");
    refuses("\"19.99\"", "base64");
    end();
    begin("bytea");
    takes("\"AP8Q\"", "00ff10");
    takes("\"\"", "");
    leaves("\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"", "has not sent");
    refuses("\"A\"", "base64");
    end();
    begin("bytea hex");
    takes("\"00ff10\"", "00ff10");
    leaves("\"5f5f646562657a69756d5f756e617661696c61626c655f76616c7565\"", "has not sent");
    end();
}

DK_TEST(json_cell_times)
{
    begin("date");
    takes("10957", "0"); /* of PostgreSQL, which counts from 2000 */
    takes("\"2000-01-02\"", "1");
    end();
    begin("timestamp");
    takes("946684800000001", "1");
    end();
    begin("timestamp millis");
    takes("946684800001", "1000");
    end();
    begin("timestamptz");
    takes("\"2000-01-01T00:00:00.000001Z\"", "1");
    end();
    begin("time");
    takes("86400000000", "86400000000");
    end();
    begin("bool");
    takes("true", "true");
    takes("0", "false");
    refuses("2", "neither 0 nor 1");
    end();
}

DK_TEST(json_cell_texts)
{
    begin("text null");
    takes("\"a\\\"\\uD83D\\uDE00\"", "a\"\xF0\x9F\x98\x80");
    takes("12", "12");
    refuses("\"\\ud83d\"", "half a surrogate pair");
    refuses("\"a\\u0000\"", "NUL");
    leaves("\"__debezium_unavailable_value\"", "has not sent");
    leaves("\"\\u005f_debezium_unavailable_value\"", "has not sent");
    leaves("1.50", "no integer");
    leaves("true", "a boolean");
    leaves("{\"a\":1}", "an object or array");
    leaves("[1]", "an object or array");
    end();
    begin("varchar(3)");
    takes("\"\xC3\xA9\xC3\xA9\xC3\xA9\"", "\xC3\xA9\xC3\xA9\xC3\xA9");
    refuses("\"abcd\"", "too long");
    end();
    begin("uuid");
    takes("\"9b2e4f3a-0a4c-4f0e-8d55-6c1f0d1e2a3b\"", "9b2e4f3a0a4c4f0e8d556c1f0d1e2a3b");
    end();
}

DK_TEST(json_cell_documents)
{
    begin("jsonb null");
    takes("{\"b\" : 1,  \"b\":1e10}", "{\"b\" : 1,  \"b\":1e10}");
    takes("[1,\"\\u00e9\"]", "[1,\"\\u00e9\"]");
    takes("12345678901234567890.10", "12345678901234567890.10");
    takes("true", "true");
    takes("null", "null");
    takes("\"{\\\"a\\\": [1]}\"", "{\"a\": [1]}");
    takes("\"no JSON\"", "\"no JSON\"");
    refuses("{\"a\":\"\\u0000\"}", "U+0000");
    refuses("[1e200000]", "numeric");
    refuses("9e200000", "numeric");
    refuses("[\"\\udc00\"]", "half a surrogate pair");
    leaves("\"__debezium_unavailable_value\"", "has not sent");
    end();
    begin("json");
    takes("{\"a\":\"\\u0000\", \"a\":1e200000}", "{\"a\":\"\\u0000\", \"a\":1e200000}");
    end();
}

DK_TEST(json_cell_hstore)
{
    begin("text hstore");
    takes("{\"a\":\"1\",\"b\":null}", "\"a\"=>\"1\",\"b\"=>NULL");
    takes("\"{\\\"a\\\": \\\"1\\\"}\"", "\"a\"=>\"1\"");
    takes("{}", "");
    leaves("{\"a\":1}", "");
    leaves("{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}", "has not sent");
    end();
}

DK_TEST(json_cell_arrays)
{
    begin("int4[] null");
    takes("[1,null,-3]", "[1,null,-3]");
    takes("[]", "[]");
    takes("null", "null");
    refuses("[2147483648]", "out of range");
    leaves("[[1]]", "an object or array");
    leaves("1", "array");
    leaves("\"{1}\"", "another kind");
    leaves("[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]",
           "has not sent");
    end();
    begin("int4[][] null");
    takes("[[1,2,3],[4,null,-6]]", "[2x3:1,2,3,4,null,-6]");
    takes("[[7]]", "[1x1:7]");
    takes("[]", "[]");
    takes("null", "null");
    leaves("[[1],[2,3]]", "lists of different lengths");
    leaves("[[1,2],[3]]", "lists of different lengths");
    leaves("[[1],null]", "lists of different lengths");
    leaves("[null]", "lists of different lengths");
    leaves("[[]]", "lists of different lengths");
    leaves("[[1],[]]", "lists of different lengths");
    leaves("[1]", "array");
    leaves("[[[1]]]", "an object or array");
    refuses("[[1],[2147483648]]", "out of range");
    end();
    begin("text[][][]");
    takes("[[[\"a\"],[null]],[[\"\"],[\"long enough\"]],[[\"b\"],[\"c\"]]]", "[3x2x1:a,null,,long enough,b,c]");
    leaves("[[[\"a\"],[null]],[[\"\"]]]", "lists of different lengths");
    leaves("[[[\"a\",\"b\"],[null,null]],[[\"\"],[\"\"]]]", "lists of different lengths");
    end();
    begin("int4range[]");
    takes("[\"[1,5]\",null,\"empty\"]", "[02 1 6,null,01]");
    leaves("[[1,5]]", "an object or array");
    end();
    begin("text[]");
    takes("[ \"a\" , \"\\u0062 c\",null ]", "[a,b c,null]");
    leaves("[\"__debezium_unavailable_value\"]", "has not sent");
    end();
    begin("numeric(10,2)[] base64");
    takes("[\"B88=\",1.5]", "[19 9900e0.2,1 5000e0.2]");
    end();
}
