-- The first schema.

CREATE SEQUENCE action_serial START WITH 10000001;

CREATE SEQUENCE clock_serial;

CREATE SEQUENCE event_serial;

CREATE TABLE account (
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    currency TEXT NOT NULL,
    locale TEXT NOT NULL,
    industry TEXT,
    organization JSONB DEFAULT '{}'::jsonb NOT NULL,
    sender_email TEXT NOT NULL,
    sender_label TEXT NOT NULL,
    settings JSONB DEFAULT '{}'::jsonb NOT NULL,
    clock INTEGER DEFAULT '0' NOT NULL,
    clock_now TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT account_pkey PRIMARY KEY (account_id)
);

CREATE TABLE api_key (
    key_hash BYTEA NOT NULL,
    key_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_key_pkey PRIMARY KEY (key_hash),
    CONSTRAINT api_key_key_id_key UNIQUE (key_id)
);

CREATE INDEX api_key_account_id_idx ON api_key (account_id);

CREATE TABLE one_time_link (
    token_hash BYTEA NOT NULL,
    account_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT one_time_link_pkey PRIMARY KEY (token_hash)
);

CREATE TABLE metric (
    metric_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    integration_name TEXT NOT NULL,
    integration_category TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT metric_pkey PRIMARY KEY (metric_id),
    CONSTRAINT metric_account_id_name_integration_name_key UNIQUE (account_id, name, integration_name)
);

CREATE TABLE profile_group (
    group_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    opt_in_process TEXT,
    definition JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT profile_group_pkey PRIMARY KEY (group_id)
);

CREATE INDEX profile_group_account_id_kind_idx ON profile_group (account_id, kind);

CREATE TABLE template (
    template_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    editor_type TEXT NOT NULL,
    html TEXT,
    text TEXT,
    amp TEXT,
    message_id TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT template_pkey PRIMARY KEY (template_id)
);

CREATE INDEX template_account_id_idx ON template (account_id);

CREATE TABLE tag_group (
    tag_group_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    exclusive BOOLEAN NOT NULL,
    is_default BOOLEAN NOT NULL,
    CONSTRAINT tag_group_pkey PRIMARY KEY (tag_group_id)
);

CREATE INDEX tag_group_account_id_idx ON tag_group (account_id);

CREATE TABLE tag (
    tag_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    tag_group_id TEXT NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT tag_pkey PRIMARY KEY (tag_id),
    CONSTRAINT tag_account_id_name_key UNIQUE (account_id, name)
);

CREATE TABLE tag_flow (
    account_id TEXT NOT NULL,
    tag_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    CONSTRAINT tag_flow_pkey PRIMARY KEY (account_id, tag_id, flow_id)
);

CREATE INDEX tag_flow_account_id_flow_id_idx ON tag_flow (account_id, flow_id);

CREATE TABLE flow (
    flow_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    archived BOOLEAN DEFAULT false NOT NULL,
    trigger_type TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT flow_pkey PRIMARY KEY (flow_id)
);

CREATE INDEX flow_account_id_idx ON flow (account_id);

CREATE TABLE flow_version (
    flow_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    definition JSON NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT flow_version_pkey PRIMARY KEY (flow_id, version)
);

CREATE TABLE flow_action (
    action_id BIGINT NOT NULL,
    account_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT,
    definition JSON NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    successor_id BIGINT,
    CONSTRAINT flow_action_pkey PRIMARY KEY (action_id)
);

CREATE INDEX flow_action_account_id_flow_id_idx ON flow_action (account_id, flow_id);

CREATE TABLE flow_message (
    message_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    action_id BIGINT NOT NULL,
    channel SMALLINT NOT NULL,
    name TEXT NOT NULL,
    template_id TEXT,
    definition JSON NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT flow_message_pkey PRIMARY KEY (message_id)
);

CREATE INDEX flow_message_account_id_action_id_idx ON flow_message (account_id, action_id);

CREATE INDEX flow_message_account_id_flow_id_idx ON flow_message (account_id, flow_id);

