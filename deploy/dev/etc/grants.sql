-- What the worker needs, and nothing else.
GRANT SELECT ON run, schema_version TO gold_label_worker;
GRANT SELECT, INSERT ON gold_label TO gold_label_worker;

-- What the ingress needs to show labels.
GRANT SELECT ON run, gold_label TO gold_label_reader;
