-- The owner of the schema, the roles of worker and ingress, the database: what is missing of them.
SELECT format('CREATE ROLE gold_label_owner LOGIN PASSWORD %L', :'owner_password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gold_label_owner') \gexec
SELECT format('CREATE ROLE gold_label_worker LOGIN PASSWORD %L', :'worker_password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gold_label_worker') \gexec
SELECT format('CREATE ROLE gold_label_reader LOGIN PASSWORD %L', :'reader_password')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gold_label_reader') \gexec
SELECT 'CREATE DATABASE gold_label OWNER gold_label_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'gold_label') \gexec
