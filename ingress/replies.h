/* The Kafka thread: delivery reports and results become answers.
 *
 * It sleeps on one eventfd that both the producer and the reader of the results write to, on the
 * timer of the commands that wait for others, and on the earliest deadline. */
#pragma once
#include "common/buffer.h"
#include "common/config.h"
#include "common/status.h"
#include "ingress/ingress.h"
#include <stdbool.h>
#include <stddef.h>

struct replies;

/* Makes producer (in->producer) and reader, and starts the thread. It assigns the reply partition, trying until a broker answers; then
 * it sets in->reply_partition and writes to `ready_fd` (an eventfd): from then on no reply can be lost. `name` is the
 * instance's. Errors: STATUS_CONFIG, STATUS_NO_MEMORY. */
status replies_start(struct ingress *in, const char *name, const struct config_properties *properties,
                     int ready_fd, struct replies **out, struct fault *f) must_check;

/* Whether replies can come; where not, `why` gets one line. Any thread. */
bool replies_are_ready(const struct replies *r, struct buffer *why);

/* Ends the thread, and produces what still waited for others: it answers nobody any more, and whoever it had taken out of the table has had
 * the answer. */
void replies_close(struct replies *r);

/* Ends the thread if it has not ended, flushes the producer, closes both handles and frees. The listener must have stopped. */
void replies_stop(struct replies *r, int flush_ms);

/* The partition of an instance: always the same for the same name and number of partitions. Pure. */
int32_t replies_partition_of(const char *name, int32_t n_partitions);
