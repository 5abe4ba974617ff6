/* SPDX-License-Identifier: MIT
 *
 * Tests of src/base/topic_name.c.
 */
#include "base/internal.h"
#include "dk_test.h"

DK_TEST(topic_name_of_every_byte)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    for (int c = 1; c < 256; c++) {
        char name[] = {'x', (char)c, '\0'};

        CHECK_EQ(dk__is_topic_name(name), strchr(good, c) != NULL);
        CHECK_EQ(dk__is_topic_char((char)c), strchr(good, c) != NULL);
    }
    CHECK(!dk__is_topic_char('\0'));
}

DK_TEST(topic_name_length_and_dots)
{
    char longest[DK__TOPIC_NAME_MAX + 2];

    memset(longest, 'x', sizeof longest);
    longest[DK__TOPIC_NAME_MAX + 1] = '\0';
    CHECK(!dk__is_topic_name(longest));
    longest[DK__TOPIC_NAME_MAX] = '\0';
    CHECK(dk__is_topic_name(longest));
    CHECK(!dk__is_topic_name(NULL));
    CHECK(!dk__is_topic_name(""));
    CHECK(!dk__is_topic_name("."));
    CHECK(!dk__is_topic_name(".."));
    CHECK(dk__is_topic_name("..."));
    CHECK(dk__is_topic_name("a"));
}
