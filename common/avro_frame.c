#include "common/avro_frame.h"

#include <string.h>

enum { SINGLE_OBJECT_LEN = AVRO_FRAME_MAX, CONFLUENT_LEN = 5 };

static const uint8_t SINGLE_OBJECT_MAGIC[] = {0xc3, 0x01};
static const uint8_t CONFLUENT_MAGIC = 0x00;

static uint64_t get_little_endian(const uint8_t *at)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < 8; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

static uint32_t get_big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

struct avro_frame avro_frame_read(struct slice value)
{
    const uint8_t *bytes = (const uint8_t *)value.at;
    if (value.len >= SINGLE_OBJECT_LEN && memcmp(bytes, SINGLE_OBJECT_MAGIC, sizeof SINGLE_OBJECT_MAGIC) == 0)
        return (struct avro_frame){AVRO_FRAME_SINGLE_OBJECT, SINGLE_OBJECT_LEN,
                                   get_little_endian(bytes + sizeof SINGLE_OBJECT_MAGIC)};
    if (value.len >= CONFLUENT_LEN && bytes[0] == CONFLUENT_MAGIC)
        return (struct avro_frame){AVRO_FRAME_CONFLUENT, CONFLUENT_LEN, get_big_endian(bytes + 1)};
    return (struct avro_frame){.kind = AVRO_FRAME_NONE};
}

size_t avro_frame_write(enum avro_frame_kind kind, uint64_t number, char *to)
{
    if (kind == AVRO_FRAME_CONFLUENT) {
        *to = (char)CONFLUENT_MAGIC;
        for (unsigned i = 0; i < 4; i++)
            to[1 + i] = (char)(number >> (24 - 8 * i));
        return CONFLUENT_LEN;
    }
    memcpy(to, SINGLE_OBJECT_MAGIC, sizeof SINGLE_OBJECT_MAGIC);
    for (unsigned i = 0; i < 8; i++)
        to[2 + i] = (char)(number >> (8 * i));
    return SINGLE_OBJECT_LEN;
}
