/* What the bytes of a message say to people, as far as they go. */
#include "common/avro_show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FRAME "\xc3\x01\xba\x2a\xa3\xe7\x63\x3e\x92\xb6"
#define FRAME_TEXT "  frame: single-object, schema fingerprint b6923e63e7a32aba, create-gold-label.avsc\n"
#define V0_FRAME "\xc3\x01\x76\xe0\x14\x5d\x07\xce\x66\xb6"
#define V0_FRAME_TEXT                                                                                        \
    "  frame: single-object, schema fingerprint b666ce075d14e076, create-gold-label.v0.avsc\n"

static void expect(struct slice value, const char *wanted)
{
    struct buffer out = {0};
    avro_show(value, &out);
    buffer_add_char(&out, '\0');
    assert_string_equal(out.at, wanted);
    buffer_dispose(&out);
}

static void a_whole_command_is_shown_by_its_fields(void **state)
{
    (void)state;
    expect(SLICE_LITERAL(FRAME "\x02"
                               "a"
                               "\x02"
                               "b"
                               "\x02"
                               "c"
                               "\x02\x02"
                               "d"
                               "\x00\x02\x01\x00\x00"
                               "xy"),
           FRAME_TEXT
           "  command_id: \"a\"\n  run_id: \"b\"\n  output_resource_name: \"c\"\n  text_value: \"d\"\n"
           "  object_value: null\n  object_value_is_partial: true\n  account_id: null\n  created_by: null\n"
           "  the record ends at byte 24, and 2 bytes follow\n");
}

static void bytes_that_break_off_are_shown_as_far_as_they_go(void **state)
{
    (void)state;
    expect(SLICE_LITERAL(FRAME "\x06"
                               "abc"
                               "\x08"
                               "ab"),
           FRAME_TEXT
           "  command_id: \"abc\"\n  run_id: \"ab\"\n  breaks off at byte 14: the bytes end within a text\n");
    expect(SLICE_LITERAL(FRAME "\x02"
                               "a\x01"),
           FRAME_TEXT "  command_id: \"a\"\n  run_id: \n  breaks off at byte 12: a negative length\n");
    expect(SLICE_LITERAL(FRAME "\0\0\0\x04"),
           FRAME_TEXT "  command_id: \"\"\n  run_id: \"\"\n  output_resource_name: \"\"\n"
                      "  breaks off at byte 13: a union has no such branch\n");
    expect(SLICE_LITERAL(FRAME "\0\0\0\0\0\x02"),
           FRAME_TEXT "  command_id: \"\"\n  run_id: \"\"\n  output_resource_name: \"\"\n  text_value: null\n"
                      "  object_value: null\n  object_value_is_partial: \n"
                      "  breaks off at byte 15: the bytes end before a boolean\n");
    expect(SLICE_LITERAL(FRAME "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
           FRAME_TEXT "  command_id: \n  breaks off at byte 10: a number of more than 64 bits\n");
}

static void a_command_of_an_older_writer_is_shown_by_that_writers_schema(void **state)
{
    (void)state;
    expect(SLICE_LITERAL(V0_FRAME "\x02r\x05\x02"
                                  "c\x02\0\0\x02\x02t\x02\x02x\x02\x0e\x02n"),
           V0_FRAME_TEXT "  run_id: \"r\"\n  revision: -3\n  command_id: \"c\"\n  channel: IMPORT\n"
                         "  object_value_is_partial: null\n  object_value: null\n  text_value: \"t\"\n"
                         "  origin.tool: \"x\"\n  origin.build: 7\n  output_resource_name: \"n\"\n");
    expect(SLICE_LITERAL(V0_FRAME "\x02r\x05\x02"
                                  "c\x04"),
           V0_FRAME_TEXT "  run_id: \"r\"\n  revision: -3\n  command_id: \"c\"\n  channel: \n"
                         "  breaks off at byte 15: an enum has no such symbol\n");
}

static void a_writer_that_is_not_known_is_taken_for_the_one_in_force(void **state)
{
    (void)state;
    expect(SLICE_LITERAL("\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08\x02x"),
           "  frame: single-object, schema fingerprint 0807060504030201, unknown: read as "
           "create-gold-label.avsc\n"
           "  command_id: \"x\"\n  run_id: \n  breaks off at byte 12: the bytes end within a number\n");
    expect(SLICE_LITERAL("\0\0\0\0\x07\x02x\x7f"),
           "  frame: Confluent, schema id 7, read as create-gold-label.avsc\n"
           "  command_id: \"x\"\n  run_id: \n  breaks off at byte 7: a negative length\n");
}

static void what_has_no_frame_is_said(void **state)
{
    (void)state;
    expect(SLICE_NONE, "  null\n");
    expect(SLICE_LITERAL(""), "  frame: none that is known\n");
    expect(SLICE_LITERAL("junk"), "  frame: none that is known\n");
    expect(SLICE_LITERAL("\xc3\x01short"), "  frame: none that is known\n");
}

static void texts_are_cut_and_harmless(void **state)
{
    char bytes[10 + 2 + 300] = FRAME "\xd8\x04";
    struct buffer out = {0};
    (void)state;
    memset(bytes + 12, 'a', 300);
    bytes[12] = '\x1b';
    avro_show(slice_make(bytes, sizeof bytes), &out);
    buffer_add_char(&out, '\0');
    assert_non_null(strstr(out.at, "\"\\u001baaa"));
    assert_non_null(strstr(out.at, "a\" … of 300 bytes\n"));
    assert_null(memchr(out.at, '\x1b', out.len));
    buffer_dispose(&out);

    avro_show(SLICE_LITERAL(FRAME "\x02\xff"), &out);
    buffer_add_char(&out, '\0');
    assert_non_null(strstr(out.at, "command_id: (1 bytes that are not UTF-8)\n"));
    buffer_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_command_is_shown_by_its_fields),
        cmocka_unit_test(bytes_that_break_off_are_shown_as_far_as_they_go),
        cmocka_unit_test(a_command_of_an_older_writer_is_shown_by_that_writers_schema),
        cmocka_unit_test(a_writer_that_is_not_known_is_taken_for_the_one_in_force),
        cmocka_unit_test(what_has_no_frame_is_said),
        cmocka_unit_test(texts_are_cut_and_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
