/* How many connections there are, in all and from each address. Not thread-safe. */
#pragma once
#include "common/status.h"
#include <stddef.h>
#include <sys/socket.h>

struct http_peers;
struct http_peer;

/* At most `max` connections in all (at least 1), and `max_each` from one address; 0: no bound of that sort. NULL when memory
 * is short. */
struct http_peers *http_peers_new(size_t max, size_t max_each);
void http_peers_free(struct http_peers *p);

enum http_peers_verdict {
    HTTP_PEERS_TAKEN,
    HTTP_PEERS_FULL,      /* in all, or memory is short */
    HTTP_PEERS_PEER_FULL, /* from this address */
};

/* One connection more. Of IPv6 the first 64 bits are one address: that much a single host may have. Where it is taken, `out`
 * is to be given back once. */
enum http_peers_verdict http_peers_take(struct http_peers *p, const struct sockaddr *from,
                                        struct http_peer **out) must_check;
void http_peers_give_back(struct http_peers *p, struct http_peer *peer);
size_t http_peers_count(const struct http_peers *p);
