#include "producer-tool/lint.h"

#include "producer-tool/send_line.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME "\"output_resource_name\":\"a\""

/* Characters before the first `begin`, and one. */
static size_t column_of(const char *line, const char *begin)
{
    size_t column = 1;
    const char *found = *begin ? strstr(line, begin) : NULL;
    if (!found)
        return 0;
    for (const char *at = line; at < found; at++)
        column += ((unsigned char)*at & 0xC0) != 0x80;
    return column;
}

static void the_place_of_a_fault_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *begin; /* what stands at the place; "": there is none */
        const char *member, *code;
    } cases[] = {
        {"{\"output_resource_name\":\" \"}", "\" \"", "output_resource_name", "name_blank"},
        {"{\"text_value\":\"x\"}", "", "output_resource_name", "name_required"},
        {"{" NAME "}", "", NULL, "value_required"},
        {"{" NAME ",\"text_value\":1}", "1", "text_value", "wrong_type"},
        {"{" NAME ",\"x\\\"y\":1}", "\"x", NULL, "unknown_member"},
        {"{" NAME ",\"x byte 3\":1}", "\"x byte", NULL, "unknown_member"},
        {"{" NAME ",\"id\":\"7\", \"text_value\":\"\"}", "\"7", "id", "invalid_command_id"},
        {"{\"run_id\": \"7\"," NAME ",\"text_value\":\"\"}", "\"7", "run_id", "invalid_run_id"},
        {"{" NAME ",\"text_value\":\"\",\"object_value\":{}}", "{}", "object_value", "value_ambiguous"},
        {"{" NAME ",\"text_value\":\"\",\"object_value_is_partial\":true}", "true", "object_value_is_partial",
         "partial_without_object"},
        {"{" NAME ",\"key\":\"a\\tb\",\"text_value\":\"\"}", "\"a\\t", "key", "invalid_key"},
        {"{\"output_resource_name\":\"\xc3\xa4\xf0\x9f\x98\x80\" ?}", "?", "output_resource_name",
         "malformed_json"},
        {"{\"text_value\":\"\xc3\xa4\xff\"}", "\xff", NULL, "not_utf8"},
        {"{" NAME ",\"object_value\":{\"a\":1,\"b\":[2,1e-401]}}", "1e-401", "object_value",
         "exponent_out_of_range"},
        {"[]", "", NULL, "not_an_object"},
        /* Behind the object is no member. */
        {"{\"text_value\":\"}\"},", ",", NULL, "malformed_json"},
        {"{" NAME ",\"object_value\":{}} ?", "?", NULL, "malformed_json"},
        {"[:g\"x\"]", ":", NULL, "malformed_json"},
        {"{:1,\"text_value\":2}", ":", NULL, "malformed_json"},
    };
    static const struct send_line_rules rules = {.run_id = {"9fce635a-cb14-4382-b669-f79155c36453", 36},
                                                 .check_only = true};
    struct arena *arena = arena_new(4096);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct label_command c;
        enum send_line_id from;
        struct fault f = {0};
        struct slice line = slice_of(cases[i].line);
        assert_int_not_equal(send_line_read(line, 1, &rules, 0, arena, &c, &from, &f), STATUS_OK);
        struct lint_place place = lint_locate(line, &f);
        size_t column = column_of(cases[i].line, cases[i].begin);
        bool same_member = place.member == cases[i].member ||
                           (place.member && cases[i].member && strcmp(place.member, cases[i].member) == 0);
        if (strcmp(f.code, cases[i].code) != 0 || place.column != column || !same_member)
            fail_msg("%s: %s: column %zu, not %zu; member %s; %s", cases[i].line, f.code, place.column,
                     column, place.member ? place.member : "none", f.message);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_place_of_a_fault_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
