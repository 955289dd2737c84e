-- Where one webhook's messages go, and the keys that sign them.
SELECT id, url, secret, CASE WHEN previous_until > now() THEN previous_secret END AS previous_secret
FROM webhooks WHERE name = %(name)s
