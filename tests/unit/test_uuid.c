#include "common/uuid.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* libuuid's own; its header has names that are ours here. */
void uuid_generate_sha1(unsigned char *out, const unsigned char *name_space, const char *name, size_t len);

static struct uuid parsed(const char *text)
{
    struct uuid id;
    assert_true(uuid_parse(slice_of(text), &id));
    return id;
}

static void assert_text(const struct uuid *id, const char *expected)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    assert_string_equal(text, expected);
}

static void both_cases_are_read_and_lower_case_is_written(void **state)
{
    (void)state;
    struct uuid id = parsed("01234567-89AB-cdef-FEDC-ba9876543210");
    static const uint8_t BYTES[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                      0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    assert_memory_equal(id.bytes, BYTES, sizeof BYTES);
    assert_text(&id, "01234567-89ab-cdef-fedc-ba9876543210");
}

static void any_version_and_variant_is_read(void **state)
{
    (void)state;
    struct uuid id = parsed("00000000-0000-0000-0000-000000000000");
    assert_text(&id, "00000000-0000-0000-0000-000000000000");
    id = parsed("ffffffff-ffff-ffff-ffff-ffffffffffff");
    assert_text(&id, "ffffffff-ffff-ffff-ffff-ffffffffffff");
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    static const char *const OTHERS[] = {
        "",
        "0123456789abcdeffedcba9876543210",
        "01234567-89ab-cdef-fedc-ba987654321",
        "01234567-89ab-cdef-fedc-ba98765432100",
        "{1234567-89ab-cdef-fedc-ba987654321}",
        "01234567-89ab-cdef-fedc-ba987654321g",
        "01234567-89ab-cdef-fedc-ba987654321 ",
        " 1234567-89ab-cdef-fedc-ba9876543210",
        "0123456-789ab-cdef-fedc-ba9876543210",
        "01234567089ab-cdef-fedc-ba9876543210",
        "01234567-89ab0cdef-fedc-ba9876543210",
        "01234567-89ab-cdef0fedc-ba9876543210",
        "01234567-89ab-cdef-fedc0ba9876543210",
        "01234567_89ab_cdef_fedc_ba9876543210",
        "0x234567-89ab-cdef-fedc-ba9876543210",
        "-1234567-89ab-cdef-fedc-ba9876543210",
        "01234567-89ab-cdef-fedc-ba98765432\xC3\xA4",
    };
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        struct uuid id = {{7}};
        assert_false(uuid_parse(slice_of(OTHERS[i]), &id));
        assert_int_equal(id.bytes[0], 7);
    }
    struct uuid id;
    assert_false(uuid_parse(SLICE_NONE, &id));
    assert_false(uuid_parse(slice_make("01234567-89ab-cdef-fedc-ba98765432\0000", UUID_TEXT_LEN), &id));
}

static void every_position_wants_a_digit_or_a_dash(void **state)
{
    (void)state;
    for (size_t i = 0; i < UUID_TEXT_LEN; i++) {
        char text[] = "01234567-89ab-cdef-fedc-ba9876543210";
        struct uuid id;
        text[i] = text[i] == '-' ? '0' : '-';
        assert_false(uuid_parse(slice_of(text), &id));
    }
}

static void every_byte_is_a_digit_or_none_at_every_position(void **state)
{
    (void)state;
    static const char SOME[] = "01234567-89ab-cdef-fedc-ba9876543210";
    static const char HEX[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < UUID_TEXT_LEN; i++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            char text[sizeof SOME];
            char again[UUID_TEXT_LEN + 1];
            struct uuid id;
            memcpy(text, SOME, sizeof text);
            if (text[i] == '-')
                continue;
            text[i] = (char)byte;
            bool is_digit = memchr(HEX, (int)byte, sizeof HEX - 1) != NULL;
            assert_int_equal(uuid_parse(slice_make(text, UUID_TEXT_LEN), &id), is_digit);
            if (!is_digit)
                continue;
            uuid_format(&id, again);
            assert_int_equal(again[i], byte >= 'A' && byte <= 'F' ? byte + 'a' - 'A' : byte);
            again[i] = SOME[i];
            assert_string_equal(again, SOME);
        }
    }
}

static void the_order_is_that_of_the_bytes(void **state)
{
    (void)state;
    struct uuid low = parsed("00000000-0000-0000-0000-0000000000ff");
    struct uuid high = parsed("80000000-0000-0000-0000-000000000000");
    assert_true(uuid_compare(&low, &high) < 0);
    assert_true(uuid_compare(&high, &low) > 0);
    assert_int_equal(uuid_compare(&low, &low), 0);
}

