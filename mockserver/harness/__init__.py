"""Tests of others: the conformance cases, put to any server, and what came back held against them."""
