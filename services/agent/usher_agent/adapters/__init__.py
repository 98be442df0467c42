"""What touches the outside: the model over HTTP, the box office over HTTP."""
