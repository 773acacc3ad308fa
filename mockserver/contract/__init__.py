"""The promises of the API as data: refusals, capabilities, parameters, rules, tokens. Knows nothing of HTTP."""
