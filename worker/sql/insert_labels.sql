-- Stores a batch and gives one verdict per row: 's'tored, run 'm'issing, id 't'aken, 'l'eft without its run but taken (the run was given to
-- another account since), run 'h'idden: a policy shows this role no run at all, so that nothing is known of this one.
-- $1 … $8 are arrays of equal length, sorted by id, with no id twice.
-- A trigger of the platform that would store something else than was sent makes the statement fail: what is answered as stored is what was
-- inserted, and that is what was sent. It is compared only where a trigger can have changed it: the table has one of that kind (tgtype & 7 = 7:
-- for each row, before it is inserted), or is none itself (partitioned, a view: its parts have triggers of their own). Or a type: varchar(n)
-- cuts blanks off without a word.
-- A run is looked up by its key, row by row: a join would be planned for the size that `run` had once, and read all of it.
WITH input AS MATERIALIZED (
    SELECT i.*, r.found IS NOT NULL AS has_run
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::boolean[], $8::text[])
           WITH ORDINALITY AS i (id, run_id, account_id, output_resource_name, text_value, object_value,
                                 object_value_is_partial, created_by, ord)
      LEFT JOIN LATERAL (
               SELECT true AS found FROM run WHERE run.id = i.run_id AND run.account_id = i.account_id OFFSET 0
           ) AS r ON true
), stored AS (
    INSERT INTO gold_label (id, account_id, run_id, output_resource_name, text_value, object_value,
                            object_value_is_partial, created_by)
    SELECT id, account_id, run_id, output_resource_name, text_value, object_value, object_value_is_partial, created_by
      FROM input
     WHERE has_run
     ORDER BY ord
    ON CONFLICT (id) DO NOTHING
    RETURNING id, created_at, updated_by, updated_at,
              CASE WHEN (SELECT c.relkind <> 'r'
                             OR EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgtype & 7 = 7)
                             OR EXISTS (SELECT FROM pg_attribute AS a
                                         WHERE a.attrelid = c.oid
                                           AND a.attname IN ('account_id', 'output_resource_name', 'text_value', 'created_by')
                                           AND a.atttypid <> 'text'::regtype)
                           FROM pg_class AS c WHERE c.oid = 'gold_label'::regclass)
                   THEN ROW(id, run_id, account_id::text, output_resource_name::text, text_value::text, object_value,
                            object_value_is_partial, created_by::text)
               END AS kept
)
SELECT CASE WHEN input.ord IS NOT NULL
             AND (stored.kept IS NULL
                  OR record_image_eq(stored.kept,
                                     ROW(input.id, input.run_id, input.account_id, input.output_resource_name,
                                         input.text_value, input.object_value, input.object_value_is_partial,
                                         input.created_by)))
            THEN input.ord::int4
            ELSE ('changed by a trigger: ' || stored.id)::int4
        END,
       CASE WHEN stored.id IS NOT NULL THEN 's'
            WHEN input.has_run THEN 't'
            WHEN row_security_active('run') AND NOT EXISTS (SELECT FROM run) THEN 'h'
            WHEN EXISTS (SELECT FROM gold_label WHERE gold_label.id = input.id OFFSET 0) THEN 'l'
            ELSE 'm'
        END::"char",
       stored.created_at,
       stored.updated_by,
       stored.updated_at
  FROM input FULL JOIN stored ON stored.id = input.id
