"""What the agent asks of the box office: which tools are offered, how a call is checked and run."""
