/* The lines of a load from reading to their end, in the order of the input.
 *
 * A line is open until its outcome is known and, where it was sent, its delivery report has come, in either order. Lines are
 * closed strictly in order: a line that is slow holds back those behind it, so that what was closed is always a prefix of the
 * input, and whatever is written about lines is in their order. Bounded in lines and in bytes. Not thread-safe. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include "common/uuid.h"
#include "producer-tool/summary.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEDGER_CORRELATION_LEN = 48 };

struct ledger;

/* Why a line was rejected, or what happened to it otherwise. */
struct ledger_reason {
    const char *code;   /* static */
    const char *member; /* of the line, static; NULL: none, or not known */
    size_t column;      /* characters, from 1; 0: not known */
    char *message;      /* of malloc; NULL where there is nothing to say */
};

struct ledger_line {
    uint64_t number; /* from 1 */
    uint64_t start;  /* offsets in the unpacked input: of the line, and of the next one */
    uint64_t end;
    struct uuid id;
    bool has_id;   /* a line that cannot be read has none */
    bool sent;     /* its message is on its way: a report will come */
    bool reported; /* it has come */
    bool settled;
    enum summary_outcome outcome; /* once settled */
    struct ledger_reason reason;
    char *text; /* the original, where it is kept; NULL once the outcome is another than SUMMARY_REJECTED */
    size_t len;
};

struct ledger_options {
    size_t in_flight; /* lines without an outcome */
    size_t bytes;     /* of the lines in flight, and of texts that are kept (one line is always taken) */
    bool keep_text;   /* for those that are rejected later */
    struct summary *summary; /* counts what is read and every outcome; must outlive the ledger */
    /* Called for every line, in order, when it is closed. */
    void (*closed)(void *ctx, const struct ledger_line *line);
    void *ctx;
};

/* NULL when memory is short. */
struct ledger *ledger_new(const struct ledger_options *options);
void ledger_free(struct ledger *l);

/* Whether a line may be added. */
bool ledger_has_room(const struct ledger *l);
/* Lines without an outcome. */
size_t ledger_open(const struct ledger *l);

/* Counts a line as read. The ledger must have room; `text` may be absent. NULL when memory is short: nothing was counted. */
struct ledger_line *ledger_add(struct ledger *l, uint64_t number, uint64_t start, uint64_t end,
                               struct slice text);

/* The correlation-id of a line: LEDGER_CORRELATION_LEN characters and a NUL, unguessable by other producers. */
void ledger_correlation(const struct ledger *l, const struct ledger_line *line,
                        char out[LEDGER_CORRELATION_LEN + 1]);
/* The line without an outcome that waits for this correlation-id; NULL when it is somebody else's, or a duplicate. */
struct ledger_line *ledger_find(struct ledger *l, struct slice correlation);

/* Its delivery report has come; there will be no other. */
void ledger_report(struct ledger_line *line);
/* Its outcome is known. `message` is copied (it may be absent); `code` is static. */
void ledger_settle(struct ledger *l, struct ledger_line *line, enum summary_outcome outcome, const char *code,
                   struct slice message);
/* The next line without an outcome from `*cursor` on (0 at first); NULL behind the last. */
struct ledger_line *ledger_next_open(struct ledger *l, uint64_t *cursor);

/* Closes what can be closed; returns how many lines were. */
size_t ledger_close(struct ledger *l);
/* Closes everything; all lines must be settled. For the end, when no report will come any more. */
void ledger_close_all(struct ledger *l);
