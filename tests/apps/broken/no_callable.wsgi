"""Has no application."""

something_else = 1
