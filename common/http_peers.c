#include "common/http_peers.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct http_peer {
    uint64_t address;
    size_t connections;
    struct http_peer *next; /* of its bucket */
};

struct http_peers {
    size_t max;
    size_t max_each;
    size_t connections;
    uint64_t secret; /* so that nobody can choose addresses of one bucket */
    size_t mask;
    struct http_peer *buckets[];
};

struct http_peers *http_peers_new(size_t max, size_t max_each)
{
    size_t n = 1;

    while (n < max)
        n *= 2;
    struct http_peers *p = calloc(1, sizeof *p + n * sizeof p->buckets[0]);
    if (!p)
        return NULL;
    p->max = max;
    p->max_each = max_each;
    p->mask = n - 1;
    if (getrandom(&p->secret, sizeof p->secret, GRND_NONBLOCK) != (ssize_t)sizeof p->secret)
        p->secret = (uint64_t)(uintptr_t)p; /* early at boot; better than nothing */
    return p;
}

void http_peers_free(struct http_peers *p)
{
    if (!p)
        return;
    for (size_t i = 0; i <= p->mask; i++) {
        while (p->buckets[i]) {
            struct http_peer *next = p->buckets[i]->next;
            free(p->buckets[i]);
            p->buckets[i] = next;
        }
    }
    free(p);
}

static uint64_t address_of(const struct sockaddr *from)
{
    uint64_t address = 0;

    if (from->sa_family == AF_INET) {
        address = ((const struct sockaddr_in *)(const void *)from)->sin_addr.s_addr;
    } else if (from->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6))
            memcpy(&address, &v6->s6_addr[12], 4);
        else
            memcpy(&address, v6->s6_addr, sizeof address);
    }
    return address;
}

/* The finalizer of splitmix64. */
static struct http_peer **bucket_of(struct http_peers *p, uint64_t address)
{
    uint64_t h = address ^ p->secret;

    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9U;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebU;
    return &p->buckets[(h ^ (h >> 31)) & p->mask];
}

enum http_peers_verdict http_peers_take(struct http_peers *p, const struct sockaddr *from,
                                        struct http_peer **out)
{
    uint64_t address = address_of(from);
    struct http_peer **at = bucket_of(p, address);

    if (p->connections >= p->max)
        return HTTP_PEERS_FULL;
    while (*at && (*at)->address != address)
        at = &(*at)->next;
    if (!*at) {
        *at = calloc(1, sizeof **at);
        if (!*at)
            return HTTP_PEERS_FULL;
        (*at)->address = address;
    } else if (p->max_each && (*at)->connections >= p->max_each) {
        return HTTP_PEERS_PEER_FULL;
    }
    p->connections++;
    (*at)->connections++;
    *out = *at;
    return HTTP_PEERS_TAKEN;
}

void http_peers_give_back(struct http_peers *p, struct http_peer *peer)
{
    p->connections--;
    if (--peer->connections > 0)
        return;
    struct http_peer **at = bucket_of(p, peer->address);
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    free(peer);
}

size_t http_peers_count(const struct http_peers *p)
{
    return p->connections;
}
