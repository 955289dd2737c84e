-- Who may use the web service: users with their sessions, and the keys of programs. What signs somebody in is
-- never stored: passwords as Argon2 hashes, tokens and keys, which are random, as SHA-256.

CREATE TABLE users (
    name text PRIMARY KEY,
    roles text[] NOT NULL,
    password_hash text,
    -- Who the identity provider says it is; null for users that were added here.
    issuer text,
    subject text,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    disabled_at timestamptz,
    last_signed_in_at timestamptz,
    CONSTRAINT users_name_form CHECK (name ~ '^[a-z0-9][a-z0-9._@+-]{0,63}$'),
    CONSTRAINT users_roles_known CHECK (
        roles <@ ARRAY['viewer', 'reviewer', 'operator', 'admin'] AND cardinality(roles) BETWEEN 1 AND 4),
    CONSTRAINT users_password_hashed CHECK (password_hash LIKE '$argon2id$%'),
    CONSTRAINT users_of_a_provider CHECK ((issuer IS NULL) = (subject IS NULL)),
    CONSTRAINT users_of_a_provider_once UNIQUE (issuer, subject)
);

COMMENT ON TABLE users IS 'People who may sign in to the web service';
COMMENT ON COLUMN users.password_hash IS 'Argon2id; null: signs in by a link or an identity provider';
COMMENT ON COLUMN users.disabled_at IS 'Since then the user cannot sign in, and has no session';

CREATE TABLE sign_in_links (
    token_hash bytea PRIMARY KEY,
    user_name text NOT NULL REFERENCES users,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT sign_in_links_hashed CHECK (octet_length(token_hash) = 32),
    CONSTRAINT sign_in_links_expire CHECK (expires_at <= created_at + interval '7 days')
);

COMMENT ON TABLE sign_in_links IS 'Links that sign a user in once';
COMMENT ON COLUMN sign_in_links.token_hash IS 'SHA-256 of the token in the link';

CREATE INDEX sign_in_links_of_user ON sign_in_links (user_name);

CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL,
    user_name text NOT NULL REFERENCES users,
    -- How the user signed in.
    began_with text NOT NULL,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT sessions_token_once UNIQUE (token_hash),
    CONSTRAINT sessions_hashed CHECK (octet_length(token_hash) = 32),
    CONSTRAINT sessions_beginning_known CHECK (began_with IN ('password', 'link', 'provider')),
    CONSTRAINT sessions_user_agent_short CHECK (length(user_agent) <= 200)
);

COMMENT ON TABLE sessions IS 'Signed-in browsers';
COMMENT ON COLUMN sessions.token_hash IS 'SHA-256 of the token in the cookie';
COMMENT ON COLUMN sessions.last_used_at IS 'Written at most once a minute';

CREATE INDEX sessions_of_user ON sessions (user_name, id);

CREATE TABLE api_keys (
    id text PRIMARY KEY,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT api_keys_id_form CHECK (id ~ '^[0-9a-f]{16}$'),
    -- No name looks like an id, so that either names one key.
    CONSTRAINT api_keys_name_form CHECK (
        name ~ '^[a-z0-9][a-z0-9._@+-]{0,63}$' AND name !~ '^[0-9a-f]{16}$'),
    CONSTRAINT api_keys_hashed CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT api_keys_scopes_known CHECK (
        scopes <@ ARRAY['publish', 'read', 'review', 'operate', 'admin'] AND cardinality(scopes) BETWEEN 1 AND 5)
);

COMMENT ON TABLE api_keys IS 'Keys of programs, which they send with each request';
COMMENT ON COLUMN api_keys.id IS 'The public part of the key: sgn_<id>_<secret>';
COMMENT ON COLUMN api_keys.secret_hash IS 'SHA-256 of the secret';
COMMENT ON COLUMN api_keys.last_used_at IS 'Written at most once a minute';

-- A name belongs to one key that is valid; a revoked key gives its name free.
CREATE UNIQUE INDEX api_keys_name_once ON api_keys (name) WHERE revoked_at IS NULL;

-- Web services keep keys that they have checked in memory, and forget those that are notified here.
CREATE FUNCTION signoff_notify_key() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('signoff_keys', CASE TG_LEVEL WHEN 'ROW' THEN OLD.id ELSE '' END);
    RETURN NULL;
END
$$;

CREATE TRIGGER api_keys_notify
    AFTER UPDATE OF id, name, secret_hash, scopes, expires_at, revoked_at OR DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION signoff_notify_key();

CREATE TRIGGER api_keys_notify_truncate AFTER TRUNCATE ON api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_notify_key();

-- What is done to accounts is written down as what is done to dead letters.
ALTER TABLE operator_actions DROP CONSTRAINT operator_actions_action_known;
ALTER TABLE operator_actions ADD CONSTRAINT operator_actions_action_known CHECK (action IN (
    'replay', 'edit', 'discard', 'prune',
    'add_user', 'set_roles', 'disable_user', 'enable_user', 'set_password', 'make_link', 'end_session',
    'add_key', 'revoke_key'));
