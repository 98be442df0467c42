"""The wait list: who wants seats of a show that has none that fit, first come, first served."""
