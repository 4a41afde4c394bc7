-- What holds for the session, whatever the defaults of database and role are. $1: statement_timeout in milliseconds.
-- A commit that is answered must be on disk: synchronous_commit is switched on where it is off; any other is the platform's choice.
-- lock_timeout is left to the role: waiting in the queue is better than joining it again at its end, and statement_timeout bounds it.
-- An idle worker is no session that somebody forgot (idle_session_timeout, since PostgreSQL 14).
-- The statements are planned once (until the worker discards the plans, see store.c): left to itself PostgreSQL plans each small batch
-- anew, for a third of a millisecond, where the first five batches of a connection were small. So a plan, also that of the foreign key's
-- check, must suit a table that is small now and large soon: rows are found by an index. A query of the platform's triggers that has no
-- index to use counts as very expensive then: PostgreSQL would compile it, for a tenth of a second and more, for each row.
-- A batch needs some megabytes for a moment. Where the session began with small batches, glibc's malloc() gives them back to the kernel
-- after each and has them faulted in again for the next: a tenth of what the labels cost. When a block that it had mapped is freed (one of
-- at most 32 MiB), it maps only larger ones from then on, and keeps twice as much free at the end of its heap: here one of 16 MiB is, which is
-- no constant, of which the planner would make a copy. See mallopt(3); who sets MALLOC_TRIM_THRESHOLD_ and the like has chosen for himself.
SELECT set_config('statement_timeout', $1, false),
       CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END,
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('enable_seqscan', 'off', false),
       set_config('jit', 'off', false),
       (SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'),
       octet_length(repeat(lpad(pg_backend_pid()::text, 1024), 16384))
