/* The three streams that every program expects to have. */
#pragma once

/* To be called first. Where standard input, output or error is closed, its number would go to the next thing that is opened, and a log line
 * into a connection or a file. So it is held by something that can be neither read as an input nor written to as an output. */
void streams_hold(void);
