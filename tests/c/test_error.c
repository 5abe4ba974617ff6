/* SPDX-License-Identifier: MIT
 *
 * Tests of src/base/error.c.
 */
#include "base/internal.h"
#include "dk_test.h"

DK_TEST(error_status_names)
{
    CHECK_STR(dk_status_name(DK_OK), "OK");
    CHECK_STR(dk_status_text(DK_OK), "success");
    CHECK_STR(dk_status_name(DK_ETIMEOUT), "ETIMEOUT");
    CHECK_STR(dk_status_text(DK_ETIMEOUT), "timed out");
#define XX(name, value, text)                                                                                        \
    CHECK_EQ(DK_##name, value);                                                                                      \
    CHECK_STR(dk_status_name(DK_##name), #name);                                                                     \
    CHECK_STR(dk_status_text(DK_##name), text);
    DK_STATUS_MAP(XX)
#undef XX
    CHECK_STR(dk_status_name((dk_status)-77), "UNKNOWN");
    CHECK_STR(dk_status_text((dk_status)-77), "unknown status");
}

DK_TEST(error_classes)
{
    CHECK(dk_is_record_error(DK_EWIRE) && dk_is_record_error(DK_EAVRO) && !dk_is_record_error(DK_ETIMEOUT));
    CHECK(dk_is_transient(DK_ETIMEOUT) && dk_is_transient(DK_ESTOPPED) && !dk_is_transient(DK_EKAFKA));
    CHECK(dk_is_fatal(DK_ENOMEM) && dk_is_fatal(DK_ELIBRARY) && !dk_is_fatal(DK_EKAFKA) && !dk_is_fatal(DK_OK));
}

DK_TEST(error_version)
{
    CHECK_STR(dk_version(), DK_VERSION);
}

DK_TEST(error_set_fills_everything)
{
    dk_error err;

    memset(&err, 0x5A, sizeof err);
    CHECK_STATUS(dk__error_set(&err, DK_ECONFIG, "key %s is %d", "linger.ms", 7), DK_ECONFIG);
    CHECK_EQ(err.code, DK_ECONFIG);
    CHECK_STR(err.text, "key linger.ms is 7");
    CHECK_STR(err.path, "");
    CHECK_EQ(err.kafka, 0);
    CHECK_EQ(err.pos, 0);
    CHECK(!err.retriable && !err.fatal);
}

DK_TEST(error_null_is_fine)
{
    CHECK_STATUS(dk__error_set(NULL, DK_EINVAL, "nobody reads %s", "this"), DK_EINVAL);
    dk__error_clear(NULL);
}

DK_TEST(error_clear)
{
    dk_error err;

    memset(&err, 0x5A, sizeof err);
    dk__error_clear(&err);
    CHECK_EQ(err.code, DK_OK);
    CHECK_STR(err.text, "");
    CHECK_STR(err.path, "");
    CHECK(!err.retriable && !err.fatal);
}

DK_TEST(error_long_text_is_cut)
{
    char text[2000];
    dk_error err;

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    CHECK_STATUS(dk__error_set(&err, DK_EINVAL, "%s", text), DK_EINVAL);
    CHECK_EQ(strlen(err.text), sizeof err.text - 1);
}

/* A character of 1 to 4 bytes at each position of the border is kept whole or dropped whole. */
DK_TEST(error_cut_keeps_characters_whole)
{
    static const char *const characters[] = {"y", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x90\x98"};
    char text[1000];
    dk_error err;
    size_t c, pad, n, end, want;

    for (c = 0; c < 4; c++) {
        n = c + 1;
        for (pad = 500; pad < 515; pad++) {
            memset(text, 'x', pad);
            memcpy(text + pad, characters[c], n + 1);
            memset(text + pad + n, 'z', 100);
            text[pad + n + 100] = '\0';
            CHECK_STATUS(dk__error_set(&err, DK_EINVAL, "%s", text), DK_EINVAL);
            end = sizeof err.text - 1;
            want = pad < end && pad + n > end ? pad : end;
            CHECK_EQ(strlen(err.text), want);
            CHECK_MEM(err.text, want, text, want);
        }
    }
}

/* Bytes that are no UTF-8 at all do not make it run away. */
DK_TEST(error_cut_of_garbage)
{
    char text[1000];
    dk_error err;

    memset(text, 0x80, sizeof text);
    text[sizeof text - 1] = '\0';
    CHECK_STATUS(dk__error_set(&err, DK_EINVAL, "%s", text), DK_EINVAL);
    CHECK(strlen(err.text) >= sizeof err.text - 5);
}
