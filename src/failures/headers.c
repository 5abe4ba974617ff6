/* SPDX-License-Identifier: MIT
 *
 * What is written on the copy of a failed message: its own headers, and those of the retry or of the dead letter.
 */
#include <stdio.h>

#include "base/internal.h"
#include "dk/route.h"

/* Header names: the original library's, and those that keep what its copies lose. */
static const char retry_message[] = "RETRY_MESSAGE";
static const char retry_timestamp[] = "RETRY_TIMESTAMP";
static const char retry_attempt[] = "RETRY_ATTEMPT";
static const char *const retry_origin[] = {"RETRY_ORIGIN_TOPIC", "RETRY_ORIGIN_PARTITION", "RETRY_ORIGIN_OFFSET",
                                           "RETRY_ORIGIN_TIMESTAMP"};
static const char dead_message[] = "DEAD_LETTER_MESSAGE";
static const char dead_summary[] = "DEAD_LETTER_SUMMARY";
static const char dead_exception[] = "DEAD_LETTER_EXCEPTION";
static const char dead_detail[] = "DEAD_LETTER_DETAIL";
static const char *const dead_place[] = {"DEAD_LETTER_MESSAGE_TOPIC", "DEAD_LETTER_MESSAGE_PARTITION",
                                         "DEAD_LETTER_MESSAGE_OFFSET"};
static const char *const dead_origin[] = {"DEAD_LETTER_ORIGIN_TOPIC", "DEAD_LETTER_ORIGIN_PARTITION",
                                          "DEAD_LETTER_ORIGIN_OFFSET", "DEAD_LETTER_ORIGIN_TIMESTAMP"};

/* What the tool for dead letters writes on its own records. No copy carries it: it would pass for one of them. */
static const char dead_mark[] = "DEAD_LETTER_REPLAYED";

enum { OWN_HEADERS = 12 }; /* most that we add */

typedef enum number_slot {
    N_PARTITION,
    N_OFFSET,
    N_ORIGIN_PARTITION,
    N_ORIGIN_OFFSET,
    N_ORIGIN_TIMESTAMP,
    N_DUE,
    N_ATTEMPT,
    N_SLOTS
} number_slot;

_Static_assert(sizeof((dk_route_headers){0}.numbers) == N_SLOTS * 24, "a place for each number");

/* ---- the list -------------------------------------------------------------------------------------------------- */

void
dk_route_headers_init(dk_route_headers *list, const dk_alloc *alloc)
{
    *list = (dk_route_headers){.alloc = alloc};
}

void
dk_route_headers_fini(dk_route_headers *list)
{
    dk__free(list->alloc, list->items);
    dk_route_headers_init(list, list->alloc);
}

/* Room for the headers of the source and ours. */
static dk_status
make_room(dk_route_headers *list, size_t n_source)
{
    size_t n = n_source + OWN_HEADERS;
    void *p;

    list->len = 0;
    if (n <= list->cap)
        return DK_OK;
    p = dk__realloc(list->alloc, list->items, n, sizeof *list->items);
    if (p == NULL)
        return DK_ENOMEM;
    list->items = p;
    list->cap = n;
    return DK_OK;
}

static void
add(dk_route_headers *list, const char *name, dk_slice value)
{
    assert(list->len < list->cap);
    if (value.p != NULL)
        list->items[list->len++] = (dk_header){name, value};
}

static dk_slice
text_slice(const char *s)
{
    return (dk_slice){(const uint8_t *)s, strlen(s)};
}

static dk_slice
number_slice(dk_route_headers *list, number_slot slot, int64_t n)
{
    snprintf(list->numbers[slot], sizeof list->numbers[slot], "%lld", (long long)n);
    return text_slice(list->numbers[slot]);
}

/* Seconds since 1970 with at least one digit behind the point, as Python writes a float. */
static dk_slice
seconds_slice(dk_route_headers *list, int64_t ms)
{
    char *text = list->numbers[N_DUE];
    size_t n;

    if (ms < 0)
        ms = 0;
    snprintf(text, sizeof list->numbers[N_DUE], "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
    for (n = strlen(text); text[n - 1] == '0' && text[n - 2] != '.'; n--)
        text[n - 1] = '\0';
    return text_slice(text);
}

static const dk_header *
find(const dk_header *headers, size_t n, const char *name)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (strcmp(headers[i].name, name) == 0)
            return &headers[i];
    return NULL;
}

static dk_slice
value_of(const dk_header *headers, size_t n, const char *name)
{
    const dk_header *h = find(headers, n, name);

    return h != NULL ? h->value : (dk_slice){NULL, 0};
}

