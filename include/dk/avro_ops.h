/* SPDX-License-Identifier: MIT
 *
 * The compiled form of an Avro schema, and the bounded readers and the writers that run it. Two walks over it are
 * open for whoever makes something of values (avro_decode.h) or takes values apart (avro_encode.h).
 *
 * A program is one array of ops. An op says how to read one value; the ops of a record's fields lie side by side, so
 * that the inner loop of a decoder is a switch over consecutive 24-byte ops. Everything that schema resolution
 * decides is decided here: a field that the reader does not want is an op SKIP, one that the writer did not write is
 * an op DEFAULT.
 */
#ifndef DK_AVRO_OPS_H
#define DK_AVRO_OPS_H

#include <string.h>

#include "dk/base.h"
#include "dk/buf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the bytes of a value end: all that it takes to pass over it, or to know how few bytes it can take. */
typedef enum dk_avro_wire {
    DK_WIRE_NONE,   /* no bytes */
    DK_WIRE_BYTE,   /* one */
    DK_WIRE_NUMBER, /* a varint */
    DK_WIRE_FOUR,
    DK_WIRE_EIGHT,
    DK_WIRE_SIZED,  /* a length, and as many bytes */
    DK_WIRE_RAW,    /* n bytes */
    DK_WIRE_BLOCKS, /* of items, or of pairs */
    DK_WIRE_CHOICE, /* the number of a branch, and its value */
    DK_WIRE_STEPS,  /* those of a record */
    DK_WIRE_INNER,  /* those of op a */
    DK_WIRE_FAIL    /* it cannot be read */
} dk_avro_wire;

/* The operations, once for all: name, text, how the bytes end, what the operands mean. Those that a schema of its own
 * has, and those that only a writer's and a reader's together have. */
#define DK_AVRO_PLAIN_OP_MAP(XX)                                                                                     \
    XX(NIL, "null", NONE, "")                                                                                        \
    XX(BOOL, "boolean", BYTE, "")                                                                                    \
    XX(INT, "int", NUMBER, "")                                                                                       \
    XX(LONG, "long", NUMBER, "")                                                                                     \
    XX(FLOAT, "float", FOUR, "")                                                                                     \
    XX(DOUBLE, "double", EIGHT, "")                                                                                  \
    XX(BYTES, "bytes", SIZED, "")                                                                                    \
    XX(STRING, "string", SIZED, "")                                                                                  \
    XX(FIXED, "fixed", RAW, "n: size in bytes")                                                                      \
    XX(ENUM, "enum", NUMBER, "ref: enum")                                                                            \
    XX(ARRAY, "array", BLOCKS, "a: op of the items, n: least size of one")                                           \
    XX(MAP, "map", BLOCKS, "a: op of the values, n: least size of a pair")                                           \
    XX(UNION, "union", CHOICE, "a: first branch, n: number of branches")                                             \
    XX(OPTION, "option", CHOICE, "a union of null and one more; ref: which of the two is null")                      \
    XX(RECORD, "record", STEPS, "a: first step, n: number of steps, ref: record")

#define DK_AVRO_READER_OP_MAP(XX)                                                                                    \
    XX(BRANCH, "branch", INNER, "a: op of a value that is branch ref of the reader's union")                         \
    XX(LONG_TO_DOUBLE, "long->double", NUMBER, "int or long, wanted as float or double")                             \
    XX(FLOAT_TO_DOUBLE, "float->double", FOUR, "")                                                                   \
    XX(STRING_TO_BYTES, "string->bytes", SIZED, "")                                                                  \
    XX(BYTES_TO_STRING, "bytes->string", SIZED, "")                                                                  \
    XX(SKIP, "skip", INNER, "step of a record: a: op of a value to pass over")                                       \
    XX(DEFAULT, "default", NONE, "step of a record: a: op that reads constant ref")                                  \
    XX(FAIL, "fail", FAIL, "ref: text that says why this branch cannot be read")

#define DK_AVRO_OP_MAP(XX)                                                                                           \
    DK_AVRO_PLAIN_OP_MAP(XX)                                                                                         \
    DK_AVRO_READER_OP_MAP(XX)

typedef enum dk_avro_opcode {
#define XX(name, text, wire, operands) DK_OP_##name,
    DK_AVRO_OP_MAP(XX)
#undef XX
        DK_OP_COUNT
} dk_avro_opcode;

