-- Rows {first} to {last} of a table in use: like the commands' rows, with older ids and times, in an ordinary table with its keys
-- and index.
INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value, created_by, created_at)
SELECT (lpad(to_hex(1735689600000 + i / 50), 12, '0') || '7' || substr(md5(i::text), 1, 3) || '8' || substr(md5(i::text), 4, 15))::uuid,
       'bench-' || (i % {runs}) % {accounts},
       ('00000000-0000-4000-8001-' || lpad(to_hex(i % {runs}), 12, '0'))::uuid,
       'answer.txt',
       rpad('Row ' || i || ' of the bench. ', 348, 'x'),
       'user-0',
       timestamptz '2025-01-01' + i * interval '1 millisecond'
  FROM generate_series({first}, {last}) AS i
