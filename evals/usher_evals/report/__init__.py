"""What an examination came to: figures, a table, a page with the transcripts, two of them side by side."""
