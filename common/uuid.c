#include "common/uuid.h"

#include "common/digest.h"
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* Two of libuuid's names are ours too. Its header gets others here, and our functions are hidden from the dynamic linker, so
 * that neither ever takes the other's place. */
#define uuid_parse libuuid_parse
#define uuid_compare libuuid_compare
#include <uuid/uuid.h>
#undef uuid_parse
#undef uuid_compare
#define HIDDEN __attribute__((visibility("hidden")))

_Static_assert(sizeof(uuid_t) == sizeof((struct uuid *)NULL)->bytes, "a UUID is 16 bytes");

/* The text form: 8-4-4-4-12 digits with dashes between. */
static const uint8_t DASHES_AT[4] = {8, 13, 18, 23};
enum { DIGITS = 32 };

/* Eight digits are looked at in one word, a digit to a byte of it. */
#define EACH(byte) ((byte)*UINT64_C(0x0101010101010101))
#define HIGH_BITS EACH(0x80)

/* The high bit of each byte that is at least `least`. No byte of `word` has its own. */
static uint64_t at_least(uint64_t word, unsigned char least)
{
    return (word + EACH(0x80U - least)) & HIGH_BITS;
}

/* Four bytes of eight digits; false where something is no digit. */
static bool read_digits(const char *at, uint8_t bytes[4])
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = be64toh(word);
    if (word & HIGH_BITS)
        return false;

    uint64_t lower = word | EACH(0x20);
    uint64_t letters = at_least(lower, 'a') & ~at_least(lower, 'f' + 1);
    uint64_t digits = at_least(word, '0') & ~at_least(word, '9' + 1);
    if ((letters | digits) != HIGH_BITS)
        return false;

    word = (word & EACH(0x0F)) + (letters >> 7) * 9;
    word = (word | word >> 4) & 0x00FF00FF00FF00FFU;
    word = (word | word >> 8) & 0x0000FFFF0000FFFFU;
    const uint32_t big = htobe32((uint32_t)(word | word >> 16));
    memcpy(bytes, &big, sizeof big);
    return true;
}

HIDDEN bool uuid_parse(struct slice text, struct uuid *out)
{
    char digits[DIGITS];
    struct uuid id;

    if (text.at == NULL || text.len != UUID_TEXT_LEN)
        return false;
    for (size_t i = 0; i < sizeof DASHES_AT; i++) {
        if (text.at[DASHES_AT[i]] != '-')
            return false;
    }
    memcpy(digits, text.at, 8);
    memcpy(digits + 8, text.at + 9, 4);
    memcpy(digits + 12, text.at + 14, 4);
    memcpy(digits + 16, text.at + 19, 4);
    memcpy(digits + 20, text.at + 24, 12);
    for (size_t i = 0; i < sizeof id.bytes; i += 4) {
        if (!read_digits(digits + 2 * i, id.bytes + i))
            return false;
    }
    *out = id;
    return true;
}

static void write_digits(const uint8_t bytes[4], char out[8])
{
    uint32_t big;
    memcpy(&big, bytes, sizeof big);

    uint64_t word = be32toh(big);
    word = (word << 16 | word) & 0x0000FFFF0000FFFFU;
    word = (word << 8 | word) & 0x00FF00FF00FF00FFU;
    word = (word << 4 | word) & EACH(0x0F);
    uint64_t letters = (word + EACH(6)) >> 4 & EACH(1);
    word = htobe64(word + EACH('0') + letters * ('a' - '9' - 1));
    memcpy(out, &word, sizeof word);
}

void uuid_format(const struct uuid *id, char out[UUID_TEXT_LEN + 1])
{
    char digits[DIGITS];

    for (size_t i = 0; i < sizeof id->bytes; i += 4)
        write_digits(id->bytes + i, digits + 2 * i);
    for (size_t i = 0; i < sizeof DASHES_AT; i++)
        out[DASHES_AT[i]] = '-';
    memcpy(out, digits, 8);
    memcpy(out + 9, digits + 8, 4);
    memcpy(out + 14, digits + 12, 4);
    memcpy(out + 19, digits + 16, 4);
    memcpy(out + 24, digits + 20, 12);
    out[UUID_TEXT_LEN] = '\0';
}

HIDDEN int uuid_compare(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* ---- random bytes ---- */

static __thread struct {
    uint8_t bytes[1024];
    size_t left;
} random_block;

/* A forked child has only the thread that forked: it must not hand out the same bytes as its parent. */
static void forget_random_block(void)
{
    random_block.left = 0;
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_random_block);
}

