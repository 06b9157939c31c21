class Lying(ImportError):
    """Each has another one as its cause, and says nothing."""

    @property
    def __cause__(self):
        return Lying()

    __context__ = __cause__

    def __str__(self):
        return ""


raise Lying()
