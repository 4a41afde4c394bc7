-- What must be known of a database before anything is stored in it.
SELECT (SELECT max(version) FROM schema_version)::text,
       current_setting('server_encoding'),
       current_setting('fsync')
