-- One label, where it is of that run and that account. What is said of it is in answer.sql, which follows.
-- $1 run, $2 account, $3 label.
WITH RECURSIVE form (opening, closing) AS (
    VALUES ('', '')
), verdict (is_found) AS (
    SELECT true FROM gold_label WHERE id = $3::uuid AND run_id = $1::uuid AND account_id = $2::text
), picked (n, id, is_shown) AS (
    SELECT 1, $3::uuid, true FROM verdict
),