static void version_5_agrees_with_another_implementation(void **state)
{
    (void)state; /* python3: uuid.uuid5(uuid.NAMESPACE_DNS, "www.example.com") */
    struct uuid dns = parsed("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    struct uuid id;
    uuid_v5(&id, &dns, SLICE_LITERAL("www.example.com"));
    assert_text(&id, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

/* Names of every length around SHA-1's blocks, one after the other in one thread; what libuuid makes of them is what it was. */
static void version_5_of_any_length_is_that_of_libuuid(void **state)
{
    (void)state;
    struct uuid name_space = parsed("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    char name[200];
    for (size_t len = 0; len <= sizeof name; len++) {
        struct uuid ours;
        unsigned char theirs[16];
        memset(name, (int)('a' + len % 26), sizeof name);
        uuid_v5(&ours, &name_space, slice_make(len ? name : NULL, len));
        uuid_generate_sha1(theirs, name_space.bytes, name, len);
        assert_memory_equal(ours.bytes, theirs, sizeof theirs);
    }
}

static void the_id_of_a_key_agrees_with_another_implementation(void **state)
{
    (void)
        state; /* python3: uuid.uuid5(uuid.UUID("96bbb1f3-2a4a-4cde-8b33-0b9c2a4a6a51"), account + "\0" + key) */
    char account[1020];
    char key[255];
    memset(account, 'a', sizeof account);
    memset(key, 'k', sizeof key);
    const struct {
        struct slice account, key;
        const char *id;
    } cases[] = {
        {SLICE_LITERAL("account-1"), SLICE_LITERAL("order-42"), "b787b87c-1f98-5218-a7cc-4cd2e8599010"},
        {slice_make(account, sizeof account), slice_make(key, sizeof key),
         "b9409a85-6b8c-5900-8289-3bf2c4adcece"},
        {SLICE_LITERAL(""), SLICE_LITERAL(""), "e886e9d2-ee55-5c87-991a-385f3b653f2b"},
        {SLICE_LITERAL("ä"), SLICE_LITERAL("b"), "b8949754-1ceb-5d06-94cc-d9a4a678fd73"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct uuid id;
        assert_true(uuid_of_key(&id, cases[i].account, cases[i].key));
        assert_text(&id, cases[i].id);
    }
}

static void account_and_key_do_not_run_together(void **state)
{
    (void)state;
    struct uuid a;
    struct uuid b;
    assert_true(uuid_of_key(&a, SLICE_LITERAL("ab"), SLICE_LITERAL("c")));
    assert_true(uuid_of_key(&b, SLICE_LITERAL("a"), SLICE_LITERAL("bc")));
    assert_int_not_equal(uuid_compare(&a, &b), 0);
}

static int64_t time_of(const struct uuid *id)
{
    int64_t ms = 0;
    for (size_t i = 0; i < 6; i++)
        ms = ms << 8 | id->bytes[i];
    return ms;
}

static void assert_version_7(const struct uuid *id)
{
    assert_int_equal(id->bytes[6] >> 4, 7);
    assert_int_equal(id->bytes[8] >> 6, 2);
}

static void version_7_carries_its_time(void **state)
{
    (void)state;
    struct uuid id;
    uuid_v7(&id, 0x017F22E279B0); /* the example of RFC 9562, appendix A.6 */
    assert_int_equal(time_of(&id), 0x017F22E279B0);
    assert_version_7(&id);
    uuid_v7(&id, 0x017F22E279B1);
    assert_int_equal(time_of(&id), 0x017F22E279B1);
}

static void version_7_only_rises_within_a_millisecond_and_when_the_clock_goes_back(void **state)
{
    (void)state;
    static const int64_t CLOCK[] = {1800000000000, 1800000000000, 1799999999999, 0, -5, 1800000000001};
    struct uuid last;
    uuid_v7(&last, CLOCK[0]);
    for (size_t i = 0; i < sizeof CLOCK / sizeof CLOCK[0]; i++) {
        for (int n = 0; n < 20000; n++) {
            struct uuid next;
            uuid_v7(&next, CLOCK[i]);
            assert_true(uuid_compare(&last, &next) < 0);
            assert_version_7(&next);
            last = next;
        }
    }
    assert_int_equal(time_of(&last), 1800000000001);
}

static void random_bytes_do_not_repeat(void **state)
{
    (void)state;
    enum { MANY = 300 }; /* several blocks */
    uint8_t seen[MANY][16];
    for (size_t i = 0; i < MANY; i++) {
        uuid_random_bytes(seen[i]);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(seen[i], seen[k], 16);
    }
}

static void *take_random_bytes(void *to)
{
    uuid_random_bytes(to);
    return NULL;
}

static void threads_have_random_bytes_of_their_own(void **state)
{
    (void)state;
    uint8_t mine[16];
    uint8_t theirs[16];
    pthread_t thread;
    uuid_random_bytes(mine);
    assert_int_equal(pthread_create(&thread, NULL, take_random_bytes, theirs), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_memory_not_equal(mine, theirs, 16);
    uuid_random_bytes(mine);
    assert_memory_not_equal(mine, theirs, 16);
}

static void a_forked_child_does_not_repeat_its_parent(void **state)
{
    (void)state;
    uint8_t parents[16];
    uint8_t childs[16] = {0};
    int ends[2];
    uuid_random_bytes(parents); /* there is a block now */
    assert_int_equal(pipe(ends), 0);

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        uuid_random_bytes(childs);
        _exit(write(ends[1], childs, sizeof childs) == (ssize_t)sizeof childs ? 0 : 1);
    }
    uuid_random_bytes(parents);
    assert_int_equal(read(ends[0], childs, sizeof childs), sizeof childs);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_not_equal(parents, childs, 16);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_cases_are_read_and_lower_case_is_written),
        cmocka_unit_test(any_version_and_variant_is_read),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(every_position_wants_a_digit_or_a_dash),
        cmocka_unit_test(every_byte_is_a_digit_or_none_at_every_position),
        cmocka_unit_test(the_order_is_that_of_the_bytes),
        cmocka_unit_test(version_5_agrees_with_another_implementation),
        cmocka_unit_test(version_5_of_any_length_is_that_of_libuuid),
        cmocka_unit_test(the_id_of_a_key_agrees_with_another_implementation),
        cmocka_unit_test(account_and_key_do_not_run_together),
        cmocka_unit_test(version_7_carries_its_time),
        cmocka_unit_test(version_7_only_rises_within_a_millisecond_and_when_the_clock_goes_back),
        cmocka_unit_test(random_bytes_do_not_repeat),
        cmocka_unit_test(threads_have_random_bytes_of_their_own),
        cmocka_unit_test(a_forked_child_does_not_repeat_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
