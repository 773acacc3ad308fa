"""The state in Redis, for several workers and machines: what each keeps at hand is a copy, brought up to date first."""
