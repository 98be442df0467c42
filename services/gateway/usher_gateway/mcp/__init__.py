"""The tools for other agents: the Model Context Protocol, passed on to the box office."""
