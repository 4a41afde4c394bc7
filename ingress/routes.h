/* Which path is served by whom. */
#pragma once
#include "common/http_server.h"
#include "ingress/exchange.h"
#include "ingress/ingress.h"

struct route {
    const char *path;  /* `{id}` stands for one segment */
    const char *allow; /* its methods, as in Allow */
    void (*head)(struct ingress *in, struct http_request *r, struct exchange *x);
    void (*body)(struct ingress *in, struct http_request *r, struct exchange *x, struct slice body);
};

/* The public listener's handler; its ctx is a struct ingress, its state a struct exchange. */
struct http_handler routes_handler(void);

/* True when `path` has the form of `pattern`; then `id` is the segment that stands for `{id}`. Pure. */
bool route_matches(const char *pattern, struct slice path, struct slice *id);
/* True when `method` is in the list `allow`, such as "GET, HEAD". Pure. */
bool route_allows(const char *allow, struct slice method);
