-- People: merging, confirming, segments that are maintained.

ALTER TABLE pending ADD COLUMN topics TEXT[];

ALTER TABLE profile_group ADD COLUMN is_active BOOLEAN DEFAULT true NOT NULL;

ALTER TABLE profile_group ADD COLUMN is_starred BOOLEAN DEFAULT false NOT NULL;

ALTER TABLE profile_group ADD COLUMN version INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE profile_group ADD COLUMN evaluated_version INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE profile_group ADD COLUMN topics TEXT[];

CREATE TABLE membership_change (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    profile_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    joined BOOLEAN NOT NULL,
    CONSTRAINT membership_change_pkey PRIMARY KEY (bucket, account_id, number)
);

CREATE INDEX membership_change_account_id_group_id_at_idx ON membership_change (account_id, group_id, at);

CREATE INDEX membership_change_bucket_account_id_profile_id_at_idx ON membership_change (bucket, account_id, profile_id, at);

CREATE TABLE segment_due (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    clock INTEGER NOT NULL,
    starts_nothing BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT segment_due_pkey PRIMARY KEY (bucket, account_id, profile_id, group_id)
)
 WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.05);

CREATE INDEX segment_due_idx ON segment_due (clock, bucket, account_id, due_at);

CREATE TABLE profile_alias (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    into_profile_id TEXT NOT NULL,
    merged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT profile_alias_pkey PRIMARY KEY (bucket, account_id, profile_id)
);

CREATE INDEX profile_alias_account_id_into_profile_id_idx ON profile_alias (account_id, into_profile_id);

CREATE TABLE opt_in (
    bucket SMALLINT NOT NULL,
    account_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    list_id TEXT NOT NULL,
    channel SMALLINT NOT NULL,
    state SMALLINT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    email TEXT,
    method TEXT NOT NULL,
    detail TEXT DEFAULT '' NOT NULL,
    custom_source TEXT,
    attempts SMALLINT DEFAULT '0' NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE,
    sent_at TIMESTAMP WITH TIME ZONE,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT opt_in_pkey PRIMARY KEY (bucket, account_id, profile_id, list_id, channel)
);

CREATE INDEX opt_in_waiting_idx ON opt_in (bucket, account_id) WHERE state IN (0, 1);

CREATE TABLE tag_of_group (
    account_id TEXT NOT NULL,
    tag_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    CONSTRAINT tag_of_group_pkey PRIMARY KEY (account_id, tag_id, group_id)
);

CREATE INDEX tag_of_group_account_id_group_id_idx ON tag_of_group (account_id, group_id);

CREATE TABLE job_item (
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    item JSONB NOT NULL,
    profile_id TEXT,
    error JSONB,
    CONSTRAINT job_item_pkey PRIMARY KEY (job_id, number)
);

CREATE TABLE file_import (
    account_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    file_key TEXT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    position BIGINT NOT NULL,
    last_row BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    errors_size BIGINT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT file_import_pkey PRIMARY KEY (account_id, kind, file_key)
);

ALTER TABLE push_token ADD COLUMN enablement_status TEXT;

ALTER TABLE push_token ADD COLUMN background TEXT;

ALTER TABLE push_token ADD COLUMN metadata JSONB DEFAULT '{}' NOT NULL;

CREATE INDEX push_token_id_idx ON push_token (account_id, md5(token));
