"""Operations: replay or discard a fixed set of dead letters, in a process beside the request.

- `table`: start, read, list and cancel operations.
- `effect`: what an operation changed, or would change.
- `lease`: a runner takes an operation, notes its progress, gives it back or ends it.
"""
