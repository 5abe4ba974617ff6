/* SPDX-License-Identifier: MIT
 *
 * Rows from JSON without a schema: which member goes where, deletions, envelopes, and what is left to others.
 */
#include <stdlib.h>

#include "json_rig.h"

#define SHOP "id int8 key, name text null, price numeric(10,2) null, paid bool null"

static const char *const extra[] = {"extra", "more"}, *const later[] = {"later"};

DK_TEST(json_reader_flat)
{
    json_rig r;

    CHECK(json_rig_init(&r, SHOP, DK_COPY_VALUE, true, NULL));
    json_rig_row(&r, "{\"id\":1,\"name\":\"x\",\"price\":19.99,\"paid\":true}", "1|x|19 9900e0.2|true");
    CHECK_EQ(r.row.key_end, 12);
    json_rig_row(&r, "{\"id\": 2, \"name\": null, \"price\": null, \"paid\": null}", "2|null|null|null");
    json_rig_row(&r, " {\n\"paid\" : false , \"price\":\"-0.5\",\"name\" :\"\",\"id\":-3 } \n",
                 "-3||-5000e-1.2|false");
    json_rig_row(&r, "{\"id\":1,\"name\":\"a\",\"price\":1,\"paid\":true,\"name\":\"b\"}", "1|b|1e0.2|true");
    json_rig_row(&r, "{\"\\u0069d\":1,\"na\\u006de\":\"\\u00e9\\n\",\"price\":1,\"paid\":true}",
                 "1|\xC3\xA9\n|1e0.2|true");
    json_rig_row(&r, "{\"id\":1,\"name\":\"x\",\"price\":19.99,\"paid\":true}", "1|x|19 9900e0.2|true");
    json_rig_fini(&r);
}

DK_TEST(json_reader_other_fields)
{
    dk_copy_json_options o = {.size = sizeof o, .ignored = extra, .nignored = 2, .refused = later, .nrefused = 1};
    json_rig r;

    CHECK(json_rig_init(&r, "id int8 key, name text null", DK_COPY_VALUE, true, &o));
    json_rig_row(&r, "{\"id\":1,\"extra\":[{\"id\":7}],\"name\":\"x\",\"more\":{}}", "1|x");
    json_rig_row(&r, "{\"__source_ts_ms\":1,\"id\":1,\"__op\":\"u\",\"name\":\"x\"}", "1|x");
    json_rig_odd(&r, "{\"id\":1,\"name\":\"x\",\"later\":1}", "later", "the plan refuses");
    json_rig_odd(&r, "{\"id\":1,\"name\":\"x\",\"n\xC3\xA9w\":1}", "n\xC3\xA9w", "no column takes");
    json_rig_odd(&r, "{\"id\":1,\"name\":\"x\",\"n\\ud800\":1}", "n\\ud800", "no column takes");
    json_rig_odd(&r, "{\"name\":\"x\"}", "id", "does not have");
    json_rig_odd(&r, "{\"id\":1}", "name", "does not have");
    json_rig_odd(&r, "{}", "id", "does not have");
    json_rig_fini(&r);
    o.ignore_others = true;
    CHECK(json_rig_init(&r, "id int8 key, name text null", DK_COPY_VALUE, true, &o));
    json_rig_row(&r, "{\"new\":[1],\"id\":1,\"\":2,\"name\":\"x\"}", "1|x");
    json_rig_row(&r, "{\"new\":[1],\"id\":1,\"\":2,\"name\":\"x\"}", "1|x");
    json_rig_row(&r, "{\"n\\ud800\":1,\"id\":1,\"name\":\"x\"}", "1|x");
    json_rig_odd(&r, "{\"id\":1,\"name\":\"x\",\"later\":1}", "later", "the plan refuses");
    json_rig_malformed(&r, "{\"id\":1,\"name\":\"x\",\"new\":}", "at byte 25");
    json_rig_fini(&r);
}

/* More strangers than are learned. */
DK_TEST(json_reader_many_others)
{
    dk_copy_json_options o = {.size = sizeof o, .ignore_others = true};
    char text[64];
    json_rig r;
    int i;

    CHECK(json_rig_init(&r, "id int8 key", DK_COPY_VALUE, true, &o));
    for (i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "{\"x%d\":{},\"id\":%d,\"y%d\":[]}", i % 1000, i, i % 1000);
        snprintf(r.text, sizeof r.text, "%d", i);
        CHECK_OK(json_rig_read(&r, (dk_slice){(const uint8_t *)text, strlen(text)}));
        CHECK_EQ(atoi(r.text), i);
    }
    json_rig_fini(&r);
}

