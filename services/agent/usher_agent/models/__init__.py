"""Language models behind one port: who is asked, in which order, at what cost."""
