-- :rows rows as arrays of :batch each, put down in a temporary table before the clock starts; then one plain INSERT … SELECT … FROM unnest
-- per batch, each its own transaction. Prints the seconds.
CREATE TEMPORARY TABLE stage (
    batch integer,
    ids uuid[],
    accounts text[],
    runs uuid[],
    texts text[]
);
-- Stored as they are: taking them out again shall cost next to nothing.
ALTER TABLE stage ALTER texts SET STORAGE EXTERNAL, ALTER ids SET STORAGE EXTERNAL, ALTER runs SET STORAGE EXTERNAL,
    ALTER accounts SET STORAGE EXTERNAL;

INSERT INTO stage
SELECT i / :batch,
       array_agg((lpad(to_hex(1767225600000 + i / 50), 12, '0') || '7' || substr(md5(i::text), 1, 3) || '8'
                  || substr(md5(i::text), 4, 15))::uuid ORDER BY i),
       array_agg('bench-' || (i % :runs) % :accounts ORDER BY i),
       array_agg(('00000000-0000-4000-8001-' || lpad(to_hex(i % :runs), 12, '0'))::uuid ORDER BY i),
       array_agg(rpad('Label ' || i || ' of the bench. ', 348, 'x') ORDER BY i)
  FROM generate_series(0, :rows - 1) AS i
 GROUP BY i / :batch;
CREATE INDEX ON stage (batch);
ANALYZE stage;

SELECT clock_timestamp() AS began \gset
SELECT format('INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value, created_by) '
              'SELECT id, account_id, run_id, ''answer.txt'', text_value, ''user-0'' FROM stage, '
              'unnest(ids, accounts, runs, texts) AS i (id, account_id, run_id, text_value) WHERE batch = %s', batch)
  FROM stage ORDER BY batch \gexec
SELECT extract(epoch FROM clock_timestamp() - :'began');