DK_TEST(json_reader_null_and_others)
{
    json_rig r;

    CHECK(json_rig_init(&r, SHOP, DK_COPY_VALUE, true, NULL));
    CHECK_OK(json_rig_read(&r, (dk_slice){(const uint8_t *)"null", 4}));
    CHECK_EQ(r.found, DK__COPY_NULL);
    CHECK_EQ(r.out.n, 0);
    json_rig_odd(&r, "12", "", "no object");
    json_rig_odd(&r, "[]", "", "no object");
    json_rig_odd(&r, "\"{}\"", "", "no object");
    json_rig_malformed(&r, "", "no value");
    json_rig_malformed(&r, "nul", "unknown word");
    json_rig_malformed(&r, "null null", "behind the value");
    json_rig_malformed(&r, "{\"id\":1,\"name\":\"x\",\"price\":19.99,\"paid\":true}}", "behind the value");
    json_rig_malformed(&r, "{\"id\":1,\"name\":\"x\",\"price\":19.99,\"paid\":true", "neither a comma");
    json_rig_malformed(&r, "{\"id\":1,\"name\":\"x,\"price\":19.99,\"paid\":true}", "byte");
    json_rig_malformed(&r, "{\"id\":1,,\"name\":\"x\"}", "no name");
    json_rig_malformed(&r, "{\"id\":1,\"name\":\"\xFF\",\"price\":19.99,\"paid\":true}", "not UTF-8");
    json_rig_odd(&r, "{\"id\":1,\"name\":\"x\",\"price\":NaN,\"paid\":true}", "", "Python reads");
    json_rig_odd(&r, "\xEF\xBB\xBF{\"id\":1}", "", "Python reads");
    json_rig_fini(&r);
}

DK_TEST(json_reader_deleted)
{
    json_rig r;

    CHECK(json_rig_init(&r, "id int8 key, name text null", DK_COPY_VALUE, true, NULL));
    json_rig_gone(&r, "{\"id\":1,\"name\":\"\",\"__deleted\":\"true\",\"__op\":\"d\"}", "1");
    json_rig_gone(&r, "{\"id\":1,\"__deleted\":true}", "1");
    json_rig_gone(&r, "{\"id\":1,\"__deleted\":\"TRUE\"}", "1");
    json_rig_row(&r, "{\"id\":1,\"name\":\"x\",\"__deleted\":\"false\",\"__op\":\"c\"}", "1|x");
    json_rig_row(&r, "{\"id\":1,\"name\":\"x\",\"__deleted\":false}", "1|x");
    json_rig_row(&r, "{\"id\":1,\"name\":\"x\",\"__deleted\":null}", "1|x");
    json_rig_row(&r, "{\"id\":1,\"name\":\"x\",\"__deleted\":1}", "1|x");
    json_rig_odd(&r, "{\"id\":1,\"name\":\"x\",\"__op\":\"d\"}", "", "a deletion");
    json_rig_odd(&r, "{\"name\":\"x\",\"__deleted\":true}", "id", "does not have");
    json_rig_fini(&r);
    CHECK(json_rig_init(&r, "id int8 key, name text null", DK_COPY_VALUE, false, NULL));
    json_rig_gone(&r, "{\"name\":\"\",\"__deleted\":\"true\"}", "");
    json_rig_row(&r, "{\"id\":1,\"name\":\"x\",\"__deleted\":\"false\"}", "x");
    json_rig_fini(&r);
}

#define ROW(id, name) "{\"id\":" id ",\"name\":\"" name "\"}"
#define SOURCE "\"source\":{\"version\":\"3.6\",\"ts_ms\":1,\"op\":\"x\"},\"transaction\":null"
#define ENVELOPE(before, after, op)                                                                                  \
    "{\"before\":" before ",\"after\":" after "," SOURCE ",\"op\":\"" op "\",\"ts_ms\":1}"

DK_TEST(json_reader_envelope)
{
    json_rig r;
    int i;

    CHECK(json_rig_init(&r, "id int8 key, name text null", DK_COPY_VALUE, true, NULL));
    for (i = 0; i < 2; i++) { /* the second time, as the reader expects them */
        json_rig_row(&r, ENVELOPE("null", ROW("1", "x"), "c"), "1|x");
        json_rig_row(&r, ENVELOPE("null", ROW("1", "x"), "r"), "1|x");
        json_rig_row(&r, ENVELOPE(ROW("1", "x"), ROW("1", "y"), "u"), "1|y");
        json_rig_gone(&r, ENVELOPE(ROW("1", "x"), "null", "d"), "1");
        json_rig_odd(&r, ENVELOPE("null", "null", "d"), "", "was there before");
        json_rig_odd(&r, ENVELOPE(ROW("1", "x"), "null", "u"), "", "as it is now");
        json_rig_odd(&r, ENVELOPE("null", "null", "t"), "", "no change of a row");
        json_rig_odd(&r, "{\"op\":\"m\",\"ts_ms\":1,\"source\":{},\"message\":{\"prefix\":\"p\"},\"after\":null}", "",
                     "no change of a row");
        json_rig_odd(&r, ENVELOPE("null", "{\"id\":1,\"name\":\"x\",\"new\":1}", "c"), "new", "no column takes");
        json_rig_refused(&r, ENVELOPE("null", "{\"id\":null,\"name\":\"x\"}", "c"), "id", "null");
        json_rig_malformed(&r, "{\"before\":null,\"after\":{\"id\":1,\"name\":\"x\"},\"op\":\"c\"", "comma");
    }
    json_rig_row(&r, "{\"op\":\"c\",\"after\":" ROW("1", "x") ",\"before\":null}", "1|x");
    json_rig_row(&r, "{\"after\":" ROW("9", "z") ",\"op\":\"u\",\"after\":" ROW("1", "x") "}", "1|x");
    json_rig_row(&r, ROW("2", "flat"), "2|flat");
    json_rig_fini(&r);
    CHECK(json_rig_init(&r, "id int8 key, name text null", DK_COPY_VALUE, false, NULL));
    json_rig_row(&r, ENVELOPE("null", ROW("1", "x"), "c"), "x");
    json_rig_gone(&r, ENVELOPE("null", "null", "d"), "");
    json_rig_fini(&r);
}

