/* One result for `gold-label results`: as JSON, or as a row for people. */
#pragma once
#include "common/buffer.h"
#include "common/kafka.h"
#include "common/label.h"

/* The names above the rows. */
void result_print_head(struct buffer *to);
/* Values are cut and control characters replaced: a terminal must not be told what to do by a label. */
void result_print_row(struct buffer *to, const struct label_result *r, const struct kafka_record *record);

/* `text` with at most `columns` characters, without control characters, filled up with spaces. Also for other tables. */
void table_add_cell(struct buffer *to, struct slice text, size_t columns);
