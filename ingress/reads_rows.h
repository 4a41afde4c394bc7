/* The rows of a read (ingress/sql/answer.sql), put together as they come: no row is larger than a piece, so a text of many MiB is in memory
 * once and not three times. */
#pragma once
#include "common/postgres.h"
#include "common/status.h"
#include "ingress/answer_memory.h"
#include "ingress/read.h"

/* Before the first row. */
void reads_rows_begin(struct read_page *page);
/* Takes one row in binary format. From the first one on `page->outcome` is known; for READ_SHOWN there is memory, counted in `memory`.
 * Errors: STATUS_FATAL: it is not the row that must come now. */
status reads_rows_take(struct read_page *page, size_t *got, const PGresult *row, struct answer_memory *memory)
    must_check;
/* After the last row. Errors: STATUS_FATAL: something is missing. */
status reads_rows_end(const struct read_page *page, size_t got) must_check;
/* Frees what is not wanted any more. */
void reads_rows_drop(struct read_page *page, struct answer_memory *memory);
