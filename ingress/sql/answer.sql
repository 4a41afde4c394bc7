-- Follows the picked labels: they become one JSON text, its length and its digest, cut into pieces that need little memory on their way.
-- Every row has the first five columns; the last two, place and piece, are NULL where the client has this very text already.
-- $4 digests the client has, separated by commas, or *, $5 bytes of a piece.
joined (json, next) AS MATERIALIZED (
    SELECT convert_to(form.opening || coalesce(string_agg(row_to_json(label)::text, ',' ORDER BY picked.n), '') || form.closing, 'UTF8'),
           (SELECT (array_agg(id ORDER BY n DESC) FILTER (WHERE is_shown))[1] FROM picked HAVING bool_or(NOT is_shown))
      FROM form
      LEFT JOIN picked ON picked.n > 0 AND picked.is_shown
      LEFT JOIN LATERAL (
        SELECT id,
               account_id,
               run_id,
               output_resource_name,
               text_value,
               object_value,
               object_value_is_partial,
               created_by,
               to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
               updated_by,
               to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at
          FROM gold_label
         WHERE gold_label.id = picked.id
         LIMIT 1
     ) AS label ON true
     GROUP BY form.opening, form.closing
), tagged (digest, is_known) AS MATERIALIZED (
    -- Whether there is more belongs to the digest: a page that was the last one must not stay it.
    SELECT digest, $4::text = '*' OR digest = ANY (string_to_array($4::text, ','))
      FROM joined
     CROSS JOIN LATERAL (
        SELECT left(encode(sha256(json || CASE WHEN next IS NULL THEN '' ELSE '+' END::bytea), 'hex'), 32) AS digest
     ) AS hashed
)
SELECT is_found, is_known, octet_length(json), digest, next, place, substr(json, place + 1, $5::int)
  FROM verdict
 CROSS JOIN joined
 CROSS JOIN tagged
  LEFT JOIN generate_series(0, octet_length(json) - 1, $5::int) AS place ON is_found AND NOT is_known
