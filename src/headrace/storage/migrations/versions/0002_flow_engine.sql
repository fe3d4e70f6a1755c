-- What the complete flow engine keeps.

ALTER TABLE profile ADD COLUMN predictive JSONB DEFAULT '{}'::jsonb NOT NULL;

ALTER TABLE pending
    ADD COLUMN kind SMALLINT DEFAULT 0 NOT NULL,
    ADD COLUMN group_id TEXT;

ALTER TABLE consent
    ADD COLUMN purpose SMALLINT DEFAULT 0 NOT NULL,
    ADD COLUMN recorded_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN custom_source TEXT,
    ADD COLUMN double_opt_in BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN rcs_capable BOOLEAN,
    DROP CONSTRAINT consent_pkey,
    ADD CONSTRAINT consent_pkey PRIMARY KEY (bucket, account_id, profile_id, channel, purpose);

ALTER TABLE run
    ADD COLUMN source SMALLINT DEFAULT 0 NOT NULL,
    ADD COLUMN target_on DATE,
    ADD COLUMN awaits UUID,
    ADD COLUMN outputs JSONB,
    ADD COLUMN waiting_in BIGINT;

DROP INDEX run_due_idx;

CREATE INDEX run_due_idx ON run (clock, bucket, account_id, resume_at) WHERE state = 0;

DROP INDEX delivery_due_idx;

CREATE INDEX delivery_due_idx ON delivery (clock, bucket, account_id, due_at) WHERE state = 0;

ALTER TABLE delivery
    ADD COLUMN step INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN detail TEXT;

CREATE INDEX delivery_review_idx ON delivery (account_id, flow_id, queued_at) WHERE state = 6;

CREATE TABLE suppression (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    list_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT suppression_pkey PRIMARY KEY (bucket, account_id, profile_id, list_id, reason)
);

CREATE TABLE push_token (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    token TEXT NOT NULL,
    platform TEXT NOT NULL,
    vendor TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT push_token_pkey PRIMARY KEY (bucket, account_id, profile_id, token)
);

CREATE TABLE custom_object (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    object_type_id TEXT NOT NULL,
    relationship_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    properties JSONB NOT NULL,
    CONSTRAINT custom_object_pkey PRIMARY KEY (bucket, account_id, profile_id, object_type_id, relationship_id, object_id)
);

CREATE TABLE planned_entry (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    enters_at TIMESTAMP WITH TIME ZONE NOT NULL,
    target_on DATE NOT NULL,
    clock INTEGER NOT NULL,
    CONSTRAINT planned_entry_pkey PRIMARY KEY (bucket, account_id, flow_id, profile_id)
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX planned_entry_due_idx ON planned_entry (clock, bucket, account_id, enters_at);

CREATE TABLE planning (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    after_profile_id TEXT DEFAULT '' NOT NULL,
    CONSTRAINT planning_pkey PRIMARY KEY (bucket, account_id, flow_id)
);

CREATE TABLE experiment (
    account_id TEXT NOT NULL,
    action_id BIGINT NOT NULL,
    experiment_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    winner TEXT,
    reason TEXT,
    figures JSONB DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT experiment_pkey PRIMARY KEY (account_id, action_id, experiment_id)
);

CREATE TABLE entry_guard (
    flow_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    window_began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    entered INTEGER NOT NULL,
    holding_since TIMESTAMP WITH TIME ZONE,
    CONSTRAINT entry_guard_pkey PRIMARY KEY (flow_id)
);

CREATE TABLE alert_recipient (
    account_id TEXT NOT NULL,
    email TEXT NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT alert_recipient_pkey PRIMARY KEY (account_id, email)
);

CREATE TABLE job (
    job_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    arguments JSONB NOT NULL,
    progress JSONB DEFAULT '{}'::jsonb NOT NULL,
    error TEXT,
    lease_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT job_pkey PRIMARY KEY (job_id)
);

CREATE INDEX job_account_id_kind_created_at_idx ON job (account_id, kind, created_at);

CREATE INDEX job_waiting_idx ON job (created_at) WHERE state IN ('queued', 'running');

CREATE TABLE step_delta (
    account_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    flow_id TEXT NOT NULL,
    action_id BIGINT NOT NULL,
    counter TEXT NOT NULL,
    detail TEXT NOT NULL,
    amount INTEGER NOT NULL,
    CONSTRAINT step_delta_pkey PRIMARY KEY (account_id, seq)
);

CREATE TABLE step_count (
    account_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    action_id BIGINT NOT NULL,
    counter TEXT NOT NULL,
    detail TEXT NOT NULL,
    amount BIGINT NOT NULL,
    CONSTRAINT step_count_pkey PRIMARY KEY (account_id, flow_id, action_id, counter, detail)
);
