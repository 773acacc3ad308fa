"""Would the API accept these files? Verdicts without a server or a request, and lines of code that mend what is not."""
