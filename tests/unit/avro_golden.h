/* Messages as fastavro writes them, in hex (tests/integration/test_avro_schemas.py writes them again and compares), and as
 * our structs. */
#pragma once
#include "common/label.h"
#include <assert.h>
#include <stddef.h>
#include <string.h>

/* Every field set: an object, the flag true, texts with other than ASCII. */
#define GOLDEN_COMMAND_FULL                                                                                  \
    "c301ba2aa3e7633e92b64830313930663761302d313131312d373030302d383030302d30303030303030306162636448303139" \
    "30463741302d323232322d373030302d383030302d3030303030303030414243440e73756d6d6172790002147b2261223a312e" \
    "31307d0201020a6163632d31020cc3a96d696c65"

/* The empty text, all else null. */
#define GOLDEN_COMMAND_SMALL                                                                                 \
    "c301ba2aa3e7633e92b64830313930663761302d313131312d373030302d383030302d30303030303030306162636448303139" \
    "30463741302d323232322d373030302d383030302d30303030303030304142434404c3bc020000000000"

/* CREATED, replayed, updated one microsecond before 1970. */
#define GOLDEN_RESULT_CREATED                                                                                \
    "c301e20a1fa23e7fac164830313930663761302d313131312d373030302d383030302d30303030303030306162636448303139" \
    "30663761302d323232322d373030302d383030302d3030303030303030616263640001024830313930663761302d313131312d" \
    "373030302d383030302d3030303030303030616263640a6163632d314830313930663761302d323232322d373030302d383030" \
    "302d3030303030303030616263640e73756d6d6172790002167b2261223a20312e31307d0200020cc3a96d696c658089818283" \
    "89850602087a6fc3ab02010000"

/* REJECTED as run_not_found, with ids that are no UUIDs. */
#define GOLDEN_RESULT_REJECTED                                                                               \
    "c301e20a1fa23e7fac160e6e6f2075756964000200000204022c7468652072756e20646f6573206e6f74206578697374"

#define COMMAND_ID SLICE_LITERAL("0190f7a0-1111-7000-8000-00000000abcd")
#define RUN_ID SLICE_LITERAL("0190F7A0-2222-7000-8000-00000000ABCD") /* as sent */
#define RUN_ID_CANONICAL SLICE_LITERAL("0190f7a0-2222-7000-8000-00000000abcd")

/* The same messages as our structs. */
#define COMMAND_FULL                                                                                         \
    ((struct label_command){.command_id_text = COMMAND_ID,                                                   \
                            .run_id_text = RUN_ID,                                                           \
                            .output_resource_name = SLICE_LITERAL("summary"),                                \
                            .object_value = SLICE_LITERAL("{\"a\":1.10}"),                                   \
                            .object_value_is_partial = LABEL_FLAG_TRUE,                                      \
                            .account_id = SLICE_LITERAL("acc-1"),                                            \
                            .created_by = SLICE_LITERAL("émile")})
#define COMMAND_SMALL                                                                                        \
    ((struct label_command){.command_id_text = COMMAND_ID,                                                   \
                            .run_id_text = RUN_ID,                                                           \
                            .output_resource_name = SLICE_LITERAL("ü"),                                      \
                            .text_value = SLICE_LITERAL("")})
#define RESULT_CREATED                                                                                       \
    ((struct label_result){.outcome = LABEL_CREATED,                                                         \
                           .command_id_text = COMMAND_ID,                                                    \
                           .run_id_text = RUN_ID_CANONICAL,                                                  \
                           .replayed = true,                                                                 \
                           .account_id = SLICE_LITERAL("acc-1"),                                             \
                           .output_resource_name = SLICE_LITERAL("summary"),                                 \
                           .object_value = SLICE_LITERAL("{\"a\": 1.10}"),                                   \
                           .object_value_is_partial = LABEL_FLAG_FALSE,                                      \
                           .created_by = SLICE_LITERAL("émile"),                                             \
                           .created_at_us = 1700000000123456,                                                \
                           .updated_by = SLICE_LITERAL("zoë"),                                               \
                           .has_updated_at = true,                                                           \
                           .updated_at_us = -1})
#define RESULT_REJECTED                                                                                      \
    ((struct label_result){.outcome = LABEL_REJECTED,                                                        \
                           .command_id_text = SLICE_LITERAL("no uuid"),                                      \
                           .run_id_text = SLICE_LITERAL(""),                                                 \
                           .code = LABEL_REJECTED_RUN_NOT_FOUND,                                             \
                           .message = SLICE_LITERAL("the run does not exist")})

/* The bytes of `hex` (lower case) in `out`, which has room for `size`; returns how many there are. */
static inline size_t unhex(const char *hex, char *out, size_t size)
{
    static const char DIGITS[] = "0123456789abcdef";
    const size_t n = strlen(hex) / 2;
    assert(n <= size);
    for (size_t i = 0; i < n; i++)
        out[i] =
            (char)((strchr(DIGITS, hex[2 * i]) - DIGITS) << 4 | (strchr(DIGITS, hex[2 * i + 1]) - DIGITS));
    return n;
}
