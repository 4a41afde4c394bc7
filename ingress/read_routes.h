/* GET of one label and of the list of a run's labels: the checks of contract §2, in its order. What passes goes to reads.h. */
#pragma once
#include "common/http_server.h"
#include "ingress/exchange.h"
#include "ingress/ingress.h"

/* /v1/run/{id}/gold-label/{id} */
void read_label_head(struct ingress *in, struct http_request *r, struct exchange *x);
/* /v1/run/{id}/gold-labels */
void read_list_head(struct ingress *in, struct http_request *r, struct exchange *x);
/* The same again, for a request that was made to wait before anything was decided: it comes back with its body, which is ignored. */
void read_label_body(struct ingress *in, struct http_request *r, struct exchange *x, struct slice body);
void read_list_body(struct ingress *in, struct http_request *r, struct exchange *x, struct slice body);
