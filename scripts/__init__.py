"""What a person runs: set-up, tests, the demo, the benchmarks, sample data. Nothing in `ledger` or `api` imports it."""