/* dk_avro_wire_of - by opcode. */
DK_API extern const uint8_t dk_avro_wire_of[DK_OP_COUNT];

/* What a value means beyond its type. name, text in a schema */
#define DK_AVRO_LOGICAL_MAP(XX)                                                                                      \
    XX(NONE, "")                                                                                                     \
    XX(DECIMAL, "decimal")                                                                                           \
    XX(UUID, "uuid")                                                                                                 \
    XX(DATE, "date")                                                                                                 \
    XX(TIME_MILLIS, "time-millis")                                                                                   \
    XX(TIME_MICROS, "time-micros")                                                                                   \
    XX(TIMESTAMP_MILLIS, "timestamp-millis")                                                                         \
    XX(TIMESTAMP_MICROS, "timestamp-micros")                                                                         \
    XX(TIMESTAMP_NANOS, "timestamp-nanos")                                                                           \
    XX(LOCAL_TIMESTAMP_MILLIS, "local-timestamp-millis")                                                             \
    XX(LOCAL_TIMESTAMP_MICROS, "local-timestamp-micros")                                                             \
    XX(LOCAL_TIMESTAMP_NANOS, "local-timestamp-nanos")                                                               \
    XX(DURATION, "duration")

typedef enum dk_avro_logical {
#define XX(name, text) DK_LOGICAL_##name,
    DK_AVRO_LOGICAL_MAP(XX)
#undef XX
        DK_LOGICAL_COUNT
} dk_avro_logical;

#define DK_AVRO_NONE UINT32_MAX

typedef struct dk_avro_op {
    uint8_t code;    /* dk_avro_opcode */
    uint8_t logical; /* dk_avro_logical */
    uint16_t scale;  /* of a decimal */
    uint32_t slot; /* step of a record: index of the field; branch of a union: index of the reader's branch, or of the
                    * writer's when the reader has no union */
    uint32_t a;
    uint32_t n;
    uint32_t ref;
    uint32_t precision; /* of a decimal */
} dk_avro_op;

typedef struct dk_avro_field {
    const char *name;
    uint32_t size;    /* bytes of name */
    bool has_default; /* the schema gives one */
    dk_slice absent;  /* Avro bytes to write when there is no value: the default, else null where the type has it; p
                       * NULL  when a value is required */
    const char *type; /* for messages, as "union of null and string" */
} dk_avro_field;

typedef struct dk_avro_record {
    const char *name;            /* full name */
    const dk_avro_field *fields; /* as the reader has them */
    uint32_t nfields;
    uint32_t first; /* the record's steps, as in its ops */
    uint32_t nsteps;
    const uint32_t *step_of; /* field -> index of its step, counted from first */
} dk_avro_record;

typedef struct dk_avro_enum {
    const char *name;
    const char *const *symbols; /* as the reader has them */
    uint32_t nsymbols;
    const uint32_t
        *map; /* writer's index -> symbol, DK_AVRO_NONE when the reader does not know it; NULL: one to one */
    const char *const *written; /* the writer's symbols */
    uint32_t nwriter;           /* number of them */
} dk_avro_enum;

/* What Kafka Connect says that a type means, beyond Avro's own logical types. */
typedef struct dk_avro_connect {
    const char *name; /* connect.name; NULL: none */
    int32_t scale;    /* "scale" or "length" of connect.parameters, else 0 */
} dk_avro_connect;

/* A compiled program; everything in it is constant and lives as long as the dk_avro_program it was asked from. */
typedef struct dk_avro_code {
    const dk_avro_op *ops;
    uint32_t nops;
    uint32_t root; /* op of the whole value */
    const dk_avro_record *records;
    uint32_t nrecords;
    const dk_avro_enum *enums;
    uint32_t nenums;
    const dk_slice *consts;
    uint32_t nconsts;
    const char *const *texts;
    uint32_t ntexts;
    const char *const *names; /* per op: full name of a named type, name of a primitive, "array", "map", "union" */
    const dk_avro_connect *connect; /* per op: the writer's */
    bool resolved;                  /* made with a reader's schema: it can decode but not encode */
} dk_avro_code;

/* A cursor over bytes that belong to the caller. depth and empty are budgets, counted down. */
typedef struct dk_avro_reader {
    const uint8_t *p;
    const uint8_t *end;
    const uint8_t *start;
    uint32_t depth; /* levels of nesting still allowed */
    uint32_t empty; /* items that take no bytes (nulls in an array) still allowed */
    dk_error *err;  /* may be NULL */
} dk_avro_reader;

