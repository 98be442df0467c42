"""What an operator sees of the models: measurements, traces, readiness."""
