/* Commands to Kafka, and what becomes of each: settles the lines of a ledger.
 *
 * Not thread-safe, and it never waits: it writes to an eventfd when there is something for sender_serve(). */
#pragma once
#include "common/config.h"
#include "common/label.h"
#include "common/status.h"
#include "producer-tool/ledger.h"
#include "producer-tool/tool_settings.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sender;

struct sender_options {
    const struct tool_settings *settings;
    const struct config_properties *properties;
    struct slice authorization; /* the header's value; absent: none is sent */
    int64_t message_timeout_ms; /* a broker that is away for so long ends the load */
    size_t in_flight;           /* lines without an outcome at any time */
    int event_fd;
    struct ledger *ledger; /* of the load; must outlive the sender */
    bool follow;           /* results, too: an outcome is the worker's; otherwise Kafka's */
};

/* What a sender may hold of messages on their way out, and again of results on their way in. */
enum { SENDER_QUEUE_BYTES = 16 * 1024 * 1024 };

/* Opens no connection that is waited for. Errors: STATUS_CONFIG, STATUS_NO_MEMORY. */
status sender_new(const struct sender_options *options, struct sender **out, struct fault *f) must_check;
/* Settles whatever has no outcome yet: not sent where that is certain, unknown otherwise. Waits for up to a second. */
void sender_close(struct sender *s);

/* Makes sure of both topics and stands at the end of one partition of the results. Call until it is STATUS_OK, before the
 * first sender_send(). Errors: STATUS_RETRY (no answer within `timeout_ms`), STATUS_NOT_FOUND, STATUS_FATAL. */
status sender_connect(struct sender *s, int timeout_ms, struct fault *f) must_check;
/* From now on another token; borrowed like the first. */
void sender_set_authorization(struct sender *s, struct slice authorization);

/* Whether the broker refused or was away for too long: what is sent from now on would share that fate. */
bool sender_is_broken(const struct sender *s);

/* Sends the command of a line of the ledger. After STATUS_OK its outcome will be settled; after an error nothing was
 * sent. Errors: STATUS_FULL and STATUS_RETRY (serve and call again), STATUS_INVALID and STATUS_TOO_LARGE (the line's fault),
 * STATUS_NOT_FOUND, STATUS_NO_MEMORY, STATUS_FATAL. */
status sender_send(struct sender *s, struct ledger_line *line, const struct label_command *c, struct fault *f)
    must_check;

/* Takes what has come, without waiting; returns how many lines made progress. */
size_t sender_serve(struct sender *s);
/* When to serve again though nothing is announced (monotonic clock); -1: not at all. */
int64_t sender_deadline_us(const struct sender *s);
