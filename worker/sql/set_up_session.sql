-- What holds for the session, whatever the defaults of database and role are. $1: statement_timeout in milliseconds.
-- A commit that is answered must be on disk; a stronger synchronous_commit is kept. lock_timeout is left to the role: waiting in
-- the queue is better than joining it again at its end, and statement_timeout bounds it.
-- An idle worker is no session that somebody forgot (idle_session_timeout, since PostgreSQL 14).
-- The statements are planned once (until the worker discards the plans, see store.c): left to itself PostgreSQL plans each small batch
-- anew, for a third of a millisecond, where the first five batches of a connection were small. So a plan, also that of the foreign key's
-- check, must suit a table that is small now and large soon: rows are found by an index. A query of the platform's triggers that has no
-- index to use counts as very expensive then: PostgreSQL would compile it, for a tenth of a second and more, for each row.
-- A batch needs some megabytes for a moment. glibc's malloc() returns them to the kernel after each, and takes them page by page for the
-- next, where the session began with small batches: a tenth of what the labels cost. It keeps twice the largest block, up to 32 MiB, that
-- was ever allocated and freed: here one of 16 MiB is (not a constant: the planner would make copies of it). See mallopt(3), M_MMAP_THRESHOLD.
SELECT set_config('statement_timeout', $1, false),
       CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END,
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('enable_seqscan', 'off', false),
       set_config('jit', 'off', false),
       (SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'),
       octet_length(repeat(lpad(pg_backend_pid()::text, 1024), 16384))
