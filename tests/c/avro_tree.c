/* SPDX-License-Identifier: MIT
 *
 * Bytes become trees: see avro_tree.h.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "avro_tree.h"

/* ---- memory ---- */

struct avro_chunk {
    struct avro_chunk *next;
    max_align_t data[];
};

static void *
get(avro_memory *m, size_t n)
{
    struct avro_chunk *c = calloc(1, sizeof *c + n);

    MUST(c != NULL);
    c->next = m->chunks;
    m->chunks = c;
    return c->data;
}

void
avro_memory_free(avro_memory *m)
{
    while (m->chunks != NULL) {
        struct avro_chunk *c = m->chunks;

        m->chunks = c->next;
        free(c);
    }
}

/* ---- bytes to trees ---- */

typedef struct dk_sink_run {
    const dk_avro_code *c;
    dk_avro_reader r;
    avro_memory *m;
    const int64_t *refuse;
    uint32_t branch; /* of the next value */
    int open;        /* containers that are being made */
} dk_sink_run;

typedef avro_tree *dk_sink_value;

typedef struct dk_sink_frame {
    avro_tree *tree;
    uint64_t announced;
    dk_slice key;
} dk_sink_frame;

static avro_tree *
node(dk_sink_run *d, avro_kind kind)
{
    avro_tree *t = get(d->m, sizeof *t);

    t->kind = kind;
    t->branch = d->branch;
    d->branch = DK_AVRO_NONE;
    return t;
}

static bool
add(dk_sink_run *d, avro_tree *t, avro_item item)
{
    MUST(item.value != NULL);
    if (t->u.of.n == t->u.of.cap) {
        size_t cap = t->u.of.cap == 0 ? 4 : t->u.of.cap * 2;
        avro_item *more = get(d->m, cap * sizeof *more);

        if (t->u.of.n > 0)
            memcpy(more, t->u.of.items, t->u.of.n * sizeof *more);
        t->u.of.items = more;
        t->u.of.cap = cap;
    }
    t->u.of.items[t->u.of.n++] = item;
    return true;
}

static avro_tree *
dk_sink_null(dk_sink_run *d)
{
    return node(d, AVRO_NULL);
}

static avro_tree *
dk_sink_bool(dk_sink_run *d, bool v)
{
    avro_tree *t = node(d, AVRO_BOOL);

    t->u.truth = v;
    return t;
}

static avro_tree *
dk_sink_long(dk_sink_run *d, const dk_avro_op *op, int64_t v, const uint8_t *at)
{
    avro_tree *t = node(d, AVRO_LONG);

    MUST(at >= d->r.start && at < d->r.p);
    t->u.number = v;
    if (d->refuse == NULL || *d->refuse != v)
        return t;
    dk_avro_reader_fail(&d->r, at, "%" PRId64 " is refused", v);
    return NULL;
}

static avro_tree *
dk_sink_double(dk_sink_run *d, const dk_avro_op *op, double v)
{
    avro_tree *t = node(d, AVRO_DOUBLE);

    t->u.real = v;
    return t;
}

static avro_tree *
dk_sink_bytes(dk_sink_run *d, const dk_avro_op *op, dk_slice s)
{
    avro_tree *t = node(d, AVRO_BYTES);

    MUST(s.p >= d->r.start && s.p + s.n == d->r.p);
    t->u.bytes = s;
    return t;
}

static bool
check_text(dk_sink_run *d, dk_slice s, const uint8_t *at)
{
    MUST(at < s.p && s.p + s.n == d->r.p);
    return dk_avro_utf8_valid(s.p, s.n) || dk_avro_reader_fail(&d->r, at, "the string is not valid UTF-8");
}

static avro_tree *
dk_sink_text(dk_sink_run *d, const dk_avro_op *op, dk_slice s, const uint8_t *at)
{
    avro_tree *t = node(d, AVRO_TEXT);

    t->u.bytes = s;
    return check_text(d, s, at) ? t : NULL;
}

