"""From a request to its answer, in two pure halves: understand() and answer()."""
