BEGIN;
-- Also where more was granted before.
REVOKE ALL ON run, schema_version, gold_label FROM gold_label_worker, gold_label_reader;

-- What the worker needs, and nothing else.
GRANT SELECT (id, account_id) ON run TO gold_label_worker;
GRANT SELECT (version) ON schema_version TO gold_label_worker;
GRANT SELECT, INSERT (id, account_id, run_id, output_resource_name, text_value, object_value, object_value_is_partial, created_by)
    ON gold_label TO gold_label_worker;

-- What the ingress needs to show labels.
GRANT SELECT (id, account_id) ON run TO gold_label_reader;
GRANT SELECT ON gold_label TO gold_label_reader;
COMMIT;
