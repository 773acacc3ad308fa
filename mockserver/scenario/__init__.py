"""What goes wrong on purpose: YAML files, and the state machine that walks them."""
