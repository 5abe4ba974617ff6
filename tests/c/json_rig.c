/* SPDX-License-Identifier: MIT
 *
 * A reader of JSON with its plan, and its rows as text.
 */
#include "json_rig.h"

#include <stdlib.h>

#define COLUMNS_MAX 16

/* "price numeric(10,2) base64": name, type, and words in any order. */
static void
read_column(char *spec, dk_pg_column *c, bool *key)
{
    char *save = NULL, *name = strtok_r(spec, " ", &save), *type = strtok_r(NULL, " ", &save), *word, *rest;

    *c = (dk_pg_column){.size = sizeof *c, .name = name};
    for (rest = type; (rest = strstr(rest, "[]")) != NULL; rest += 2)
        c->array++;
    rest = type + strcspn(type, "([");
    if (*rest == '(') {
        c->length = c->precision = (uint32_t)strtoul(rest + 1, &rest, 10);
        c->scale = *rest == ',' ? atoi(rest + 1) : 0;
    }
    type[strcspn(type, "([")] = '\0';
    c->kind = dk_pg_kind_of(type);
    CHECK(c->kind != DK_PG_KIND_COUNT);
    if (c->kind == DK_PG_NUMERIC)
        c->length = 0;
    *key = false;
    while ((word = strtok_r(NULL, " ", &save)) != NULL) {
        *key |= strcmp(word, "key") == 0;
        c->nullable |= strcmp(word, "null") == 0;
        c->form = strcmp(word, "base64") == 0 ? DK_PG_FORM_BASE64
                  : strcmp(word, "hex") == 0  ? DK_PG_FORM_HEX
                                              : c->form;
        c->form = strcmp(word, "hstore") == 0 ? DK_PG_FORM_HSTORE : c->form;
        c->unit = strcmp(word, "millis") == 0 ? DK_PG_UNIT_MILLIS : c->unit;
    }
}

bool
json_rig_init(json_rig *r, const char *columns, dk_copy_side side, bool key_in_value,
              const dk_copy_json_options *options)
{
    dk_pg_column list[COLUMNS_MAX];
    dk_copy_plan_options o = {.size = sizeof o, .columns = list, .key_in_value = key_in_value};
    char text[1024], *p = text;

    memset(r, 0, sizeof *r);
    dk_buf_init(&r->out, dk_test_alloc());
    snprintf(text, sizeof text, "%s", columns);
    while (*p != '\0') {
        char *spec = p;
        int depth = 0; /* a comma may be that of numeric(10,2) */
        bool key;

        for (; *p != '\0' && (*p != ',' || depth > 0); p++)
            depth += (*p == '(') - (*p == ')');
        if (*p != '\0')
            *p++ = '\0';
        CHECK(o.ncolumns < COLUMNS_MAX);
        read_column(spec, &list[o.ncolumns++], &key);
        o.nkey += key;
    }
    if (NOMEM(dk_copy_plan_new(dk_test_alloc(), &o, &r->plan, &r->err)))
        return false;
    return !NOMEM(dk_copy_reader_json(r->plan, side, options, &r->reader, &r->err));
}

void
json_rig_fini(json_rig *r)
{
    if (r->reader != NULL)
        dk_copy_reader_free(r->reader);
    dk_copy_plan_unref(r->plan);
    dk_buf_fini(&r->out);
}

static uint64_t
load(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | *p++;
    return v;
}

/* A number as PostgreSQL has it: groups of four digits, the first worth 10000 to the power of weight. */
static size_t
put_numeric(const uint8_t *p, char *out, size_t room)
{
    int groups = (int)load(p, 2), weight = (int16_t)load(p + 2, 2), sign = (int)load(p + 4, 2), i;
    size_t n = (size_t)snprintf(out, room, "%s", sign == 0x4000 ? "-" : sign != 0 ? "NaN" : "");

    for (i = 0; i < groups; i++)
        n += (size_t)snprintf(out + n, room - n, i == 0 ? "%d" : " %04d", (int)load(p + 8 + 2 * i, 2));
    return n + (size_t)snprintf(out + n, room - n, "e%d.%d", weight, (int)load(p + 6, 2));
}

static size_t
put_value(const dk_pg_column *c, const uint8_t *p, size_t size, char *out, size_t room)
{
    uint64_t u = size <= 8 ? load(p, size) : 0;
    size_t n = 0, i;
    double d;
    float f;

    switch (c->kind) {
    case DK_PG_BOOL:
        return (size_t)snprintf(out, room, "%s", u ? "true" : "false");
    case DK_PG_INT2:
        return (size_t)snprintf(out, room, "%d", (int16_t)u);
    case DK_PG_INT4:
    case DK_PG_DATE:
        return (size_t)snprintf(out, room, "%d", (int32_t)u);
    case DK_PG_INT8:
    case DK_PG_TIME:
    case DK_PG_TIMESTAMP:
    case DK_PG_TIMESTAMPTZ:
        return (size_t)snprintf(out, room, "%lld", (long long)u);
    case DK_PG_FLOAT8:
        memcpy(&d, &u, sizeof d);
        return (size_t)snprintf(out, room, "%.17g", d);
    case DK_PG_FLOAT4:
        memcpy(&f, &(uint32_t){(uint32_t)u}, sizeof f);
        return (size_t)snprintf(out, room, "%.9g", (double)f);
    case DK_PG_NUMERIC:
        return put_numeric(p, out, room);
    case DK_PG_TEXT:
    case DK_PG_VARCHAR:
    case DK_PG_CHAR:
    case DK_PG_JSON:
        return (size_t)snprintf(out, room, "%.*s", (int)size, (const char *)p);
    case DK_PG_JSONB:
        CHECK_EQ(p[0], 1);
        return (size_t)snprintf(out, room, "%.*s", (int)size - 1, (const char *)p + 1);
    case DK_PG_INT4RANGE:
        n = (size_t)snprintf(out, room, "%02x", p[0]);
        for (i = 1; i + 8 <= size; i += 8)
            n += (size_t)snprintf(out + n, room - n, " %d", (int32_t)load(p + i + 4, 4));
        return n;
    default:
        for (i = 0; i < size; i++)
            n += (size_t)snprintf(out + n, room - n, "%02x", p[i]);
        return n;
    }
}

