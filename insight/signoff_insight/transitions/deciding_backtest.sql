-- The backtest by which a rule, as it is now, may decide by itself or not.
SELECT at, why_not
FROM transition_backtests
WHERE rule = %(rule)s AND version = %(version)s AND weeks = %(weeks)s AND content = %(content)s
    AND made_at >= now() - %(valid)s
ORDER BY at DESC, made_at DESC, id DESC
LIMIT 1
