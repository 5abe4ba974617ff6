/* SPDX-License-Identifier: MIT
 *
 * Where in a value a failure was: the steps that lead to it, put in front of one another while it is handed up.
 */
#include <stdio.h>

#include "codec/internal.h"

static void
prepend(dk_error *err, const char *part, size_t n, bool dot)
{
    size_t old, room = sizeof err->path - 1;
    char buf[sizeof err->path];

    if (err == NULL)
        return;
    old = strlen(err->path);
    if (strncmp(err->path, "...", 3) == 0) /* already cut */
        return;
    dot = dot && old > 0 && err->path[0] != '[' && err->path[0] != '{';
    if (n + dot + old > room) {
        if (old + 3 > room)
            return;
        part = "...";
        n = 3;
        dot = false;
    }
    memcpy(buf, part, n);
    if (dot)
        buf[n++] = '.';
    memcpy(buf + n, err->path, old + 1);
    memcpy(err->path, buf, n + old + 1);
}

void
dk_avro_path_field(dk_error *err, const char *name)
{
    prepend(err, name, strlen(name), true);
}

void
dk_avro_path_index(dk_error *err, uint64_t index)
{
    char buf[32];
    int n = snprintf(buf, sizeof buf, "[%llu]", (unsigned long long)index);

    prepend(err, buf, (size_t)n, true);
}

void
dk_avro_path_key(dk_error *err, dk_slice key)
{
    char buf[48];
    size_t n = key.n < 32 ? key.n : 32, k = 0, i;

    buf[k++] = '[';
    buf[k++] = '"';
    while (n > 0 && n < key.n && (key.p[n] & 0xC0) == 0x80)
        n--; /* not in the middle of a character */
    for (i = 0; i < n; i++)
        buf[k++] = key.p[i] < 0x20 ? '?' : (char)key.p[i];
    if (!dk_avro_utf8_valid(key.p, n))
        k = 2; /* nothing that could be shown */
    memcpy(buf + k, n < key.n ? "...\"]" : "\"]", n < key.n ? 6 : 3);
    prepend(err, buf, strlen(buf), true);
}