typedef struct dk_avro_block {
    uint64_t count;
    const uint8_t *end; /* where its items have to end, NULL when it does not say */
} dk_avro_block;

/* dk_avro_reader_fail - describe a failure at byte `at`; always returns false. Threads: owner of the reader. */
DK_API bool dk_avro_reader_fail(dk_avro_reader *r, const uint8_t *at, const char *fmt, ...) DK_PRINTF(3, 4);

/* dk_avro_path_field, _index, _key - put a step in front of err->path, while a failure is handed up. A path that
 * grows too long keeps its innermost part. err may be NULL. Threads: any.
 */
DK_API void dk_avro_path_field(dk_error *err, const char *name);
DK_API void dk_avro_path_index(dk_error *err, uint64_t index);
DK_API void dk_avro_path_key(dk_error *err, dk_slice key);

/* dk_avro_read_varint - a long of three bytes or more; see dk_avro_read_long. */
DK_API bool dk_avro_read_varint(dk_avro_reader *r, int64_t *out);
/* dk_avro_read_block - the head of the next block of an array or map: block->count items follow, 0 at the end. op is
 * the ARRAY or MAP; block is zeroed before the first. A count that cannot fit into the bytes left is refused, and so
 * is a block that says how many bytes it takes, and took others. */
DK_API bool dk_avro_read_block(dk_avro_reader *r, const dk_avro_op *op, dk_avro_block *block);
/* dk_avro_skip_value - pass over one value without looking at it more than is needed to find its end. */
DK_API bool dk_avro_skip_value(const dk_avro_code *c, dk_avro_reader *r, const dk_avro_op *op);
/* dk_avro_utf8_valid - whether bytes are well-formed UTF-8 (no surrogates, nothing overlong). */
DK_API bool dk_avro_utf8_valid(const uint8_t *p, size_t n);

/* All dk_avro_read_… return false after a failure that is described in r->err, position included. */
static inline bool
dk_avro_read_long(dk_avro_reader *r, int64_t *out)
{
    const uint8_t *p = r->p;
    uint32_t u;

    if (p < r->end && *p < 0x80) {
        *out = (int64_t)(*p >> 1) ^ -(int64_t)(*p & 1);
        r->p = p + 1;
        return true;
    }
    if (r->end - p >= 2 && p[1] < 0x80) { /* as lengths from 64 to 8191 are */
        u = (p[0] & 0x7Fu) | (uint32_t)p[1] << 7;
        *out = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
        r->p = p + 2;
        return true;
    }
    return dk_avro_read_varint(r, out);
}

static inline bool
dk_avro_read_raw(dk_avro_reader *r, size_t n, dk_slice *out)
{
    if ((size_t)(r->end - r->p) < n)
        return dk_avro_reader_fail(r, r->p, "%zu bytes expected, %zu left", n, (size_t)(r->end - r->p));
    out->p = r->p;
    out->n = n;
    r->p += n;
    return true;
}

/* A length and as many bytes: bytes or string; UTF-8 is not checked here. */
static inline bool
dk_avro_read_bytes(dk_avro_reader *r, dk_slice *out)
{
    const uint8_t *at = r->p;
    int64_t n;

    if (!dk_avro_read_long(r, &n))
        return false;
    if (n < 0 || n > r->end - r->p)
        return dk_avro_reader_fail(r, at, "length %lld, but %zu bytes are left", (long long)n,
                                   (size_t)(r->end - r->p));
    out->p = r->p;
    out->n = (size_t)n;
    r->p += n;
    return true;
}

static inline bool
dk_avro_read_bool(dk_avro_reader *r, bool *out)
{
    if (r->p >= r->end || *r->p > 1)
        return dk_avro_reader_fail(r, r->p,
                                   r->p >= r->end ? "boolean expected, no bytes left" : "boolean is neither 0 nor 1");
    *out = *r->p++ != 0;
    return true;
}

