"""Statistics that several views share: each module is one estimator, with its source."""
