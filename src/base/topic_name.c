/* SPDX-License-Identifier: MIT
 *
 * What Kafka takes as a topic's name: the one place that knows. Here, because both who makes topics and who makes up
 * names of topics asks.
 */
#include "base/internal.h"

bool
dk__is_topic_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool
dk__is_topic_name(const char *name)
{
    size_t n = 0;

    if (name == NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    while (n <= DK__TOPIC_NAME_MAX && dk__is_topic_char(name[n]))
        n++;
    return n >= 1 && n <= DK__TOPIC_NAME_MAX && name[n] == '\0';
}
