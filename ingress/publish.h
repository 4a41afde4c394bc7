/* A checked command on its way to Kafka. */
#pragma once
#include "common/http_server.h"
#include "common/label.h"
#include "ingress/exchange.h"
#include "ingress/ingress.h"

/* Registers the request as waiting and produces the command, at once or soon (gather.h), or answers 503 or 413 when that cannot be done.
 * The answer comes from the Kafka thread (replies.h), possibly before this returns: the request must not be touched afterwards. */
void publish_label(struct ingress *in, struct http_request *r, struct exchange *x,
                   const struct label_command *c);

/* For gather_new(), whose `ctx` is the ingress: produces, or answers as above. One call at a time, by any thread. */
void publish_emit(void *ctx, const struct gathered *commands, size_t n);
