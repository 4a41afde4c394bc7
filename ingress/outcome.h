/* What Kafka says of a command, turned into the answer of the request that waits for it. */
#pragma once
#include "common/kafka.h"
#include "common/slice.h"
#include "ingress/ingress.h"
#include <stdbool.h>
#include <stdint.h>

/* Belongs to the Kafka thread. */
struct outcomes;

/* NULL when memory is short. */
struct outcomes *outcomes_new(struct ingress *in);
void outcomes_free(struct outcomes *o);

/* kafka_delivered_fn and kafka_acknowledged_fn; `ctx` is a struct outcomes, `opaque` a ticket of pending.h. The second: any thread. */
void outcome_delivery(void *ctx, void *opaque, enum kafka_delivery delivery, bool retriable,
                      const char *error);
void outcome_acknowledged(void *ctx, void *opaque);
/* kafka_place_fn, likewise. */
bool outcome_place(void *ctx, void *opaque, int32_t partition, bool must);
/* A message of the results topic; those of other instances and of requests that are answered already are skipped. */
void outcome_result(struct outcomes *o, const struct kafka_message *m);
/* Answers those whose time is over. */
void outcome_deadlines(struct outcomes *o);

/* Answers everything that still waits with what is known: 202 or 504. Any thread. */
void outcome_answer_rest(struct ingress *in);

/* 32 lower-case hexadecimal digits as bytes; false for anything else. Pure. */
bool outcome_read_correlation(struct slice text, uint8_t out[PENDING_CORRELATION_LEN]);
