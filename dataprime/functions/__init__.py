"""The functions of the language, by family, and how their arguments are matched."""
