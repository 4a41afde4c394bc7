#include "producer-tool/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONCE_LEN = 32,
    NUMBER_LEN = 16, /* hexadecimal digits of the place among all lines */
    MORE_LINES = 4096,
};
_Static_assert(NONCE_LEN + NUMBER_LEN == LEDGER_CORRELATION_LEN, "the parts make up the whole");

struct ledger {
    struct ledger_options o;
    char nonce[NONCE_LEN + 1]; /* tells our results from other producers' on the same partition */
    /* A ring: the line at place p is in slot p % capacity. More than may be in flight, so that one slow line does not hold up
     * the reading. */
    struct ledger_line *slots;
    size_t capacity;
    uint64_t first, next; /* places: of the oldest line, behind the youngest */
    size_t open;
    size_t bytes; /* of open lines, and of texts that are kept until their line is closed */
};

struct ledger *ledger_new(const struct ledger_options *options)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->o = *options;
    l->capacity = 2 * options->in_flight + MORE_LINES;
    l->slots = calloc(l->capacity, sizeof *l->slots);
    if (!l->slots) {
        free(l);
        return NULL;
    }
    uint8_t random[NONCE_LEN / 2];
    uuid_random_bytes(random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(l->nonce + 2 * i, 3, "%02x", random[i]);
    return l;
}

static struct ledger_line *at_place(struct ledger *l, uint64_t place)
{
    return &l->slots[place % l->capacity];
}

/* The place of a line that is in the ring. */
static uint64_t place_of(const struct ledger *l, const struct ledger_line *line)
{
    size_t slot = (size_t)(line - l->slots);
    size_t first_slot = l->first % l->capacity;
    return l->first + (slot + l->capacity - first_slot) % l->capacity;
}

static void drop_text(struct ledger_line *line)
{
    free(line->text);
    line->text = NULL;
}

static void forget(struct ledger_line *line)
{
    drop_text(line);
    free(line->reason.message);
    line->reason.message = NULL;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    for (uint64_t p = l->first; p < l->next; p++)
        forget(at_place(l, p));
    free(l->slots);
    free(l);
}

bool ledger_has_room(const struct ledger *l)
{
    return l->next - l->first < l->capacity && l->open < l->o.in_flight &&
           (l->next == l->first || l->bytes < l->o.bytes);
}

size_t ledger_open(const struct ledger *l)
{
    return l->open;
}

static size_t size_of(const struct ledger_line *line)
{
    return (size_t)(line->end - line->start);
}

struct ledger_line *ledger_add(struct ledger *l, uint64_t number, uint64_t start, uint64_t end,
                               struct slice text)
{
    char *copy = NULL;
    if (l->o.keep_text && text.at) {
        copy = malloc(text.len ? text.len : 1);
        if (!copy)
            return NULL;
        memcpy(copy, text.at, text.len);
    }
    struct ledger_line *line = at_place(l, l->next++);
    *line = (struct ledger_line){.number = number, .start = start, .end = end, .text = copy, .len = text.len};
    l->open++;
    l->bytes += size_of(line);
    l->o.summary->read++;
    return line;
}

void ledger_correlation(const struct ledger *l, const struct ledger_line *line,
                        char out[LEDGER_CORRELATION_LEN + 1])
{
    static const char DIGITS[] = "0123456789abcdef";
    uint64_t place = place_of(l, line);
    memcpy(out, l->nonce, NONCE_LEN);
    for (int i = NUMBER_LEN - 1; i >= 0; i--, place >>= 4)
        out[NONCE_LEN + i] = DIGITS[place & 15];
    out[LEDGER_CORRELATION_LEN] = '\0';
}

/* Lower-case digits only, as we write them. */
static bool read_hex(const char *at, uint64_t *out)
{
    uint64_t number = 0;
    for (int i = 0; i < NUMBER_LEN; i++) {
        char c = at[i];
        if (c >= '0' && c <= '9')
            number = number << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            number = number << 4 | (uint64_t)(c - 'a' + 10);
        else
            return false;
    }
    *out = number;
    return true;
}

struct ledger_line *ledger_find(struct ledger *l, struct slice correlation)
{
    uint64_t place = 0;
    if (correlation.len != LEDGER_CORRELATION_LEN || memcmp(correlation.at, l->nonce, NONCE_LEN) != 0 ||
        !read_hex(correlation.at + NONCE_LEN, &place) || place < l->first || place >= l->next)
        return NULL;

    struct ledger_line *line = at_place(l, place);
    return line->settled ? NULL : line;
}

void ledger_report(struct ledger_line *line)
{
    line->reported = true;
}

void ledger_settle(struct ledger *l, struct ledger_line *line, enum summary_outcome outcome, const char *code,
                   struct slice message)
{
    line->settled = true;
    line->outcome = outcome;
    line->reason.code = code;
    line->reason.message = message.at ? strndup(message.at, message.len) : NULL;
    l->open--;
    if (outcome != SUMMARY_REJECTED)
        drop_text(line);
    if (!line->text)
        l->bytes -= size_of(line);
    summary_count(l->o.summary, outcome);
}

struct ledger_line *ledger_next_open(struct ledger *l, uint64_t *cursor)
{
    if (*cursor < l->first)
        *cursor = l->first;
    while (*cursor < l->next) {
        struct ledger_line *line = at_place(l, (*cursor)++);
        if (!line->settled)
            return line;
    }
    return NULL;
}

static void close_first(struct ledger *l)
{
    struct ledger_line *line = at_place(l, l->first);
    l->o.closed(l->o.ctx, line);
    if (line->text)
        l->bytes -= size_of(line);
    forget(line);
    l->first++;
}

size_t ledger_close(struct ledger *l)
{
    size_t closed = 0;
    while (l->first < l->next) {
        const struct ledger_line *line = at_place(l, l->first);
        if (!line->settled || (line->sent && !line->reported))
            break;
        close_first(l);
        closed++;
    }
    return closed;
}

void ledger_close_all(struct ledger *l)
{
    while (l->first < l->next)
        close_first(l);
}
