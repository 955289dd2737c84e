name, roles, password_hash IS NOT NULL AS has_password, issuer, created_at, created_by, disabled_at,
    last_signed_in_at
