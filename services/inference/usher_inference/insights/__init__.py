"""Questions in plain words, answered with checked SQL, an explanation and a chart."""
