/* Which path is served by whom. */
#pragma once
#include "common/http_server.h"
#include "ingress/exchange.h"
#include "ingress/ingress.h"

struct route {
    const char *path;  /* `{id}` stands for one segment */
    const char *allow; /* methods, as in Allow; a path may have several routes */
    bool needs_reads;  /* only there where labels can be read */
    void (*head)(struct ingress *in, struct http_request *r, struct exchange *x);
    void (*body)(struct ingress *in, struct http_request *r, struct exchange *x, struct slice body);
};

/* The public listener's handler; its ctx is a struct ingress, its state a struct exchange. */
struct http_handler routes_handler(void);

/* True when `path` has the form of `pattern`; then `ids` are the segments that stand for its `{id}`s, in order. Pure. */
bool route_matches(const char *pattern, struct slice path, struct slice *ids);
/* True when `method` is in the list `allow`, such as "GET, HEAD". Pure. */
bool route_allows(const char *allow, struct slice method);
