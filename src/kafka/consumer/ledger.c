/* SPDX-License-Identifier: MIT
 *
 * A ledger: made, what comes in and what is handed out, and where it starts over. See ledger.h.
 */
#include "kafka/consumer/ledger_private.h"

#define OWN_MAX_BYTES (1u << 20)

static void
forget_epochs(dk__ledger *l)
{
    for (int i = 0; i < DK__EPOCHS; i++) {
        l->epochs[i].from = INT64_MAX;
        l->epochs[i].epoch = -1;
    }
    l->reached = DK_OFFSET_INVALID;
}

dk_status
dk__ledger_new(const dk_alloc *alloc, dk__ledger_rules *rules, dk__ledger **out)
{
    dk__ledger *l = dk__calloc(alloc, 1, sizeof *l);

    if (l == NULL)
        return DK_ENOMEM;
    l->alloc = alloc;
    l->rules = rules;
    l->read = DK_OFFSET_INVALID;
    dk__offsets_init(&l->offsets, alloc);
    forget_epochs(l);
    dk__note_clear(&l->note, alloc);
    PUBLISH(l, position, DK_OFFSET_INVALID);
    PUBLISH(l, committed, DK_OFFSET_INVALID);
    PUBLISH(l, commit_latency_ms, -1);
    *out = l;
    return DK_OK;
}

void
dk__ledger_free(dk__ledger *l)
{
    if (l == NULL)
        return;
    dk__ledger_start_over(l);
    dk__offsets_fini(&l->offsets);
    dk__free(l->alloc, l->back.items);
    dk__free(l->alloc, l->stock.ring);
    dk__free(l->alloc, l);
}

const atomic_uint *
dk__ledger_generation(const dk__ledger *l)
{
    return &l->generation;
}

/* ---- in, and what waits ---------------------------------------------------------------------------------------- */

/* The log has begun again: is it a new one? */
static dk__rewind_step
read_again(dk__ledger *l, const rd_kafka_message_t *msg, bool begins)
{
    return msg->err ? DK__REWIND_NEW : dk__rewind_read(&l->rewind, l->alloc, msg, begins);
}

dk_status
dk__ledger_receive(dk__ledger *l, rd_kafka_message_t *msg)
{
    dk__rewind_step step = DK__REWIND_NEW;
    bool begins = !msg->err && msg->offset <= l->read;

    if (l->stock.len == l->stock.cap && dk__stock_reserve(&l->stock, l->alloc, 1) != DK_OK)
        return DK_ENOMEM;
    if (begins || l->rewind.follows)
        step = read_again(l, msg, begins);
    if (!msg->err)
        l->read = msg->offset;
    if (step == DK__REWIND_DROP) {
        dk__message_free(msg);
        return DK_OK;
    }
    dk__stock_push(&l->stock, msg, step == DK__REWIND_BEGIN);
    dk__ledger_spend(l, msg);
    return DK_OK;
}

bool
dk__ledger_circles(const dk__ledger *l, int64_t *end)
{
    *end = l->rewind.last;
    return l->rewind.circles;
}

uint32_t
dk__ledger_waiting(const dk__ledger *l)
{
    return l->back.len + l->stock.len;
}

bool
dk__ledger_has_waiting(const dk__ledger *l)
{
    return l->back.len > 0 || l->stock.len > 0;
}

size_t
dk__ledger_waiting_bytes(const dk__ledger *l)
{
    return l->stock.bytes;
}

void
dk__ledger_own(dk__ledger *l)
{
    dk__back_own(&l->back, l->alloc);
    if (l->stock.bytes <= OWN_MAX_BYTES) /* more than that is as much as the responses it came in */
        dk__stock_own(&l->stock, l->alloc);
}

static dk__held
pop_back(dk__ledger *l)
{
    dk__held item = dk__back_pop(&l->back);

    dk__ledger_earn(l, item.msg);
    return item;
}

