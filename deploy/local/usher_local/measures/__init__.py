"""What `usher measure` scores: the services' own code, on labelled files."""
