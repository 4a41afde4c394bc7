/* When requests stop waiting for a key set that is being fetched. */
#include "ingress/key_waits.h"

#include "common/http_server.h"
#include "common/token.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ONE = 1, OTHER = 2 };

static struct {
    uint32_t coming;
    int accepted;
} fake;

/* ---- what the file under test calls ---- */

uint32_t token_keys_coming(const struct token_keys *keys, uint32_t sources)
{
    (void)keys;
    return fake.coming & sources;
}

void http_accept_body(struct http_request *r, size_t max, uint32_t party)
{
    (void)r;
    (void)max;
    (void)party;
    fake.accepted++;
}

/* ---- tests ---- */

static struct token_keys *const KEYS = (struct token_keys *)&fake;
static struct http_request *const REQUEST = (struct http_request *)&fake;

static struct key_waits *waits_of(uint32_t coming, uint32_t sources)
{
    struct key_waits *w = key_waits_new();
    fake.coming = coming;
    fake.accepted = 0;
    assert_true(key_waits_add(w, REQUEST, KEYS, sources));
    return w;
}

static void a_request_waits_until_all_it_waits_for_is_over(void **state)
{
    (void)state;
    struct key_waits *w = waits_of(ONE | OTHER, ONE | OTHER);
    fake.coming = OTHER;
    key_waits_release(w, KEYS, ONE);
    assert_int_equal(fake.accepted, 0);
    fake.coming = 0;
    key_waits_release(w, KEYS, OTHER);
    assert_int_equal(fake.accepted, 1);
    key_waits_free(w);
}

static void what_is_over_already_is_not_waited_for(void **state)
{
    (void)state;
    key_waits_free(waits_of(0, ONE));
    assert_int_equal(fake.accepted, 1);
}

/* The end of the fetch before, as the one at the start: its thread tells it when somebody has asked for the next. */
static void the_end_of_an_earlier_fetch_is_not_the_end_of_this_one(void **state)
{
    (void)state;
    struct key_waits *w = waits_of(ONE, ONE);
    key_waits_release(w, KEYS, ONE);
    assert_int_equal(fake.accepted, 0);
    fake.coming = 0;
    key_waits_release(w, KEYS, ONE);
    assert_int_equal(fake.accepted, 1);
    key_waits_free(w);
}

static void at_the_end_nobody_waits(void **state)
{
    (void)state;
    struct key_waits *w = waits_of(ONE, ONE);
    key_waits_release(w, NULL, UINT32_MAX);
    assert_int_equal(fake.accepted, 1);
    key_waits_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_waits_until_all_it_waits_for_is_over),
        cmocka_unit_test(what_is_over_already_is_not_waited_for),
        cmocka_unit_test(the_end_of_an_earlier_fetch_is_not_the_end_of_this_one),
        cmocka_unit_test(at_the_end_nobody_waits),
    };
    return cmocka_run_group_tests_name("key_waits", tests, NULL, NULL);
}
