#include "common/http_peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static enum http_peers_verdict take(struct http_peers *p, const char *text, struct http_peer **out)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } from = {.v6 = {0}};

    if (inet_pton(AF_INET, text, &from.v4.sin_addr) == 1) {
        from.v4.sin_family = AF_INET;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &from.v6.sin6_addr), 1);
        from.v6.sin6_family = AF_INET6;
    }
    return http_peers_take(p, &from.any, out);
}

static void there_are_so_many_in_all_and_no_more(void **state)
{
    struct http_peer *taken[3];
    struct http_peer *more;

    (void)state;
    struct http_peers *p = http_peers_new(3, 0);
    assert_non_null(p);
    assert_int_equal(take(p, "10.0.0.1", &taken[0]), HTTP_PEERS_TAKEN);
    assert_int_equal(take(p, "10.0.0.1", &taken[1]), HTTP_PEERS_TAKEN);
    assert_int_equal(take(p, "10.0.0.2", &taken[2]), HTTP_PEERS_TAKEN);
    assert_int_equal(take(p, "10.0.0.3", &more), HTTP_PEERS_FULL);
    http_peers_give_back(p, taken[0]);
    assert_int_equal(take(p, "10.0.0.3", &taken[0]), HTTP_PEERS_TAKEN);
    assert_int_equal(http_peers_count(p), 3);
    http_peers_free(p);
}

static void one_address_cannot_have_them_all(void **state)
{
    struct http_peer *first;
    struct http_peer *second;
    struct http_peer *more;

    (void)state;
    struct http_peers *p = http_peers_new(100, 2);
    assert_non_null(p);
    assert_int_equal(take(p, "10.0.0.1", &first), HTTP_PEERS_TAKEN);
    assert_int_equal(take(p, "::ffff:10.0.0.1", &second), HTTP_PEERS_TAKEN);
    assert_int_equal(take(p, "10.0.0.1", &more), HTTP_PEERS_PEER_FULL);
    assert_int_equal(take(p, "10.0.0.2", &more), HTTP_PEERS_TAKEN);
    http_peers_give_back(p, first);
    assert_int_equal(take(p, "10.0.0.1", &first), HTTP_PEERS_TAKEN);
    assert_int_equal(take(p, "2001:db8::1", &more), HTTP_PEERS_TAKEN);
    assert_int_equal(take(p, "2001:db8::2", &more), HTTP_PEERS_TAKEN);
    assert_int_equal(take(p, "2001:db8:0:0:ffff::", &more), HTTP_PEERS_PEER_FULL);
    assert_int_equal(take(p, "2001:db8:0:1::", &more), HTTP_PEERS_TAKEN);
    http_peers_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_so_many_in_all_and_no_more),
        cmocka_unit_test(one_address_cannot_have_them_all),
    };
    return cmocka_run_group_tests_name("http_peers", tests, NULL, NULL);
}
