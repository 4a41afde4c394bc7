/* Who sends a request: the bearer token of its Authorization header. */
#pragma once
#include "common/http_server.h"
#include "ingress/exchange.h"
#include "ingress/ingress.h"
#include <stdbool.h>

/* Fills account and subject of `x`. False: the request was answered (401; 503 where memory is short). */
bool authenticate(struct ingress *in, struct http_request *r, struct exchange *x);