static void fill_random_block(void)
{
    static pthread_once_t watching = PTHREAD_ONCE_INIT;
    pthread_once(&watching, watch_forks);

    size_t filled = 0;
    while (filled < sizeof random_block.bytes) {
        ssize_t n = getrandom(random_block.bytes + filled, sizeof random_block.bytes - filled, 0);
        if (n < 0 && errno != EINTR)
            abort(); /* a kernel without getrandom(2): guessable ids are worse than none */
        if (n > 0)
            filled += (size_t)n;
    }
    random_block.left = filled;
}

void uuid_random_bytes(uint8_t out[16])
{
    if (random_block.left < 16)
        fill_random_block();
    random_block.left -= 16;
    memcpy(out, random_block.bytes + random_block.left, 16);
}

/* ---- version 7 ---- */

enum { RANDOM_A_BITS = 12, RANDOM_B_BITS = 62 };
#define TIME_MASK ((UINT64_C(1) << 48) - 1)
#define RANDOM_A_MASK ((UINT64_C(1) << RANDOM_A_BITS) - 1)
#define RANDOM_B_MASK ((UINT64_C(1) << RANDOM_B_BITS) - 1)

/* Big endian, as RFC 9562 has every field. */
static void put(uint8_t *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

/* RFC 9562 §6.2, method 2: within a millisecond, and while the clock stands behind the last id, the random part of the last id
 * plus a random step; what flows over goes to the next field, the time at last. */
void uuid_v7(struct uuid *out, int64_t unix_ms)
{
    static __thread struct {
        uint64_t time, a, b;
    } last;

    uint64_t random[2];
    uuid_random_bytes((uint8_t *)random);

    uint64_t now = unix_ms < 0 ? 0 : (uint64_t)unix_ms & TIME_MASK;
    if (now > last.time) {
        last.time = now;
        last.a = random[0] & RANDOM_A_MASK;
        last.b = random[1] & RANDOM_B_MASK;
    } else {
        last.b += 1 + (random[0] & UINT32_MAX);
        last.a += last.b >> RANDOM_B_BITS;
        last.time += last.a >> RANDOM_A_BITS;
        last.a &= RANDOM_A_MASK;
        last.b &= RANDOM_B_MASK;
    }

    put(out->bytes, last.time, 6);
    put(out->bytes + 6, UINT64_C(7) << RANDOM_A_BITS | last.a, 2);
    put(out->bytes + 8, UINT64_C(2) << RANDOM_B_BITS | last.b, 8);
}

/* ---- version 5 ---- */

/* libuuid's SHA-1 uses no instructions of the processor: it costs three times what OpenSSL's does, and a load has one per line. */
void uuid_v5(struct uuid *out, const struct uuid *name_space, struct slice name)
{
    const struct slice parts[] = {slice_make((const char *)name_space->bytes, sizeof name_space->bytes),
                                  name};
    uint8_t sha1[DIGEST_SHA1_LEN];
    if (!digest_sha1(parts, 2, sha1)) {
        uuid_generate_sha1(out->bytes, name_space->bytes, name.at ? name.at : "", name.len);
        return;
    }
    memcpy(out->bytes, sha1, sizeof out->bytes);
    out->bytes[6] = (uint8_t)(5 << 4 | (out->bytes[6] & 0x0f)); /* version */
    out->bytes[8] = (uint8_t)(0x80 | (out->bytes[8] & 0x3f));   /* variant */
}

bool uuid_of_key(struct uuid *out, struct slice account_id, struct slice key)
{
    static const struct uuid NAME_SPACE = {
        {0x96, 0xbb, 0xb1, 0xf3, 0x2a, 0x4a, 0x4c, 0xde, 0x8b, 0x33, 0x0b, 0x9c, 0x2a, 0x4a, 0x6a, 0x51}};
    char small[512];

    size_t len = account_id.len + 1 + key.len;
    char *name = len <= sizeof small ? small : malloc(len);
    if (!name)
        return false;
    if (account_id.len > 0)
        memcpy(name, account_id.at, account_id.len);
    name[account_id.len] = '\0';
    if (key.len > 0)
        memcpy(name + account_id.len + 1, key.at, key.len);
    uuid_v5(out, &NAME_SPACE, slice_make(name, len));
    if (name != small)
        free(name);
    return true;
}
