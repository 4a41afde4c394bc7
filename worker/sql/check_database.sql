-- What must be known of a database before anything is stored in it.
SELECT (SELECT max(version) FROM schema_version)::text,
       current_setting('server_encoding'),
       current_setting('fsync'),
       -- Columns that the platform has generated from the label, a line for each: what is null there is the label's fault.
       (SELECT chr(10) || string_agg(attname::text || chr(10), '')
          FROM pg_attribute
         WHERE attrelid = to_regclass('gold_label') AND attgenerated <> '')
