try:
    raise ImportError("leads to itself")
except ImportError as error:
    raise error from error
