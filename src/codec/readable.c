/* SPDX-License-Identifier: MIT
 *
 * Whether there is any value of the writer's that the reader can read.
 */
#include "codec/compile.h"

/* Whether every value runs into a FAIL: looks through records, so deep that no real schema goes further. Arrays and
 * maps may be empty, unions may be of another branch. seen has a flag for each record. */
static const char *
find_failure(const dk__compiler *c, const dk_avro_op *op, bool *seen, dk_error *path, unsigned depth)
{
    const char *text = NULL;
    uint32_t i;

    if (depth == 0)
        return NULL;
    switch ((dk_avro_opcode)op->code) {
    case DK_OP_FAIL:
        return c->texts[op->ref];
    case DK_OP_BRANCH:
        return find_failure(c, &c->ops[op->a], seen, path, depth - 1);
    case DK_OP_UNION:
        for (i = 0; i < op->n; i++)
            if (c->ops[op->a + i].code != DK_OP_FAIL)
                return NULL;
        return op->n == 0 ? NULL : c->texts[c->ops[op->a].ref];
    case DK_OP_RECORD:
        if (seen[op->ref])
            return NULL;
        seen[op->ref] = true;
        for (i = 0; i < op->n && text == NULL; i++)
            text = find_failure(c, &c->ops[op->a + i], seen, path, depth - 1);
        if (text != NULL && c->ops[op->a + i - 1].slot != DK_AVRO_NONE)
            dk_avro_path_field(path, c->records[op->ref].fields[c->ops[op->a + i - 1].slot].name);
        return text;
    default:
        return NULL;
    }
}

dk_status
dk__check_readable(dk__compiler *c, dk_error *err)
{
    bool *seen = dk__calloc(c->a, (size_t)c->nrecords + 1, sizeof *seen);
    dk_error path;
    const char *text;

    if (seen == NULL)
        return dk__error_set(err, DK_ENOMEM, "out of memory while compiling a schema");
    dk__error_clear(&path);
    text = find_failure(c, &c->ops[0], seen, &path, 1000);
    dk__free(c->a, seen);
    if (text == NULL)
        return DK_OK;
    (void)dk__error_set(err, DK_ESCHEMA, "the schemas do not go together: %s", text);
    if (err != NULL)
        memcpy(err->path, path.path, sizeof err->path);
    return DK_ESCHEMA;
}
