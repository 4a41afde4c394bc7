-- A page of a run's labels, oldest first, step by step along the index on (run_id, created_at, id): a step is one label, and the page ends
-- where it has enough of them or enough bytes. The last one picked may not be shown: then there is more.
-- Nothing comes out for a run that is not there, `is_found` is false when the label to begin behind is not.
-- $1 run, $2 account, $3 the label to begin behind, or NULL, $6 most labels, $7 bytes that are enough (one label may have more).
WITH RECURSIVE form (opening, closing) AS (
    VALUES ('[', ']')
), verdict (is_found, created_at, id) AS (
    SELECT $3::uuid IS NULL OR behind.id IS NOT NULL,
           coalesce(behind.created_at, '-infinity'),
           coalesce(behind.id, '00000000-0000-0000-0000-000000000000')
      FROM run
      LEFT JOIN gold_label behind ON behind.id = $3::uuid AND behind.run_id = run.id AND behind.account_id = run.account_id
     WHERE run.id = $1::uuid AND run.account_id = $2::text
), picked (n, id, is_shown, created_at, bytes) AS (
    SELECT 0, id, true, created_at, 0 FROM verdict WHERE is_found
    UNION ALL
    SELECT picked.n + 1,
           next.id,
           picked.n < $6::int AND picked.bytes < $7::int AND (picked.n = 0 OR picked.bytes + size.bytes <= $7::int),
           next.created_at,
           picked.bytes + size.bytes
      FROM picked
     CROSS JOIN LATERAL (
        SELECT *
          FROM gold_label
         WHERE run_id = $1::uuid AND account_id = $2::text AND (created_at, id) > (picked.created_at, picked.id)
         ORDER BY created_at, id
         LIMIT 1
     ) AS next
     -- Written out, a value can be far larger than as it is stored (1e400). Where the page is full anyway, it is not.
     CROSS JOIN LATERAL (
        SELECT CASE WHEN picked.n < $6::int AND picked.bytes < $7::int
                    THEN octet_length(next.output_resource_name) + coalesce(octet_length(next.text_value), 0)
                         + coalesce(octet_length(next.object_value::text), 0) + 512
                    ELSE 0
               END AS bytes
     ) AS size
     WHERE picked.is_shown
),
