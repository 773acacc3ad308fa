"""Adapters for the official clients, and a template for your own."""
