/* POST /v1/run/{id}/gold-labels: the checks of contract §2, in its order. What passes goes to publish.h. */
#pragma once
#include "common/http_server.h"
#include "ingress/exchange.h"
#include "ingress/ingress.h"

/* Authentication, form of the id, Idempotency-Key and Prefer, size, media type. */
void labels_head(struct ingress *in, struct http_request *r, struct exchange *x);
/* JSON, rules, and, in publish_label(), capacity. */
void labels_body(struct ingress *in, struct http_request *r, struct exchange *x, struct slice body);
