/* What load.c and load_check.c do with one line alike. */
#pragma once
#include "producer-tool/load.h"

/* Why a line of the input cannot be taken, with its place in the line; `reason` gets member and column. */
void load_locate(struct slice line, const struct fault *f, struct ledger_reason *reason);
/* Fills `f` for a line that lines_next() has passed over. */
void load_too_long(struct fault *f);
