/* Reads a topic without a group, from a place on; either follows it, or ends where it ends now. Ended early by a signal. */
#pragma once
#include "common/config.h"
#include "common/kafka_admin.h"
#include "common/status.h"
#include "producer-tool/place.h"
#include "producer-tool/tool_settings.h"
#include <stdbool.h>
#include <stdint.h>

enum { READER_ALL = -1 };

struct reader_options {
    const struct tool_settings *settings;
    const struct config_properties *properties;
    const char *topic;
    const char *group; /* asked about, not joined; NULL: none */
    struct place from;
    struct place to;   /* what lies there is not read; of no meaning where it follows */
    int64_t partition; /* READER_ALL, or the only one */
    bool follow;
    int64_t connect_s; /* how long a broker is waited for */
};

/* Zero-initialised with -1 for the descriptors is valid to dispose. */
struct reader {
    int signal_fd;
    int event_fd; /* readable when there may be messages */
    struct kafka_consumer *consumer;
    const char *topic;
    size_t partitions; /* of the topic */
    int64_t *from;     /* per partition; where it follows: the next one to be read */
    int64_t *to;       /* likewise: where it ends; INT64_MAX where it follows */
    size_t n_open;     /* partitions whose end was not reached */
    int64_t moved_us;  /* when the last message came, or the end of a partition */
    bool stopped;      /* by a signal */
    bool lost;         /* what is left cannot be read: see reader_end() */
    bool follows;
    bool grows;      /* with the topic: it follows all of it */
    int64_t look_us; /* when to look again whether it has */
};

/* Blocks signals: call before anything else starts threads. Waits for a broker.
 * Errors: STATUS_TIMEOUT (a signal), STATUS_RETRY (no broker), STATUS_NOT_FOUND (no such topic or partition), STATUS_CONFIG,
 * STATUS_NO_MEMORY, STATUS_FATAL. */
status reader_open(struct reader *r, const struct reader_options *options, struct fault *f) must_check;
void reader_dispose(struct reader *r);

/* Now and then, where all of a topic is followed: reads partitions that it has got meanwhile, too, from their beginning on. May wait for a
 * broker for a moment. Errors: as reader_open(). */
status reader_grow(struct reader *r, struct fault *f) must_check;

/* The next message (the caller frees it), or NULL: after `timeout_ms`, at the end, or when an event was served. */
struct kafka_message *reader_next(struct reader *r, int timeout_ms);
/* Whether there is nothing more to read, or to be had. */
bool reader_is_done(struct reader *r);
/* How it has ended. Errors: STATUS_FATAL: before the end, because the topic is gone or may not be read. */
status reader_end(const struct reader *r, struct fault *f) must_check;

/* 2, 3 or 130: how a verb ends that could not do its work. */
int reader_exit_code(status st);
