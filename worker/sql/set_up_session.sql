-- What holds for the session, whatever the defaults of database and role are. $1: statement_timeout in milliseconds.
-- A commit that is answered must be on disk; a stronger synchronous_commit is kept. lock_timeout is left to the role: waiting in
-- the queue is better than joining it again at its end, and statement_timeout bounds it.
SELECT set_config('statement_timeout', $1, false),
       CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END
