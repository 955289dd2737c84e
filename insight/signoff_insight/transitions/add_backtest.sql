-- Keep a backtest.
INSERT INTO transition_backtests (rule, version, at, basis, weeks, passed, why_not, content, result, made_by)
VALUES (%(rule)s, %(version)s, %(at)s, %(basis)s, %(weeks)s, %(passed)s, %(why_not)s, %(content)s, %(result)s,
    %(made_by)s)
