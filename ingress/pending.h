/* The requests that wait for Kafka: the one place where the listener's thread, the Kafka thread and librdkafka's meet.
 *
 * A waiter is registered before its command is produced, and taken out exactly once, by whoever is first: its result, its
 * delivery report, its deadline, a failed produce, or the shutdown. Whoever has taken it out gives the answer.
 *
 * Its command can stay longer than it waits: place and bytes are given back when the command, too, has left the producer's queue.
 * Otherwise an account that waits briefly could fill that again and again. All functions may be called by any thread. */
#pragma once
#include "common/slice.h"
#include "common/status.h"
#include "common/uuid.h"
#include "ingress/partitions.h"
#include "ingress/prefer.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PENDING_CORRELATION_LEN = 16 };

struct http_request;

struct waiter {
    uint8_t correlation[PENDING_CORRELATION_LEN]; /* random: unguessable */
    struct http_request *request;
    struct uuid run_id;
    struct uuid label_id;
    struct preference preference;
    int64_t produced_us; /* the moment of registering: it is produced then, or a moment later (gather.h) */
    int64_t deadline_us; /* a published command is answered 202 then */
    int64_t
        give_up_us; /* a command of which nothing is known is answered 504 then; at or behind the deadline */
    bool published; /* its delivery report has come */
    int32_t partition; /* that its command went to; PARTITIONS_NONE until pending_place() */
    uint32_t party;    /* whose shares it takes (shares.h) */
    uint32_t bytes;    /* of its command */
};

struct pending;

/* `max` waiters and commands in the queue at a time, and `max_bytes` of commands in it. NULL when memory is short. */
struct pending *pending_new(size_t max, size_t max_bytes);
void pending_free(struct pending *p);

/* Registers a copy of `w`. `ticket` goes with the message and comes back with its delivery report; it never dangles. Each must come
 * back, by pending_published() or pending_take_ticket(), for its place to be free again.
 * Errors: STATUS_FULL: all places or bytes are taken, or its party has its share of them. */
status pending_add(struct pending *p, const struct waiter *w, void **ticket) must_check;

/* Notes the partition that the waiter's command is for. False where that stands still (partitions.h), and it is not noted; not where it
 * `must`: there is no other. Any will do, and none is noted, where nobody waits for the result. */
bool pending_place(struct pending *p, const void *ticket, int32_t partition, bool must, int64_t now_us);

/* Takes out the waiter of a correlation id, whose result has come; false when there is none (it is somebody else's, or was answered
 * before). */
bool pending_take(struct pending *p, const uint8_t correlation[PENDING_CORRELATION_LEN], int64_t now_us,
                  struct waiter *out);
/* The same by ticket: the command has left the queue, or did not come into it. False also where nobody waits for it any more. */
bool pending_take_ticket(struct pending *p, const void *ticket, struct waiter *out);

/* What a good delivery report meant to its waiter. */
enum pending_report {
    PENDING_GONE,     /* it was answered by its result, which said as much */
    PENDING_ANSWERED, /* without waiting for this, at its end or the shutdown's; `out` is a copy */
    PENDING_WAITS,    /* for its result; `out` is a copy, not to be answered */
    PENDING_TAKEN,    /* it only waited for this: it wants an immediate answer, or its deadline is over */
};

enum pending_report pending_published(struct pending *p, const void *ticket, int64_t now_us,
                                      struct waiter *out);

/* Takes out one waiter whose time is over. A waiter that is not published yet stays until `give_up_us`: the delivery report, which comes
 * before that, knows more. */
bool pending_expire(struct pending *p, int64_t now_us, struct waiter *out);
/* Takes out any waiter. */
bool pending_take_any(struct pending *p, struct waiter *out);

/* When pending_expire() is wanted next; INT64_MAX: not at all. */
int64_t pending_next_us(struct pending *p);
/* Those who wait. */
size_t pending_count(struct pending *p);
