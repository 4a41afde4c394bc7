/* What came of a read, as an HTTP answer. */
#pragma once
#include "ingress/read.h"
#include "ingress/stats.h"

/* Answers the request of `r`, which is gone then, and counts. Takes the text of `page`. */
void read_answer(const struct stats *stats, struct read *r, struct read_page *page, int64_t duration_us);
