"""What it costs: measured side by side, printed as tables, never part of a verdict."""
