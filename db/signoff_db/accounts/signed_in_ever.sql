-- Whether there are users, and whether one of them has ever signed in.
SELECT EXISTS (SELECT FROM users), EXISTS (SELECT FROM users WHERE last_signed_in_at IS NOT NULL)
