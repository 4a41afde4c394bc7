/* Which bodies are JSON in UTF-8 (contract §2). Pure. */
#pragma once
#include "common/slice.h"
#include <stdbool.h>

/* True for `application/json` with `charset=utf-8` or no charset; other parameters do not matter. Absent is false. */
bool media_type_is_json(struct slice content_type);
