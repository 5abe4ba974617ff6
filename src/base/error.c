/* SPDX-License-Identifier: MIT
 *
 * Status names and texts, the version, and the filling of a caller's dk_error. Allocates nothing.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/internal.h"

const char *
dk_version(void)
{
    return DK_VERSION;
}

const char *
dk_status_name(dk_status st)
{
    switch (st) {
#define XX(name, value, text)                                                                                        \
    case DK_##name:                                                                                                  \
        return #name;
        DK_STATUS_MAP(XX)
#undef XX
    }
    return "UNKNOWN";
}

const char *
dk_status_text(dk_status st)
{
    switch (st) {
#define XX(name, value, text)                                                                                        \
    case DK_##name:                                                                                                  \
        return text;
        DK_STATUS_MAP(XX)
#undef XX
    }
    return "unknown status";
}

/* Drop a UTF-8 character that the end of the buffer cut in two: the text becomes a Python str. */
static void
trim_utf8(char *text, size_t len)
{
    size_t start = len;
    unsigned char lead;
    size_t want;

    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    lead = (unsigned char)text[--start];
    want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - start < want)
        text[start] = '\0';
}

void
dk__error_clear(dk_error *err)
{
    if (err == NULL)
        return;
    err->code = DK_OK;
    err->kafka = 0;
    err->retriable = false;
    err->fatal = false;
    err->txn_abort = false;
    err->pos = 0;
    err->path[0] = '\0';
    err->text[0] = '\0';
}

dk_status
dk__error_set(dk_error *err, dk_status st, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (err == NULL)
        return st;
    dk__error_clear(err);
    err->code = st;
    va_start(ap, fmt);
    n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    if (n < 0)
        err->text[0] = '\0';
    else if ((size_t)n >= sizeof err->text)
        trim_utf8(err->text, sizeof err->text - 1);
    return st;
}
