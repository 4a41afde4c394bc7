"""The measurements of the README: what each file measures is said in its first line."""
