/* A batch of commands on its way: fetched, judged, stored, answered. Everything it holds is freed at once. */
#pragma once
#include "common/arena.h"
#include "common/kafka.h"
#include "common/label.h"
#include "worker/offsets.h"
#include "worker/reply_to.h"
#include "worker/store.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is to be said about a command, as far as it is known. */
enum entry_fate {
    ENTRY_STORE,    /* goes to the store; its verdict decides */
    ENTRY_REJECTED, /* `code` and `message` */
    ENTRY_DEAD,     /* cannot be read: `dead` */
};

struct batch;

/* One command. */
struct entry {
    struct batch *batch;
    struct kafka_message *message; /* what the command's slices point into */
    enum entry_fate fate;
    struct label_command command;
    struct slice correlation_id; /* absent, or within its bounds */
    struct slice traceparent;
    struct reply_to reply;
    enum label_rejection code;
    struct slice reason;   /* of the rejection or the dead letter */
    const char *dead_code; /* static */
    struct store_row *row; /* ENTRY_STORE */
    bool counted;          /* its answer is, by outcome */
    bool refused;          /* exactly once: the topic that it was to go to did not take it */
};

/* What rows are sorted by: the command's id, in two numbers that are compared as its bytes are, and its place in the batch. */
struct row_key {
    uint64_t high, low;
    size_t entry;
};

enum batch_stage {
    BATCH_COLLECTING, /* takes commands */
    BATCH_STORING,    /* the store has its rows */
    BATCH_ANSWERING,  /* verdicts are known: results are sent, then their acknowledgements awaited */
};

struct batch {
    enum batch_stage stage;
    struct arena *arena;
    struct entry *entries;
    size_t n, capacity;
    size_t bytes; /* of the commands; those of their headers are the intake's to add */
    struct store_row *rows;
    struct row_key *keys; /* of `rows` */
    size_t n_rows;
    int64_t storing_since_us;        /* BATCH_STORING; monotonic clock */
    struct kafka_producer *producer; /* what its answers are sent with; NULL: none is yet */
    size_t sent;                     /* entries whose result is produced */
    atomic_size_t unanswered;        /* produced, not yet acknowledged; threads of librdkafka count it down */
    struct entry **
        resend; /* entries whose result was not delivered: `n_resend` of them in a ring, from `resend_first` */
    size_t resend_first, n_resend;
    struct offset_list offsets; /* behind this batch */
    unsigned generation;        /* of the assignment that it was fetched under */
};

/* Room for `capacity` commands. NULL when memory is short. */
struct batch *batch_new(size_t capacity);
void batch_free(struct batch *b);
/* Frees the messages and forgets the commands. */
void batch_reset(struct batch *b);
/* The next entry, zeroed but for `batch` and `message`, which it takes over. The batch must not be full. NULL when memory is
 * short; the message is then the caller's still. */
struct entry *batch_add(struct batch *b, struct kafka_message *message);
/* The entry's result is to be sent again, after the others of which that is so. */
void batch_put_back(struct batch *b, struct entry *e);
/* The first of these; NULL when there is none. batch_sent_again() lets go of it. */
struct entry *batch_to_send_again(const struct batch *b);
void batch_sent_again(struct batch *b);
/* Makes the rows of all ENTRY_STORE entries, sorted by command id (the same order in every worker: no deadlocks). */
void batch_make_rows(struct batch *b);
