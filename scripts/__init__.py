"""What a person runs: set-up, tests, demo, benchmarks, sample data. `ledger` and `api` do not import it."""
