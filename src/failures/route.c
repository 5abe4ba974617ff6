/* SPDX-License-Identifier: MIT
 *
 * Names of retry and dead-letter topics. What is written on the messages is in headers.c.
 */
#include "dk/route.h"

#include <stdio.h>

#include "base/internal.h"

_Static_assert(DK_TOPIC_SIZE == DK__TOPIC_NAME_MAX + 1, "a name and its NUL");

enum { NUMBER_DIGITS = 9 }; /* more is not a number of ours */

dk_status
dk_route_check_topic(const char *name, dk_error *err)
{
    const char *p;

    if (dk__is_topic_name(name))
        return DK_OK;
    if (name == NULL || name[0] == '\0')
        return dk__error_set(err, DK_ECONFIG, "a topic name must not be empty");
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return dk__error_set(err, DK_ECONFIG, "\"%s\" is not a topic name", name);
    for (p = name; *p != '\0'; p++)
        if (!dk__is_topic_char(*p))
            return dk__error_set(
                err, DK_ECONFIG,
                "\"%s\" is not a topic name: letters, digits, '.', '_' and '-' are allowed, byte %zu is "
                "something else",
                name, (size_t)(p - name));
    return dk__error_set(err, DK_ECONFIG,
                         "\"%.60s...\" is not a topic name: it is %zu characters long, %d are allowed", name,
                         (size_t)(p - name), DK__TOPIC_NAME_MAX);
}

/* A retry topic taken apart. */
typedef struct parts {
    dk_slice origin;
    int32_t number; /* -1: it is not one */
} parts;

/* Drop text from the end of the first *len bytes of s, if it is there and something is left before it. */
static bool
drop_end(const char *s, size_t *len, const char *text)
{
    size_t n = strlen(text);

    if (*len <= n || memcmp(s + *len - n, text, n) != 0)
        return false;
    *len -= n;
    return true;
}

static parts
take_apart(const dk_route_names *names, const char *topic)
{
    size_t len = strlen(topic), group = strlen(names->group), digits = 0;
    parts whole = {{(const uint8_t *)topic, len}, -1};
    int32_t number = 0, scale = 1;

    while (len > 0 && topic[len - 1] >= '0' && topic[len - 1] <= '9') {
        if (++digits > NUMBER_DIGITS)
            return whole;
        number += (topic[--len] - '0') * scale;
        scale *= digits < NUMBER_DIGITS ? 10 : 0;
    }
    if (digits == 0 || !drop_end(topic, &len, ".") || !drop_end(topic, &len, names->retry_suffix) ||
        !drop_end(topic, &len, "."))
        return whole;
    if (len < group + 2 || memcmp(topic, names->group, group) != 0 || topic[group] != '.')
        return whole;
    return (parts){{(const uint8_t *)topic + group + 1, len - group - 1}, number};
}

int32_t
dk_route_retry_number(const dk_route_names *names, const char *topic)
{
    return take_apart(names, topic).number;
}

dk_slice
dk_route_origin_topic(const dk_route_names *names, const char *topic)
{
    return take_apart(names, topic).origin;
}

/* Say which part of a composed name Kafka would refuse. */
static dk_status
check_parts(const dk_route_names *names, dk_slice origin, const char *suffix, dk_error *err)
{
    size_t length = strlen(names->group) + origin.n + strlen(suffix) + 2;
    const char *p;

    for (p = names->group; *p != '\0'; p++)
        if (!dk__is_topic_char(*p))
            return dk__error_set(
                err, DK_ECONFIG,
                "group.id \"%s\" cannot be part of a topic name, which its retry and dead-letter topics "
                "need: letters, digits, '.', '_' and '-' are allowed",
                names->group);
    for (p = suffix; *p != '\0'; p++)
        if (!dk__is_topic_char(*p))
            return dk__error_set(err, DK_ECONFIG,
                                 "topic suffix \"%s\": letters, digits, '.', '_' and '-' are allowed", suffix);
    return dk__error_set(
        err, DK_ECONFIG,
        "group.id \"%.80s\" and topic \"%.*s\" are too long: a topic \"<group>.<topic>.%.40s\" would have "
        "%zu characters, Kafka allows %d",
        names->group, (int)(origin.n < 80 ? origin.n : 80), (const char *)origin.p, suffix, length,
        DK_TOPIC_SIZE - 1);
}

/* "<group>.<origin>.<suffix>" */
static dk_status
compose(const dk_route_names *names, dk_slice origin, const char *suffix, char out[DK_TOPIC_SIZE], dk_error *err)
{
    int n;

    if (names->group[0] == '\0')
        return dk__error_set(err, DK_ECONFIG,
                             "group.id must not be empty: retry and dead-letter topics are named after it");
    n = snprintf(out, DK_TOPIC_SIZE, "%s.%.*s.%s", names->group, (int)origin.n, (const char *)origin.p, suffix);
    if (n > 0 && n < DK_TOPIC_SIZE && dk_route_check_topic(out, NULL) == DK_OK)
        return DK_OK;
    out[0] = '\0';
    return check_parts(names, origin, suffix, err);
}

dk_status
dk_route_retry_topic(const dk_route_names *names, const char *topic, bool again, char out[DK_TOPIC_SIZE],
                     dk_error *err)
{
    parts p = take_apart(names, topic);
    char suffix[DK_TOPIC_SIZE];
    int n;

    if (dk_route_check_topic(topic, err) != DK_OK)
        return DK_ECONFIG;
    if (again && p.number >= 0) {
        memcpy(out, topic, strlen(topic) + 1);
        return DK_OK;
    }
    n = snprintf(suffix, sizeof suffix, "%s.%ld", names->retry_suffix, p.number < 0 ? 1L : (long)p.number + 1);
    if (n < 0 || (size_t)n >= sizeof suffix)
        return dk__error_set(err, DK_ECONFIG, "topic suffix \"%.60s...\" is too long", names->retry_suffix);
    return compose(names, p.origin, suffix, out, err);
}

dk_status
dk_route_dead_topic(const dk_route_names *names, const char *topic, char out[DK_TOPIC_SIZE], dk_error *err)
{
    if (dk_route_check_topic(topic, err) != DK_OK)
        return DK_ECONFIG;
    return compose(names, take_apart(names, topic).origin, names->dead_suffix, out, err);
}
