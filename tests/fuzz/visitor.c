/* SPDX-License-Identifier: MIT
 *
 * See fuzz.h.
 */
#include "fuzz.h"

static int
look(void *ctx, dk_slice s)
{
    fuzz_seen *seen = ctx;
    size_t i;

    seen->calls++;
    for (i = 0; i < s.n; i++)
        seen->sum += s.p[i];
    return 0;
}

static int
see_null(void *ctx)
{
    ((fuzz_seen *)ctx)->calls++;
    return 0;
}

static int
see_bool(void *ctx, bool v)
{
    ((fuzz_seen *)ctx)->sum += v;
    return see_null(ctx);
}

static int
see_long(void *ctx, const dk_avro_op *op, int64_t v)
{
    ((fuzz_seen *)ctx)->sum += (unsigned)v;
    return see_null(ctx);
}

static int
see_double(void *ctx, const dk_avro_op *op, double v)
{
    return see_null(ctx);
}

static int
see_slice(void *ctx, const dk_avro_op *op, dk_slice v)
{
    return look(ctx, v);
}

static int
see_string(void *ctx, const dk_avro_op *op, dk_slice v)
{
    MUST(dk_avro_utf8_valid(v.p, v.n));
    return look(ctx, v);
}

static int
see_enum(void *ctx, const dk_avro_enum *e, uint32_t symbol)
{
    MUST(symbol < e->nsymbols);
    return look(ctx, (dk_slice){(const uint8_t *)e->symbols[symbol], strlen(e->symbols[symbol])});
}

static int
see_union(void *ctx, const dk_avro_op *op, uint32_t branch)
{
    return see_null(ctx);
}

static int
see_record(void *ctx, const dk_avro_record *r)
{
    ((fuzz_seen *)ctx)->depth++;
    return look(ctx, (dk_slice){(const uint8_t *)r->name, strlen(r->name)});
}

static int
see_field(void *ctx, const dk_avro_record *r, uint32_t field)
{
    MUST(field < r->nfields);
    return look(ctx, (dk_slice){(const uint8_t *)r->fields[field].name, r->fields[field].size});
}

static int
see_begin(void *ctx)
{
    MUST(++((fuzz_seen *)ctx)->depth <= DK_AVRO_DEPTH);
    return see_null(ctx);
}

static int
see_end(void *ctx)
{
    MUST(--((fuzz_seen *)ctx)->depth >= 0);
    return see_null(ctx);
}

const dk_avro_visitor fuzz_visitor = {
    .on_null = see_null,
    .on_bool = see_bool,
    .on_long = see_long,
    .on_double = see_double,
    .on_bytes = see_slice,
    .on_string = see_string,
    .on_fixed = see_slice,
    .on_enum = see_enum,
    .on_union = see_union,
    .on_record_begin = see_record,
    .on_field = see_field,
    .on_array_begin = see_begin,
    .on_map_begin = see_begin,
    .on_key = look,
    .on_end = see_end,
};
