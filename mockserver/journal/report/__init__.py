"""What a run comes to: what makes it fail, in a line, and written out as JSON, JUnit XML or a page. Pure."""