/* A row is no envelope because a field is called as one of its. */
DK_TEST(json_reader_no_envelope)
{
    json_rig r;

    CHECK(json_rig_init(&r, "op text key, after jsonb, before text null", DK_COPY_VALUE, true, NULL));
    json_rig_row(&r, "{\"op\":\"c\",\"after\":{\"x\":1},\"before\":null}", "c|{\"x\":1}|null");
    json_rig_fini(&r);
    CHECK(json_rig_init(&r, "id int8 key, after text null", DK_COPY_VALUE, true, NULL));
    json_rig_row(&r, "{\"after\":\"x\",\"id\":1}", "1|x");
    json_rig_fini(&r);
}

/* What was learned of one message does not decide what the next one is. */
DK_TEST(json_reader_takes_back)
{
    dk_copy_json_options o = {.size = sizeof o, .ignore_others = true};
    json_rig r;
    int i;

    CHECK(json_rig_init(&r, "id int8 key, name text null", DK_COPY_VALUE, true, &o));
    for (i = 0; i < 2; i++) {
        json_rig_row(&r, ENVELOPE("null", ROW("1", "x"), "c"), "1|x");
        json_rig_row(&r, "{\"stranger\":1,\"after\":{\"id\":9},\"id\":2,\"name\":\"y\"}", "2|y");
        json_rig_row(&r, "{\"stranger\":1,\"after\":" ROW("1", "x") ",\"op\":\"u\"}", "1|x");
        json_rig_row(&r, "{\"schema\":{\"type\":\"struct\",\"fields\":[]},\"payload\":" ROW("1", "x") "}", "1|x");
        json_rig_row(&r,
                     "{\"schema\":{\"type\":\"struct\",\"fields\":[]},\"payload\":" ROW("9", "z") ",\"id\":2,"
                                                                                                  "\"name\":\"y\"}",
                     "2|y");
        json_rig_row(&r,
                     "{\"schema\":{\"type\":\"struct\",\"fields\":[]},\"payload\":" ROW("9", "z") ",\"payload\":" ROW(
                         "1", "x") "}",
                     "1|x");
    }
    json_rig_fini(&r);
}

DK_TEST(json_reader_keys)
{
    json_rig r;

    CHECK(json_rig_init(&r, "id int8 key, name text null", DK_COPY_KEY, false, NULL));
    json_rig_row(&r, "{\"id\":12}", "12");
    json_rig_row(&r, "12", "12");
    json_rig_odd(&r, "{\"id\":12,\"table\":\"x\"}", "table", "no column takes");
    json_rig_row(&r, "{\"__dbz__physicalTableIdentifier\":\"x\",\"id\":12}", "12");
    json_rig_refused(&r, "\"x\"", "id", "no integer");
    CHECK_OK(json_rig_read(&r, (dk_slice){(const uint8_t *)"null", 4}));
    CHECK_EQ(r.found, DK__COPY_NULL);
    json_rig_fini(&r);
    CHECK(json_rig_init(&r, "a text key, b int4 key, c text", DK_COPY_KEY, false, NULL));
    json_rig_row(&r, "{\"b\":1,\"a\":\"x\"}", "x|1");
    json_rig_odd(&r, "1", "", "no object");
    json_rig_odd(&r, "{\"b\":1}", "a", "does not have");
    json_rig_fini(&r);
}

DK_TEST_FAULT(json_reader_without_memory)
{
    static const char text[] = "{\"n\\u0065w\":1,\"id\":1,\"name\":\"a\\nb\",\"tags\":[\"a\",\"\\t\"]}";
    dk_copy_json_options o = {.size = sizeof o, .ignore_others = true};
    json_rig r;
    int i;

    if (!json_rig_init(&r, "id int8 key, name text, tags text[]", DK_COPY_VALUE, true, &o))
        goto out;
    for (i = 0; i < 2; i++) {
        r.out.st = DK_OK;
        if (NOMEM_ERR(json_rig_read(&r, (dk_slice){(const uint8_t *)text, sizeof text - 1}), &r.err))
            continue;
        CHECK_STR(r.text, "1|a\nb|[a,\t]");
    }
out:
    json_rig_fini(&r);
}
