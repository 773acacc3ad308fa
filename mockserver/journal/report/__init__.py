"""Reports on a run: the summary line, the conditions of --fail-on, and files in JSON, JUnit XML and HTML."""
