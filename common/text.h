/* UTF-8 (RFC 3629) and Unicode white space. */
#pragma once
#include "common/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF, nothing cut off. Empty is valid. */
bool text_is_utf8(struct slice s);
/* Bytes of the well-formed beginning. */
size_t text_utf8_prefix(struct slice s);
/* What Kafka takes for the name of a topic. */
enum { TEXT_TOPIC_NAME_MAX = 249 };
bool text_is_topic_name(struct slice s);
/* What librdkafka takes for brokers: [protocol://]host[:port], comma-separated, at least one. Of another list it uses what stands
 * before the first fault, and of a port the lowest 16 bits. It also stops at a protocol that is not that of security.protocol, which
 * is not looked at here. */
bool text_is_broker_list(struct slice s);
/* Number of code points of a valid UTF-8 text. */
size_t text_characters(struct slice utf8);
/* True when every character has the Unicode property White_Space, and for the empty text. `utf8` must be valid. */
bool text_is_blank(struct slice utf8);
/* True when some byte is a C0 control or DEL, or some character is a C1 control (U+0080–U+009F). */
bool text_has_control(struct slice utf8);
/* Compares ASCII letters without regard to case. */
bool text_equal_nocase(struct slice a, const char *b);
/* The longest prefix of `utf8` of at most `max` bytes that ends on a character boundary. */
struct slice text_prefix(struct slice utf8, size_t max);
/* Decimal digits only, no sign, no space, no leading zeros but "0" itself; false when above `max`. */
bool text_to_u64(struct slice s, uint64_t max, uint64_t *out);
/* Writes `n` in decimal digits to `out`, without a NUL; returns how many: at most TEXT_U64_MAX. */
enum { TEXT_U64_MAX = 20 };
size_t text_of_u64(uint64_t n, char *out);
/* 32-bit FNV-1a. */
uint32_t text_hash(const char *text);
