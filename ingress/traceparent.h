/* The traceparent header (W3C Trace Context, level 1). Pure. */
#pragma once
#include "common/slice.h"
#include <stdbool.h>

/* True for a version 00 value of 55 characters whose trace id and parent id are not zero. What is not valid is not passed on. */
bool traceparent_is_valid(struct slice value);
/* Whether the flag `sampled` of a valid value is set: its sender records the trace. */
bool traceparent_is_sampled(struct slice value);