static rd_kafka_message_t *
pop_stock(dk__ledger *l)
{
    rd_kafka_message_t *msg = dk__stock_pop(&l->stock);

    dk__ledger_earn(l, msg);
    return msg;
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

bool
dk__ledger_is_due(const dk__ledger *l, int64_t now_ms)
{
    return l->due_ms <= now_ms;
}

int64_t
dk__ledger_due_ms(const dk__ledger *l)
{
    return l->due_ms;
}

/* What would be handed out next, without regard to time; *begins_log as in the stock. */
static const rd_kafka_message_t *
peek(const dk__ledger *l, bool *begins_log)
{
    const rd_kafka_message_t *fresh = dk__stock_head(&l->stock, begins_log);

    if (l->back.len == 0)
        return fresh;
    /* What came back was handed out before, so it is of the old log, and lower than what is fresh. */
    *begins_log = false;
    return l->back.items[0].msg;
}

static bool
may_go(const dk__ledger *l, const rd_kafka_message_t *msg, bool begins_log, int64_t now_ms)
{
    if (l->due_ms > now_ms || (l->rules->tickets_max > 0 && l->owed >= l->rules->tickets_max))
        return false;
    return !dk__note_is_waited_for(&l->note, msg->offset, now_ms) && (!begins_log || dk__ledger_is_quiet(l));
}

int64_t
dk__ledger_wakes_ms(const dk__ledger *l)
{
    bool begins_log;
    const rd_kafka_message_t *msg = peek(l, &begins_log);
    int64_t note_ms = msg == NULL ? 0 : dk__note_waits_until_ms(&l->note, msg->offset);

    return note_ms > l->due_ms ? note_ms : l->due_ms;
}

bool
dk__ledger_ready(const dk__ledger *l, int64_t now_ms)
{
    bool begins_log = false;
    const rd_kafka_message_t *msg = peek(l, &begins_log);

    return msg != NULL && may_go(l, msg, begins_log, now_ms);
}

/* The old log's numbers mean nothing in the one that begins. */
static void
begin_log(dk__ledger *l)
{
    int64_t read = l->read;

    atomic_fetch_add(&l->generation, 1);
    dk__note_clear(&l->note, l->alloc);
    dk__offsets_reset(&l->offsets);
    forget_epochs(l);
    l->read = read; /* what was read behind it is in the stock already */
    l->due_ms = 0;
    l->relogged = true;
    PUBLISH(l, committed, DK_OFFSET_INVALID);
}

static void
know_epoch(dk__ledger *l, const rd_kafka_message_t *msg)
{
    int32_t epoch = dk__message_epoch(msg);

    if (epoch == l->epochs[0].epoch && msg->offset >= l->epochs[0].from)
        return;
    if (msg->offset <= l->offsets.last) /* handed out before: known already */
        return;
    memmove(&l->epochs[1], &l->epochs[0], sizeof l->epochs - sizeof l->epochs[0]);
    l->epochs[0].from = msg->offset;
    l->epochs[0].epoch = epoch;
}

static void
fill_entry(dk__ledger *l, dk__entry *e)
{
    dk__held item = {.home = NULL};

    if (l->back.len > 0)
        item = pop_back(l);
    else
        item.msg = pop_stock(l);
    e->msg = item.msg;
    e->home = item.home;
    e->forwarded = NULL;
    e->home_index = item.home_index;
    e->generation = atomic_load_explicit(&l->generation, memory_order_relaxed);
    e->lends = 0;
    e->own = false;
    dk__entry_set(e, DK__QUEUED);
    l->owed++;
}

dk__next
dk__ledger_hand_out(dk__ledger *l, int64_t now_ms, bool in_batch, dk__entry *e, dk__handed *out)
{
    bool begins_log = false;
    const rd_kafka_message_t *msg = peek(l, &begins_log);

    out->new_log = false;
    if (msg == NULL || !may_go(l, msg, begins_log, now_ms))
        return DK__NEXT_NONE;
    if (in_batch && (msg->err || begins_log))
        return DK__NEXT_NONE;
    if (msg->err) {
        out->error = pop_stock(l);
        return DK__NEXT_ERROR;
    }
    if (l->back.cap - l->back.len <= l->owed && dk__back_reserve(&l->back, l->alloc, l->owed + 1) != DK_OK)
        return DK__NEXT_NOMEM;
    if (begins_log) {
        if (dk__offsets_reserve(&l->offsets) != DK_OK)
            return DK__NEXT_NOMEM;
        out->new_log = true;
        out->old_end = l->offsets.last;
        begin_log(l);
    }
    know_epoch(l, msg);
    if (dk__offsets_deliver(&l->offsets, msg->offset) != DK_OK)
        return DK__NEXT_NOMEM;
    fill_entry(l, e);
    return DK__NEXT_MESSAGE;
}

/* ---- beginnings and ends --------------------------------------------------------------------------------------- */

void
dk__ledger_adopt(dk__ledger *l, int64_t committed, char *note)
{
    l->offsets.committed = committed;
    PUBLISH(l, committed, committed);
    dk__note_adopt(&l->note, l->alloc, note, committed);
}

void
dk__ledger_start_over(dk__ledger *l)
{
    dk__note_clear(&l->note, l->alloc);
    atomic_fetch_add(&l->generation, 1);
    while (l->back.len > 0) {
        dk__held item = pop_back(l);

        if (item.home != NULL)
            dk__lend_end(item.home, item.home_index);
        else
            dk__message_free(item.msg);
    }
    while (l->stock.len > 0)
        dk__message_free(pop_stock(l));
    dk__offsets_reset(&l->offsets);
    dk__rewind_reset(&l->rewind, l->alloc);
    forget_epochs(l);
    l->read = DK_OFFSET_INVALID;
    l->relogged = false;
    l->due_ms = 0;
    l->owed = l->tickets = 0;
    l->oldest = l->newest = NULL;
    dk__ledger_publish_tickets(l);
    PUBLISH(l, position, DK_OFFSET_INVALID);
    PUBLISH(l, committed, DK_OFFSET_INVALID);
}

void
dk__ledger_seek(dk__ledger *l, int64_t offset)
{
    bool known = l->offsets.mark == offset; /* all before is finished, so the note can still be committed */
    int64_t committed = l->offsets.committed;
    dk__note note = l->note;

    if (note.text == NULL || note.offset != offset) {
        dk__ledger_start_over(l);
        return;
    }
    l->note.text = NULL;
    dk__ledger_start_over(l);
    l->note = note;
    l->note.pending = note.pending && known;
    if (known) {
        l->offsets.mark = offset;
        l->offsets.committed = committed;
        PUBLISH(l, committed, committed);
    }
}

int64_t
dk__ledger_next(const dk__ledger *l)
{
    return l->read >= 0 ? l->read + 1 : DK_OFFSET_INVALID;
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

int64_t
dk__ledger_position(const dk__ledger *l)
{
    return atomic_load_explicit(&l->counts.position, memory_order_relaxed);
}

void
dk__ledger_counts(const dk__ledger *l, dk__ledger_numbers *out)
{
    *out = (dk__ledger_numbers){
        .position = atomic_load_explicit(&l->counts.position, memory_order_relaxed),
        .committed = atomic_load_explicit(&l->counts.committed, memory_order_relaxed),
        .waiting = atomic_load_explicit(&l->counts.waiting, memory_order_relaxed),
        .tickets = atomic_load_explicit(&l->counts.tickets, memory_order_relaxed),
        .oldest_ticket_ms = atomic_load_explicit(&l->counts.oldest_ticket_ms, memory_order_relaxed),
        .handled = atomic_load_explicit(&l->counts.handled, memory_order_relaxed),
        .failed = atomic_load_explicit(&l->counts.failed, memory_order_relaxed),
        .commit_latency_ms = atomic_load_explicit(&l->counts.commit_latency_ms, memory_order_relaxed),
    };
}