/* The field at p: its text, and how many bytes it is long. */
static size_t
put_field(const dk_pg_column *c, const uint8_t *p, char *out, size_t room, size_t *used)
{
    int32_t size = (int32_t)load(p, 4), first, at;
    size_t n = 0, i;

    *used = 4 + (size < 0 ? 0 : (size_t)size);
    if (size < 0)
        return (size_t)snprintf(out, room, "null");
    if (!c->array)
        return put_value(c, p + 4, (size_t)size, out, room);
    n = (size_t)snprintf(out, room, "[");
    for (i = 1; i < load(p + 4, 4); i++) /* "[2x3:" before items of two dimensions */
        n += (size_t)snprintf(out + n, room - n, "%dx", (int)load(p + 8 + 8 * i, 4));
    if (i > 1)
        n += (size_t)snprintf(out + n, room - n, "%d:", (int)load(p + 8 + 8 * i, 4));
    for (first = at = 12 + 8 * (int32_t)i; at < size;) {
        dk_pg_column item = *c;
        size_t some;

        item.array = 0;
        n += (size_t)snprintf(out + n, room - n, "%s", at > first ? "," : "");
        n += put_field(&item, p + 4 + at, out + n, room - n, &some);
        at += (int32_t)some;
    }
    return n + (size_t)snprintf(out + n, room - n, "]");
}

static void
show_fields(json_rig *r)
{
    size_t at = 0, n = 0, used;
    uint32_t i = r->reader->first;

    r->text[0] = '\0';
    for (; at < r->out.n; at += used, i++) {
        CHECK(i < r->reader->end);
        n += (size_t)snprintf(r->text + n, sizeof r->text - n, "%s", at > 0 ? "|" : "");
        n += put_field(&r->plan->columns[i], r->out.p + at, r->text + n, sizeof r->text - n, &used);
        CHECK(n < sizeof r->text);
    }
    CHECK_EQ(at, r->out.n);
}

dk_status
json_rig_read(json_rig *r, dk_slice message)
{
    uint8_t *exact = malloc(message.n > 0 ? message.n : 1); /* so that reading beyond it is seen */
    dk_status st;

    CHECK(exact != NULL);
    memcpy(exact, message.p, message.n);
    memset(&r->err, 0, sizeof r->err);
    r->out.n = 0;
    r->row = (dk__pg_row){.out = &r->out, .err = &r->err, .key_end = SIZE_MAX};
    r->row.placeholder = (dk_slice){(const uint8_t *)r->plan->placeholder, strlen(r->plan->placeholder)};
    st = r->reader->type->read(r->reader, (dk_slice){exact, message.n}, &r->row, &r->found);
    free(exact);
    if (st == DK_OK && r->out.st == DK_OK)
        show_fields(r);
    return st == DK_OK ? r->out.st : st;
}

static void
check_read(json_rig *r, const char *message, dk__copy_found found, const char *fields)
{
    dk_status st = json_rig_read(r, (dk_slice){(const uint8_t *)message, strlen(message)});

    if (st != DK_OK)
        FAIL("%s: %s: %s (%s)", message, dk_status_name(st), r->err.text, r->err.path);
    CHECK(r->row.odd == NULL);
    CHECK_EQ(r->found, found);
    CHECK_STR(r->text, fields);
}

void
json_rig_row(json_rig *r, const char *message, const char *fields)
{
    check_read(r, message, DK__COPY_ROW, fields);
}

void
json_rig_gone(json_rig *r, const char *message, const char *fields)
{
    check_read(r, message, DK__COPY_GONE, fields);
}

void
json_rig_refused(json_rig *r, const char *message, const char *path, const char *why)
{
    CHECK_STATUS_ERR(json_rig_read(r, (dk_slice){(const uint8_t *)message, strlen(message)}), DK_ECOLUMN, &r->err);
    if (r->row.odd != NULL)
        FAIL("%s: odd: %s", message, r->row.odd);
    CHECK_EQ(r->err.code, DK_ECOLUMN);
    CHECK_STR(r->err.path, path);
    CHECK_CONTAINS(r->err.text, why);
}

void
json_rig_odd(json_rig *r, const char *message, const char *path, const char *why)
{
    CHECK_STATUS_ERR(json_rig_read(r, (dk_slice){(const uint8_t *)message, strlen(message)}), DK_ECOLUMN, &r->err);
    if (r->row.odd == NULL)
        FAIL("%s: not odd: %s", message, r->err.text);
    CHECK_STR(r->err.path, path);
    CHECK_CONTAINS(r->err.text, why);
    CHECK_CONTAINS(r->row.odd, why);
}

void
json_rig_malformed(json_rig *r, const char *message, const char *why)
{
    CHECK_STATUS_ERR(json_rig_read(r, (dk_slice){(const uint8_t *)message, strlen(message)}), DK_EJSON, &r->err);
    CHECK(r->row.odd == NULL);
    CHECK_CONTAINS(r->err.text, why);
}
