/* SPDX-License-Identifier: MIT
 *
 * Logical types, and whether they fit the type that they stand at; and Kafka Connect's names of more of them.
 */
#include <math.h>
#include <stdlib.h>

#include "codec/parse.h"

/* The most decimal digits that n bytes of two's complement always hold. */
static uint32_t
digits_of(uint32_t n)
{
    double d = floor(log10(2.0) * (8.0 * n - 1.0));

    return n == 0 ? 0 : d > 1e9 ? 1000000000u : (uint32_t)d;
}

static bool
parse_decimal(const json_t *j, dk__type *t)
{
    const json_t *scale = json_object_get(j, "scale");
    uint32_t s = 0, precision;

    if (t->kind != DK__BYTES && t->kind != DK__FIXED)
        return false;
    if (!dk__json_uint(json_object_get(j, "precision"), 1000000, &precision) || precision == 0)
        return false;
    if (scale != NULL && !json_is_null(scale) && !dk__json_uint(scale, UINT16_MAX, &s))
        return false;
    if (s > precision || (t->kind == DK__FIXED && precision > digits_of(t->size)))
        return false;
    t->precision = precision;
    t->scale = s;
    return true;
}

static bool
logical_fits(dk_avro_logical l, const json_t *j, dk__type *t)
{
    switch (l) {
    case DK_LOGICAL_DECIMAL:
        return parse_decimal(j, t);
    case DK_LOGICAL_UUID:
        return t->kind == DK__STRING || (t->kind == DK__FIXED && t->size == 16);
    case DK_LOGICAL_DATE:
    case DK_LOGICAL_TIME_MILLIS:
        return t->kind == DK__INT;
    case DK_LOGICAL_DURATION:
        return t->kind == DK__FIXED && t->size == 12;
    case DK_LOGICAL_NONE:
    case DK_LOGICAL_COUNT:
        return false;
    case DK_LOGICAL_TIME_MICROS:
    case DK_LOGICAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_TIMESTAMP_MICROS:
    case DK_LOGICAL_TIMESTAMP_NANOS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_MILLIS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_MICROS:
    case DK_LOGICAL_LOCAL_TIMESTAMP_NANOS:
        return t->kind == DK__LONG;
    }
    return false;
}

void
dk__parse_logical(const json_t *j, dk__type *t)
{
    static const char *const texts[] = {
#define XX(name, text) text,
        DK_AVRO_LOGICAL_MAP(XX)
#undef XX
    };
    const char *name = dk__json_text(json_object_get(j, "logicalType"));
    int l;

    for (l = 1; name != NULL && l < DK_LOGICAL_COUNT; l++)
        if (strcmp(texts[l], name) == 0 && logical_fits((dk_avro_logical)l, j, t))
            t->logical = (dk_avro_logical)l;
}

/* Connect's parameters are texts. */
static int32_t
parameter(const json_t *j, const char *name)
{
    const char *text = dk__json_text(json_object_get(json_object_get(j, "connect.parameters"), name));
    char *end;
    long v;

    if (text == NULL)
        return 0;
    v = strtol(text, &end, 10);
    return *end == '\0' && v >= -100000 && v <= 100000 ? (int32_t)v : 0;
}

bool
dk__parse_connect(dk__parser *p, const json_t *j, dk__type *t)
{
    const char *name = dk__json_text(json_object_get(j, "connect.name"));

    if (name == NULL)
        return true;
    t->connect = dk__arena_str(&p->s->arena, name, strlen(name));
    t->connect_scale = parameter(j, "scale");
    if (t->connect_scale == 0)
        t->connect_scale = parameter(j, "length");
    return t->connect != NULL;
}
