/* What the parts of the ingress share. main.c makes it; every member says who may use it. */
#pragma once
#include "common/arena.h"
#include "common/avro_codec.h"
#include "common/buffer.h"
#include "common/clock.h"
#include "common/kafka.h"
#include "common/token.h"
#include "ingress/answer_memory.h"
#include "ingress/gather.h"
#include "ingress/grants.h"
#include "ingress/key_waits.h"
#include "ingress/pending.h"
#include "ingress/settings.h"
#include "ingress/stats.h"
#include <stdatomic.h>
#include <stdint.h>

struct reads;

/* The life of the process, in this order. */
enum phase {
    PHASE_STARTING, /* not ready: the reply partition is not assigned yet, the public listener is closed */
    PHASE_RUNNING,
    PHASE_DRAINING, /* not ready: no connection and no new command is taken, what waits is waited for (drain_ms) */
    PHASE_CLOSING, /* what still waits has been answered 202 or 504; the producer is flushed, threads end */
};

struct ingress {
    /* Read by any thread, written before they start. */
    struct ingress_settings settings;
    const struct clock *clock;
    struct stats stats;
    uint64_t secret; /* of shares_party() */

    /* Any thread. */
    _Atomic int phase;
    _Atomic int32_t reply_partition; /* -1: not assigned yet */
    _Atomic bool topic_is_gone;      /* that of the commands; the Kafka thread looks for it */
    struct pending *pending;
    struct key_waits *key_waits;
    struct token_keys *token_keys;
    struct kafka_producer *producer; /* polled by the Kafka thread */
    struct gather *gather; /* commands on their way to the producer; added to by the listener's thread only */
    struct reads *reads;   /* NULL: without a database, nothing can be read */
    struct answer_memory answers; /* of 201s above ANSWER_MEMORY_SMALL */

    /* The listener's thread only. */
    struct token_verifier *verifier;
    struct grants *grants;
    struct avro_codec *codec;
    struct arena *scratch; /* what a body is read into */
    struct buffer encoded; /* the command that is being published */
};
