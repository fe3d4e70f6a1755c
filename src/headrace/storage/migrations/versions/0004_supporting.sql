-- What stands around flows and people: images, universal content, metrics, webhooks, and the API's own state.

CREATE SEQUENCE image_serial START WITH 100001;

CREATE TABLE image (
    image_id BIGINT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    format TEXT NOT NULL,
    size INTEGER NOT NULL,
    hidden BOOLEAN DEFAULT false NOT NULL,
    digest BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT image_pkey PRIMARY KEY (image_id)
);

CREATE INDEX image_account_id_updated_at_idx ON image (account_id, updated_at);

CREATE TABLE universal_content (
    content_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    definition JSON NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT universal_content_pkey PRIMARY KEY (content_id)
);

CREATE INDEX universal_content_account_id_idx ON universal_content (account_id);

CREATE TABLE custom_metric (
    custom_metric_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    definition JSON NOT NULL,
    metric_ids TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT custom_metric_pkey PRIMARY KEY (custom_metric_id)
);

CREATE INDEX custom_metric_account_id_idx ON custom_metric (account_id);

CREATE TABLE mapped_metric (
    account_id TEXT NOT NULL,
    mapping TEXT NOT NULL,
    metric_id TEXT,
    custom_metric_id TEXT,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT mapped_metric_pkey PRIMARY KEY (account_id, mapping)
);

CREATE TABLE metric_property (
    account_id TEXT NOT NULL,
    metric_id TEXT NOT NULL,
    property TEXT NOT NULL,
    property_id TEXT NOT NULL,
    inferred_type TEXT NOT NULL,
    first_number BIGINT NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT metric_property_pkey PRIMARY KEY (account_id, metric_id, property)
);

CREATE INDEX metric_property_account_id_property_id_idx ON metric_property (account_id, property_id);

CREATE TABLE tracking_setting (
    account_id TEXT NOT NULL,
    auto_add_parameters BOOLEAN NOT NULL,
    parameters JSONB DEFAULT '{}'::jsonb NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT tracking_setting_pkey PRIMARY KEY (account_id)
);

CREATE TABLE webhook (
    webhook_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    endpoint_url TEXT NOT NULL,
    secret BYTEA NOT NULL,
    enabled BOOLEAN DEFAULT true NOT NULL,
    topics TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts SMALLINT DEFAULT '0' NOT NULL,
    failing_since TIMESTAMP WITH TIME ZONE,
    not_before TIMESTAMP WITH TIME ZONE,
    claimed_by TEXT,
    lease_until TIMESTAMP WITH TIME ZONE,
    error TEXT,
    CONSTRAINT webhook_pkey PRIMARY KEY (webhook_id)
);

CREATE INDEX webhook_account_id_idx ON webhook (account_id);

CREATE TABLE webhook_event (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    webhook_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    metric_id TEXT NOT NULL,
    event_number BIGINT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    properties JSONB NOT NULL,
    CONSTRAINT webhook_event_pkey PRIMARY KEY (bucket, account_id, number)
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX webhook_event_bucket_account_id_profile_id_idx ON webhook_event (bucket, account_id, profile_id);

CREATE INDEX webhook_event_bucket_account_id_webhook_id_number_idx ON webhook_event (bucket, account_id, webhook_id, number);

CREATE UNLOGGED TABLE rate_window (
    account_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    number BIGINT NOT NULL,
    used INTEGER NOT NULL,
    CONSTRAINT rate_window_pkey PRIMARY KEY (account_id, operation, seconds)
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE fault (
    fault_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    operation TEXT,
    status SMALLINT,
    latency_ms INTEGER DEFAULT '0' NOT NULL,
    retry_after INTEGER,
    remaining INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT fault_pkey PRIMARY KEY (fault_id)
);

CREATE INDEX fault_account_id_idx ON fault (account_id);
