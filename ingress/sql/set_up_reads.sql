-- What holds for a session of reads, whatever the defaults of database and role are. $1: statement_timeout in milliseconds.
-- Compiling a plan would take longer than to run it; statistics of an empty table must not turn steps along an index into scans; nothing
-- is written, whatever the role may do; a connection of the pool may be idle (idle_session_timeout, since PostgreSQL 14).
SELECT set_config('statement_timeout', $1, false),
       set_config('default_transaction_read_only', 'on', false),
       set_config('jit', 'off', false),
       set_config('enable_seqscan', 'off', false),
       (SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout')
