#include "ingress/prefer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void preferences_are_read_as_rfc_7240_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool respond_async;
        unsigned wait_s;
    } CASES[] = {
        {"respond-async", true, 0},
        {"Respond-Async", true, 0},
        {"wait=1", false, 1},
        {"wait=30", false, 30},
        {"wait=\"7\"", false, 7},
        {"wait = 7", false, 7},
        {"respond-async, wait=10", true, 10},
        {"wait=10,respond-async", true, 10},
        {" , wait=3 ,, respond-async , ", true, 3},
        {"wait=2, wait=3", false, 2},
        {"return=minimal; a=b; c, wait=4", false, 4},
        {"wait=4; x=\"a, b;\\\"c\"; , respond-async;", true, 4},
        {"foo=\"respond-async, wait=3\"", false, 0},
        {"wait=0", false, 0},
        {"wait=31", false, 0},
        {"wait=-1", false, 0},
        {"wait=1.5", false, 0},
        {"wait=007", false, 0},
        {"wait", false, 0},
        {"wait=", false, 0},
        {"respond-async=1", false, 0},
        {"respond-async=\"\"", true, 0},
        {"respond-asyncx", false, 0},
        {"", false, 0},
        {"=", false, 0},
        {"foo=\"open, wait=3", false, 0},
        {"wait=3 respond-async", false, 0},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct preference p = {0};
        prefer_read(slice_of(CASES[i].value), &p);
        if (p.respond_async != CASES[i].respond_async || p.wait_s != CASES[i].wait_s)
            print_error("%s\n", CASES[i].value);
        assert_int_equal(p.respond_async, CASES[i].respond_async);
        assert_int_equal(p.wait_s, CASES[i].wait_s);
    }
}

static void several_headers_are_read_as_one_list(void **state)
{
    (void)state;
    struct preference p = {0};

    prefer_read(SLICE_LITERAL("wait=2"), &p);
    prefer_read(SLICE_LITERAL("respond-async, wait=9"), &p);
    assert_true(p.respond_async);
    assert_int_equal(p.wait_s, 2);
}

static void only_respond_async_alone_is_immediate(void **state)
{
    (void)state;
    assert_true(prefer_is_immediate(&(struct preference){true, 0}));
    assert_false(prefer_is_immediate(&(struct preference){true, 5}));
    assert_false(prefer_is_immediate(&(struct preference){false, 5}));
    assert_false(prefer_is_immediate(&(struct preference){false, 0}));
}

static void what_was_honoured_is_said(void **state)
{
    (void)state;
    static const struct {
        struct preference p;
        bool accepted;
        const char *applied;
    } CASES[] = {
        {{false, 0}, true, ""},
        {{false, 0}, false, ""},
        {{true, 0}, true, "respond-async"},
        {{true, 30}, true, "respond-async, wait=30"},
        {{true, 30}, false, "wait=30"},
        {{false, 3}, true, "wait=3"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char applied[PREFER_APPLIED_SIZE];
        prefer_applied(&CASES[i].p, CASES[i].accepted, applied);
        assert_string_equal(applied, CASES[i].applied);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preferences_are_read_as_rfc_7240_has_them),
        cmocka_unit_test(several_headers_are_read_as_one_list),
        cmocka_unit_test(only_respond_async_alone_is_immediate),
        cmocka_unit_test(what_was_honoured_is_said),
    };
    return cmocka_run_group_tests_name("prefer", tests, NULL, NULL);
}
