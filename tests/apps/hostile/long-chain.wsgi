error = None
for number in range(100001):
    following = ImportError("the %dth" % number)
    following.__cause__ = error
    error = following
raise error
