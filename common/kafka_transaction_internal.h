/* What the two files of transactions share: kafka_transaction.c has the states and the thread, kafka_transaction_calls.c what the thread
 * is asked for. */
#pragma once
#include "common/kafka_internal.h"
#include "common/kafka_transaction.h"
#include <pthread.h>

/* What the thread is asked for. */
enum kafka_job {
    KAFKA_JOB_NONE,
    KAFKA_JOB_INIT, /* the first producer */
    KAFKA_JOB_BEGIN,
    KAFKA_JOB_COMMIT,  /* `offsets` and `membership` */
    KAFKA_JOB_ABANDON, /* a new producer */
    KAFKA_JOB_ABORT,   /* the last */
};

struct kafka_transactor {
    struct kafka_transactor_options o;
    int64_t timeout_ms; /* of a transaction */
    int64_t stuck_us;   /* so long lasts a call that never ends */

    pthread_t thread;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    enum kafka_transaction state;
    enum kafka_job job;
    bool stopping;
    bool ended; /* the thread */
    unsigned fenced;
    const char *step; /* the call into librdkafka that the thread is in; NULL: none */
    int64_t called_us, looked_us;
    bool is_told; /* that it is stuck */
    /* Belong to whoever's turn it is: the thread's while the state is KAFKA_TX_BUSY. */
    rd_kafka_topic_partition_list_t *offsets;
    rd_kafka_consumer_group_metadata_t *membership;
    rd_kafka_resp_err_t last_error; /* of a step */
};

/* ---- kafka_transaction.c ---- */

/* Waits up to `wait_us` for one of its flags to become true. Whether it has. */
bool kafka_transactor_wait(struct kafka_transactor *t, const bool *flag, int64_t wait_us);

/* ---- kafka_transaction_calls.c ---- */

/* How long a transaction, and a call that is not stuck, may take. Once, before the first job. */
void kafka_transaction_set_bounds(struct kafka_transactor *t);
/* Does a job, on the transactor's thread, for as long as it takes; gives up when the transactor is to stop. The state that it leads to. */
enum kafka_transaction kafka_transaction_perform(struct kafka_transactor *t, enum kafka_job job);
