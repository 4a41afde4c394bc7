/* The lines in flight: a bounded table in which delivery reports and results find the line they belong to.
 *
 * An entry lives until two things have come, in either order: the delivery report of its message (which points to it) and
 * its outcome. Not thread-safe. */
#pragma once
#include "common/slice.h"
#include "common/uuid.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACKER_CORRELATION_LEN = 48 };

struct tracker;

struct tracked {
    uint64_t line;          /* of the input */
    struct uuid command_id; /* the label's */
    uint32_t generation;    /* how often the slot was used: a late result must not find its successor */
    bool in_use;
    bool reported; /* its message has its delivery report */
    bool settled;  /* its outcome is counted */
};

/* `capacity` is the number of lines in flight, at most 2^31. NULL when memory is short. */
struct tracker *tracker_new(size_t capacity);
void tracker_free(struct tracker *t);

bool tracker_is_full(const struct tracker *t);
/* Lines without an outcome. */
size_t tracker_open(const struct tracker *t);

/* Takes a slot. The tracker must not be full. */
struct tracked *tracker_add(struct tracker *t, uint64_t line, const struct uuid *command_id);
/* Gives back a slot whose message was never taken by the producer. */
void tracker_withdraw(struct tracker *t, struct tracked *e);

/* The correlation-id of an entry: TRACKER_CORRELATION_LEN characters and a NUL, unguessable by other producers. */
void tracker_correlation(const struct tracker *t, const struct tracked *e,
                         char out[TRACKER_CORRELATION_LEN + 1]);
/* The entry that waits for this correlation-id; NULL when it is somebody else's, or a duplicate. */
struct tracked *tracker_find(struct tracker *t, struct slice correlation);

/* The delivery report has come; there will be no other. */
void tracker_report(struct tracker *t, struct tracked *e);
/* The outcome is known. */
void tracker_settle(struct tracker *t, struct tracked *e);
/* The next entry without an outcome from `*cursor` on (0 at first); NULL behind the last. Entries may be settled meanwhile. */
struct tracked *tracker_next_open(struct tracker *t, size_t *cursor);
