-- Forget secrets that were rotated away and sign no more.
UPDATE webhooks SET previous_secret = NULL, previous_until = NULL WHERE previous_until < now()
