/* SPDX-License-Identifier: MIT
 *
 * What is written on the copy of a failed message: its own headers, those of the retry or of the dead letter, and as
 * much of the traceback as fits.
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

enum {
    SUMMARY_MAX = 2000, /* of the exception's text */
    SHORTEST_CUT = 64,  /* less than this of a traceback says nothing: leave it out */
    OWN_HEADERS = 12,   /* most that we add */
    /* Kafka's message format 2: a batch header, and per record and header the longest forms of their varints. */
    BATCH_OVERHEAD = 61,
    RECORD_OVERHEAD = 36,
    HEADER_OVERHEAD = 10
};

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
    dk__free(list->alloc, list->text);
    dk_route_headers_init(list, list->alloc);
}

/* Room for the headers of the source and ours, and for so many bytes of cut text. */
static dk_status
make_room(dk_route_headers *list, size_t n_source, size_t text)
{
    size_t n = n_source + OWN_HEADERS;
    void *p;

    list->len = 0;
    list->text_len = 0;
    if (n > list->cap) {
        p = dk__realloc(list->alloc, list->items, n, sizeof *list->items);
        if (p == NULL)
            return DK_ENOMEM;
        list->items = p;
        list->cap = n;
    }
    if (text > list->text_cap) {
        p = dk__realloc(list->alloc, list->text, text, 1);
        if (p == NULL)
            return DK_ENOMEM;
        list->text = p;
        list->text_cap = text;
    }
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
        if (!is_retry_header(h->name) && !(dead && is_dead_header(h->name)))
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

/* ---- size and cutting ------------------------------------------------------------------------------------------ */

size_t
dk_route_record_size(dk_slice key, dk_slice value, const dk_header *headers, size_t n)
{
    size_t size = BATCH_OVERHEAD + RECORD_OVERHEAD + key.n + value.n, i;

    for (i = 0; i < n; i++)
        size += HEADER_OVERHEAD + strlen(headers[i].name) + headers[i].value.n;
    return size;
}

/* The longest prefix of at most n bytes that does not end in the middle of a UTF-8 character. */
static size_t
whole_prefix(dk_slice text, size_t n)
{
    size_t i;

    if (n >= text.n)
        return text.n;
    for (i = n; i > 0 && n - i < 4 && (text.p[i] & 0xC0) == 0x80;)
        i--;
    return (text.p[i] & 0xC0) == 0x80 ? n : i; /* not UTF-8 at all: cut anywhere */
}

/* The same for the end of the text: where the last n bytes begin, moved on to a character. */
static size_t
whole_suffix(dk_slice text, size_t n)
{
    size_t at = text.n - n, i;

    for (i = at; i < text.n && i - at < 4; i++)
        if ((text.p[i] & 0xC0) != 0x80)
            return i;
    return at;
}

static dk_slice
clip(dk_slice text, size_t max)
{
    return (dk_slice){text.p, whole_prefix(text, max)};
}

/* Both ends of a traceback say more than its middle. At most max bytes, written to the list's text; nothing if max is
 * too short to be of use. */
static dk_slice
cut_middle(dk_route_headers *list, dk_slice text, size_t max)
{
    char mark[48], *out = list->text;
    size_t n_mark, keep, head, tail;

    if (text.n <= max)
        return text;
    if (max < SHORTEST_CUT)
        return (dk_slice){NULL, 0};
    n_mark = (size_t)snprintf(mark, sizeof mark, "\n... %zu bytes cut ...\n", text.n);
    keep = max - n_mark; /* the number of bytes cut is shorter than that of all, or as long */
    head = whole_prefix(text, keep / 3);
    tail = whole_suffix(text, keep - keep / 3);
    n_mark = (size_t)snprintf(mark, sizeof mark, "\n... %zu bytes cut ...\n", tail - head);
    memcpy(out, text.p, head);
    memcpy(out + head, mark, n_mark);
    memcpy(out + head + n_mark, text.p + tail, text.n - tail);
    list->text_len = head + n_mark + text.n - tail;
    return (dk_slice){(const uint8_t *)out, list->text_len};
}

/* How many more bytes fit; SIZE_MAX without a limit, 0 if it is too large already. */
static size_t
room_left(const dk_route_headers *list, const dk_route_source *source, size_t max_bytes)
{
    size_t size = dk_route_record_size(source->key, source->value, list->items, list->len);

    if (max_bytes == 0)
        return SIZE_MAX;
    return size < max_bytes ? max_bytes - size : 0;
}

/* Shorten the exception's text, which count headers hold, until the record fits. */
static dk_status
cut_summary(dk_route_headers *list, const dk_route_source *source, const char *const *names, size_t count,
            size_t max_bytes, dk_error *err)
{
    size_t size = dk_route_record_size(source->key, source->value, list->items, list->len), over, i, j, each;
    dk_slice *value;

    if (max_bytes == 0 || size <= max_bytes)
        return DK_OK;
    over = size - max_bytes;
    each = (over + count - 1) / count;
    for (i = 0; i < list->len; i++)
        for (j = 0; j < count; j++)
            if (list->items[i].name == names[j]) {
                value = &list->items[i].value;
                *value = clip(*value, value->n > each ? value->n - each : 0);
            }
    size = dk_route_record_size(source->key, source->value, list->items, list->len);
    if (size <= max_bytes)
        return DK_OK;
    list->len = 0;
    return dk__error_set(
        err, DK_EINVAL,
        "a copy of the message at offset %lld of %.100s [%ld] takes up to %zu bytes with its headers, more "
        "than the %zu that are allowed, even without a traceback",
        (long long)source->offset, source->topic, (long)source->partition, size, max_bytes);
}

/* ---- the two kinds --------------------------------------------------------------------------------------------- */

dk_status
dk_route_retry_headers(dk_route_headers *list, const dk_route_names *names, const dk_route_source *source,
                       const dk_route_failure *why, int32_t attempt, int64_t due_ms, size_t max_bytes, dk_error *err)
{
    static const char *const summaries[] = {retry_message};

    if (make_room(list, source->n_headers, 0) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "headers of a retry");
    add_source(list, source, false);
    add(list, retry_message, clip(why->summary, SUMMARY_MAX));
    add(list, retry_timestamp, seconds_slice(list, due_ms));
    add(list, retry_attempt, number_slice(list, N_ATTEMPT, attempt));
    add_origin(list, names, source, retry_origin);
    return cut_summary(list, source, summaries, 1, max_bytes, err);
}

dk_status
dk_route_dead_headers(dk_route_headers *list, const dk_route_names *names, const dk_route_source *source,
                      const dk_route_failure *why, size_t max_bytes, dk_error *err)
{
    static const char *const summaries[] = {dead_message, dead_summary};
    dk_slice summary = clip(why->summary, SUMMARY_MAX);
    size_t own = HEADER_OVERHEAD + sizeof dead_detail - 1, left;
    size_t text = why->detail.n < max_bytes ? why->detail.n : max_bytes; /* what is cut is shorter than both */

    if (make_room(list, source->n_headers, text) != DK_OK)
        return dk__error_set(err, DK_ENOMEM, "headers of a dead letter");
    add_source(list, source, true);
    add(list, dead_message, summary);
    add(list, dead_summary, summary);
    add(list, dead_place[0], text_slice(source->topic));
    add(list, dead_place[1], number_slice(list, N_PARTITION, source->partition));
    add(list, dead_place[2], number_slice(list, N_OFFSET, source->offset));
    add(list, dead_exception, why->exception);
    add_origin(list, names, source, dead_origin);
    left = room_left(list, source, max_bytes);
    if (left > own)
        add(list, dead_detail, cut_middle(list, why->detail, left - own));
    return cut_summary(list, source, summaries, 2, max_bytes, err);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* Skip white space, as float() and int() of Python do. */
static size_t
skip_space(dk_slice s, size_t i)
{
    while (i < s.n && (s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r')))
        i++;
    return i;
}

int64_t
dk_route_due_ms(const dk_header *headers, size_t n)
{
    dk_slice s = value_of(headers, n, retry_timestamp);
    size_t i = skip_space(s, 0), digits = 0;
    int64_t ms = 0, scale = 100;
    bool more = false; /* something behind the milliseconds */

    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, digits++) {
        if (ms > INT64_MAX / 100000) /* no time that means anything */
            return -1;
        ms = ms * 10 + (s.p[i] - '0') * 1000;
    }
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, digits++) {
            ms += (s.p[i] - '0') * scale;
            more = more || (scale == 0 && s.p[i] != '0');
            scale /= 10;
        }
    if (digits == 0 || skip_space(s, i) != s.n)
        return -1;
    return more ? ms + 1 : ms;
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
