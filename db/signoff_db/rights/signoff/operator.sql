-- Replays, edits, discards and prunes dead letters, keeps audits, sends alerts.
GRANT INSERT ON {schema}.approvals, {schema}.operator_actions TO {role};
GRANT INSERT, UPDATE ON {interactions}, {schema}.customers, {schema}.status_decisions TO {role};
GRANT INSERT, UPDATE, DELETE ON {schema}.dead_letters, {schema}.alerts, {schema}.audits TO {role};
-- Operations, and the process that runs them.
GRANT INSERT, UPDATE ON {schema}.operations TO {role};
GRANT INSERT, DELETE ON {schema}.operation_letters TO {role};
GRANT INSERT, UPDATE, DELETE ON {schema}.operation_runners TO {role};
-- Transitions: backtests, what is noted of the rules that a run uses, proposals and what is decided.
GRANT INSERT ON {schema}.transition_rules, {schema}.transition_backtests TO {role};
GRANT INSERT, UPDATE ON {schema}.transition_proposals, {schema}.transition_runs TO {role};
GRANT UPDATE ON {schema}.transition_switch TO {role};
