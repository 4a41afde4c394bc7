#include "ingress/reads_rows.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum column {
    COLUMN_FOUND,
    COLUMN_KNOWN,
    COLUMN_LEN,
    COLUMN_DIGEST,
    COLUMN_NEXT,
    COLUMN_PLACE,
    COLUMN_PIECE,
    COLUMNS
};

static bool read_bool(const PGresult *row, int column)
{
    return !PQgetisnull(row, 0, column) && PQgetlength(row, 0, column) == 1 && *PQgetvalue(row, 0, column);
}

static bool read_int(const PGresult *row, int column, size_t *out)
{
    uint32_t n;

    if (PQgetlength(row, 0, column) != (int)sizeof n)
        return false;
    memcpy(&n, PQgetvalue(row, 0, column), sizeof n);
    *out = ntohl(n);
    return *out <= INT32_MAX;
}

static bool read_digest(const PGresult *row, struct read_page *page)
{
    if (PQgetlength(row, 0, COLUMN_DIGEST) != IF_NONE_MATCH_DIGEST_LEN)
        return false;
    memcpy(page->digest, PQgetvalue(row, 0, COLUMN_DIGEST), IF_NONE_MATCH_DIGEST_LEN);
    return true;
}

static bool read_next(const PGresult *row, struct read_page *page)
{
    struct uuid next;

    if (PQgetisnull(row, 0, COLUMN_NEXT))
        return true;
    if (PQgetlength(row, 0, COLUMN_NEXT) != (int)sizeof next.bytes)
        return false;
    memcpy(next.bytes, PQgetvalue(row, 0, COLUMN_NEXT), sizeof next.bytes);
    uuid_format(&next, page->next);
    return true;
}

/* The memory comes before the text; what has no room is not kept. */
static enum read_outcome make_room(struct read_page *page, struct answer_memory *memory)
{
    if (page->len > answer_memory_for(memory, page->len))
        return READ_TOO_LARGE;
    if (!answer_memory_take(memory, page->len))
        return READ_NO_ROOM;
    page->json = malloc(page->len);
    if (page->json)
        return READ_SHOWN;
    answer_memory_give_back(memory, page->len);
    return READ_NO_ROOM;
}

static status take_head(struct read_page *page, const PGresult *row, struct answer_memory *memory)
{
    if (PQnfields(row) != COLUMNS || !read_int(row, COLUMN_LEN, &page->len) || page->len == 0 ||
        !read_digest(row, page) || !read_next(row, page))
        return STATUS_FATAL;
    if (!read_bool(row, COLUMN_FOUND))
        page->outcome = READ_NO_PLACE;
    else if (read_bool(row, COLUMN_KNOWN))
        page->outcome = READ_NOT_MODIFIED;
    else
        page->outcome = make_room(page, memory);
    return STATUS_OK;
}

void reads_rows_begin(struct read_page *page)
{
    *page = (struct read_page){.outcome = READ_NOT_FOUND};
}

status reads_rows_take(struct read_page *page, size_t *got, const PGresult *row, struct answer_memory *memory)
{
    size_t place = 0;

    if (page->outcome == READ_NOT_FOUND) {
        *got = 0;
        if (take_head(page, row, memory) != STATUS_OK)
            return STATUS_FATAL;
    }
    if (page->outcome != READ_SHOWN)
        return STATUS_OK;

    size_t len = (size_t)PQgetlength(row, 0, COLUMN_PIECE);
    if (!read_int(row, COLUMN_PLACE, &place) || place != *got || len > page->len - place)
        return STATUS_FATAL;
    memcpy(page->json + place, PQgetvalue(row, 0, COLUMN_PIECE), len);
    *got += len;
    return STATUS_OK;
}

status reads_rows_end(const struct read_page *page, size_t got)
{
    return page->outcome == READ_SHOWN && got != page->len ? STATUS_FATAL : STATUS_OK;
}

void reads_rows_drop(struct read_page *page, struct answer_memory *memory)
{
    if (page->json)
        answer_memory_give_back(memory, page->len);
    free(page->json);
    page->json = NULL;
}
