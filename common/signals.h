/* SIGINT, SIGTERM and SIGHUP as something to poll. */
#pragma once

enum signal_event { SIGNAL_NONE, SIGNAL_STOP, SIGNAL_RELOAD };

/* Blocks SIGINT and SIGTERM for this thread and all it will start, ignores SIGPIPE and SIGXFSZ, and returns a non-blocking
 * descriptor that is readable when one of the two has come, or -1 with errno. Call before any thread is started. */
int signals_open(void);
/* Likewise for SIGHUP, so that another thread can take care of it. Without it a SIGHUP ends the process, as when its terminal
 * goes away. */
int signals_open_reload(void);

/* What came (SIGINT and SIGTERM: SIGNAL_STOP), SIGNAL_NONE when nothing did. */
enum signal_event signals_read(int fd);
/* Likewise, after waiting for it for up to `timeout_ms`. */
enum signal_event signals_wait(int fd, int timeout_ms);
