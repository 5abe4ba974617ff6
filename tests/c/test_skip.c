/* SPDX-License-Identifier: MIT
 *
 * Skipping, and the index of a record's fields on which lazy views stand.
 */
#include "avro_text.h"

DK_TEST(skip_indexes_fields_in_any_order)
{
    dk_avro_program *p =
        avro_program("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"},"
                     "{\"name\":\"b\",\"type\":{\"type\":\"array\",\"items\":\"long\"}},"
                     "{\"name\":\"c\",\"type\":[\"null\",\"double\"]},{\"name\":\"d\",\"type\":\"int\"}]}",
                     NULL);
    const dk_avro_code *c = dk_avro_program_code(p);
    /* "xy", [1, 2], 0.0, 5 */
    static const uint8_t bytes[] = {4, 'x', 'y', 4, 2, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 10};
    uint32_t offsets[5] = {0}, known = 1;
    dk_slice all = {bytes, sizeof bytes};
    dk_error err;

    CHECK_OK_ERR(dk_avro_index(c, &c->ops[c->root], all, NULL, offsets, &known, 2, &err), &err);
    CHECK_EQ(known, 3);
    CHECK_EQ(offsets[1], 3);
    CHECK_EQ(offsets[2], 7);
    CHECK_OK_ERR(dk_avro_index(c, &c->ops[c->root], all, NULL, offsets, &known, 1, &err), &err);
    CHECK_EQ(known, 3);
    CHECK_OK_ERR(dk_avro_index(c, &c->ops[c->root], all, NULL, offsets, &known, 4, &err), &err);
    CHECK_EQ(offsets[3], 16);
    CHECK_EQ(offsets[4], 17);
    CHECK_STATUS(dk_avro_index(c, &c->ops[c->root], all, NULL, offsets, &known, 5, &err), DK_EINVAL);
    known = 1;
    all.n = 10;
    CHECK_STATUS(dk_avro_index(c, &c->ops[c->root], all, NULL, offsets, &known, 3, &err), DK_EAVRO);
    CHECK_STR(err.path, "c");
    CHECK_EQ(err.pos, 8);
    CHECK_EQ(known, 3);
    dk_avro_program_unref(p);
}

/* Reader's fields in an order of their own, one removed, one added: the index goes by steps. */
DK_TEST(skip_indexes_resolved_records)
{
    dk_avro_program *p = avro_program(
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"string\"},"
        "{\"name\":\"b\",\"type\":\"int\"},{\"name\":\"c\",\"type\":\"int\"}]}",
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"z\",\"type\":\"int\",\"default\":1},"
        "{\"name\":\"c\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"string\"}]}");
    const dk_avro_code *c = dk_avro_program_code(p);
    uint32_t offsets[5] = {0}, known = 1, step = c->records[0].step_of[1];
    dk_error err;

    CHECK_OK_ERR(dk_avro_index(c, &c->ops[0], (dk_slice){(const uint8_t *)"\x02x\x08\x0a", 4}, NULL, offsets, &known,
                               step, &err),
                 &err);
    CHECK_EQ(offsets[step], 3);
    step = c->records[0].step_of[0];
    CHECK_OK_ERR(dk_avro_index(c, &c->ops[0], (dk_slice){(const uint8_t *)"\x02x\x08\x0a", 4}, NULL, offsets, &known,
                               step, &err),
                 &err);
    CHECK_EQ(c->ops[c->ops[0].a + step].code, DK_OP_DEFAULT);
    dk_avro_program_unref(p);
}

DK_TEST(skip_finds_the_end_of_one_value)
{
    dk_avro_program *p = avro_program("\"string\"", NULL);
    size_t used = 0;
    dk_error err;

    CHECK_OK_ERR(dk_avro_skip(p,
                              (dk_slice){(const uint8_t *)"\x04"
                                                          "abmore",
                                         7},
                              NULL, &used, &err),
                 &err);
    CHECK_EQ(used, 3);
    CHECK_STATUS(dk_avro_skip(NULL, (dk_slice){NULL, 0}, NULL, &used, &err), DK_EINVAL);
    dk_avro_program_unref(p);
}

DK_TEST(utf8_is_checked_to_the_letter)
{
    static const struct {
        const char *s;
        size_t n;
        bool valid;
    } cases[] = {
        {"", 0, true},
        {"\x7f", 1, true},
        {"\x80", 1, false},
        {"\xc1\xbf", 2, false},
        {"\xc2\x80", 2, true},
        {"\xdf\xbf", 2, true},
        {"\xe0\x9f\xbf", 3, false},
        {"\xe0\xa0\x80", 3, true},
        {"\xed\x9f\xbf", 3, true},
        {"\xed\xa0\x80", 3, false},
        {"\xef\xbf\xbf", 3, true},
        {"\xf0\x8f\xbf\xbf", 4, false},
        {"\xf0\x90\x80\x80", 4, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xf5\x80\x80\x80", 4, false},
        {"\xf0\x90\x80", 3, false},
        {"\xe2\x82\x41", 3, false},
        {"12345678\xff", 9, false},
        {"123456789", 9, true},
        {"1234567\xc3\xa9", 9, true},
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_EQ(dk_avro_utf8_valid((const uint8_t *)cases[i].s, cases[i].n), cases[i].valid);
}