CREATE TABLE run (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    run_id UUID NOT NULL,
    flow_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    event_number BIGINT,
    event_metric_id TEXT,
    event_at TIMESTAMP WITH TIME ZONE,
    entered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    action_id BIGINT,
    resume_at TIMESTAMP WITH TIME ZONE NOT NULL,
    clock INTEGER NOT NULL,
    state SMALLINT NOT NULL,
    exit_reason TEXT,
    error TEXT,
    visited BIGINT[] NOT NULL,
    steps INTEGER NOT NULL,
    chain SMALLINT NOT NULL,
    CONSTRAINT run_pkey PRIMARY KEY (bucket, account_id, run_id)
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX run_due_idx ON run (clock, bucket, resume_at) WHERE state = 0;

CREATE INDEX run_entry_idx ON run (bucket, account_id, profile_id, flow_id, entered_at);

CREATE TABLE journal (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    run_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    step INTEGER NOT NULL,
    flow_id TEXT NOT NULL,
    action_id BIGINT,
    outcome TEXT NOT NULL,
    detail JSONB,
    CONSTRAINT journal_pkey PRIMARY KEY (bucket, account_id, run_id, at, step)
)
 PARTITION BY RANGE (at);

CREATE TABLE delivery (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    delivery_id UUID NOT NULL,
    run_id UUID NOT NULL,
    flow_id TEXT NOT NULL,
    action_id BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    variation TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    format TEXT NOT NULL,
    state SMALLINT NOT NULL,
    reason TEXT,
    clock INTEGER NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    claimed_by TEXT,
    lease_until TIMESTAMP WITH TIME ZONE,
    attempts SMALLINT DEFAULT '0' NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    provider_id TEXT,
    segments SMALLINT DEFAULT '0' NOT NULL,
    bounced_at TIMESTAMP WITH TIME ZONE,
    first_open_at TIMESTAMP WITH TIME ZONE,
    first_click_at TIMESTAMP WITH TIME ZONE,
    unsubscribed_at TIMESTAMP WITH TIME ZONE,
    opens INTEGER DEFAULT '0' NOT NULL,
    clicks INTEGER DEFAULT '0' NOT NULL,
    unsubscribes INTEGER DEFAULT '0' NOT NULL,
    CONSTRAINT delivery_pkey PRIMARY KEY (bucket, account_id, delivery_id),
    CONSTRAINT delivery_bucket_account_id_run_id_action_id_variation_key UNIQUE (bucket, account_id, run_id, action_id, variation)
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX delivery_profile_idx ON delivery (bucket, account_id, profile_id, channel, queued_at);

CREATE INDEX delivery_due_idx ON delivery (clock, bucket, due_at) WHERE state = 0;

CREATE INDEX delivery_sent_idx ON delivery (account_id, sent_at) WHERE sent_at IS NOT NULL;

CREATE INDEX delivery_lease_idx ON delivery (lease_until) WHERE state = 1;

CREATE TABLE inbox_message (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    delivery_id UUID NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    profile_id TEXT NOT NULL,
    flow_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT,
    html TEXT,
    text TEXT,
    headers JSONB DEFAULT '{}'::jsonb NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT inbox_message_pkey PRIMARY KEY (bucket, account_id, delivery_id)
);

CREATE INDEX inbox_message_account_id_number_idx ON inbox_message (account_id, number);

CREATE TABLE profile (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    email TEXT,
    phone_number TEXT,
    external_id TEXT,
    anonymous_id TEXT,
    first_name TEXT,
    last_name TEXT,
    organization TEXT,
    title TEXT,
    image TEXT,
    locale TEXT,
    timezone TEXT,
    location JSONB DEFAULT '{}'::jsonb NOT NULL,
    properties JSONB DEFAULT '{}'::jsonb NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_event_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT profile_pkey PRIMARY KEY (bucket, account_id, profile_id)
);

CREATE INDEX profile_account_id_email_idx ON profile (account_id, email);

CREATE INDEX profile_account_id_updated_at_profile_id_idx ON profile (account_id, updated_at, profile_id);

CREATE INDEX profile_account_id_profile_id_idx ON profile (account_id, profile_id);

CREATE TABLE identifier (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    kind SMALLINT NOT NULL,
    value TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    CONSTRAINT identifier_pkey PRIMARY KEY (bucket, account_id, kind, value)
);

CREATE INDEX identifier_account_id_profile_id_idx ON identifier (account_id, profile_id);

CREATE TABLE event_key (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    metric_id TEXT NOT NULL,
    unique_id TEXT NOT NULL,
    CONSTRAINT event_key_pkey PRIMARY KEY (bucket, account_id, profile_id, metric_id, unique_id)
);

CREATE TABLE event (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    metric_id TEXT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    number BIGINT NOT NULL,
    value NUMERIC,
    value_currency TEXT,
    properties JSONB NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (bucket, account_id, profile_id, metric_id, occurred_at, number)
)
 PARTITION BY RANGE (occurred_at);

CREATE INDEX event_account_id_number_idx ON event (account_id, number);

CREATE TABLE pending (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    profile_id TEXT NOT NULL,
    metric_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    backfill BOOLEAN NOT NULL,
    chain SMALLINT NOT NULL,
    CONSTRAINT pending_pkey PRIMARY KEY (bucket, account_id, seq)
)
 WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);

CREATE TABLE membership (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT membership_pkey PRIMARY KEY (bucket, account_id, profile_id, group_id)
);

CREATE INDEX membership_account_id_group_id_joined_at_profile_id_idx ON membership (account_id, group_id, joined_at, profile_id);

CREATE TABLE consent (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    subscription TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    method TEXT,
    detail TEXT,
    CONSTRAINT consent_pkey PRIMARY KEY (bucket, account_id, profile_id, channel)
);

CREATE TABLE interaction (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    number BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    channel SMALLINT NOT NULL,
    delivery_id UUID NOT NULL,
    flow_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    variation TEXT NOT NULL,
    format TEXT NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT interaction_pkey PRIMARY KEY (bucket, account_id, profile_id, at, number)
);

CREATE TABLE conversion (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    profile_id TEXT NOT NULL,
    metric_id TEXT NOT NULL,
    converted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    interaction_number BIGINT NOT NULL,
    delivery_id UUID NOT NULL,
    flow_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    variation TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    format TEXT NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    value_millionths BIGINT NOT NULL,
    is_first BOOLEAN NOT NULL,
    CONSTRAINT conversion_pkey PRIMARY KEY (bucket, account_id, number)
);

CREATE INDEX conversion_sent_idx ON conversion (account_id, sent_at);

CREATE INDEX conversion_delivery_idx ON conversion (bucket, account_id, delivery_id, metric_id);

CREATE TABLE message_delta (
    account_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    slot TIMESTAMP WITH TIME ZONE NOT NULL,
    flow_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    variation TEXT NOT NULL,
    format TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    delivered INTEGER DEFAULT '0' NOT NULL,
    bounced INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    opens INTEGER DEFAULT '0' NOT NULL,
    opens_unique INTEGER DEFAULT '0' NOT NULL,
    clicks INTEGER DEFAULT '0' NOT NULL,
    clicks_unique INTEGER DEFAULT '0' NOT NULL,
    unsubscribes INTEGER DEFAULT '0' NOT NULL,
    unsubscribe_uniques INTEGER DEFAULT '0' NOT NULL,
    spam_complaints INTEGER DEFAULT '0' NOT NULL,
    segments INTEGER DEFAULT '0' NOT NULL,
    credits INTEGER DEFAULT '0' NOT NULL,
    spend_millionths BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT message_delta_pkey PRIMARY KEY (account_id, seq)
);

CREATE TABLE message_rollup (
    account_id TEXT NOT NULL,
    grain SMALLINT NOT NULL,
    slot TIMESTAMP WITH TIME ZONE NOT NULL,
    flow_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    variation TEXT NOT NULL,
    format TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    delivered INTEGER DEFAULT '0' NOT NULL,
    bounced INTEGER DEFAULT '0' NOT NULL,
    failed INTEGER DEFAULT '0' NOT NULL,
    opens INTEGER DEFAULT '0' NOT NULL,
    opens_unique INTEGER DEFAULT '0' NOT NULL,
    clicks INTEGER DEFAULT '0' NOT NULL,
    clicks_unique INTEGER DEFAULT '0' NOT NULL,
    unsubscribes INTEGER DEFAULT '0' NOT NULL,
    unsubscribe_uniques INTEGER DEFAULT '0' NOT NULL,
    spam_complaints INTEGER DEFAULT '0' NOT NULL,
    segments INTEGER DEFAULT '0' NOT NULL,
    credits INTEGER DEFAULT '0' NOT NULL,
    spend_millionths BIGINT DEFAULT '0' NOT NULL,
    CONSTRAINT message_rollup_pkey PRIMARY KEY (account_id, grain, slot, flow_id, message_id, variation, format, channel)
);

CREATE TABLE conversion_delta (
    account_id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    slot TIMESTAMP WITH TIME ZONE NOT NULL,
    flow_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    variation TEXT NOT NULL,
    format TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    metric_id TEXT NOT NULL,
    conversions INTEGER NOT NULL,
    conversion_uniques INTEGER NOT NULL,
    value_millionths BIGINT NOT NULL,
    CONSTRAINT conversion_delta_pkey PRIMARY KEY (account_id, seq)
);

CREATE TABLE conversion_rollup (
    account_id TEXT NOT NULL,
    grain SMALLINT NOT NULL,
    slot TIMESTAMP WITH TIME ZONE NOT NULL,
    flow_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    variation TEXT NOT NULL,
    format TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    metric_id TEXT NOT NULL,
    conversions INTEGER NOT NULL,
    conversion_uniques INTEGER NOT NULL,
    value_millionths BIGINT NOT NULL,
    CONSTRAINT conversion_rollup_pkey PRIMARY KEY (account_id, grain, slot, flow_id, message_id, variation, format, channel, metric_id)
);

CREATE TABLE rollup_zone (
    account_id TEXT NOT NULL,
    timezone TEXT NOT NULL,
    CONSTRAINT rollup_zone_pkey PRIMARY KEY (account_id)
);
