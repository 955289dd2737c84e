SELECT id, began_with, user_agent, created_at, last_used_at, expires_at FROM sessions
WHERE user_name = %(name)s AND ended_at IS NULL AND expires_at > now() AND last_used_at > now() - %(idle)s
ORDER BY last_used_at DESC, id DESC
LIMIT %(limit)s