static avro_tree *
dk_sink_enum(dk_sink_run *d, const dk_avro_op *op, uint32_t symbol)
{
    avro_tree *t = node(d, AVRO_ENUM);

    t->u.e.type = &d->c->enums[op->ref];
    t->u.e.symbol = symbol;
    MUST(symbol < t->u.e.type->nsymbols);
    return t;
}

static bool
dk_sink_branch(dk_sink_run *d, uint32_t branch)
{
    d->branch = branch;
    return true;
}

static bool
dk_sink_record_begin(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *frame)
{
    d->open++;
    *frame = (dk_sink_frame){.tree = node(d, AVRO_RECORD)};
    frame->tree->u.of.type = &d->c->records[op->ref];
    return true;
}

static bool
dk_sink_record_field(dk_sink_run *d, const dk_avro_op *op, const dk_avro_op *step)
{
    MUST(step->slot < d->c->records[op->ref].nfields);
    return true;
}

static bool
dk_sink_record_put(dk_sink_run *d, dk_sink_frame *frame, const dk_avro_op *step, avro_tree *v)
{
    return add(d, frame->tree, (avro_item){.value = v, .slot = step->slot});
}

static avro_tree *
dk_sink_record_end(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *frame)
{
    avro_tree *t = frame->tree;

    d->open--;
    MUST(t->u.of.n == t->u.of.type->nfields && t->u.of.n <= op->n);
    return t;
}

static bool
dk_sink_items_begin(dk_sink_run *d, const dk_avro_op *op, dk_sink_frame *frame)
{
    d->open++;
    *frame = (dk_sink_frame){.tree = node(d, op->code == DK_OP_MAP ? AVRO_MAP : AVRO_ARRAY)};
    return true;
}

static bool
dk_sink_items_more(dk_sink_run *d, dk_sink_frame *frame, uint64_t n)
{
    MUST(n > 0 && (n <= (uint64_t)(d->r.end - d->r.p) || n <= DK_AVRO_EMPTY));
    MUST(frame->tree->u.of.n == frame->announced);
    frame->announced += n;
    return true;
}

static bool
dk_sink_array_put(dk_sink_run *d, dk_sink_frame *frame, avro_tree *v)
{
    return add(d, frame->tree, (avro_item){.value = v});
}

static avro_tree *
dk_sink_array_end(dk_sink_run *d, dk_sink_frame *frame)
{
    d->open--;
    MUST(frame->tree->u.of.n == frame->announced);
    return frame->tree;
}

static bool
dk_sink_map_key(dk_sink_run *d, dk_sink_frame *frame, dk_slice key, const uint8_t *at)
{
    frame->key = key;
    return check_text(d, key, at);
}

static bool
dk_sink_map_put(dk_sink_run *d, dk_sink_frame *frame, avro_tree *v)
{
    return add(d, frame->tree, (avro_item){.value = v, .key = frame->key});
}

static avro_tree *
dk_sink_map_end(dk_sink_run *d, dk_sink_frame *frame)
{
    return dk_sink_array_end(d, frame);
}

static void
dk_sink_drop(dk_sink_run *d, dk_sink_frame *frame)
{
    d->open--;
    MUST(frame->tree != NULL);
}

static void
dk_sink_discard(dk_sink_run *d, avro_tree *v)
{
    MUST(v != NULL && d->r.p < d->r.end);
}

#include "dk/avro_decode.h"

avro_tree *
avro_tree_decode(const dk_avro_program *p, dk_slice bytes, const avro_how *how, avro_memory *m, dk_error *err)
{
    dk_sink_run d = {.c = dk_avro_program_code(p), .m = m, .branch = DK_AVRO_NONE};
    const dk_avro_limits *limits = how == NULL ? NULL : how->limits;
    avro_tree *t;
    uint32_t depth;

    d.refuse = how == NULL ? NULL : how->refuse;
    if (err != NULL)
        err->path[0] = '\0';
    dk_avro_reader_init(&d.r, bytes, limits, err);
    depth = d.r.depth;
    t = dk_avro_decode_whole(&d);
    MUST(d.open == 0 && d.r.depth == depth);
    MUST(d.r.p >= d.r.start && d.r.p <= d.r.end);
    return t;
}