static bool
is_one_of(const char *name, const char *const *names, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool
is_retry_header(const char *name)
{
    if (strncmp(name, "RETRY_", 6) != 0)
        return false;
    return strcmp(name, retry_message) == 0 || strcmp(name, retry_timestamp) == 0 ||
           strcmp(name, retry_attempt) == 0 || is_one_of(name, retry_origin, 4);
}

static bool
is_dead_header(const char *name)
{
    if (strncmp(name, "DEAD_LETTER_", 12) != 0)
        return false;
    return strcmp(name, dead_message) == 0 || strcmp(name, dead_summary) == 0 || strcmp(name, dead_exception) == 0 ||
           strcmp(name, dead_detail) == 0 || is_one_of(name, dead_place, 3) || is_one_of(name, dead_origin, 4);
}

static void
add_source(dk_route_headers *list, const dk_route_source *source, bool dead)
{
    const dk_header *h;
    size_t i;

    for (i = 0; i < source->n_headers; i++) {
        h = &source->headers[i];
        if (!is_retry_header(h->name) && strcmp(h->name, dead_mark) != 0 && !(dead && is_dead_header(h->name)))
            list->items[list->len++] = *h; /* null values too */
    }
}

/* Where the message was before it failed for the first time. The original library's retry topics tell no more of it
 * than the topic, in their names. */
static void
add_origin(dk_route_headers *list, const dk_route_names *names, const dk_route_source *source, const char *const *own)
{
    const dk_header *headers = source->headers;
    size_t n = source->n_headers, i;
    dk_slice topic;

    if (dk_route_retry_number(names, source->topic) < 0) {
        add(list, own[0], text_slice(source->topic));
        add(list, own[1], number_slice(list, N_ORIGIN_PARTITION, source->partition));
        add(list, own[2], number_slice(list, N_ORIGIN_OFFSET, source->offset));
        if (source->timestamp >= 0)
            add(list, own[3], number_slice(list, N_ORIGIN_TIMESTAMP, source->timestamp));
        return;
    }
    topic = value_of(headers, n, retry_origin[0]);
    add(list, own[0], topic.p != NULL ? topic : dk_route_origin_topic(names, source->topic));
    for (i = 1; i < 4; i++)
        add(list, own[i], value_of(headers, n, retry_origin[i]));
}

/* ---- the two kinds --------------------------------------------------------------------------------------------- */

dk_status
dk_route_retry_headers(dk_route_headers *list, const dk_route_names *names, const dk_route_source *source,
                       dk_slice summary, int32_t attempt, int64_t due_ms, dk_error *err)
{
    if (make_room(list, source->n_headers) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "headers of a retry");
    add_source(list, source, false);
    add(list, retry_message, summary);
    add(list, retry_timestamp, seconds_slice(list, due_ms));
    add(list, retry_attempt, number_slice(list, N_ATTEMPT, attempt));
    add_origin(list, names, source, retry_origin);
    return DK_OK;
}

dk_status
dk_route_dead_headers(dk_route_headers *list, const dk_route_names *names, const dk_route_source *source,
                      const dk_route_failure *why, dk_error *err)
{
    if (make_room(list, source->n_headers) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "headers of a dead letter");
    add_source(list, source, true);
    add(list, dead_message, why->summary);
    add(list, dead_summary, why->summary);
    add(list, dead_place[0], text_slice(source->topic));
    add(list, dead_place[1], number_slice(list, N_PARTITION, source->partition));
    add(list, dead_place[2], number_slice(list, N_OFFSET, source->offset));
    add(list, dead_exception, why->exception);
    add_origin(list, names, source, dead_origin);
    add(list, dead_detail, why->detail);
    return DK_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* Skip white space, as Python's int() does. */
static size_t
skip_space(dk_slice s, size_t i)
{
    while (i < s.n && (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r')))
        i++;
    return i;
}

int32_t
dk_route_attempts(const dk_route_names *names, const char *topic, const dk_header *headers, size_t n)
{
    int32_t number = dk_route_retry_number(names, topic), attempt = 0;
    dk_slice s = value_of(headers, n, retry_attempt);
    size_t i;

    if (number < 0)
        return 0;
    for (i = skip_space(s, 0); i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        if (attempt > (INT32_MAX - 9) / 10)
            return number;
        attempt = attempt * 10 + (s.p[i] - '0');
    }
    return skip_space(s, i) == s.n && attempt > number ? attempt : number;
}
