/* SPDX-License-Identifier: MIT
 *
 * An event: what librdkafka's threads had to say, copied at once. It owns all of its memory, so it may outlive the
 * client.
 */
#include "kafka/client/event.h"

dk_event *
dk__event_new(const dk_alloc *alloc, dk_event_kind kind, size_t n, char **tail)
{
    dk_event *ev = n < SIZE_MAX / 2 ? dk__malloc(alloc, sizeof *ev + n) : NULL;

    if (ev == NULL)
        return NULL;
    *ev = (dk_event){.alloc = alloc, .kind = kind, .broker_id = -1, .fac = "", .text = ""};
    dk_partitions_init(&ev->parts, alloc);
    if (tail != NULL)
        *tail = (char *)(ev + 1);
    return ev;
}

char *
dk__event_put(char **tail, const void *bytes, size_t n)
{
    char *at = *tail;

    if (n > 0)
        memcpy(at, bytes, n);
    at[n] = '\0';
    *tail += n + 1;
    return at;
}

dk_event *
dk__event_new_text(const dk_alloc *alloc, dk_event_kind kind, const char *fac, const char *text)
{
    size_t n_fac = fac != NULL ? strlen(fac) : 0, n_text = text != NULL ? strlen(text) : 0;
    char *tail;
    dk_event *ev = dk__event_new(alloc, kind, n_fac + n_text + 2, &tail);

    if (ev == NULL)
        return NULL;
    ev->fac = dk__event_put(&tail, fac, n_fac);
    ev->text = dk__event_put(&tail, text, n_text);
    ev->n_text = n_text;
    return ev;
}

void
dk_event_free(dk_event *ev)
{
    if (ev == NULL)
        return;
    if (ev->drop != NULL)
        ev->drop(ev);
    dk_partitions_fini(&ev->parts);
    dk__free(ev->alloc, ev);
}

/* ---- accessors ------------------------------------------------------------------------------------------------- */

dk_event_kind
dk_event_kind_of(const dk_event *ev)
{
    return ev->kind;
}

int
dk_event_level(const dk_event *ev)
{
    return ev->level;
}

const char *
dk_event_fac(const dk_event *ev)
{
    return ev->fac;
}

const char *
dk_event_text(const dk_event *ev)
{
    return ev->text;
}

int
dk_event_kafka_err(const dk_event *ev)
{
    return ev->kafka_err;
}

bool
dk_event_fatal(const dk_event *ev)
{
    return ev->fatal;
}

int64_t
dk_event_value(const dk_event *ev)
{
    return ev->value;
}

int32_t
dk_event_broker_id(const dk_event *ev)
{
    return ev->broker_id;
}

const dk_partitions *
dk_event_partitions(const dk_event *ev)
{
    return &ev->parts;
}