static inline bool
dk_avro_read_float(dk_avro_reader *r, double *out)
{
    uint32_t u;
    float f;

    if (r->end - r->p < 4)
        return dk_avro_reader_fail(r, r->p, "float expected, %zu bytes left", (size_t)(r->end - r->p));
    u = (uint32_t)r->p[0] | (uint32_t)r->p[1] << 8 | (uint32_t)r->p[2] << 16 | (uint32_t)r->p[3] << 24;
    memcpy(&f, &u, 4);
    *out = (double)f;
    r->p += 4;
    return true;
}

static inline bool
dk_avro_read_double(dk_avro_reader *r, double *out)
{
    uint64_t u;

    if (r->end - r->p < 8)
        return dk_avro_reader_fail(r, r->p, "double expected, %zu bytes left", (size_t)(r->end - r->p));
    u = (uint64_t)r->p[0] | (uint64_t)r->p[1] << 8 | (uint64_t)r->p[2] << 16 | (uint64_t)r->p[3] << 24 |
        (uint64_t)r->p[4] << 32 | (uint64_t)r->p[5] << 40 | (uint64_t)r->p[6] << 48 | (uint64_t)r->p[7] << 56;
    memcpy(out, &u, 8);
    r->p += 8;
    return true;
}

/* The symbol of an enum, as the reader has it. */
static inline bool
dk_avro_read_enum(dk_avro_reader *r, const dk_avro_enum *e, uint32_t *out)
{
    const uint8_t *at = r->p;
    int64_t v;

    if (!dk_avro_read_long(r, &v))
        return false;
    if (v < 0 || v >= (int64_t)e->nwriter)
        return dk_avro_reader_fail(r, at, "enum %s has no symbol %lld", e->name, (long long)v);
    *out = e->map == NULL ? (uint32_t)v : e->map[v];
    if (*out == DK_AVRO_NONE)
        return dk_avro_reader_fail(
            r, at, "the writer's symbol \"%.100s\" is none of the reader's enum %s, which has no default",
            e->written[v], e->name);
    return true;
}

/* The branch of a union: *out is its op. */
static inline bool
dk_avro_read_branch(const dk_avro_code *c, dk_avro_reader *r, const dk_avro_op *op, const dk_avro_op **out)
{
    const uint8_t *at = r->p;
    int64_t v;

    if (!dk_avro_read_long(r, &v))
        return false;
    if (v < 0 || v >= (int64_t)op->n)
        return dk_avro_reader_fail(r, at, "union of %u has no branch %lld", op->n, (long long)v);
    *out = &c->ops[op->a + (uint32_t)v];
    return true;
}

/* The same as dk_avro_read_block(), which is called unless it is the end. */
static inline bool
dk_avro_next_block(dk_avro_reader *r, const dk_avro_op *op, dk_avro_block *block)
{
    if (block->end != NULL || r->p >= r->end || *r->p != 0)
        return dk_avro_read_block(r, op, block);
    r->p++;
    block->count = 0;
    return true;
}

/* One level down and up again: dk_avro_leave() after each dk_avro_enter() that returned true. */
static inline bool
dk_avro_enter(dk_avro_reader *r)
{
    if (r->depth == 0)
        return dk_avro_reader_fail(r, r->p, "nested too deeply");
    r->depth--;
    return true;
}

static inline void
dk_avro_leave(dk_avro_reader *r)
{
    r->depth++;
}

/* dk_avro_put_integer - append an int or long; false when it is no int. Threads: owner of b. */
static inline bool
dk_avro_put_integer(dk_buf *b, const dk_avro_op *op, int64_t v)
{
    if (op->code == DK_OP_INT && (v < INT32_MIN || v > INT32_MAX))
        return false;
    dk_buf_put_long(b, v);
    return true;
}

/* dk_avro_put_real - append a float or double. Threads: owner of b. */
static inline void
dk_avro_put_real(dk_buf *b, const dk_avro_op *op, double v)
{
    if (op->code == DK_OP_FLOAT)
        dk_buf_put_float(b, (float)v);
    else
        dk_buf_put_double(b, v);
}

/* dk_avro_put_raw - append bytes with their length, or a fixed; false if its size is wrong. Threads: owner of b. */
static inline bool
dk_avro_put_raw(dk_buf *b, const dk_avro_op *op, const void *p, size_t n)
{
    if (op->code == DK_OP_FIXED && n != op->n)
        return false;
    if (op->code != DK_OP_FIXED)
        dk_buf_put_long(b, (int64_t)n);
    dk_buf_put(b, p, n);
    return true;
}

#ifdef __cplusplus
}
#endif

#endif
