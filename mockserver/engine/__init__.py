"""From a request to a response, in two pure halves: `understand` and `respond`."""
