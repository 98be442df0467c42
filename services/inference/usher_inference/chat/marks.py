"""The tags that Qwen-style templates put around calls, their results and thoughts."""

CALL, CALL_END = "<tool_call>", "</tool_call>"
THINK, THINK_END = "<think>", "</think>"
MARKS = (CALL, CALL_END, "<tool_response>", "</tool_response>", THINK, THINK_END)
