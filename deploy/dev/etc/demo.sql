INSERT INTO run (id, account_id) VALUES (:'run', :'account') ON CONFLICT DO NOTHING;
