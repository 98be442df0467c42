"""From messages to tokens and back: templates, tokenizers, grammars and tool calls."""
