/* What the kafka_*.c files share. Not for others: this is the one header that shows librdkafka. */
#pragma once
#include "common/kafka.h"
#include "common/uuid.h"
#include <librdkafka/rdkafka.h>

/* One librdkafka property that this module sets. */
struct kafka_default {
    const char *name;
    const char *value;
};

/* A configuration of `defaults`, then the user's properties, then `forced` (which the user cannot change). NULL on a fault. */
rd_kafka_conf_t *kafka_conf_new(const char *client_id, const char *brokers,
                                const struct kafka_default *defaults, size_t n_defaults,
                                const struct config_properties *properties, struct fault *f);
/* Sets one property; false (with the fault) when librdkafka refuses it. */
bool kafka_conf_text(rd_kafka_conf_t *conf, const char *name, const char *value, struct fault *f);
bool kafka_conf_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct fault *f);

/* A queue that writes to `event_fd` whenever it stops being empty. Free with rd_kafka_queue_destroy() before the handle. */
void kafka_queue_notify(rd_kafka_queue_t *queue, int event_fd);

/* The number of partitions of `topic`: 0 when it does not exist, -1 when no broker answered. */
int32_t kafka_partition_count(rd_kafka_t *rk, rd_kafka_topic_t *topic, const char *name, int timeout_ms);
