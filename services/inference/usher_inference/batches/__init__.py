"""Many requests from a file of JSON lines, answered into another one."""
