/* The connection string of PostgreSQL as a setting: for those who never see a connection. */
#pragma once
#include "common/buffer.h"

/* Says so when libpq cannot read the connection string (or URI); NULL can be read. */
void postgres_check_conninfo(const char *conninfo, struct buffer *faults);
