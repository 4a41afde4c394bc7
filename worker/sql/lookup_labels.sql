-- For ids that were taken: is the row that is there the same label? It is shown only then: 's'ame, 'o'ther, 'g'one, 'h'idden: gone, or a
-- policy does not show it.
-- The values are not read back: they equal those sent, and written out in full they could be far larger (1e400). An object that is equal and
-- yet not the same to the byte has other digits (1.10 for 1.1): it is read back where that takes little more memory than what was sent.
-- With synchronous replication a row can be there that no standby has: its commit waited for them when its connection was ended. So the
-- answer that shows it waits, too: it writes something that its own commit has to wait for. The lock, one for all, lets
-- repetitions wait in the statement, where they time out, and not each in one more commit, where nothing ends them.
-- $1 … $8 as in insert_labels.sql, but in any order. Row by row by the key, as there: the table may have grown by millions since this was planned.
SELECT i.ord::int4,
       CASE WHEN l.id IS NULL AND row_security_active('gold_label') THEN 'h'
            WHEN l.id IS NULL THEN 'g'
            WHEN same.yes THEN 's'
            ELSE 'o'
        END::"char",
       CASE WHEN same.yes THEN l.created_by END,
       CASE WHEN same.yes THEN l.created_at END,
       CASE WHEN same.yes THEN l.updated_by END,
       CASE WHEN same.yes THEN l.updated_at END,
       CASE WHEN octet_length(other_digits.text) <= 2 * pg_column_size(i.object_value) THEN other_digits.text END,
       CASE WHEN same.yes THEN (
            SELECT pg_logical_emit_message(true, 'gold-label-worker', '')
              FROM pg_advisory_xact_lock(hashtextextended('gold-label-worker', 0))
             WHERE current_setting('synchronous_standby_names') <> ''
       ) END
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::boolean[], $8::text[])
       WITH ORDINALITY AS i (id, run_id, account_id, output_resource_name, text_value, object_value,
                             object_value_is_partial, created_by, ord)
  LEFT JOIN LATERAL (SELECT * FROM gold_label WHERE gold_label.id = i.id OFFSET 0) AS l ON true
 CROSS JOIN LATERAL (
    SELECT l.account_id = i.account_id
       AND l.run_id = i.run_id
       AND l.output_resource_name = i.output_resource_name
       AND l.text_value IS NOT DISTINCT FROM i.text_value
       AND l.object_value IS NOT DISTINCT FROM i.object_value
       AND l.object_value_is_partial IS NOT DISTINCT FROM i.object_value_is_partial AS yes
 ) AS same
  LEFT JOIN LATERAL (
    SELECT l.object_value::text AS text
     WHERE same.yes
       AND NOT record_image_eq(ROW(l.object_value), ROW(i.object_value))
       AND pg_column_size(l.object_value) <= 2 * pg_column_size(i.object_value)
    OFFSET 0
 ) AS other_digits ON true
