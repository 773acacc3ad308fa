"""Adapters that let well-known clients be fuzzed, and a template for one of your own."""
