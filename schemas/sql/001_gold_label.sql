-- Gold labels of runs. Apply with: psql --single-transaction -v ON_ERROR_STOP=1 -f 001_gold_label.sql
--
-- The checks mirror the rules that the programs check before; here they hold for everybody who writes. They run for every
-- row, so they are plain: all of them together cost about one microsecond.

-- Runs belong to the platform; this one is for systems that have none yet. Labels need `id` and `account_id` of it.
CREATE TABLE IF NOT EXISTS run (
    id uuid PRIMARY KEY,
    account_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gold_label (
    id uuid PRIMARY KEY,
    account_id text NOT NULL,
    run_id uuid NOT NULL REFERENCES run (id),
    output_resource_name text NOT NULL,
    text_value text,
    object_value jsonb,
    object_value_is_partial boolean,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_by text,
    updated_at timestamptz,

    CONSTRAINT gold_label_account_id_is_a_principal CHECK (
        char_length(account_id) BETWEEN 1 AND 255 AND account_id !~ '[\u0001-\u001F\u007F-\u009F]'
    ),
    CONSTRAINT gold_label_created_by_is_a_principal CHECK (
        char_length(created_by) BETWEEN 1 AND 255 AND created_by !~ '[\u0001-\u001F\u007F-\u009F]'
    ),
    CONSTRAINT gold_label_output_resource_name_has_1_to_255_characters CHECK (
        char_length(output_resource_name) BETWEEN 1 AND 255
    ),
    -- Unicode's White_Space, spelled out: [[:space:]] is what the locale says.
    CONSTRAINT gold_label_output_resource_name_is_not_blank CHECK (
        ltrim(
            output_resource_name,
            U&'\0009\000A\000B\000C\000D\0020\0085\00A0\1680\2000\2001\2002\2003\2004\2005\2006\2007\2008\2009\200A'
            '\2028\2029\202F\205F\3000'
        ) <> ''
    ),
    CONSTRAINT gold_label_has_one_value CHECK ((text_value IS NULL) <> (object_value IS NULL)),
    CONSTRAINT gold_label_text_value_has_at_most_524288_bytes CHECK (octet_length(text_value) <= 524288),
    CONSTRAINT gold_label_object_value_is_an_object CHECK (jsonb_typeof(object_value) = 'object'),
    CONSTRAINT gold_label_only_an_object_is_partial CHECK (
        object_value_is_partial IS NULL OR object_value IS NOT NULL
    )
);

-- Lists the labels of a run, oldest first, page after page: WHERE run_id = … AND (created_at, id) > (…, …).
CREATE INDEX gold_label_run_id_created_at_id_idx ON gold_label (run_id, created_at, id);

COMMENT ON TABLE gold_label IS 'What a person says a run''s output should have been';
COMMENT ON COLUMN gold_label.id IS 'The id of the command that created the label: the same command stores one row';
COMMENT ON COLUMN gold_label.account_id IS 'The account of the token that came with the command; also the run''s';
COMMENT ON COLUMN gold_label.run_id IS 'The run that was labelled; it may have several labels, also for the same output';
COMMENT ON COLUMN gold_label.output_resource_name IS 'Which of the run''s outputs the label is for';
COMMENT ON COLUMN gold_label.text_value IS 'The label, where it is a text; the empty text is a value';
COMMENT ON COLUMN gold_label.object_value IS 'The label, where it is a JSON object; numbers keep their digits';
COMMENT ON COLUMN gold_label.object_value_is_partial IS 'Whether the object has only some of the output''s members; NULL: not said';
COMMENT ON COLUMN gold_label.created_by IS 'The subject of the token; NULL where a trusted producer named nobody';
COMMENT ON COLUMN gold_label.created_at IS 'When the storing transaction began';
COMMENT ON COLUMN gold_label.updated_by IS 'Who changed the label last; NULL: nobody';
COMMENT ON COLUMN gold_label.updated_at IS 'When the label was changed last; NULL: never';

CREATE TABLE schema_version (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE schema_version IS 'The files of schemas/sql/ that were applied; a worker checks the newest';
COMMENT ON COLUMN schema_version.version IS 'The number in front of the file''s name';
COMMENT ON COLUMN schema_version.applied_at IS 'When it was applied';

INSERT INTO schema_version (version) VALUES (1);
